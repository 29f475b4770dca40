"""Progress of a stage: a rich line with the time left, and a curve as JSON Lines that survives a restart."""

import json
import time
from pathlib import Path

from rich.console import Console

from finetune.config import Stage

_EMA = 0.95
_EVERY = 25


class Progress:
    """Averages reports and writes them every 25 steps. Only the main process writes."""

    def __init__(self, path: Path, stage: Stage, start: int, main: bool):
        self.path, self.stage, self.start, self.main = path, stage, start, main
        self.mean: dict[str, float] = {}
        self.began = time.monotonic()
        self.console = Console(stderr=True)

    def step(self, step: int, report: dict[str, float]) -> None:
        for key, value in report.items():
            self.mean[key] = value if key not in self.mean else _EMA * self.mean[key] + (1 - _EMA) * value
        if self.main and ((step + 1) % _EVERY == 0 or step + 1 == self.stage.steps):
            seconds = time.monotonic() - self.began
            left = seconds / (step + 1 - self.start) * (self.stage.steps - step - 1)
            line = {"stage": self.stage.name, "step": step + 1, "seconds": round(seconds, 1)}
            line |= {key: round(value, 4) for key, value in self.mean.items()}
            with self.path.open("a") as file:
                file.write(json.dumps(line) + "\n")
            numbers = " ".join(f"{key} {value:.3f}" for key, value in self.mean.items())
            self.console.print(
                f"{self.stage.name} {step + 1}/{self.stage.steps} {seconds:.0f} s, {left:.0f} s left: {numbers}", highlight=False, soft_wrap=True
            )

    def close(self) -> None:
        self.mean.clear()
