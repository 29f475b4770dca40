"""From frames to turns: one second each. `Turns` is pure; `video_turns` reads a file with it.

A file's turns are counted by the code that counts them live, and not from its frames over a nominal rate: that keeps
labels and live streaming on one clock.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Event

import numpy as np

from streamo_app.events import Frame


@dataclass(frozen=True)
class Turn:
    """One second of the stream, ready to be sent."""

    second: int
    images: tuple[np.ndarray, ...]
    """As many as the model's fps, in order, each (H, W, 3) uint8 RGB."""
    captured_at: float
    """`time.monotonic()` of its newest image."""


class Turns:
    """Groups frames into turns of `fps` images. A missing image repeats the one before; a second without any image is
    no turn."""

    def __init__(self, fps: int):
        self._fps = fps
        self._second: int | None = None
        self._images: list[np.ndarray | None] = []
        self._captured_at = 0.0
        self._last: np.ndarray | None = None
        """Newest image of the turn before: what was on screen when a turn's first image is missing."""

    def add(self, frame: Frame) -> Iterator[Turn]:
        """The turns that `frame` completes: one left incomplete before it, then its own if this is its last image."""
        second = int(frame.second + 1e-6)
        if self._second is not None and second != self._second:
            yield from self.flush()
        if self._second is None:
            self._second, self._images = second, [None] * self._fps
        place = min(self._fps - 1, round((frame.second - second) * self._fps))
        self._images[place], self._captured_at = frame.image, frame.captured_at
        if place == self._fps - 1:
            yield from self.flush()

    def flush(self) -> Iterator[Turn]:
        """The turn in progress as it is, if there is one: at the end of a stream, or when the next second begins."""
        if self._second is None:
            return
        before = self._last if self._last is not None else next(image for image in self._images if image is not None)
        whole = []
        for image in self._images:
            before = before if image is None else image
            whole.append(before)
        turn, self._second, self._last = Turn(self._second, tuple(whole), self._captured_at), None, before
        yield turn


def video_turns(path: str | Path, fps: int) -> Iterator[Turn]:
    """The turns of a video file, as fast as they are taken. Raises ValueError (SourceError) for a file that is no video
    and for an impossible `fps`."""
    from streamo_app.video.source import open_source  # imports OpenCV

    turns = Turns(fps)
    source = open_source(path)
    try:
        for item in source.frames(fps, Event()):
            if isinstance(item, Frame):
                yield from turns.add(item)
        yield from turns.flush()
    finally:
        source.close()


def video_seconds(path: str | Path) -> int:
    """Number of turns of a video file. Raises as `video_turns` does."""
    return sum(1 for _ in video_turns(path, 1))
