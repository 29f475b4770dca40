"""Video files: a decoder that knows each frame's true time (`VideoReader`), and a file as a source (`FileSource`). A
file clocked by the page's player is in `video/player.py`.

A frame's time is what the container says, counted from the first frame: never its number divided by a frame rate, which
drifts at 29.97 and means nothing at a variable rate. Where a container gives no time (raw H.264, the last frame of an
MPEG stream), a frame comes one nominal frame duration after the one before.

Every frame is converted from YUV, though one in thirty is used: only the next frame tells that this one was the last
before a grid point. That costs 0.1 ms beside 0.7 ms of decoding (640x360 VP8); the conversion to RGB is done for the
frames used.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from streamo_app.events import Frame, Noticed
from streamo_app.video.grid import (
    POLL_S,
    TIME_TOLERANCE_S,
    SourceError,
    check_fps,
    grid_second,
    newest_point,
    quiet_opencv,
    second_start,
)
from streamo_app.video.probe import check_file, no_frames, why_unreadable

SANE_FPS = (0.02, 240.0)
"""Frame rates outside this range are placeholders: MPEG-TS files report 2000 or 90000."""
SEEK_FROM_S = 10.0
"""A nearer target is reached by decoding; a seek goes back to a key frame and is seldom faster."""
SEEK_MARGIN_S = 1.0
"""A seek aims this far before its target: it may land a few frames late at a variable frame rate."""


class _DecodedFrame(NamedTuple):
    at: float
    """Seconds since the first frame."""
    bgr: np.ndarray


class VideoReader:
    """Decodes a video file in order of time: `image_at` with times that never go back.

    Belongs to one thread. Raises SourceError, from the constructor, when the file contains nothing to show.
    """

    end_s: float | None = None
    """When the last frame leaves the screen; known once the last frame was read."""

    def __init__(self, path: Path):
        check_file(path)
        quiet_opencv()
        self.path = path
        self._rgb: np.ndarray | None = None
        self._open()

    def _open(self) -> None:
        # An absolute path: FFmpeg would take "a:b.mp4" for a protocol.
        self._capture = cv2.VideoCapture(str(self.path.absolute()), cv2.CAP_FFMPEG)
        if not self._capture.isOpened():
            raise SourceError(why_unreadable(self.path))
        fps, count = self._capture.get(cv2.CAP_PROP_FPS), self._capture.get(cv2.CAP_PROP_FRAME_COUNT)
        self.stated_s = count / fps if fps > 0 and count > 0 else None
        """Length as the container says."""
        self._nominal_s = 1 / fps if SANE_FPS[0] <= fps <= SANE_FPS[1] else 0.04
        self._shown: _DecodedFrame | None = None
        self._ahead: _DecodedFrame | None = None
        self._origin = 0.0
        ok, bgr = self._capture.read()
        if not ok:
            self.close()
            raise SourceError(no_frames(self.path))
        self._origin = self._capture_time()
        first_tick = self._capture.get(cv2.CAP_PROP_PTS)
        self.offset_s = first_tick / fps if fps > 0 and first_tick > 0 else 0.0
        """When the first frame comes by the container's own clock, which some containers count into their stated
        length."""
        self._ahead = _DecodedFrame(0.0, bgr)

    @property
    def fps(self) -> float:
        """Frames per second as the container says, 25 where that makes no sense."""
        return 1 / self._nominal_s

    def image_at(self, t: float, stopped: Callable[[], bool] = lambda: False) -> np.ndarray | None:
        """(H, W, 3) uint8 RGB: the frame on screen at `t` seconds, the last one that came at or before it.

        None after the end, or when `stopped()` turns true on the way. The same array again while the same frame is on
        screen.
        """
        while self._ahead is not None and self._ahead.at <= t + TIME_TOLERANCE_S:
            if stopped():
                return None
            self._step(self._ahead)
        if self.end_s is not None and t >= self.end_s - TIME_TOLERANCE_S:
            return None
        if self._rgb is None:
            assert self._shown is not None, "the first frame is at 0, and no time is before it"
            self._rgb = cv2.cvtColor(self._shown.bgr, cv2.COLOR_BGR2RGB)
        return self._rgb

    def seek(self, t: float) -> None:
        """Make the next `image_at(t)` cheap where `t` lies far ahead. Never changes what it returns."""
        if self._ahead is None or t - self._ahead.at < SEEK_FROM_S:
            return
        self._capture.set(cv2.CAP_PROP_POS_MSEC, (t - SEEK_MARGIN_S + self._origin) * 1000)
        landed = self._capture_time() if self._capture.grab() else 0.0
        if self._ahead.at < landed <= t:
            self._ahead = self._retrieve(landed, self._ahead)
        else:  # too far, or no times at all: decode from the start
            self.close()
            self._open()

    def close(self) -> None:
        self._capture.release()

    def _step(self, shown: _DecodedFrame) -> None:
        """The frame ahead comes on screen."""
        before, self._shown, self._rgb = self._shown, shown, None
        if self._capture.grab():
            at = self._capture_time()
            self._ahead = self._retrieve(at if at > shown.at else shown.at + self._nominal_s, shown)
        else:
            self._ahead = None
            self.end_s = shown.at + self._last_frame_s(shown, before)

    def _last_frame_s(self, last: _DecodedFrame, before: _DecodedFrame | None) -> float:
        """How long the last frame stays: as the container's length says where that makes sense, else one frame."""
        gap = last.at - before.at if before else self._nominal_s
        stated = (self.stated_s or 0.0) - last.at
        return stated if 0 < stated <= 1.5 * max(gap, self._nominal_s) else min(gap, self._nominal_s)

    def _capture_time(self) -> float:
        return self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000 - self._origin

    def _retrieve(self, at: float, before: _DecodedFrame) -> _DecodedFrame:
        """The frame that was grabbed; one that cannot be converted leaves the one before on screen."""
        ok, bgr = self._capture.retrieve()
        return _DecodedFrame(at, bgr if ok else before.bgr)


