"""`bench`: what streaming costs on this machine; what it measures is in `bench/report.py`.

python -m streamo_app bench                  # 3,000 seconds of stream, a few minutes
python -m streamo_app bench --seconds 300 --json
"""

import json
from argparse import ArgumentParser, Namespace
from contextlib import nullcontext

from streamo_app.cli.watch import quieten
from streamo_app.config import BUILT_IN_MODEL, QUANTIZE

SECONDS = 3000


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--seconds", type=int, default=SECONDS, help="seconds of stream (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of tables")
    parser.add_argument("--model", default=BUILT_IN_MODEL, help="folder or hub id (default: the built-in model)")
    parser.add_argument("--quantize", choices=QUANTIZE, help="default: 4bit on CUDA for weights above 1 GB, else none")
    parser.add_argument("--window", type=int, help="seconds that the model remembers (default: the model's own)")


def run(args: Namespace) -> int:
    """Exit status. Raises ValueError (one sentence) on wrong arguments or a model that does not load."""
    if args.seconds < 1:
        raise ValueError(f"--seconds {args.seconds} measures nothing; give at least 1.")
    quieten()
    from rich.console import Console

    from streamo_app.bench.report import measure, show
    from streamo_app.models.loading import load_model

    model = load_model(args.model, quantize=args.quantize, window=args.window)
    with nullcontext() if args.json else Console(stderr=True).status("measuring"):
        result = measure(model, args.seconds)
    if args.json:
        print(json.dumps(result))
    else:
        show(result, Console())
    return 0
