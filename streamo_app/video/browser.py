"""A webcam in a browser: the page pushes its frames, the session reads them from a `Slot` (`video/slot.py`)."""

import threading
import time
from collections.abc import Callable, Iterator

import numpy as np

from streamo_app.events import Frame, Noticed
from streamo_app.video.slot import Slot, live_frames


class BrowserSource:
    """Frames of the page's webcam: `push` from any web thread, `frames` on the session's thread."""

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
        """Images replaced by a newer one before they were taken; see `Slot.dropped`."""
        return self._slot.dropped

    @property
    def last_push(self) -> float | None:
        """`time.monotonic()` of the newest push; None before the first."""
        return self._slot.at if self._slot.first_at is not None else None

    def push(self, image: np.ndarray, at: float | None = None) -> None:
        """`image`: (H, W, 3) uint8 RGB, not copied; `at`: monotonic seconds of its arrival, now when None.

        Raises ValueError for anything else. A push after `close` is ignored: the page does not know of it yet.
        """
        if (
            not isinstance(image, np.ndarray)
            or image.dtype != np.uint8
            or image.ndim != 3
            or image.shape[2] != 3
            or image.size == 0
        ):
            got = f"{image.dtype} {image.shape}" if isinstance(image, np.ndarray) else type(image).__name__
            raise ValueError(f"A pushed image must be (height, width, 3) uint8 RGB, not {got}.")
        if not self._slot.closed:
            self._slot.put(image, self._clock() if at is None else at)

    def frames(self, fps: int, stop: threading.Event) -> Iterator[Frame | Noticed]:
        return live_frames(self._slot, fps, stop, title=self.title, clock=self._clock)

    def hold(self, held: bool) -> None:
        """A live stream cannot be paused."""

    def close(self) -> None:
        self._slot.close()
