"""Rendering a video with captions in the background: one thread per job, and one job of the process at work at a time.

Thread safety: `state`, `share`, `sentence` are written by the job's thread and may be read from any thread; each is set
in one assignment, `state` last.
"""

import logging
import os
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from streamo_app.captions.burn import MAX_LENGTH_S, Cancelled, burn
from streamo_app.transcript.exports import Cue

TIMEOUT_S = 1800.0
"""A job that takes longer, the wait for its turn not counted, is given up."""
NICE = 10
"""The model's thread goes first."""
FAILED = "The video could not be rendered; try again, and check the server log if it happens again."

log = logging.getLogger(__name__)


class CaptionJob:
    """Renders `out`. `turn` is shared by all jobs of a process. `ready` is waited for first: the source may still be
    being written."""

    def __init__(
        self,
        video: Path,
        cues: Sequence[Cue],
        out: Path,
        *,
        from_s: float = 0.0,
        until_s: float,
        turn: threading.Semaphore,
        ready: threading.Event | None = None,
    ):
        self.state = "waiting"
        """waiting | making | done | failed | cancelled"""
        self.share = 0.0
        """Of the work done, 0 to 1."""
        self.sentence = ""
        """Why it failed, or what the user should know of the result."""
        self.out = out
        self._video, self._cues, self._seconds, self._turn, self._ready = video, cues, (from_s, until_s), turn, ready
        self._cancelled = threading.Event()
        self._thread = threading.Thread(target=self._run, name="captions", daemon=True)

    def start(self) -> "CaptionJob":
        self._thread.start()
        return self

    @property
    def over(self) -> bool:
        return self.state in ("done", "failed", "cancelled")

    def cancel(self, timeout_s: float = 2.0) -> None:
        """No file is left. Idempotent; a job that hangs while reading deletes its output when it wakes up."""
        self._cancelled.set()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(timeout_s)
        if not self._thread.is_alive():
            self.out.unlink(missing_ok=True)

    def wait(self, timeout_s: float) -> bool:
        """Wait until it is over; False when that takes longer."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            if self._ready is not None:
                self._ready.wait(5)
            while not self._turn.acquire(timeout=0.2):
                if self._cancelled.is_set():
                    raise Cancelled
            try:
                self.state = "making"
                be_nice()
                self._make()
            finally:
                self._turn.release()
            if self._cancelled.is_set():
                raise Cancelled
            self.state = "done"
        except Cancelled:
            self.out.unlink(missing_ok=True)
            self.state = "cancelled"
        except ValueError as error:
            self._fail(str(error).replace(str(self._video), self._video.name))  # the folder is not for the page
        except OSError as error:
            self._fail(f"The video could not be rendered ({error.strerror}).")
        except Exception:
            log.exception("rendering a video with captions failed")
            self._fail(FAILED)

    def _make(self) -> None:
        started, late = time.monotonic(), threading.Event()

        def given_up() -> bool:
            if time.monotonic() - started > TIMEOUT_S:
                late.set()
            return late.is_set() or self._cancelled.is_set()

        def progress(share: float) -> None:
            self.share = share

        from_s, until_s = self._seconds
        try:
            missing = burn(
                self._video, self._cues, self.out, from_s=from_s, until_s=until_s, progress=progress, cancelled=given_up
            )
        except Cancelled:
            if late.is_set() and not self._cancelled.is_set():
                raise ValueError("Rendering the video took too long and was stopped.") from None
            raise
        notes = (
            [f"It contains only the first {MAX_LENGTH_S / 60:.0f} minutes."] if until_s - from_s > MAX_LENGTH_S else []
        )
        notes += [f"The server has no font for these letters, which show as boxes: {missing[:12]}"] if missing else []
        self.sentence = " ".join(notes)

    def _fail(self, sentence: str) -> None:
        self.out.unlink(missing_ok=True)
        self.sentence, self.state = sentence, "failed"


def be_nice() -> None:
    """Lower the priority of this thread alone, where the system can: Linux counts threads as processes here."""
    with suppress(OSError, AttributeError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)
