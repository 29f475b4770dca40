"""The conditions under which records are streamed: where the clock starts, frames per second, fresh streams or one that
never ends.

Not the streaming (`rollout.py`). A live session is rarely a fresh stream at second 0, and scores of fresh streams say
little about the tenth hour of one.
"""

from argparse import ArgumentParser, Namespace
from dataclasses import dataclass


@dataclass(frozen=True)
class Conditions:
    """Raises ValueError with one sentence for values that make no sense."""

    fps: int | None = None
    """Frames per second; None: as the model was trained."""
    clock: int = 0
    """Second that a stream starts at."""
    chain: bool = False
    """One endless stream per process, video after video, instead of a fresh one for each video."""
    since: int = 0
    """Of a chain: only records whose video starts this many seconds into it, or later, are scored."""

    def __post_init__(self) -> None:
        if self.fps is not None and self.fps < 1:
            raise ValueError("--fps must be a whole number of at least 1.")
        if self.clock < 0 or self.since < 0:
            raise ValueError("--clock and --from must be whole seconds of at least 0.")
        if self.since and not self.chain:
            raise ValueError("--from counts seconds of an endless stream; give --chain too.")

    def __str__(self) -> str:
        parts = [f"clock from {self.clock}"] if self.clock else []
        parts += [f"{self.fps} frames per second"] if self.fps else []
        parts += [f"one endless stream, second {self.since} and later"] if self.chain else []
        return ", ".join(parts) or "fresh streams"


FRESH_STREAMS = Conditions()
"""Each video a stream of its own from second 0, frames per second as the model was trained."""


def add_condition_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--fps", metavar="N", type=int, help="frames per second (default: as the model was trained)")
    parser.add_argument(
        "--clock", metavar="SECOND", type=int, default=0, help="second that the stream's clock starts at (default: 0)"
    )
    parser.add_argument(
        "--chain", action="store_true", help="stream the videos back to back, as one endless stream per process"
    )
    parser.add_argument(
        "--from",
        metavar="SECOND",
        type=int,
        default=0,
        dest="since",
        help="with --chain: score only records whose video starts at this second of the stream or later",
    )
    parser.add_argument(
        "--against-fresh",
        action="store_true",
        help="stream the same records a second time as fresh streams and print the difference",
    )


def conditions_from_args(args: Namespace) -> Conditions:
    """Raises ValueError as Conditions does, and where nothing is left to compare with a fresh stream."""
    conditions = Conditions(args.fps, args.clock, args.chain, args.since)
    if args.against_fresh and conditions == FRESH_STREAMS:
        raise ValueError(
            "--against-fresh compares with fresh streams; give --clock, --chain or --fps to make a difference."
        )
    return conditions
