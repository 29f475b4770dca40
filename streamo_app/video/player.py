"""A video file clocked by the page's player: the user plays, pauses and seeks there, and the stream follows.

The second decided last is a frontier. Seeking back yields nothing until the player passes the frontier again (that is
reviewing); seeking forward skips to the new position. The page reports the player's position a few times a second with
`at`, from a web thread; `frames` runs on the session's thread. Both share one condition; the `VideoReader` belongs to
`frames` alone.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from streamo_app.events import Frame, Noticed
from streamo_app.video.file import VideoReader, truncated
from streamo_app.video.grid import POLL_S, check_fps, grid_second, newest_point, second_start

SEEK_S = 1.5
"""A step of the position larger than this, and larger than the time since the last report allows, is a seek. Reports
come every 0.5 s, every second from a tab in the background."""
MAX_RATE = 2.0
"""Players offer double speed; seconds played faster than that are skipped as if they had been seeked over."""


class PlayerSource:
    """The grid points of a file as the player passes them; newest wins when the consumer is slower than the player.

    One frame past the reported position may be decoded, to know that the one before it was the last; none later.
    Raises SourceError, from the constructor, when the file contains nothing to show.
    """

    kind = "file"
    live = False
    clocked = True
    dropped = 0

    def __init__(self, path: str | Path, *, start_s: float = 0.0, clock: Callable[[], float] = time.monotonic):
        """`start_s`: nothing before the second that holds it is yielded."""
        self.path, self._start_s = Path(path), start_s
        self.title = self.path.name
        with closing(VideoReader(self.path)) as reader:
            self.duration_s: float | None = reader.stated_s
        self._clock = clock
        self._changed = threading.Condition()
        self._closed = False
        self._ended = False
        self._paused = True
        self._position = -1.0
        """Seconds, as last reported; below zero before the first report."""
        self._from = -1.0
        """The position before, when the player played from there to here; the position itself after a seek."""
        self._reported_at = clock()

    def at(self, position_s: float, paused: bool = False, ended: bool = False) -> None:
        """The player is at `position_s`. `ended`: it reached the end; what it passed is still yielded, then `frames`
        ends.

        Raises ValueError for a position that is negative or not a number.
        """
        if not 0 <= position_s < float("inf"):
            raise ValueError(f"{position_s!r} is not a position in a video; give seconds from its start.")
        with self._changed:
            now = self._clock()
            played_s = 0.0 if self._paused else MAX_RATE * (now - self._reported_at) + 0.5
            before = max(self._position, 0.0)
            ran = 0 <= position_s - before <= max(SEEK_S, played_s)
            self._from = self._position if ran else position_s
            self._position, self._paused, self._ended, self._reported_at = position_s, paused, ended, now
            self._changed.notify_all()

    def frames(self, fps: int, stop: threading.Event) -> Iterator[Frame | Noticed]:
        check_fps(fps)

        def stopped() -> bool:
            return stop.is_set() or self._closed

        frontier = second_start(newest_point(self._start_s, fps), fps)
        with closing(VideoReader(self.path)) as reader:
            while (due := self._next_point(frontier, fps, stopped)) is not None:
                n, reported_at = due
                reader.seek(grid_second(n, fps))
                image = reader.image_at(grid_second(n, fps), stopped)
                if image is None:
                    break
                yield Frame(grid_second(n, fps), image, reported_at)
                frontier = n + 1
            if reader.end_s is not None and not stopped():
                self.duration_s = reader.end_s
                if notice := truncated(reader):
                    yield notice

    def hold(self, held: bool) -> None:
        """The player has the clock: the user pauses it there."""

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _next_point(self, frontier: int, fps: int, stopped: Callable[[], bool]) -> tuple[int, float] | None:
        """Waits for the next grid point to yield; returns it and the time of its report. None when stopped, or when the
        video ended and nothing is left."""
        with self._changed:
            while not stopped():
                reached = newest_point(self._position, fps)
                if reached >= frontier:
                    # What was played since the report before, in order; older points that were not taken are skipped.
                    passed = newest_point(self._from, fps) + 1
                    return max(frontier, min(passed, second_start(reached, fps))), self._reported_at
                if self._ended:
                    return None
                self._changed.wait(POLL_S)
        return None
