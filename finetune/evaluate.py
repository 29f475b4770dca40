"""Streaming evaluation of a set of raw records on the model's own past, through the StreamingModel that also runs live.

Run: python -m finetune evaluate --model M --data RAW.json [--videos DIR] [--json OUT] [--predictions OUT.jsonl]
     ... --clock 80000 --against-fresh, --chain --from 3000 --against-fresh, --fps 2 --against-fresh: live conditions
     beside fresh streams

Not the scores (`metrics.py`), not the streaming (`rollout.py`), not the choice of a bias (`bias.py`). Jobs (`jobs.py`)
are shared by processes.
"""

import json
import multiprocessing
import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict
from functools import partial
from pathlib import Path

from finetune.evaluation import conditions as live
from finetune.evaluation.conditions import FRESH, Conditions
from finetune.evaluation.jobs import EvalJob, Outcome, make_jobs, only, run_job, thinned
from finetune.evaluation.rollout import Chain
from finetune.metrics import score
from streamo_app.config import QUANTIZE
from streamo_app.files import atomic_write, writable
from streamo_app.models.interface import StreamingModel
from streamo_app.protocol import STATES

Load = Callable[[], StreamingModel]


def evaluate(
    jobs: Sequence[EvalJob],
    load: Load,
    *,
    conditions: Conditions = FRESH,
    bias: float | Sequence[float] = 0.0,
    workers: int = 1,
    done: Callable[[], None] = lambda: None,
) -> Outcome:
    """Streams all jobs; records come back in the order of the data file. `done` is called after each job.

    load: gives the model; called once in each of `workers` processes, so with more than one it has to be picklable. One
    worker is this process, with the threads it has; several have one thread each. bias: several are streamed in one
    pass over the videos, and the records come back once for each, in their order. With `conditions.chain` worker w
    streams jobs w, w + workers, ... as one stream.
    """
    biases = (bias,) if isinstance(bias, (int, float)) else tuple(bias)
    outcome = Outcome()
    if workers <= 1:
        work = _Work(load, conditions, biases)
        try:
            for job in jobs:
                outcome.add(work(job))
                done()
        finally:
            work.close()
    else:
        for part in _in_processes(jobs, load, conditions, biases, workers):
            outcome.add(part)
            done()
    outcome.streamed.sort(key=lambda item: (biases.index(item.bias), item.record))
    return outcome


class _Work:
    """What one process does with its jobs, one after the other."""

    def __init__(self, load: Load, conditions: Conditions, biases: tuple[float, ...]):
        self._load, self._conditions, self._biases = load, conditions, biases
        self._model: StreamingModel | None = None
        self._chain: Chain | None = None

    def __call__(self, job: EvalJob) -> Outcome:
        if (
            self._model is None
        ):  # here and not at the start, so that in a process a bad model folder is a sentence and not a broken pool
            self._model = self._load()
            if self._conditions.chain:
                self._chain = Chain(self._model.open_lane(), self._conditions.clock)
        return run_job(self._model, job, self._conditions, self._biases, self._chain)

    def close(self) -> None:
        if self._chain is not None:
            self._model.drop(self._chain.watcher)


def _in_processes(
    jobs: Sequence[EvalJob], load: Load, conditions: Conditions, biases: tuple[float, ...], workers: int
) -> Iterator[Outcome]:
    # A chain needs to know its process; a pool of one has no other. Else whoever is free takes the next job.
    sizes = [1] * workers if conditions.chain else [workers]
    # spawn: a forked process would share the parent's torch threads and CUDA context.
    spawn = multiprocessing.get_context("spawn")
    pools = [ProcessPoolExecutor(size, spawn, _start_worker, (load, conditions, biases)) for size in sizes]
    try:
        for future in as_completed([pools[i % len(pools)].submit(_work, job) for i, job in enumerate(jobs)]):
            yield future.result()
    finally:
        for pool in pools:
            pool.shutdown(wait=False, cancel_futures=True)
        for pool in pools:
            pool.shutdown()


_worker: list[_Work] = []
"""In a worker process: its work."""


def _start_worker(load: Load, conditions: Conditions, biases: tuple[float, ...]) -> None:
    import cv2

    cv2.setNumThreads(1)
    _worker.append(_Work(partial(_load_single, load), conditions, biases))


def _load_single(load: Load) -> StreamingModel:
    model = load()
    if "torch" in sys.modules:  # a model without it needs no limit, and importing it takes seconds
        sys.modules["torch"].set_num_threads(1)
    return model


def _work(job: EvalJob) -> Outcome:
    return _worker[0](job)


def report(outcome: Outcome) -> dict:
    """Scores (`metrics.score`) plus what was run, as plain JSON."""
    return score(item.track for item in outcome.streamed) | {
        "records": len(outcome.streamed),
        "rejected": len(outcome.rejected),
        "too_early": outcome.too_early,
        "answered_before": outcome.answered_before,
        "seconds": outcome.seconds,
        "ms_per_second": 1000 * outcome.busy_s / outcome.seconds if outcome.seconds else None,
    }


def against(result: dict, fresh: dict) -> dict:
    """{"fresh": the report of fresh streams, "difference": {"f1", "f1_exact"} of the means over tasks, live minus
    fresh}."""
    pairs = {key: (result["macro"][key], fresh["macro"][key]) for key in ("f1", "f1_exact")}
    return {
        "fresh": fresh,
        "difference": {key: None if None in pair else pair[0] - pair[1] for key, pair in pairs.items()},
    }


