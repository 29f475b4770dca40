"""A chime on this machine's loudspeaker, for a response. Not the page's voice: that is the browser's.

`sounddevice` and PortAudio are needed only for a chime: nothing is imported before.
"""

import logging
import queue
import threading
from collections.abc import Callable
from types import ModuleType

import numpy as np

RATE_HZ = 44_100
TONES_HZ = (880.0, 1318.5)
"""A5, then E6: a rising fifth reads as "look", a falling one as "done"."""
TONE_S, DECAY_S, LOUDNESS = 0.14, 0.05, 0.25

log = logging.getLogger(__name__)


class SoundError(ValueError):
    """Sound is not available here; the message is one sentence for the user."""


def chime_samples() -> np.ndarray:
    """(samples,) float32 in -1..1 at RATE_HZ: each tone starts sharply and decays, so that its end does not click."""
    t = np.arange(int(RATE_HZ * TONE_S)) / RATE_HZ
    attack = np.minimum(1.0, t / 0.004)
    tones = [np.sin(2 * np.pi * hertz * t) * np.exp(-t / DECAY_S) * attack for hertz in TONES_HZ]
    return (LOUDNESS * np.concatenate(tones)).astype(np.float32)


def chime() -> None:
    """Play the chime and return at once; one that is still playing is cut off. Raises SoundError without PortAudio or a
    loudspeaker."""
    device = open_output()
    try:
        device.play(chime_samples(), RATE_HZ)
    except device.PortAudioError as error:
        raise SoundError(f"The loudspeaker cannot be used ({error}); leave the chime off.") from None


class Chimes:
    """Plays the chime for callers that must not wait: opening a loudspeaker takes up to a tenth of a second."""

    def __init__(self, wanted: Callable[[int], bool] = lambda lane: True):
        """`wanted` is called, in a thread of our own, to ask whether a lane may ring now. Raises SoundError where sound
        is not available."""
        open_output()
        self._wanted, self._closed = wanted, False
        self._rings: queue.SimpleQueue[int] = queue.SimpleQueue()
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
            while True:
                lane = self._rings.get()
                if self._closed:
                    return
                if self._wanted(lane):
                    chime()
        except SoundError as problem:  # a loudspeaker that was unplugged: the page continues without it
            log.warning("%s", problem)


def open_output() -> ModuleType:
    """The `sounddevice` module, if there is an output device. Raises SoundError otherwise, so call it before a long
    run."""
    return open_device("output", "loudspeaker", "leave the chime off")


def open_device(kind: str, name: str, instead: str) -> ModuleType:
    """The `sounddevice` module, if there is a device of a kind ("output" | "input"). Raises SoundError otherwise;
    `name` and `instead` are for its message."""
    try:
        import sounddevice
    except ImportError:
        raise SoundError(f"Sound needs the sounddevice package; run pip install sounddevice, or {instead}.") from None
    except OSError:
        raise SoundError(
            f"Sound needs PortAudio, which is not installed; run apt install libportaudio2, or {instead}."
        ) from None
    try:
        sounddevice.query_devices(kind=kind)
    except (sounddevice.PortAudioError, ValueError):
        raise SoundError(f"This machine has no {name} that PortAudio can use; {instead}.") from None
    return sounddevice
