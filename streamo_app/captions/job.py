"""The making of a video with captions in the background: one thread per job, one job of a process at work at a time.

Thread safety: `state`, `share`, `sentence` are written by the job's thread and read by anybody; each is set in one
assignment, `state` last.
"""

import logging
import os
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from streamo_app.captions.burn import LONGEST_S, Cancelled, burn
from streamo_app.transcript.exports import Cue

PATIENCE_S = 1800.0
"""A job that takes longer, its turn not counted, is given up."""
NICE = 10
"""The model's thread goes first."""
FAILED = "The video could not be made; try again, and see the server's log if it happens again."

log = logging.getLogger(__name__)


class CaptionJob:
    """Makes `out`. `turn` is shared by all jobs of a process. `ready` is waited for first: the source may still be
    written."""

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
        """No file is left. Idempotent; a job that hangs in a file deletes what it made when it wakes up."""
        self._cancelled.set()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(timeout_s)
        if not self._thread.is_alive():
            self.out.unlink(missing_ok=True)

    def wait(self, timeout_s: float) -> bool:
        """Until it is over; False when it takes longer."""
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
            self._fail(str(error).replace(str(self._video), self._video.name))  # where it lies is nobody's business
        except OSError as error:
            self._fail(f"The video could not be made ({error.strerror}).")
        except Exception:
            log.exception("making a video with captions failed")
            self._fail(FAILED)

    def _make(self) -> None:
        started, late = time.monotonic(), threading.Event()

        def given_up() -> bool:
            if time.monotonic() - started > PATIENCE_S:
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
                raise ValueError("Making the video took too long, so it was given up.") from None
            raise
        said = [f"It holds the first {LONGEST_S / 60:.0f} minutes."] if until_s - from_s > LONGEST_S else []
        said += [f"No font on the server has these letters, which show as boxes: {missing[:12]}"] if missing else []
        self.sentence = " ".join(said)

    def _fail(self, sentence: str) -> None:
        self.out.unlink(missing_ok=True)
        self.sentence, self.state = sentence, "failed"


def be_nice() -> None:
    """This thread alone, where the system can: Linux counts threads as processes here."""
    try:
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)
    except (OSError, AttributeError):
        pass