def truncated(reader: VideoReader) -> Noticed | None:
    """The notice for a video that ended long before its stated length, else None."""
    end, stated = reader.end_s, reader.stated_s
    if end is None or stated is None or stated - reader.offset_s - end <= max(1.0, 0.02 * stated):
        return None
    return Noticed(
        int(end),
        f"'{reader.path.name}' stops at {end:.1f} s of {stated:.1f} s; it may be truncated or damaged there.",
    )


class FileSource:
    """A video file. Pulled, every grid point is yielded; with `realtime` the wall clock decides, and late points are
    skipped.

    `frames` may be called again and starts from the beginning, or from the second that holds `start_s`. Raises
    SourceError when the file contains nothing to show.
    """

    kind = "file"
    live = False
    dropped = 0

    def __init__(
        self,
        path: str | Path,
        *,
        realtime: bool = False,
        start_s: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ):
        self.path, self._start_s = Path(path), start_s
        self.clocked = realtime
        self.title = self.path.name
        self._clock = clock
        self._closed, self._held = threading.Event(), threading.Event()
        with closing(VideoReader(self.path)) as reader:
            self.duration_s: float | None = reader.stated_s
            """As the container says, until the end is reached and the true length known."""

    def frames(self, fps: int, stop: threading.Event) -> Iterator[Frame | Noticed]:
        check_fps(fps)

        def stopped() -> bool:
            return stop.is_set() or self._closed.is_set()

        with closing(VideoReader(self.path)) as reader:
            first = second_start(newest_point(self._start_s, fps), fps)
            reader.seek(grid_second(first, fps))
            yield from (self._paced if self.clocked else self._pulled)(reader, first, fps, stop, stopped)
            if reader.end_s is not None and not stopped():
                self.duration_s = reader.end_s
                if notice := truncated(reader):
                    yield notice

    def hold(self, held: bool) -> None:
        if held:
            self._held.set()
        else:
            self._held.clear()

    def close(self) -> None:
        self._closed.set()

    def _wait_while_held(self, stop: threading.Event, stopped: Callable[[], bool]) -> None:
        while self._held.is_set() and not stopped():
            stop.wait(POLL_S)

    def _pulled(
        self, reader: VideoReader, n: int, fps: int, stop: threading.Event, stopped: Callable[[], bool]
    ) -> Iterator[Frame]:
        while not stopped():
            self._wait_while_held(stop, stopped)
            image = reader.image_at(grid_second(n, fps), stopped)
            if image is None:
                return
            yield Frame(grid_second(n, fps), image, self._clock())
            n += 1

    def _paced(
        self, reader: VideoReader, n: int, fps: int, stop: threading.Event, stopped: Callable[[], bool]
    ) -> Iterator[Frame]:
        start = self._clock() - grid_second(n, fps)
        while not stopped():
            if self._held.is_set():
                stood_at = self._clock()
                self._wait_while_held(stop, stopped)
                start += self._clock() - stood_at
                continue
            position = self._clock() - start
            newest = newest_point(position, fps)
            if newest < n:
                stop.wait(min(POLL_S, grid_second(n, fps) - position))
                continue
            n = max(n, second_start(newest, fps))
            image = reader.image_at(grid_second(n, fps), stopped)
            if image is None:
                return
            yield Frame(grid_second(n, fps), image, start + grid_second(n, fps))
            n += 1
