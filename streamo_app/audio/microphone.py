"""This machine's own microphone, through `sounddevice`: a recording from one press to the next. Not the browser's
(`static/microphone.js`).

    recording = MicrophoneRecording()   # records from now on
    samples = recording.stop()          # (samples,) float32 at RATE_HZ

Thread safety: PortAudio's thread appends to a list that `stop` reads once the stream is closed.
"""

from types import ModuleType

import numpy as np

from streamo_app.audio.chime import SoundError, open_device

RATE_HZ = 16_000
"""What speech recognisers expect; PortAudio converts."""
LONGEST_S = 15.0


def open_input() -> ModuleType:
    """The `sounddevice` module, if there is a microphone. Raises SoundError (one sentence) otherwise."""
    return open_device("input", "microphone", "use the browser's microphone, or type")


class MicrophoneRecording:
    """Starts when it is constructed; what comes after LONGEST_S is discarded."""

    def __init__(self):
        """Raises SoundError (one sentence) without PortAudio or a microphone, or when it is in use."""
        device = open_input()
        self._pieces: list[np.ndarray] = []
        self._room = int(LONGEST_S * RATE_HZ)
        try:
            self._stream = device.InputStream(samplerate=RATE_HZ, channels=1, dtype="float32", callback=self._take)
            self._stream.start()
        except device.PortAudioError as error:
            raise SoundError(f"The microphone cannot be used ({error}); use the browser's, or type.") from None

    def stop(self) -> np.ndarray:
        """Releases the microphone. Call it once."""
        self._stream.close()
        return np.concatenate(self._pieces) if self._pieces else np.zeros(0, np.float32)

    def _take(self, samples: np.ndarray, frames: int, time, status) -> None:
        piece = samples[: self._room, 0].copy()  # PortAudio reuses its buffer
        self._room -= len(piece)
        self._pieces.append(piece)
