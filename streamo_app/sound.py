"""A chime on this machine's loudspeaker, for a response. Not the page's voice: a browser speaks for itself.

`sounddevice` and PortAudio are wanted only when a chime is: nothing is imported before.
"""

import numpy as np

RATE_HZ = 44_100
TONES_HZ = (880.0, 1318.5)
"""A5, then E6: a rising fifth reads as "look", a falling one as "done"."""
TONE_S, DECAY_S, LOUDNESS = 0.14, 0.05, 0.25


class SoundError(ValueError):
    """No sound can be made here; the message is one sentence for the user."""


def chime_samples() -> np.ndarray:
    """(samples,) float32 in -1..1 at RATE_HZ: each tone starts hard and dies away, so that neither clicks at its end."""
    t = np.arange(int(RATE_HZ * TONE_S)) / RATE_HZ
    attack = np.minimum(1.0, t / 0.004)
    tones = [np.sin(2 * np.pi * hertz * t) * np.exp(-t / DECAY_S) * attack for hertz in TONES_HZ]
    return (LOUDNESS * np.concatenate(tones)).astype(np.float32)


def chime() -> None:
    """Play the chime and return at once; one that still sounds is cut. Raises SoundError without PortAudio or a loudspeaker."""
    device = open_output()
    try:
        device.play(chime_samples(), RATE_HZ)
    except device.PortAudioError as error:
        raise SoundError(f"The loudspeaker cannot be used ({error}); leave the chime off.") from None


def open_output():
    """The `sounddevice` module, once it is known that it has an output. Raises SoundError otherwise, so ask before a long run."""
    try:
        import sounddevice
    except ImportError:
        raise SoundError("Sound needs the sounddevice package; pip install sounddevice, or leave the chime off.") from None
    except OSError:
        raise SoundError("Sound needs PortAudio, which is not installed; apt install libportaudio2, or leave the chime off.") from None
    try:
        sounddevice.query_devices(kind="output")
    except (sounddevice.PortAudioError, ValueError):
        raise SoundError("This machine has no loudspeaker that PortAudio can use; leave the chime off.") from None
    return sounddevice
