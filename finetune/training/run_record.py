"""What a run has cost: wall time and tokens of each stage, kept beside its checkpoints, and the record written beside
the weights."""

import json
import platform
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
import transformers

from finetune.config import TrainConfig
from streamo_app.files import write_json

_EVERY_S = 5.0


class RunStats:
    """Wall seconds and tokens by name ("setup", "0_look", ...), in `path`. Only the main process writes.

    Time is counted while a process is at work, rendering included, so that what was spent before a kill stays counted,
    and so do steps that are done again after it. At most 5 s are lost to a kill.
    """

    def __init__(self, path: Path, main: bool = True):
        self.path, self.main, self._lock = path, main, threading.Lock()
        read = json.loads(path.read_text()) if path.exists() else {}
        self.seconds: dict[str, float] = read.get("seconds", {})
        self.tokens: dict[str, int] = read.get("tokens", {})

    @contextmanager
    def running(self, name: str, every_s: float = _EVERY_S) -> Iterator[None]:
        """Counts the time inside as that of `name`."""
        before, began, stop = self.seconds.get(name, 0.0), time.monotonic(), threading.Event()

        def note() -> None:
            with self._lock:
                self.seconds[name] = round(before + time.monotonic() - began, 2)
                self._write()

        def tick() -> None:  # a kill leaves no chance to note anything
            while not stop.wait(every_s):
                note()

        thread = threading.Thread(target=tick, name="run-stats", daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()
            note()

    def count(self, name: str, tokens: int) -> None:
        """Tokens of a stage that has finished."""
        with self._lock:
            self.tokens[name] = tokens
            self._write()

    def _write(self) -> None:
        if self.main:
            write_json(self.path, {"seconds": self.seconds, "tokens": self.tokens})


def stage_name(config: TrainConfig, index: int) -> str:
    """Names a stage's finished weights and its line of the stats."""
    return f"{index}_{config.stages[index].name}"


def stage_seed(config: TrainConfig, index: int) -> int:
    part = config.part(index)
    return 1000 * part.seed + index - part.first


def training_record(
    config: TrainConfig, stats: RunStats, *, processes: int, precision: str, device: str | None = None
) -> dict:
    """What made the weights, for `training.json`: configuration, seeds, wall time, tokens, and the machine that
    finished them.

    seconds: wall time of all stages and of what came before them. A stage's "seconds" and "tokens" are None where it
    ran before they were kept. Tokens are those of all processes, padding excluded; of a vision stage, the visual tokens
    of its frames.
    """
    names = [stage_name(config, index) for index in range(len(config.stages))]
    stages = [
        {
            "name": stage.name, "kind": stage.kind, "steps": stage.steps, "seed": stage_seed(config, index),
            "seconds": stats.seconds.get(names[index]), "tokens": stats.tokens.get(names[index]),
        }
        for index, stage in enumerate(config.stages)
    ]  # fmt: skip
    return {
        "name": config.name,
        "config": config.digest,
        "seed": config.seed,
        "seconds": round(sum(stats.seconds.get(name, 0.0) for name in ("setup", *names)), 1),
        "setup_seconds": stats.seconds.get("setup"),
        "stages": stages,
        "processes": processes,
        "threads": torch.get_num_threads(),
        "device": device or device_name(),
        "precision": precision,
        "torch": torch.__version__,
        "transformers": transformers.__version__,
    }


def device_name() -> str:
    """Of the GPU, else of the processor."""
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:  # not Linux
        lines = []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models and models[0] else platform.processor() or platform.machine()
