"""Streams on the wall clock: a slot of one picture that a producer fills (`Slot`), its reading on the grid
(`live_frames`), and the frames that a browser pushes (`BrowserSource`). The camera's own reader thread is in
`video/camera.py`.

Second 0 starts with the first picture; from then on the clock never stops, whatever happens to the pictures. Each grid
point gets the newest picture there is, once; a consumer that comes late gets the newest grid point and the ones it
missed are passed over. A picture older than STALE_S is not shown again: nobody should read a decision about a second
that nobody saw.

Thread safety: one producer (a reader thread, or a web thread) and one consumer share a `Slot`; every field is written
under its condition, and read under it where two fields have to agree. Pictures are never copied and never written to
after `put`.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator

import numpy as np

from streamo_app.events import Frame, Noticed
from streamo_app.video.grid import POLL_S, SourceError, check_fps, grid_second, newest_point

STALE_S = 3.0
"""Longer than the slowest tab in the background needs for a frame, shorter than a user's patience with a frozen
picture."""
NOTICES = 16
"""Bound of the notices not taken yet; the oldest go first."""


class Slot:
    """The hand-off: one picture, newest wins, and how the stream is doing."""

    def __init__(self):
        self.changed = threading.Condition()
        self.picture: np.ndarray | None = None
        self.at = 0.0
        """`time.monotonic()` of the picture's arrival."""
        self.first_at: float | None = None
        self.dropped = 0
        """Pictures replaced by a newer one before anybody took them: at 30 pictures a second and 1 fps, 29 a second by
        design."""
        self.taken = True
        self.notices: deque[str] = deque(maxlen=NOTICES)
        self.failure: str | None = None
        self.ended = False
        self.closed = False

    def put(self, picture: np.ndarray, at: float) -> None:
        with self.changed:
            self.dropped += not self.taken
            self.picture, self.at, self.taken = picture, at, False
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
    """The slot's pictures on the grid of wall time since the first one. Raises SourceError with the producer's failure."""
    check_fps(fps)
    n, told_stale = 0, False
    while not stop.is_set():
        with slot.changed:
            if slot.closed:
                return
            now = clock()
            second = max(0.0, now - slot.first_at) if slot.first_at is not None else 0.0
            newest = newest_point(second, fps) if slot.first_at is not None else -1
            stale = slot.first_at is not None and now - slot.at > STALE_S
            notice = slot.notices.popleft() if slot.notices else None
            if notice is None and stale and not told_stale and not slot.ended:
                notice = f"No new picture from {title} for {STALE_S:.0f} s; the clock goes on and it will be watched again when one comes."
                told_stale = True
            told_stale = told_stale and stale
            due = newest >= n and not stale
            if due:
                slot.taken = True
                picture, at = slot.picture, slot.at
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
        if due:
            n = newest + 1
            yield Frame(grid_second(newest, fps), to_rgb(picture), at)


class BrowserSource:
    """Frames that the page's webcam pushes. `push` from any web thread, `frames` on the session's thread."""

    kind = "browser"
    live = True
    clocked = True
    title = "the browser's camera"
    duration_s = None

    def __init__(self, *, clock: Callable[[], float] = time.monotonic):
        self._clock = clock
        self._slot = Slot()

    @property
    def dropped(self) -> int:
        """Pictures replaced by a newer one before anybody took them; see `Slot.dropped`."""
        return self._slot.dropped

    @property
    def last_push(self) -> float | None:
        """`time.monotonic()` of the newest push; None before the first."""
        return self._slot.at if self._slot.first_at is not None else None

    def push(self, image: np.ndarray, at: float | None = None) -> None:
        """`image`: (H, W, 3) uint8 RGB, not copied; `at`: monotonic seconds of its arrival, now when None.

        Raises ValueError for anything else. After `close` a push is ignored: frames of a page that has not heard yet.
        """
        if (
            not isinstance(image, np.ndarray)
            or image.dtype != np.uint8
            or image.ndim != 3
            or image.shape[2] != 3
            or image.size == 0
        ):
            got = f"{image.dtype} {image.shape}" if isinstance(image, np.ndarray) else type(image).__name__
            raise ValueError(f"A pushed picture must be (height, width, 3) uint8 RGB, not {got}.")
        if not self._slot.closed:
            self._slot.put(image, self._clock() if at is None else at)

    def frames(self, fps: int, stop: threading.Event) -> Iterator[Frame | Noticed]:
        return live_frames(self._slot, fps, stop, title=self.title, clock=self._clock)

    def hold(self, held: bool) -> None:
        """A live stream cannot wait."""

    def close(self) -> None:
        self._slot.close()
