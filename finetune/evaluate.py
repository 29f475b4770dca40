"""Streaming evaluation of a set of raw records on the model's own past, through the StreamingModel that also runs live.

Run: python -m finetune evaluate --model M --data RAW.json [--videos DIR] [--json OUT] [--predictions OUT.jsonl]
     ... --clock 80000 | --chain --from 3000 | --fps 2 [--against-fresh]: live conditions [compared with fresh streams]

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

from finetune.evaluation.conditions import FRESH_STREAMS, Conditions, add_condition_arguments, conditions_from_args
from finetune.evaluation.jobs import EvalJob, Outcome, limit_per_video, make_jobs, run_job, select_records
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
    conditions: Conditions = FRESH_STREAMS,
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
        worker = _Worker(load, conditions, biases)
        try:
            for job in jobs:
                outcome.add(worker(job))
                done()
        finally:
            worker.close()
    else:
        for part in _in_processes(jobs, load, conditions, biases, workers):
            outcome.add(part)
            done()
    outcome.streamed.sort(key=lambda item: (biases.index(item.bias), item.record))
    return outcome


class _Worker:
    """Runs the jobs of one process, one after the other."""

    def __init__(self, load: Load, conditions: Conditions, biases: tuple[float, ...]):
        self._load, self._conditions, self._biases = load, conditions, biases
        self._model: StreamingModel | None = None
        self._chain: Chain | None = None

    def __call__(self, job: EvalJob) -> Outcome:
        if self._model is None:
            # Not in __init__: there a bad model folder would break the process pool instead of raising its sentence.
            self._model = self._load()
            if self._conditions.chain:
                self._chain = Chain(self._model.open_lane(), self._conditions.clock)
        return run_job(self._model, job, self._conditions, self._biases, self._chain)

    def close(self) -> None:
        if self._model is not None and self._chain is not None:
            self._model.drop(self._chain.watcher)


def _in_processes(
    jobs: Sequence[EvalJob], load: Load, conditions: Conditions, biases: tuple[float, ...], workers: int
) -> Iterator[Outcome]:
    # The jobs of a chain have to stay in one process, so each chain gets a pool of one. Otherwise all share one pool.
    sizes = [1] * workers if conditions.chain else [workers]
    # spawn: a forked process would share the parent's torch threads and CUDA context.
    spawn = multiprocessing.get_context("spawn")
    pools = [ProcessPoolExecutor(size, spawn, _start_worker, (load, conditions, biases)) for size in sizes]
    try:
        for future in as_completed([pools[i % len(pools)].submit(_run_in_worker, job) for i, job in enumerate(jobs)]):
            yield future.result()
    finally:
        for pool in pools:
            pool.shutdown(wait=False, cancel_futures=True)
        for pool in pools:
            pool.shutdown()


_worker: list[_Worker] = []
"""In a worker process: its one worker."""


def _start_worker(load: Load, conditions: Conditions, biases: tuple[float, ...]) -> None:
    import cv2

    cv2.setNumThreads(1)
    _worker.append(_Worker(partial(_load_single, load), conditions, biases))


def _load_single(load: Load) -> StreamingModel:
    model = load()
    if "torch" in sys.modules:  # a model without it needs no limit, and importing it would take seconds
        sys.modules["torch"].set_num_threads(1)
    return model


def _run_in_worker(job: EvalJob) -> Outcome:
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


def compare_with_fresh(result: dict, fresh: dict) -> dict:
    """{"fresh": the report of fresh streams, "difference": {"f1", "f1_exact"} of the means over tasks, `result` minus
    `fresh`}."""
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
    add_condition_arguments(parser)
    parser.add_argument("--predictions", metavar="OUT.jsonl", help="write the decision of every turn to this file")
    parser.add_argument(
        "--bias",
        metavar="X",
        type=float,
        default=0.0,
        help="added to the response logit, on top of the model's own bias (default: 0)",
    )


def add_common_arguments(parser: ArgumentParser) -> None:
    """Arguments of all commands that stream a set of records."""
    parser.add_argument("--model", metavar="M", required=True, help="model folder, hub id, or streamo-tiny")
    parser.add_argument("--data", metavar="RAW.json", required=True, help="raw records: JSON list or JSON Lines")
    parser.add_argument(
        "--videos", metavar="DIR", help="folder that video_path is relative to (default: that of RAW.json)"
    )
    parser.add_argument("--json", metavar="OUT", help="write the scores to this file")
    parser.add_argument("--limit", metavar="N", type=int, help="use only the first N records")
    parser.add_argument(
        "--each",
        metavar="N",
        type=int,
        help="use at most N records of each video, rotating through them from video to video",
    )
    parser.add_argument(
        "--workers", metavar="N", type=int, help="number of processes (default: one per core, one on a GPU)"
    )
    parser.add_argument(
        "--quantize", choices=QUANTIZE, help="as in the app (default: 4bit on a GPU for weights above 1 GB)"
    )


def run(args: Namespace) -> int:
    """The command; 0 when at least one record was scored. Raises ValueError with one sentence otherwise."""
    from finetune.evaluation.report import print_difference, print_report

    jobs, rejected = prepare(args, args.predictions)
    conditions = conditions_from_args(args)
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
        same = select_records(jobs, {item.record for item in outcome.streamed})
        result |= compare_with_fresh(result, report(stream(args, same, FRESH_STREAMS, args.bias)))
    if args.json:
        write(args.json, [json.dumps(result, ensure_ascii=False, indent=1) + "\n"])
    print_report(result)
    if conditions != FRESH_STREAMS:
        print_difference(result, str(conditions))
    return 0


def prepare(args: Namespace, *outputs: str | None) -> tuple[list[EvalJob], list[str]]:
    """The jobs that the common arguments ask for, and a line per record that cannot be run. Raises ValueError for a
    wrong argument."""
    for number in (getattr(args, "fps", None), args.limit, args.each, args.workers):
        if number is not None and number < 1:
            raise ValueError("--fps, --limit, --each and --workers must be whole numbers of at least 1.")
    for path in filter(None, (args.json, *outputs)):
        writable(path)  # before the long run, not after it
    jobs, rejected = make_jobs(args.data, args.videos, args.limit)
    return limit_per_video(jobs, args.each) if args.each else jobs, rejected


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
            f"No video of {args.data} starts {conditions.since} s into its stream "
            f"({outcome.seconds} s of video over processes: {workers}); use more videos or fewer --workers."
        )
    if not outcome.streamed:
        answered = "all ask for what the stream has just shown; use other videos"
        reason = outcome.rejected[0] if outcome.rejected else answered
        raise ValueError(f"No record of {args.data} could be scored ({reason}).")
    return outcome


def _default_workers() -> int:
    import torch

    return 1 if torch.cuda.is_available() else os.cpu_count() or 1


def write(path: str | Path, lines: Iterable[str]) -> None:
    """Writes the lines to a file, atomically."""
    with atomic_write(path) as tmp, tmp.open("w", encoding="utf-8") as file:
        file.writelines(lines)
