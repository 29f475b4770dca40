"""Chooses the response bias on validation data: the same records at several biases, streamed in one pass over the
videos.

Run: python -m finetune bias --model M --data VALIDATION.json [--biases -1 -0.5 0 0.5 1] [--json OUT]

Frames are decoded and encoded once for all biases, and biases share a lane until they decide differently
(`rollout.py`).
"""

import json
from argparse import ArgumentParser, Namespace

from finetune.evaluate import add_common_arguments, prepare, report, stream, write
from finetune.evaluation.conditions import FRESH_STREAMS
from finetune.evaluation.jobs import Outcome

BIASES = (-1.0, -0.5, 0.0, 0.5, 1.0)
LARGEST = 100
"""With far larger ones a probability is 0 at one bias and tells nothing of what another would decide."""


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
    an F1, which is None where no response is expected."""
    known = {bias: scores[bias]["macro"]["f1"] for bias in scores if scores[bias]["macro"]["f1"] is not None}
    if not known:
        raise ValueError(
            "No response is expected in any of these records, so no bias is the best; use records with answers."
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
        help="values to try, on top of the model's own bias (default: -1 -0.5 0 0.5 1)",
    )


def run(args: Namespace) -> int:
    """The command; 0 when a bias was chosen. Raises ValueError with one sentence otherwise."""
    from finetune.evaluation.report import print_biases

    if not all(abs(bias) <= LARGEST for bias in args.biases):  # also refuses nan
        raise ValueError(f"--biases must be numbers from -{LARGEST} to {LARGEST}, such as -0.5 0 0.5.")
    jobs, rejected = prepare(args)
    scores = reports(stream(args, jobs, FRESH_STREAMS, sorted(set(args.biases)), rejected))
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
