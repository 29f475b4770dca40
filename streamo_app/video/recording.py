"""A live source whose pictures are kept as a video file besides (`RecordedSource`): those that the model is given, at their
stream times.

Only ever used when its user asked for it. A disk that refuses is one notice; the run goes on.
"""

import threading
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from streamo_app.events import Frame, Noticed

MOST_BYTES = 500_000_000
"""About 7 hours of a webcam; after that nothing more is kept."""
LOOK_EVERY = 30
"""Pictures between two looks at the size of the file."""
VP8 = {"deadline": "realtime", "cpu-used": "8", "crf": "12"}
TICK = Fraction(1, 1000)


class RecordedSource:
    """Wraps a source; everything but `frames` is the source's own. `done` is set when the file is whole. Belongs to the
    session's thread."""

    def __init__(self, source, path: Path):
        self.recording, self.done = path, threading.Event()
        self._source, self._file, self._film, self._count, self._last = source, None, None, 0, -1

    def __getattr__(self, name: str):
        return getattr(self._source, name)

    def frames(self, fps: int, stop: threading.Event) -> Iterator[Frame | Noticed]:
        keeping = True
        try:
            for item in self._source.frames(fps, stop):
                if keeping and isinstance(item, Frame):
                    if why := self._keep(item, fps):
                        keeping = False
                        self._close()
                        yield Noticed(int(item.second), why)
                yield item
        finally:
            self._close()
            self.done.set()

    def _keep(self, frame: Frame, fps: int) -> str:
        """Why no more is kept, else an empty text."""
        try:
            if self._film is None:
                self._open(frame, fps)
            picture = av.VideoFrame.from_ndarray(
                fitted(frame.image, self._film.width, self._film.height), format="rgb24"
            )
            # the file's clock is the stream's, so its first picture stands at 0
            picture.pts = self._last = max(self._last + 1, round(frame.second / TICK) if self._count else 0)
            picture.time_base = TICK
            self._file.mux(self._film.encode(picture))
            self._count += 1
            if self._count % LOOK_EVERY == 0 and self.recording.stat().st_size > MOST_BYTES:
                return "The kept video is as long as it may get; the rest is watched but not kept."
        except (av.FFmpegError, OSError) as error:
            return f"The video is not being kept ({error.strerror})."
        return ""

    def _open(self, frame: Frame, fps: int) -> None:
        height, width = (max(2, side // 2 * 2) for side in frame.image.shape[:2])
        self._file = av.open(str(self.recording), "w", format="webm")
        self._film = self._file.add_stream("libvpx", rate=fps, options=VP8)
        self._film.width, self._film.height, self._film.pix_fmt = width, height, "yuv420p"
        self._film.codec_context.time_base = TICK
        self._film.codec_context.thread_count = 1
        self._film.bit_rate = int(0.5 * width * height * max(fps, 2))

    def _close(self) -> None:
        file, self._file = self._file, None
        if file is None:
            return
        try:
            file.mux(self._film.encode())
        except (av.FFmpegError, OSError):
            pass  # told already, or a last picture lost
        try:
            file.close()
        except (av.FFmpegError, OSError):
            pass


def fitted(image: np.ndarray, width: int, height: int) -> np.ndarray:
    """(height, width, 3): a picture of another size, a phone that was turned, is scaled into it on black."""
    high, wide = image.shape[:2]
    if (high // 2 * 2, wide // 2 * 2) == (height, width):
        return np.ascontiguousarray(image[:height, :width])
    scale = min(width / wide, height / high)
    small = cv2.resize(image, (max(1, int(wide * scale)), max(1, int(high * scale))), interpolation=cv2.INTER_AREA)
    whole = np.zeros((height, width, 3), np.uint8)
    top, left = (height - small.shape[0]) // 2, (width - small.shape[1]) // 2
    whole[top : top + small.shape[0], left : left + small.shape[1]] = small
    return whole
