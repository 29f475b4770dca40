"""Choosing the bias of the response on validation data: the same records at several biases, streamed in one pass over
the videos.

Run: python -m finetune bias --model M --data VALIDATION.json [--biases -1 -0.5 0 0.5 1] [--json OUT]

Pictures are decoded and encoded once for all biases, and biases share a lane until they decide differently
(`rollout.py`).
"""

import json
from argparse import ArgumentParser, Namespace

from finetune.evaluate import add_common_arguments, prepare, report, stream, write
from finetune.evaluation.conditions import FRESH
from finetune.evaluation.jobs import Outcome

BIASES = (-1.0, -0.5, 0.0, 0.5, 1.0)
LARGEST = 100
"""Far beyond it a probability is 0 at one bias, and what another would decide cannot be told from it."""


def reports(outcome: Outcome) -> dict[float, dict]:
    """Bias -> the report (`evaluate.report`) of the records streamed at it."""
    every: dict[float, Outcome] = {}
    for item in outcome.streamed:
        every.setdefault(
            item.bias, Outcome(rejected=outcome.rejected, seconds=outcome.seconds, busy_s=outcome.busy_s)
        ).streamed.append(item)
    return {bias: report(part) for bias, part in every.items()}


def best(scores: dict[float, dict]) -> float:
    """The bias with the highest mean F1 over tasks; of equal ones the nearest to 0. Raises ValueError where no task has
    an F1."""
    known = {bias: scores[bias]["macro"]["f1"] for bias in scores if scores[bias]["macro"]["f1"] is not None}
    if not known:
        raise ValueError(
            "No response is due in any of these records, so that no bias is better than another; take records with answers."
        )
    return max(known, key=lambda bias: (known[bias], -abs(bias)))


def add_arguments(parser: ArgumentParser) -> None:
    add_common_arguments(parser)
    parser.add_argument(
        "--biases",
        metavar="X",
        type=float,
        nargs="+",
        default=BIASES,
        help="on top of the model's own (default: -1 -0.5 0 0.5 1)",
    )


def run(args: Namespace) -> int:
    """The command; 0 when a bias was chosen. Raises ValueError with one sentence otherwise."""
    from finetune.evaluation.report import print_biases

    if not all(abs(bias) <= LARGEST for bias in args.biases):  # not a number is not either
        raise ValueError(f"--biases are numbers from -{LARGEST} to {LARGEST}, say -0.5 0 0.5.")
    jobs, rejected = prepare(args)
    scores = reports(stream(args, jobs, FRESH, sorted(set(args.biases)), rejected))
    chosen = best(scores)
    if args.json:
        result = {
            "model": args.model,
            "data": str(args.data),
            "best": chosen,
            "biases": {f"{bias:g}": row for bias, row in scores.items()},
        }
        write(args.json, [json.dumps(result, ensure_ascii=False, indent=1) + "\n"])
    print_biases(scores, chosen)
    return 0
