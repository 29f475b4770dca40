"""Streams on the wall clock: a slot for one image that a producer fills (`Slot`), and its images at the grid points
(`live_frames`). The producers are in `video/camera.py` and `video/browser.py`.

Second 0 starts with the first image; from then on the clock never stops, whatever happens to the images. Each grid
point gets the newest image there is, once; a consumer that is late gets the newest grid point, and the ones it missed
are skipped. An image older than STALE_S is not shown again: nobody should read a decision about a second that was not
seen.

Thread safety: one producer (a reader thread, or a web thread) and one consumer share a `Slot`; every field is written
under its condition, and read under it where two fields have to agree. Images are never copied and never written to
after `put`.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterator

import numpy as np

from streamo_app.events import Frame, Noticed
from streamo_app.video.grid import POLL_S, SourceError, check_fps, grid_second, newest_point

STALE_S = 3.0
"""Longer than the slowest background tab takes for a frame, shorter than a user's patience with a frozen image."""
NOTICES = 16
"""Most notices that wait to be taken; the oldest are dropped first."""


class Slot:
    """The hand-off: one image, newest wins, and the state of the stream."""

    def __init__(self):
        self.changed = threading.Condition()
        self.image: np.ndarray | None = None
        self.at = 0.0
        """`time.monotonic()` of the image's arrival."""
        self.first_at: float | None = None
        self.dropped = 0
        """Images replaced by a newer one before they were taken: at 30 frames per second and a model that takes 1, that
        is 29 per second by design."""
        self.taken = True
        self.notices: deque[str] = deque(maxlen=NOTICES)
        self.failure: str | None = None
        self.ended = False
        self.closed = False

    def put(self, image: np.ndarray, at: float) -> None:
        with self.changed:
            self.dropped += not self.taken
            self.image, self.at, self.taken = image, at, False
            if self.first_at is None:
                self.first_at = at
            self.changed.notify_all()

    def notice(self, message: str) -> None:
        with self.changed:
            self.notices.append(message)
            self.changed.notify_all()

    def finish(self, failure: str | None = None) -> None:
        """The producer is done: the stream ended, or failed with one sentence."""
        with self.changed:
            self.ended, self.failure = True, failure
            self.changed.notify_all()

    def close(self) -> None:
        with self.changed:
            self.closed = True
            self.changed.notify_all()


def live_frames(
    slot: Slot,
    fps: int,
    stop: threading.Event,
    *,
    title: str,
    clock: Callable[[], float],
    to_rgb: Callable[[np.ndarray], np.ndarray] = lambda image: image,
) -> Iterator[Frame | Noticed]:
    """The slot's images at the grid points of wall time since the first one. Raises SourceError with the producer's
    failure."""
    check_fps(fps)
    n, said_stale = 0, False
    while not stop.is_set():
        with slot.changed:
            if slot.closed:
                return
            now = clock()
            second = max(0.0, now - slot.first_at) if slot.first_at is not None else 0.0
            newest = newest_point(second, fps) if slot.first_at is not None else -1
            stale = slot.first_at is not None and now - slot.at > STALE_S
            notice = slot.notices.popleft() if slot.notices else None
            if notice is None and stale and not said_stale and not slot.ended:
                notice = (
                    f"No new frame from {title} for {STALE_S:.0f} s; "
                    "the clock keeps running, and watching resumes with the next frame."
                )
                said_stale = True
            said_stale = said_stale and stale
            due = None
            if slot.image is not None and newest >= n and not stale:
                slot.taken = True
                due = slot.image, slot.at
            elif notice is None:
                if slot.ended:
                    if slot.failure:
                        raise SourceError(slot.failure)
                    return
                wait_s = (
                    slot.first_at + grid_second(n, fps) - now if slot.first_at is not None and not stale else POLL_S
                )
                slot.changed.wait(min(POLL_S, max(wait_s, 0.001)))
                continue
        if notice is not None:
            yield Noticed(int(second), notice)
        if due is not None:
            image, at = due
            n = newest + 1
            yield Frame(grid_second(newest, fps), to_rgb(image), at)
