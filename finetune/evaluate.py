"""Streaming evaluation of a set of raw records on the model's own past, through the StreamingModel that also runs live.

Run: python -m finetune evaluate --model M --data RAW.json [--videos DIR] [--json OUT] [--predictions OUT.jsonl]

Not the scores (`metrics.py`), not the streaming (`rollout.py`). Records are grouped by video, so that a video is decoded and encoded once
and its records share one watcher; videos are split over processes.
"""

import json
import multiprocessing
import os
import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from functools import partial
from math import inf
from pathlib import Path

from finetune.annotations import Record, numbered_records
from finetune.build import Dialogue, build_dialogue, place_questions
from finetune.footage import video_turns, writable
from finetune.metrics import Track, score
from finetune.rollout import Decision, roll_out
from streamo_app.config import QUANTIZE
from streamo_app.models.interface import StreamingModel
from streamo_app.protocol import STATES

Load = Callable[[], StreamingModel]


@dataclass(frozen=True)
class Job:
    """One video and the records on it."""

    video: Path
    records: tuple[tuple[int, Record], ...]
    """(index in the data file, record)"""


@dataclass(frozen=True)
class Streamed:
    """One record as the model lived it."""

    record: int
    """Index in the data file."""
    gold: Dialogue
    decisions: list[Decision]
    """One per turn of `gold`."""

    @property
    def track(self) -> Track:
        turns = self.gold.turns
        argument = self.gold.meta.get("argument")
        return Track(
            task=self.gold.task,
            asked=self.gold.asked or 0,
            gold=[(turn.state, turn.text) for turn in turns],
            predicted=[(decision.state, decision.text) for decision in self.decisions],
            video=self.gold.video_path,
            argument=None if argument is None else str(argument),
        )


@dataclass
class Outcome:
    """What came of some jobs."""

    streamed: list[Streamed] = field(default_factory=list)
    rejected: list[str] = field(default_factory=list)
    """A line per record that could not be scored."""
    notes: list[str] = field(default_factory=list)
    """A line per question or answer that was moved or left out of a record's gold."""
    seconds: int = 0
    """Of video."""
    busy_s: float = 0.0
    """Decoding and model time of all of it."""

    def add(self, other: "Outcome") -> None:
        self.streamed += other.streamed
        self.rejected += other.rejected
        self.notes += other.notes
        self.seconds += other.seconds
        self.busy_s += other.busy_s


def run_job(model: StreamingModel, job: Job, fps: int | None = None, bias: float = 0.0) -> Outcome:
    """Streams one video. A video that cannot be read rejects its records; anything else the model raises is raised."""
    started = time.perf_counter()
    asks = [place_questions(record, inf, []) for _, record in job.records]
    turns = _Readable(video_turns(job.video, fps or model.info.fps))
    said = roll_out(model, turns, asks, bias)
    if turns.error:
        return Outcome(rejected=[f"record {index}: {turns.error}" for index, _ in job.records])
    seconds = len(said[0])
    outcome = Outcome(seconds=seconds, busy_s=time.perf_counter() - started)
    for (index, record), decisions in zip(job.records, said, strict=True):
        gold, notes = build_dialogue(record, seconds)
        if gold is None:
            outcome.rejected.append(f"record {index}: {'; '.join(notes)}")
        else:
            outcome.streamed.append(Streamed(index, gold, decisions))
            outcome.notes += [f"record {index}: {note}" for note in notes]
    return outcome


class _Readable:
    """Turns of a video; what its source complains of ends them and is kept, so that it is not mistaken for a fault of the model."""

    def __init__(self, turns: Iterator):
        self._turns = turns
        self.error = ""

    def __iter__(self) -> Iterator:
        try:
            yield from self._turns
        except ValueError as error:
            self.error = str(error)


def evaluate(
    jobs: Sequence[Job],
    load: Load,
    *,
    fps: int | None = None,
    bias: float = 0.0,
    workers: int = 1,
    done: Callable[[], None] = lambda: None,
) -> Outcome:
    """Streams all jobs; records come back in the order of the data file. `done` is called after each job.

    load: gives the model; called once in each of `workers` processes, so with more than one it has to be picklable. One worker is this
    process, with the threads it has; several have one thread each.
    """
    outcome = Outcome()
    if workers <= 1:
        model = load()
        for job in jobs:
            outcome.add(run_job(model, job, fps, bias))
            done()
    else:
        # spawn: a forked process would share the parent's torch threads and CUDA context.
        pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _start_worker, (load,))
        try:
            for future in as_completed([pool.submit(_work, job, fps, bias) for job in jobs]):
                outcome.add(future.result())
                done()
        finally:
            pool.shutdown(cancel_futures=True)
    outcome.streamed.sort(key=lambda item: item.record)
    return outcome


_worker: dict = {}
"""In a worker process: how to load the model, and the model once its first job came."""


def _start_worker(load: Load) -> None:
    import cv2

    cv2.setNumThreads(1)
    _worker["load"] = load


def _work(job: Job, fps: int | None, bias: float) -> Outcome:
    if "model" not in _worker:  # here and not at the start, so that a bad model folder is a sentence and not a broken pool
        _worker["model"] = _worker["load"]()
        if "torch" in sys.modules:  # a model without it needs no limit, and importing it takes seconds
            sys.modules["torch"].set_num_threads(1)
    return run_job(_worker["model"], job, fps, bias)


