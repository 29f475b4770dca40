"""Voice of one visitor: recordings turned into text, the machine's own microphone, and the chime. No Gradio in here.

Not reading aloud, which the browser does by itself (`static/read_aloud.js`). Recognized text is never asked directly:
the page puts it into the box, where the visitor reads it first.
"""

import base64
import threading
from collections.abc import Callable

import numpy as np

from streamo_app.audio.chime import Chimes, SoundError
from streamo_app.audio.decode import MAX_BYTES
from streamo_app.audio.microphone import LONGEST_S, MicrophoneRecording, open_input
from streamo_app.audio.recognizer import Speech, Spoken
from streamo_app.events import Decided, Event
from streamo_app.live.session import Session
from streamo_app.protocol import State

NO_MICROPHONE = "This page may not use the microphone of its machine; start it with --allow-camera."
NO_LOUDSPEAKER = "The chime sounds on the machine that runs Streamo, so only a page on that machine can turn it on."


def voice_settings(*, microphone: bool, loudspeaker: bool) -> dict:
    """What the page's scripts need from the start. `microphone`, `loudspeaker`: whether visitors may use the
    machine's own."""
    return {"machine": microphone and has_microphone(), "chime": loudspeaker}


def has_microphone() -> bool:
    try:
        open_input()
    except SoundError:
        return False
    return True


def empty_voice() -> dict:
    return {"n": 0, "state": "", "words": "", "listening": False, "chime": False}


def read_recording(sent: object) -> bytes:
    """The recording in what a browser sent, which can be anything. Raises ValueError (one sentence)."""
    if not isinstance(sent, str) or len(sent) > MAX_BYTES * 4 / 3 + 4:
        raise ValueError(f"The recording is longer than {LONGEST_S:.0f} s; make a shorter one.")
    try:
        return base64.b64decode(sent, validate=True)
    except ValueError:
        raise ValueError("The recording did not arrive complete; record it again.") from None


class Voice:
    """One per visitor, who never does two actions at once. `view` only reads."""

    def __init__(self, session: Session, speech: Speech, *, microphone: bool, loudspeaker: bool):
        self._session, self._speech, self._microphone, self._loudspeaker = session, speech, microphone, loudspeaker
        self._spoken: tuple[float, Spoken | None] = (0, None)
        """The page's number of its last recording, and the recognition of it."""
        self._recording: MicrophoneRecording | None = None
        self._limit: threading.Timer | None = None
        self._chimes: Chimes | None = None
        self._unsubscribe: Callable[[], None] = lambda: None

    def view(self) -> dict:
        """{"n": the page's number of its last recording, "state": "" | waiting | loading | hearing | heard | failed,
        "words", "listening": whether the machine's own microphone is open, "chime"}."""
        n, spoken = self._spoken
        said = {"state": spoken.progress.state, "words": spoken.progress.words} if spoken else {}
        return (
            empty_voice() | said | {"n": n, "listening": self._recording is not None, "chime": self._chimes is not None}
        )

    def say(self, n: float, recording: object) -> None:
        """A recording of the browser's microphone, in base64. Raises ValueError (one sentence)."""
        self._hear(n, lambda: read_recording(recording))

    def listen(self, n: float) -> None:
        """Open the machine's own microphone until `listened`. Raises ValueError (one sentence)."""
        self.close_microphone()
        self._spoken = (n, None)
        if not self._microphone:
            raise ValueError(NO_MICROPHONE)
        self._recording = MicrophoneRecording()
        # A page that is closed meanwhile must not leave the microphone open.
        self._limit = threading.Timer(LONGEST_S + 5, self.close_microphone)
        self._limit.daemon = True
        self._limit.start()

    def listened(self, n: float) -> None:
        """Turn what the machine's own microphone heard since `listen` into text. Raises ValueError (one sentence)."""
        recording, self._recording = self._recording, None
        if recording is None:
            raise ValueError("The microphone had stopped listening; press it, speak, and press it again.")
        if self._limit:
            self._limit.cancel()
        self._hear(n, recording.stop)

    def _hear(self, n: float, sound: Callable[[], bytes | np.ndarray]) -> None:
        """Sets `_spoken` in one assignment: a tick that reads in between must not see `n` without its recognition."""
        try:
            self._spoken = (n, self._speech.hear(sound()))
        except ValueError:
            self._spoken = (n, None)
            raise

    def close_microphone(self) -> None:
        """Idempotent; what was heard is discarded."""
        recording, self._recording = self._recording, None
        if recording:
            recording.stop()

    def chime(self, on: bool) -> None:
        """Turn the chime with each response on or off. Raises ValueError (one sentence) where it is not possible."""
        if not self._loudspeaker:
            raise ValueError(NO_LOUDSPEAKER)
        if on and self._chimes is None:
            self._chimes = Chimes(self._is_heard)
            self._unsubscribe = self._session.subscribe(self._on_event)
        elif not on:
            self.silence()

    def close(self) -> None:
        """The visitor's session is over: release microphone and loudspeaker. Idempotent."""
        self.close_microphone()
        self.silence()

    def silence(self) -> None:
        """Idempotent."""
        self._unsubscribe()
        chimes, self._chimes = self._chimes, None
        if chimes:
            chimes.close()

    def _on_event(self, event: Event) -> None:
        """Called under the session's lock, so it only wakes the chimes' thread."""
        chimes = self._chimes
        if chimes and isinstance(event, Decided) and event.state is State.RESPONSE:
            chimes.ring(event.lane)

    def _is_heard(self, lane: int) -> bool:
        shown = self._session.snapshot()
        return any(view.lane == lane and not view.muted for view in shown.lanes)
