"""The video of one visitor's run with what was said burned in: where its pictures come from, and the making of it. No
Gradio in here.

A clip or an upload lies on the server anyway. A camera's pictures are kept only if the visitor ticked so before the
start, in a private folder that goes with his session.

Thread safety: as `ui/visitor/saved.py`.
"""

import shutil
import threading
from collections.abc import Mapping
from pathlib import Path

from streamo_app.captions.job import CaptionJob
from streamo_app.live.session import Session
from streamo_app.scratch import Scratch
from streamo_app.transcript.exports import CUE_S
from streamo_app.video.recording import RecordedSource

NOT_KEPT = "The pictures were not kept; tick “Keep the video” before Start."
NOT_HERE = "The video of this session is not here any more."
NOT_READY = "The video is not ready; make it again."
STILL_RUNNING = "Stop first; then the video can be made."
NOTHING_SAID = "Nothing was watched yet."


class CaptionVideo:
    def __init__(self, session: Session, scratch: Scratch, turn: threading.Semaphore):
        """`turn` is shared by the whole process: two videos at once would take the cores from the model."""
        self._session, self._scratch, self._turn = session, scratch, turn
        self._folder: Path | None = None
        self._video: tuple[Path | None, threading.Event | None, str] = (None, None, NOTHING_SAID)
        """The pictures of the run shown, what tells that the file is whole, and why there are none."""
        self._job: CaptionJob | None = None
        self._of: Mapping = {}
        """Header of the run that the job is of."""
        self._count = 0

    def recorded(self, source, wanted: bool):
        """`source`, or one that keeps its pictures where that is wanted and it is a camera. Raises ValueError when the
        disk refuses."""
        return RecordedSource(source, self._path("kept")) if wanted and source.live else source

    def watches(self, source) -> None:
        """A run of `source` has started; what was kept of an earlier one goes."""
        before = self._video[0]
        if isinstance(source, RecordedSource):
            self._video = (source.recording, source.done, "")
        else:
            path = getattr(source, "path", None)
            self._video = (path, None, "" if path else NOT_KEPT)
        if before and before.parent == self._folder:
            before.unlink(missing_ok=True)

    def shows(self, path: Path | None) -> None:
        """The run shown came out of a journal; its clip may still be there."""
        self._video = (path, None, "" if path else NOT_HERE)

    def make(self) -> None:
        """Begin; one at a time. Raises ValueError (one sentence) when it is not possible."""
        video, ready, why = self._video
        snapshot = self._session.snapshot()
        if self._job and not self._job.over:
            raise ValueError("The video is being made already.")
        if why := why or self._not_now(snapshot):
            raise ValueError(why)
        self.drop()
        self._of = dict(self._session.header)
        said = self._session.copy()
        from_s = next((decided.second for decided in said.decisions()), 0)  # "restart from here" begins late in a file
        seconds = {"from_s": from_s, "until_s": snapshot.second + 1 + CUE_S}
        self._job = CaptionJob(
            video, said.cues(), self._path("captions"), **seconds, turn=self._turn, ready=ready
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

    def look(self) -> dict:
        """Why no video can be made now, else an empty text; and how far the one under way is."""
        job = self._job
        shown = job and {
            "state": job.state, "share": round(job.share, 2), "sentence": job.sentence,
            "source": str(self._of.get("source", "")), "started": str(self._of.get("started", "")),
        }  # fmt: skip
        return {"film": self._video[2] or self._not_now(), "job": shown}

    def close(self) -> None:
        self.drop()
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _not_now(self, snapshot=None) -> str:
        if self._session.status == "running":
            return STILL_RUNNING
        return NOTHING_SAID if snapshot and not snapshot.decided else ""

    def _path(self, name: str) -> Path:
        try:
            self._folder = self._folder or self._scratch.folder()
        except OSError as error:
            raise ValueError(f"There is no room for the video on the server ({error.strerror}).") from error
        self._count += 1
        return self._folder / f"{name}-{self._count}.webm"
