"""A live source whose frames are also saved as a video file (`RecordedSource`): those that the model is given, at their
stream times.

Only used when the user asked for it. A disk that refuses is one notice; the run goes on.
"""

import threading
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from streamo_app.events import Frame, Noticed
from streamo_app.video.source import Source

MAX_BYTES = 500_000_000
"""About 7 hours of a webcam; after that nothing more is recorded."""
CHECK_EVERY = 30
"""Frames between two checks of the file's size."""
VP8 = {"deadline": "realtime", "cpu-used": "8", "crf": "12"}
TICK = Fraction(1, 1000)


class RecordedSource:
    """Wraps a source; everything but `frames` is the source's own. `done` is set when the file is complete. Belongs to
    the session's thread."""

    def __init__(self, source: Source, path: Path):
        self.recording, self.done = path, threading.Event()
        self._source = source
        self._writer: WebmWriter | None = None

    def __getattr__(self, name: str):
        return getattr(self._source, name)

    def frames(self, fps: int, stop: threading.Event) -> Iterator[Frame | Noticed]:
        recording = True
        try:
            for item in self._source.frames(fps, stop):
                if recording and isinstance(item, Frame) and (why := self._record(item, fps)):
                    recording = False
                    self._close()
                    yield Noticed(int(item.second), why)
                yield item
        finally:
            self._close()
            self.done.set()

    def _record(self, frame: Frame, fps: int) -> str:
        """Why no more is recorded, else an empty text."""
        try:
            if self._writer is None:
                height, width = frame.image.shape[:2]
                self._writer = WebmWriter(self.recording, width, height, fps)
            self._writer.add(frame)
            if self._writer.count % CHECK_EVERY == 0 and self.recording.stat().st_size > MAX_BYTES:
                return "The recording has reached its maximum size; the rest is watched but not recorded."
        except (av.FFmpegError, OSError) as error:
            return f"The video is not being recorded ({error.strerror})."
        return ""

    def _close(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()


class WebmWriter:
    """A VP8 file of images at their stream times; the first one is at 0. Raises av.FFmpegError or OSError."""

    def __init__(self, path: Path, width: int, height: int, fps: int):
        self.count = 0
        """Images written."""
        self._width, self._height = (max(2, side // 2 * 2) for side in (width, height))
        self._last = -1
        self._file = av.open(str(path), "w", format="webm")
        self._stream = self._file.add_stream("libvpx", rate=fps, options=VP8)
        self._stream.width, self._stream.height, self._stream.pix_fmt = self._width, self._height, "yuv420p"
        self._stream.codec_context.time_base = TICK
        self._stream.codec_context.thread_count = 1
        self._stream.bit_rate = int(0.5 * self._width * self._height * max(fps, 2))

    def add(self, frame: Frame) -> None:
        image = av.VideoFrame.from_ndarray(fitted(frame.image, self._width, self._height), format="rgb24")
        image.pts = self._last = max(self._last + 1, round(frame.second / TICK) if self.count else 0)
        image.time_base = TICK
        self._file.mux(self._stream.encode(image))
        self.count += 1

    def close(self) -> None:
        """Never raises: an error was reported when it came, or costs the last image."""
        with suppress(av.FFmpegError, OSError):
            self._file.mux(self._stream.encode())
        with suppress(av.FFmpegError, OSError):
            self._file.close()


def fitted(image: np.ndarray, width: int, height: int) -> np.ndarray:
    """(height, width, 3): an image of another size, from a phone that was turned, is scaled into it on black."""
    high, wide = image.shape[:2]
    if (high // 2 * 2, wide // 2 * 2) == (height, width):
        return np.ascontiguousarray(image[:height, :width])
    scale = min(width / wide, height / high)
    small = cv2.resize(image, (max(1, int(wide * scale)), max(1, int(high * scale))), interpolation=cv2.INTER_AREA)
    whole = np.zeros((height, width, 3), np.uint8)
    top, left = (height - small.shape[0]) // 2, (width - small.shape[1]) // 2
    whole[top : top + small.shape[0], left : left + small.shape[1]] = small
    return whole