def make_jobs(data: str | Path, videos: str | Path | None = None, limit: int | None = None) -> tuple[list[Job], list[str]]:
    """Jobs of the first `limit` records of a data file, and a line per record that cannot be run.

    `videos` is the folder that `video_path` is relative to (the data file's own where None). Raises ValueError when no record is left.
    """
    folder = Path(videos) if videos is not None else Path(data).parent
    groups: dict[Path, list[tuple[int, Record]]] = {}
    rejected: list[str] = []
    for index, item in list(numbered_records(data))[:limit]:
        if isinstance(item, str):
            rejected.append(item)
        elif not (path := folder / item.video_path).is_file():
            rejected.append(f"record {index}: there is no video {path}")
        elif not place_questions(item, inf, notes := []):
            rejected.append(f"record {index}: {'; '.join(notes) or 'nothing is asked'}")
        else:
            groups.setdefault(path, []).append((index, item))
    if not groups:
        raise ValueError(f"{data} holds no record that can be run ({rejected[0] if rejected else 'it is empty'}).")
    return [Job(path, tuple(records)) for path, records in groups.items()], rejected


def report(outcome: Outcome) -> dict:
    """Scores (`metrics.score`) plus what was run, as plain JSON."""
    return score(item.track for item in outcome.streamed) | {
        "records": len(outcome.streamed),
        "rejected": len(outcome.rejected),
        "seconds": outcome.seconds,
        "ms_per_second": 1000 * outcome.busy_s / outcome.seconds if outcome.seconds else None,
    }


def prediction_lines(outcome: Outcome) -> Iterator[str]:
    """JSON Lines `{"record", "second", "state", "text", "p"}`, one for every turn of every record."""
    for item in outcome.streamed:
        for second, said in enumerate(item.decisions):
            p = {state.value: round(value, 6) for state, value in zip(STATES, said.p, strict=True)}
            line = {"record": item.record, "second": second, "state": said.state.value, "text": said.text, "p": p}
            yield json.dumps(line, ensure_ascii=False) + "\n"


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--model", metavar="M", required=True, help="model folder, hub id, or streamo-tiny")
    parser.add_argument("--data", metavar="RAW.json", required=True, help="raw records: JSON list or JSON Lines")
    parser.add_argument("--videos", metavar="DIR", help="folder that video_path is relative to (default: the one of RAW.json)")
    parser.add_argument("--fps", metavar="N", type=int, help="images per second (default: as the model was trained)")
    parser.add_argument("--json", metavar="OUT", help="write the scores here")
    parser.add_argument("--predictions", metavar="OUT.jsonl", help="write every turn's decision here")
    parser.add_argument("--bias", metavar="X", type=float, default=0.0, help="added to the response logit, on top of the model's own bias")
    parser.add_argument("--limit", metavar="N", type=int, help="only the first N records")
    parser.add_argument("--workers", metavar="N", type=int, help="processes (default: one per core, one on a GPU)")
    parser.add_argument("--quantize", choices=QUANTIZE, help="as for the app (default: 4bit on a GPU for weights above 1 GB)")


def run(args: Namespace) -> int:
    """The command; 0 when at least one record was scored. Raises ValueError with one sentence otherwise."""
    from rich.console import Console
    from rich.progress import Progress

    from finetune.table import print_report

    if args.fps is not None and args.fps < 1 or args.limit is not None and args.limit < 1 or args.workers is not None and args.workers < 1:
        raise ValueError("--fps, --limit and --workers are whole numbers from 1.")
    for path in filter(None, (args.json, args.predictions)):
        writable(path)  # before the long run, not after it
    jobs, rejected = make_jobs(args.data, args.videos, args.limit)

    from streamo_app.models.loading import load_model  # brings torch and transformers

    workers = min(args.workers or _default_workers(), len(jobs))
    errors = Console(stderr=True)
    with Progress(console=errors, transient=True) as progress:
        bar = progress.add_task("videos", total=len(jobs))
        load = partial(load_model, args.model, quantize=args.quantize)
        outcome = evaluate(jobs, load, fps=args.fps, bias=args.bias, workers=workers, done=lambda: progress.advance(bar))
    outcome.rejected = rejected + outcome.rejected
    for line in outcome.rejected + outcome.notes:
        errors.print(line, markup=False, highlight=False, soft_wrap=True)
    if not outcome.streamed:
        raise ValueError(f"No record of {args.data} could be scored ({outcome.rejected[0]}).")
    result = {"model": args.model, "data": str(args.data), "bias": args.bias, **report(outcome)}
    if args.predictions:
        _write(args.predictions, prediction_lines(outcome))
    if args.json:
        _write(args.json, [json.dumps(result, ensure_ascii=False, indent=1) + "\n"])
    print_report(result)
    return 0


def _default_workers() -> int:
    import torch

    return 1 if torch.cuda.is_available() else os.cpu_count() or 1


def _write(path: str | Path, lines: Sequence[str] | Iterator[str]) -> None:
    with Path(path).open("w", encoding="utf-8") as file:
        file.writelines(lines)
