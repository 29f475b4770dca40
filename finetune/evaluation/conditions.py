"""The conditions under which records are streamed: where the clock starts, images per second, fresh streams or one that
never ends.

Not the streaming (`rollout.py`). Live use is seldom a fresh stream at second 0; a number taken there says little of an
evening's.
"""

from argparse import ArgumentParser, Namespace
from dataclasses import dataclass


@dataclass(frozen=True)
class Conditions:
    """Raises ValueError with one sentence for values that make no sense."""

    fps: int | None = None
    """Images per second; None: as the model was trained."""
    clock: int = 0
    """Second that a stream starts at."""
    chain: bool = False
    """One endless stream per process, video after video, in place of a fresh one for each video."""
    since: int = 0
    """Of a chain: only records count whose video starts this many seconds into it, or later."""

    def __post_init__(self) -> None:
        if self.fps is not None and self.fps < 1:
            raise ValueError("--fps is a whole number from 1.")
        if self.clock < 0 or self.since < 0:
            raise ValueError("--clock and --from are whole seconds from 0.")
        if self.since and not self.chain:
            raise ValueError("--from counts the seconds of an endless stream; give --chain too.")

    def __str__(self) -> str:
        parts = [f"clock from {self.clock}"] if self.clock else []
        parts += [f"{self.fps} images a second"] if self.fps else []
        parts += [f"one endless stream, second {self.since} and later"] if self.chain else []
        return ", ".join(parts) or "fresh streams"


FRESH = Conditions()
"""Each video a stream of its own from second 0, images as the model was trained."""


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--fps", metavar="N", type=int, help="images per second (default: as the model was trained)")
    parser.add_argument("--clock", metavar="SECOND", type=int, default=0, help="the stream's clock starts here")
    parser.add_argument(
        "--chain", action="store_true", help="stream the videos back to back, as one endless stream per process"
    )
    parser.add_argument(
        "--from",
        metavar="SECOND",
        type=int,
        default=0,
        dest="since",
        help="with --chain: score what starts this late in it",
    )
    parser.add_argument(
        "--against-fresh", action="store_true", help="stream the same records afresh too and print the difference"
    )


def from_args(args: Namespace) -> Conditions:
    """Raises ValueError as Conditions does, and where nothing is left to compare with a fresh stream."""
    conditions = Conditions(args.fps, args.clock, args.chain, args.since)
    if args.against_fresh and conditions == FRESH:
        raise ValueError(
            "--against-fresh compares with fresh streams; give --clock, --chain or --fps, so that there is a difference."
        )
    return conditions
