"""Streamo in the terminal: watch a source and print what the model has to say. Not the page (`app.py`).

    python -m streamo_app watch clip.webm --ask "Notify me when the light turns green." --ask "10:How many cars so far?"
    python -m streamo_app watch camera:0 --format jsonl
    python -m streamo_app sessions
    python -m streamo_app bench

Exit status: 0; 2 with one line on stderr when something is wrong with what was given (a video cut short is watched as
far as it goes); 130 after Ctrl-C and 143 after a kill, with what there is so far kept.
"""

import logging
import os
import queue
import signal
import sys
import warnings
from argparse import Namespace
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from streamo_app.audio import chime as sound
from streamo_app.config import BUILT_IN_MODEL, QUANTIZE, Parser, default_journal_dir
from streamo_app.events import Decided, Ended, Failed
from streamo_app.live.snapshot import END_EARLY
from streamo_app.protocol import State, parse_ask

NARRATE = "Narrate what you see."
"""Asked when nothing is."""
TICK_S = 0.2
"""The live view is redrawn this often at least."""
QUIET = {
    "OPENCV_LOG_LEVEL": "OFF",
    "OPENCV_FFMPEG_LOGLEVEL": "-8",
    "TRANSFORMERS_VERBOSITY": "error",
    "TRANSFORMERS_NO_ADVISORY_WARNINGS": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "TOKENIZERS_PARALLELISM": "false",
}
"""Libraries that write to stderr on their own; read by them at import, so this is set first."""
PROGRAM = "python -m streamo_app"
TERMINAL = "terminal"
"""Folder of what `watch --keep` keeps, beside those of browsers. By default nothing: a command in a script leaves only
what it was asked for."""

