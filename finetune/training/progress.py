"""Progress of a run: bars with the time left in a terminal, a plain line now and then elsewhere, and a curve as JSON
Lines.

`PreparationProgress` is for what a stage needs first (frames rendered, clips encoded), `StageProgress` for its steps.
The curve survives a restart: the lines of steps that will be done again are dropped.
"""

import json
import math
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from finetune.config import Stage
from streamo_app.files import atomic_write

_EMA = 0.95
"""Of the numbers that are shown; the curve has the plain mean of its steps."""
_EVERY = 10
"""Steps from line to line of the curve."""
_REFRESH_S = 0.5
_ORDER = ("loss", "aux", "silence", "standby", "response", "text")
_BAR_WIDTH = 24


def read_curve(path: Path) -> list[dict]:
    """The lines of a curve; one that a kill has cut short is left out. [] where there is no file."""
    lines = []
    for line in path.read_text().splitlines() if path.exists() else ():
        try:
            lines.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return lines


class PreparationProgress:
    """Shows `title` (such as "clips rendered") from 0 to `total`. In a `with`; call it with how much is done. Nothing
    is shown until something is done.

    every_s: seconds between plain lines; the last is always printed.
    """

    def __init__(
        self,
        title: str,
        total: int,
        *,
        console: Console | None = None,
        every_s: float = 30.0,
        clock: Callable[[], float] = time.monotonic,
    ):
        self.title, self.total, self._every_s, self._clock = title, total, every_s, clock
        self.console = console or Console(stderr=True)
        self._first: tuple[float, int] | None = None
        self._shown = clock()
        self._bar: Progress | None = None

    def __enter__(self) -> "PreparationProgress":
        if self.console.is_terminal and self.total:
            self._bar = Progress(
                TextColumn("{task.description}", markup=False),
                BarColumn(_BAR_WIDTH),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
                console=self.console,
                auto_refresh=False,
                speed_estimate_period=120,
            )
            self._task = self._bar.add_task(self.title, total=self.total)
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def __call__(self, done: int) -> None:
        """`done` of `total` are done, those of an earlier start included: the time left is by the pace since the first
        call."""
        now = self._clock()
        if self._bar is not None:
            self._bar.start()
            self._bar.update(self._task, completed=done, refresh=True)
        elif now - self._shown >= self._every_s or done >= self.total:
            self._shown = now
            _print(self.console, f"{self.title}: {done} of {self.total}{self._left(now, done)}")
        self._first = self._first or (now, done)

    def _left(self, now: float, done: int) -> str:
        if self._first is None or done <= self._first[1] or done >= self.total:
            return ""
        began, before = self._first
        return f"; about {words(time_left(now - began, done - before, self.total - done))} left"