def prediction_lines(outcome: Outcome) -> Iterator[str]:
    """JSON Lines `{"record", "second", "state", "text", "p"}`, one for every turn of every record; seconds are the
    video's own."""
    for item in outcome.streamed:
        for second, said in enumerate(item.decisions):
            p = {state.value: round(value, 6) for state, value in zip(STATES, said.p, strict=True)}
            line = {"record": item.record, "second": second, "state": said.state.value, "text": said.text, "p": p}
            yield json.dumps(line, ensure_ascii=False) + "\n"


def add_arguments(parser: ArgumentParser) -> None:
    add_common_arguments(parser)
    live.add_arguments(parser)
    parser.add_argument("--predictions", metavar="OUT.jsonl", help="write every turn's decision here")
    parser.add_argument(
        "--bias",
        metavar="X",
        type=float,
        default=0.0,
        help="added to the response logit, on top of the model's own bias",
    )


def add_common_arguments(parser: ArgumentParser) -> None:
    """Of all commands that stream a set of records."""
    parser.add_argument("--model", metavar="M", required=True, help="model folder, hub id, or streamo-tiny")
    parser.add_argument("--data", metavar="RAW.json", required=True, help="raw records: JSON list or JSON Lines")
    parser.add_argument(
        "--videos", metavar="DIR", help="folder that video_path is relative to (default: the one of RAW.json)"
    )
    parser.add_argument("--json", metavar="OUT", help="write the scores here")
    parser.add_argument("--limit", metavar="N", type=int, help="only the first N records")
    parser.add_argument(
        "--each",
        metavar="N",
        type=int,
        help="at most N records of each video, others from video to video: many videos in little time",
    )
    parser.add_argument("--workers", metavar="N", type=int, help="processes (default: one per core, one on a GPU)")
    parser.add_argument(
        "--quantize", choices=QUANTIZE, help="as for the app (default: 4bit on a GPU for weights above 1 GB)"
    )


def run(args: Namespace) -> int:
    """The command; 0 when at least one record was scored. Raises ValueError with one sentence otherwise."""
    from finetune.evaluation.report import print_difference, print_report

    jobs, rejected = prepare(args, args.predictions)
    conditions = live.from_args(args)
    outcome = stream(args, jobs, conditions, args.bias, rejected)
    result = {
        "model": args.model,
        "data": str(args.data),
        "bias": args.bias,
        "conditions": asdict(conditions),
        **report(outcome),
    }
    if conditions.chain:
        result["starts"] = {item.record: item.start for item in outcome.streamed}
    if args.predictions:
        write(args.predictions, prediction_lines(outcome))
    if args.against_fresh:
        same = only(jobs, {item.record for item in outcome.streamed})
        result |= against(result, report(stream(args, same, FRESH, args.bias)))
    if args.json:
        write(args.json, [json.dumps(result, ensure_ascii=False, indent=1) + "\n"])
    print_report(result)
    if conditions != FRESH:
        print_difference(result, str(conditions))
    return 0


def prepare(args: Namespace, *outputs: str | None) -> tuple[list[EvalJob], list[str]]:
    """The jobs of the common arguments, and a line per record that cannot be run. Raises ValueError for what is wrong
    with them."""
    for number in (getattr(args, "fps", None), args.limit, args.each, args.workers):
        if number is not None and number < 1:
            raise ValueError("--fps, --limit, --each and --workers are whole numbers from 1.")
    for path in filter(None, (args.json, *outputs)):
        writable(path)  # before the long run, not after it
    jobs, rejected = make_jobs(args.data, args.videos, args.limit)
    return thinned(jobs, args.each) if args.each else jobs, rejected


def stream(
    args: Namespace,
    jobs: Sequence[EvalJob],
    conditions: Conditions,
    bias: float | Sequence[float],
    rejected: Sequence[str] = (),
) -> Outcome:
    """`evaluate` with a progress bar and, on stderr, a line per record rejected (`rejected` first) or changed.

    Raises ValueError when no record could be scored.
    """
    from rich.console import Console
    from rich.progress import Progress

    from streamo_app.models.loading import load_model  # brings torch and transformers

    workers = min(args.workers or _default_workers(), len(jobs))
    errors = Console(stderr=True)
    with Progress(console=errors, transient=True) as progress:
        bar = progress.add_task(str(conditions), total=len(jobs))
        load = partial(load_model, args.model, quantize=args.quantize)
        outcome = evaluate(
            jobs, load, conditions=conditions, bias=bias, workers=workers, done=lambda: progress.advance(bar)
        )
    outcome.rejected = [*rejected, *outcome.rejected]
    for line in outcome.rejected + outcome.notes:
        errors.print(line, markup=False, highlight=False, soft_wrap=True)
    if outcome.too_early and not outcome.streamed:
        raise ValueError(
            f"No video of {args.data} starts {conditions.since} s into its stream ({outcome.seconds} s of video over processes: {workers}); "
            "take more videos, or fewer --workers."
        )
    if not outcome.streamed:
        reason = (
            outcome.rejected[0] if outcome.rejected else "all ask for what the stream has just shown; take other videos"
        )
        raise ValueError(f"No record of {args.data} could be scored ({reason}).")
    return outcome


def _default_workers() -> int:
    import torch

    return 1 if torch.cuda.is_available() else os.cpu_count() or 1


def write(path: str | Path, lines: Iterable[str]) -> None:
    """Written beside and then renamed."""
    with atomic_write(path) as tmp, tmp.open("w", encoding="utf-8") as file:
        file.writelines(lines)
