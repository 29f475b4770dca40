"""A chime on this machine's loudspeaker, for a response. Not the page's voice: a browser speaks for itself.

`sounddevice` and PortAudio are wanted only when a chime is: nothing is imported before.
"""

import logging
import queue
import threading
from collections.abc import Callable

import numpy as np

RATE_HZ = 44_100
TONES_HZ = (880.0, 1318.5)
"""A5, then E6: a rising fifth reads as "look", a falling one as "done"."""
TONE_S, DECAY_S, LOUDNESS = 0.14, 0.05, 0.25

log = logging.getLogger(__name__)


class SoundError(ValueError):
    """No sound can be made here; the message is one sentence for the user."""


def chime_samples() -> np.ndarray:
    """(samples,) float32 in -1..1 at RATE_HZ: each tone starts hard and dies away, so that neither clicks at its end."""
    t = np.arange(int(RATE_HZ * TONE_S)) / RATE_HZ
    attack = np.minimum(1.0, t / 0.004)
    tones = [np.sin(2 * np.pi * hertz * t) * np.exp(-t / DECAY_S) * attack for hertz in TONES_HZ]
    return (LOUDNESS * np.concatenate(tones)).astype(np.float32)


def chime() -> None:
    """Play the chime and return at once; one that still sounds is cut. Raises SoundError without PortAudio or a
    loudspeaker."""
    device = open_output()
    try:
        device.play(chime_samples(), RATE_HZ)
    except device.PortAudioError as error:
        raise SoundError(f"The loudspeaker cannot be used ({error}); leave the chime off.") from None


class Chimes:
    """Rings for whoever must not wait: opening a loudspeaker takes up to a tenth of a second."""

    def __init__(self, wanted: Callable[[int], bool] = lambda lane: True):
        """`wanted` is asked, in a thread of our own, whether a lane may ring now. Raises SoundError where no sound can
        be made."""
        open_output()
        self._wanted, self._rings, self._closed = wanted, queue.SimpleQueue(), False
        threading.Thread(target=self._play, name="chimes", daemon=True).start()

    def ring(self, lane: int) -> None:
        """From any thread; returns at once."""
        self._rings.put(lane)

    def close(self) -> None:
        """Idempotent; nothing rings after it."""
        self._closed = True
        self._rings.put(0)

    def _play(self) -> None:
        try:
            while (lane := self._rings.get()) is not None and not self._closed:
                if self._wanted(lane):
                    chime()
        except SoundError as problem:  # a loudspeaker that was unplugged: the page goes on without
            log.warning("%s", problem)


def open_output():
    """The `sounddevice` module, once it is known that it has an output. Raises SoundError otherwise, so ask before a
    long run."""
    return open_device("output", "loudspeaker", "leave the chime off")


def open_device(kind: str, name: str, instead: str):
    """The `sounddevice` module, once it is known that it has a device of a kind ("output" | "input"). Raises SoundError
    otherwise."""
    try:
        import sounddevice
    except ImportError:
        raise SoundError(f"Sound needs the sounddevice package; pip install sounddevice, or {instead}.") from None
    except OSError:
        raise SoundError(
            f"Sound needs PortAudio, which is not installed; apt install libportaudio2, or {instead}."
        ) from None
    try:
        sounddevice.query_devices(kind=kind)
    except (sounddevice.PortAudioError, ValueError):
        raise SoundError(f"This machine has no {name} that PortAudio can use; {instead}.") from None
    return sounddevice