log = logging.getLogger("streamo_app")


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status of a command line (without the program's name)."""
    argv = list(sys.argv[1:] if argv is None else argv)
    commands = {"watch": watch, "sessions": sessions, "bench": bench}
    try:
        if not argv or argv[0] not in commands:
            return usage(argv)
        return commands[argv[0]](argv[1:])
    except ValueError as error:
        print(f"streamo: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except KeyboardInterrupt as stop:
        return 128 + (stop.args[0] if stop.args else signal.SIGINT)
    except BrokenPipeError:  # `| head`: whoever read us has enough
        return 0


def usage(argv: list[str]) -> int:
    if argv and argv[0] in ("-h", "--help"):
        print(f"{__doc__}\n{PROGRAM} COMMAND --help says more.")
        return 0
    given = f"there is no command {argv[0]!r}" if argv else "a command is missing"
    raise ValueError(f"{given}; use `{PROGRAM} watch SOURCE`, `{PROGRAM} sessions` or `{PROGRAM} bench`.")


def sessions(argv: list[str]) -> int:
    from streamo_app.cli import sessions as module

    return module.main(argv)


def bench(argv: list[str]) -> int:
    quieten()
    from streamo_app.bench import report as module

    return module.main(argv) or 0


def parse_watch(argv: list[str]) -> Namespace:
    """Arguments of `watch`; `asks` are (turn, text). Raises ValueError with one sentence."""
    parser = Parser(
        prog=f"{PROGRAM} watch",
        description="Watch a video, a camera or a stream, and speak when there is something to say.",
    )
    parser.add_argument("source", metavar="SOURCE", help="a video file, camera:0, or a URL (rtsp://, http://)")
    parser.add_argument(
        "--ask",
        action="append",
        default=[],
        metavar="[SECOND:]TEXT",
        help="a standing instruction, from a second on; may be repeated",
    )
    parser.add_argument("--model", default=BUILT_IN_MODEL, help="folder or hub id (default: the built-in model)")
    parser.add_argument("--quantize", choices=QUANTIZE, help="default: 4bit on CUDA for weights above 1 GB, else none")
    parser.add_argument("--fps", type=int, help="images per second that the model sees (default: the model's own)")
    parser.add_argument(
        "--window", type=int, metavar="S", help="seconds that the model remembers (default: the model's own)"
    )
    parser.add_argument("--format", choices=("live", "jsonl", "srt", "vtt", "md"), default="live")
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="write there, while it watches; the terminal shows the live view"
    )
    parser.add_argument(
        "--realtime", action="store_true", help="play a file at its own speed, skipping what the model is too slow for"
    )
    parser.add_argument(
        "--keep",
        action="store_true",
        help="keep the session, to list, show and export it later (default: nothing is kept)",
    )
    parser.add_argument("--chime", action="store_true", help="play a sound with each response")
    args = parser.parse_args(argv)
    args.asks = [parse_ask(text) for text in args.ask or [NARRATE]]
    if args.out and args.format == "live":
        raise ValueError("--out wants a format to write: add --format jsonl, srt, vtt or md.")
    if args.window is not None and args.window < 1:
        raise ValueError(f"--window is {args.window}; at least 1 second is needed.")
    return args


def quieten() -> None:
    """Nobody but us writes to the terminal; what our own code logs as an error (a traceback) still shows."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    warnings.filterwarnings("ignore")
    logging.getLogger().addHandler(logging.NullHandler())
    errors = logging.StreamHandler()
    errors.setLevel(logging.ERROR)
    log.addHandler(errors)


def watch(argv: list[str]) -> int:
    """Open the source first and the model last: what is quickly known to be wrong is told at once, before the heavy
    imports."""
    args = parse_watch(argv)
    quieten()
    from streamo_app.cli.output import open_output
    from streamo_app.video.source import open_source

    if args.chime:
        sound.open_output()
    with (
        kill_unwinds(),
        open_output(args.format, args.out) as output,
        closing(open_source(args.source, realtime=args.realtime)) as source,
    ):
        from streamo_app.live.session import Session
        from streamo_app.models.engine import Engine
        from streamo_app.models.loading import load_model

        engine = Engine(load_model(args.model, quantize=args.quantize, window=args.window)).start()
        events = queue.SimpleQueue()
        journals = default_journal_dir(os.environ) / TERMINAL if args.keep else None
        session = Session(engine, journal_dir=journals, listener=events.put)
        try:
            with signals_into(events):
                session.start(source, fps=args.fps, asks=args.asks, final=True)
                return follow(session, events, output, chime=args.chime)
        finally:
            session.stop()
            engine.stop()


def follow(session, events: queue.SimpleQueue, output, *, chime: bool = False) -> int:
    """Hand events to the output until the run is over; a signal among them ends the run, and what there is so far is
    kept.

    Returns the exit status. Raises ValueError, when all is written, if the run failed."""
    status, event = 0, None
    while not isinstance(event, Ended | Failed):
        output.tick(session)
        try:
            event = events.get(timeout=TICK_S)
        except queue.Empty:
            continue
        if isinstance(event, signal.Signals):
            status = 128 + event
            session.stop()
            continue
        output.event(event)
        if chime and isinstance(event, Decided) and event.state is State.RESPONSE:
            sound.chime()
    output.finish(session)
    if isinstance(event, Failed):
        raise ValueError(event.message)
    return 2 if event.reason == END_EARLY else status


@contextmanager
def kill_unwinds() -> Iterator[None]:
    """A polite kill ends what is under way as Ctrl-C does, so that no part of a file is left behind by one that comes
    while loading."""

    def handler(number: int, frame) -> None:
        raise KeyboardInterrupt(number)

    before = signal.signal(signal.SIGTERM, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def signals_into(events: queue.SimpleQueue) -> Iterator[None]:
    """Ctrl-C and a polite kill become items of the queue, so that no event is torn by an exception. The second one does
    not wait."""
    caught = []

    def handler(number: int, frame) -> None:
        if caught:
            raise KeyboardInterrupt(number)
        caught.append(number)
        events.put(signal.Signals(number))

    before = {number: signal.signal(number, handler) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)
