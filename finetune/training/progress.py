"""Progress of a run: bars with the time left in a terminal, a plain line now and then elsewhere, and a curve as JSON
Lines.

The curve survives a restart: the lines of steps that will be done again are dropped.
"""

import json
import math
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
from rich.progress import Progress as Bars
from rich.text import Text

from finetune.config import Stage
from streamo_app.files import atomic_write

_EMA = 0.95
"""Of the numbers that are shown; the curve has the plain mean of its steps."""
_EVERY = 10
"""Steps from line to line of the curve."""
_REFRESH_S = 0.5
_ORDER = ("loss", "aux", "silence", "standby", "response", "text")


def read_curve(path: Path) -> list[dict]:
    """The lines of a curve; one that a kill has cut short is left out. [] where there is no file."""
    lines = []
    for line in path.read_text().splitlines() if path.exists() else ():
        try:
            lines.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return lines


class Progress:
    """Shows and records one stage. Only the main process writes; the others keep the sums.

    path: the curve, a line every 10 steps and at the last: stage, step (how many are done), seconds and tokens (of the
    stage, up to there), lr, and the means of the other numbers over the steps since the line before (null where one is
    not finite). start: steps done before this process began; seconds, tokens, since: what `spent` said then.
    every_s: seconds between plain lines.
    """

    def __init__(
        self, path: Path, stages: Sequence[Stage], index: int, start: int = 0, main: bool = True, *,
        seconds: float = 0.0, tokens: int = 0, since: dict[str, list[float]] | None = None, console: Console | None = None, every_s: float = 30.0,
    ):  # fmt: skip
        self.path, self.stages, self.index, self.stage, self.start, self.main = (
            path,
            stages,
            index,
            stages[index],
            start,
            main,
        )
        self.tokens = tokens
        self._before, self._began = seconds, time.monotonic()
        self._mean: dict[str, float] = {}
        self._since = dict(since or {})
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

    def __enter__(self) -> "Progress":
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
        speed = (time.monotonic() - self._began) / (done - self.start)
        stage_s = speed * (self.stage.steps - done)
        later_s, measured = later_seconds(self.stages, self.index, speed, self._costs)
        stage, run = f"about {words(stage_s)} left", f"about {words(stage_s + later_s)}"
        # Another kind of stage costs what it costs: until one has run, this one's pace stands in for it.
        run += " left" if measured else " left at this stage's pace"
        first = [key for key in _ORDER if key in self._mean]
        numbers = " ".join(
            f"{key} {self._mean[key]:.3f}" for key in first + [key for key in self._mean if key not in first]
        )
        if self._live is None:
            text = f"{self.stage.name} {done}/{self.stage.steps}: {stage}; whole run: {run}; {numbers}"
            self.console.print(text, highlight=False, soft_wrap=True, markup=False)
        else:
            self._bars.update(self._rows[0], completed=done, left=stage)
            self._bars.update(self._rows[1], completed=sum(s.steps for s in self.stages[: self.index]) + done, left=run)
            self._live.update(Group(self._bars, Text(numbers, "dim")), refresh=True)

    def _open(self) -> None:
        # Refreshed by the steps and by no thread of its own: the cores are for training.
        self._bars = Bars(
            TextColumn("{task.description}", markup=False), BarColumn(24), MofNCompleteColumn(), TextColumn("{task.fields[left]}"),
            console=self.console, auto_refresh=False,
        )  # fmt: skip
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


def words(seconds: float) -> str:
    """45 s, 12 min, 1 h 05 min."""
    if seconds < 59.5:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"


def _short(value: float) -> float | None:
    return float(f"{value:.5g}") if math.isfinite(value) else None
