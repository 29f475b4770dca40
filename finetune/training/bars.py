"""How far the preparation of a stage is (frames rendered, clips encoded): a bar in a terminal, a plain line now and
then elsewhere.

Steps of training have their own: `progress.py`.
"""

import time
from collections.abc import Callable

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from finetune.training.progress import words


class Bar:
    """Shows `what` (such as "clips rendered") from 0 to `total`. In a `with`; told by `bar(done)`. Nothing is shown
    until something is done.

    every_s: seconds between plain lines; the last is always printed.
    """

    def __init__(
        self, what: str, total: int, *, console: Console | None = None, every_s: float = 30.0, clock: Callable[[], float] = time.monotonic
    ):  # fmt: skip
        self.what, self.total, self._every_s, self._clock = what, total, every_s, clock
        self.console = console or Console(stderr=True)
        self._first: tuple[float, int] | None = None
        self._shown, self._bars = clock(), None

    def __enter__(self) -> "Bar":
        if self.console.is_terminal and self.total:
            columns = (
                TextColumn("{task.description}", markup=False),
                BarColumn(24),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
            )
            self._bars = Progress(*columns, console=self.console, auto_refresh=False, speed_estimate_period=120)
            self._row = self._bars.add_task(self.what, total=self.total)
        return self

    def __exit__(self, *_: object) -> None:
        if self._bars is not None:
            self._bars.stop()

    def __call__(self, done: int) -> None:
        """`done` of `total` are done, those of an earlier start included: the time left is by the pace since the first
        call."""
        now = self._clock()
        if self._bars is not None:
            self._bars.start()
            self._bars.update(self._row, completed=done, refresh=True)
        elif now - self._shown >= self._every_s or done >= self.total:
            self._shown = now
            self.console.print(
                f"{self.what}: {done} of {self.total}{self._left(now, done)}",
                highlight=False,
                soft_wrap=True,
                markup=False,
            )
        self._first = self._first or (now, done)

    def _left(self, now: float, done: int) -> str:
        if self._first is None or done <= self._first[1] or done >= self.total:
            return ""
        began, before = self._first
        return f"; about {words((now - began) / (done - before) * (self.total - done))} left"