class StageProgress:
    """Shows and records the steps of one stage. Only the main process writes; the others keep the sums.

    path: the curve, a line every 10 steps and at the last: stage, step (how many are done), seconds and tokens (of the
    stage, up to there), lr, and the means of the other numbers over the steps since the line before (null where one is
    not finite). start: steps done before this process began; spent: what `spent` said then. every_s: seconds between
    plain lines.
    """

    def __init__(
        self,
        path: Path,
        stages: Sequence[Stage],
        index: int,
        start: int = 0,
        main: bool = True,
        *,
        spent: dict | None = None,
        console: Console | None = None,
        every_s: float = 30.0,
    ):
        self.path, self.stages, self.index, self.stage = path, stages, index, stages[index]
        self.start, self.main = start, main
        before = spent or {}
        self.tokens: int = before.get("tokens", 0)
        self._before, self._began = before.get("seconds", 0.0), time.monotonic()
        self._since: dict[str, list[float]] = dict(before.get("since", {}))
        self._mean: dict[str, float] = {}
        self._shown = -math.inf
        self.console = console or Console(stderr=True)
        self._every_s = _REFRESH_S if self.console.is_terminal else every_s
        self._costs: dict[str, float] = {}
        self._live: Live | None = None
        if main:
            kept = [line for line in read_curve(path) if line["stage"] != self.stage.name or line["step"] <= start]
            self._costs = costs(kept, stages[:index])
            with atomic_write(path) as tmp:
                tmp.write_text("".join(json.dumps(line) + "\n" for line in kept))
            if self.console.is_terminal:
                self._open()

    def __enter__(self) -> "StageProgress":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def seconds(self) -> float:
        """Wall time of the stage's steps, those before a restart included."""
        return self._before + time.monotonic() - self._began

    def spent(self) -> dict:
        """For a checkpoint: what this stage has taken, and the numbers that no line of the curve holds yet."""
        return {"seconds": self.seconds, "tokens": self.tokens, "since": self._since}

    def step(self, step: int, report: dict[str, float]) -> None:
        """Takes the numbers of step `step`, counted from 0. "tokens" are added up, "lr" is kept as it is, the rest is
        averaged."""
        self.tokens += int(report.get("tokens", 0))
        for key, value in report.items():
            if key not in ("tokens", "lr"):
                self._mean[key] = value if key not in self._mean else _EMA * self._mean[key] + (1 - _EMA) * value
                self._since.setdefault(key, []).append(value)
        done = step + 1
        if not self.main:
            self._since.clear()
            return
        if done % _EVERY == 0 or done == self.stage.steps:
            self._write(done, report.get("lr"))
        if time.monotonic() - self._shown >= self._every_s or done == self.stage.steps:
            self._shown = time.monotonic()
            self._show(done)

    def close(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _write(self, done: int, lr: float | None) -> None:
        line = {
            "stage": self.stage.name,
            "step": done,
            "seconds": round(self.seconds, 1),
            "tokens": self.tokens,
            "lr": None if lr is None else _short(lr),
        }
        line |= {key: _short(sum(values) / len(values)) for key, values in self._since.items()}
        self._since.clear()
        with self.path.open("a") as file:
            file.write(json.dumps(line) + "\n")

    def _show(self, done: int) -> None:
        spent, taken = time.monotonic() - self._began, done - self.start
        stage_s = time_left(spent, taken, self.stage.steps - done)
        later_s, measured = later_seconds(self.stages, self.index, spent / taken, self._costs)
        stage, run = f"about {words(stage_s)} left", f"about {words(stage_s + later_s)}"
        # Another kind of stage costs what it costs: until one has run, this one's pace stands in for it.
        run += " left" if measured else " left at this stage's pace"
        first = [key for key in _ORDER if key in self._mean]
        numbers = " ".join(
            f"{key} {self._mean[key]:.3f}" for key in first + [key for key in self._mean if key not in first]
        )
        if self._live is None:
            text = f"{self.stage.name} {done}/{self.stage.steps}: {stage}; whole run: {run}; {numbers}"
            _print(self.console, text)
        else:
            self._bars.update(self._rows[0], completed=done, left=stage)
            self._bars.update(self._rows[1], completed=sum(s.steps for s in self.stages[: self.index]) + done, left=run)
            self._live.update(Group(self._bars, Text(numbers, "dim")), refresh=True)

    def _open(self) -> None:
        # Refreshed by the steps and by no thread of its own: the cores are for training.
        self._bars = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(_BAR_WIDTH),
            MofNCompleteColumn(),
            TextColumn("{task.fields[left]}"),
            console=self.console,
            auto_refresh=False,
        )
        total, before = (
            sum(stage.steps for stage in self.stages),
            sum(stage.steps for stage in self.stages[: self.index]),
        )
        self._rows = (
            self._bars.add_task(self.stage.name, total=self.stage.steps, completed=self.start, left=""),
            self._bars.add_task("whole run", total=total, completed=before + self.start, left=""),
        )
        self._live = Live(self._bars, console=self.console, auto_refresh=False)
        self._live.start()


def size(stage: Stage) -> int:
    """What a step's time grows with: frames of a vision stage, tokens of a dialogue stage."""
    return stage.batch if stage.kind == "vision" else stage.tokens


def costs(lines: Iterable[dict], stages: Sequence[Stage]) -> dict[str, float]:
    """Kind -> seconds per unit of `size`, from the last line that each of these stages left in the curve; the latest
    stage counts."""
    last = {line["stage"]: line for line in lines}
    return {
        stage.kind: line["seconds"] / (line["step"] * size(stage)) for stage in stages if (line := last.get(stage.name))
    }


def later_seconds(stages: Sequence[Stage], index: int, speed: float, known: dict[str, float]) -> tuple[float, bool]:
    """(seconds that the stages after `index` will take, whether each of them is of a kind that was measured). Rendering
    is not in it.

    speed: seconds per step of stage `index` now. A kind that was never measured is taken to cost as much per step.
    """
    known = known | {stages[index].kind: speed / size(stages[index])}
    later = stages[index + 1 :]
    seconds = sum(stage.steps * (known[stage.kind] * size(stage) if stage.kind in known else speed) for stage in later)
    return seconds, all(stage.kind in known for stage in later)


def time_left(spent_s: float, done: float, left: float) -> float:
    """Seconds that what is left takes at the pace so far: `done` in `spent_s`."""
    return spent_s / done * left


def words(seconds: float) -> str:
    """45 s, 12 min, 1 h 05 min."""
    if seconds < 59.5:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"


def _print(console: Console, line: str) -> None:
    console.print(line, highlight=False, soft_wrap=True, markup=False)


def _short(value: float) -> float | None:
    return float(f"{value:.5g}") if math.isfinite(value) else None
