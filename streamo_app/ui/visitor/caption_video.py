"""The video of a visitor's run with its responses burned in: which file its frames come from, and the making of it. No
Gradio in here.

A clip or an upload is on the server anyway. A camera's frames are kept only if the visitor asked for that before the
start, in a private folder that is deleted with their session.

Thread safety: as `ui/visitor/saved.py`.
"""

import shutil
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from streamo_app.captions.job import CaptionJob
from streamo_app.live.session import Session
from streamo_app.live.snapshot import Snapshot
from streamo_app.scratch import Scratch
from streamo_app.transcript.exports import CUE_S
from streamo_app.video.recording import RecordedSource
from streamo_app.video.source import Source

NOT_KEPT = "The video was not kept; tick “Keep the video” before Start."
NO_LONGER_THERE = "The video of this session no longer exists."
NOT_READY = "The video is not ready; make it again."
STILL_RUNNING = "Stop first; then the video can be made."
NOTHING_WATCHED = "Nothing has been watched yet."


@dataclass(frozen=True)
class Footage:
    """The frames of the run shown."""

    path: Path | None = None
    complete: threading.Event | None = None
    """Set when the file is complete; None: it always is."""
    missing: str = ""
    """Why there is no `path`, in one sentence."""


class CaptionVideo:
    def __init__(self, session: Session, scratch: Scratch, slot: threading.Semaphore):
        """`slot` is shared by the whole process: two videos at once would take the cores from the model."""
        self._session, self._scratch, self._slot = session, scratch, slot
        self._folder: Path | None = None
        self._footage = Footage(missing=NOTHING_WATCHED)
        self._job: CaptionJob | None = None
        self._header: Mapping = {}
        """Of the run that the job is about."""
        self._count = 0

    def recorded(self, source: Source, wanted: bool) -> Source:
        """`source`, or a wrapper that keeps its frames if that is wanted and it is a camera. Raises ValueError when
        there is no disk space."""
        return RecordedSource(source, self._new_path("kept")) if wanted and source.live else source

    def run_started(self, source: Source) -> None:
        """A run of `source` has started; what was kept of an earlier one is deleted."""
        before = self._footage.path
        if isinstance(source, RecordedSource):
            self._footage = Footage(source.recording, source.done)
        else:
            path = getattr(source, "path", None)
            self._footage = Footage(path, missing="" if path else NOT_KEPT)
        if before and before.parent == self._folder:
            before.unlink(missing_ok=True)

    def show_journal(self, path: Path | None) -> None:
        """The run shown came out of a journal; `path` is its video if that still exists."""
        self._footage = Footage(path, missing="" if path else NO_LONGER_THERE)

    def make(self) -> None:
        """Begin; one at a time. Raises ValueError (one sentence) when it is not possible."""
        footage, snapshot = self._footage, self._session.snapshot()
        if self._job and not self._job.over:
            raise ValueError("The video is already being made.")
        if footage.path is None or footage.missing:
            raise ValueError(footage.missing)
        if why := self._why_not_now(snapshot):
            raise ValueError(why)
        self.drop()
        self._header = dict(self._session.header)
        transcript = self._session.copy()
        # a run that was started from a later position of its file begins there
        from_s = next((decided.second for decided in transcript.decisions()), 0)
        self._job = CaptionJob(
            footage.path,
            transcript.cues(),
            self._new_path("captions"),
            from_s=from_s,
            until_s=snapshot.second + 1 + CUE_S,
            turn=self._slot,
            ready=footage.complete,
        ).start()

    def drop(self) -> None:
        """Cancel what is being made, or delete what was made. Idempotent."""
        job, self._job = self._job, None
        if job:
            job.cancel()

    def file(self) -> Path:
        """The finished video. Raises ValueError when there is none."""
        job = self._job
        if job is None or job.state != "done" or not job.out.is_file():
            raise ValueError(NOT_READY)
        return job.out

    def view(self) -> dict:
        """Why no video can be made now, else an empty text; and the progress of the one being made."""
        job = self._job
        progress = job and {
            "state": job.state,
            "share": round(job.share, 2),
            "sentence": job.sentence,
            "source": str(self._header.get("source", "")),
            "started": str(self._header.get("started", "")),
        }
        return {"film": self._footage.missing or self._why_not_now(), "job": progress}

    def close(self) -> None:
        self.drop()
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _why_not_now(self, snapshot: Snapshot | None = None) -> str:
        if self._session.status == "running":
            return STILL_RUNNING
        return NOTHING_WATCHED if snapshot and not snapshot.decided else ""

    def _new_path(self, name: str) -> Path:
        try:
            self._folder = self._folder or self._scratch.folder()
        except OSError as error:
            raise ValueError(f"The server has no space for the video ({error.strerror}).") from error
        self._count += 1
        return self._folder / f"{name}-{self._count}.webm"
