"""`watch`: stream a source through the model and print what it says.

    python -m streamo_app watch clip.webm --ask "Notify me when the light turns green." --format jsonl

The source is opened first and the model last: what is quickly known to be wrong is reported at once, before the heavy
imports.
"""

import logging
import os
import queue
import signal
import sys
import warnings
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path
from typing import TypeAlias

from streamo_app.audio import chime as sound
from streamo_app.cli.output import ExportOnFinish, JsonLines, Output, PlainLines, Tee, never_fail_on_letters, to_stdout
from streamo_app.cli.output_file import open_file
from streamo_app.config import BUILT_IN_MODEL, QUANTIZE, default_journal_dir
from streamo_app.events import Decided, Ended, Event, Failed
from streamo_app.live.snapshot import END_EARLY
from streamo_app.protocol import NARRATE, State, parse_ask
from streamo_app.transcript.transcript import FORMATS

TICK_S = 0.2
"""The live view is redrawn at least this often."""
QUIET = {
    "OPENCV_LOG_LEVEL": "OFF",
    "OPENCV_FFMPEG_LOGLEVEL": "-8",
    "TRANSFORMERS_VERBOSITY": "error",
    "TRANSFORMERS_NO_ADVISORY_WARNINGS": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "TOKENIZERS_PARALLELISM": "false",
}
"""For libraries that write to stderr on their own. They read it at import, so it is set first."""
TERMINAL = "terminal"
"""Folder of what `watch --keep` keeps, beside those of browsers. Without `--keep` nothing is kept: a command in a
script leaves only what it was asked for."""

log = logging.getLogger("streamo_app")

Events: TypeAlias = "queue.SimpleQueue[Event | signal.Signals]"


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("source", metavar="SOURCE", help="a video file, camera:0, or a URL (rtsp://, http://)")
    parser.add_argument(
        "--ask",
        action="append",
        default=[],
        metavar="[SECOND:]TEXT",
        help="an instruction, in force from a second on; may be repeated",
    )
    parser.add_argument("--model", default=BUILT_IN_MODEL, help="folder or hub id (default: the built-in model)")
    parser.add_argument("--quantize", choices=QUANTIZE, help="default: 4bit on CUDA for weights above 1 GB, else none")
    parser.add_argument("--fps", type=int, help="frames per second that the model sees (default: the model's own)")
    parser.add_argument(
        "--window", type=int, metavar="S", help="seconds that the model remembers (default: the model's own)"
    )
    parser.add_argument("--format", choices=("live", *FORMATS), default="live", help="of the output (default: live)")
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="write there while watching; the terminal shows the live view"
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


def checked(args: Namespace) -> Namespace:
    """`args` with `asks`, the (turn, text) of each instruction. Raises ValueError with one sentence."""
    args.asks = [parse_ask(text) for text in args.ask or [NARRATE]]
    if args.out and args.format == "live":
        raise ValueError("--out needs a file format: add --format jsonl, srt, vtt or md.")
    if args.window is not None and args.window < 1:
        raise ValueError(f"--window is {args.window}; at least 1 second is needed.")
    return args


def quieten() -> None:
    """Keep libraries from writing to the terminal; what our own code logs as an error (a traceback) still shows."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    warnings.filterwarnings("ignore")
    logging.getLogger().addHandler(logging.NullHandler())
    errors = logging.StreamHandler()
    errors.setLevel(logging.ERROR)
    log.addHandler(errors)


def run(args: Namespace) -> int:
    """Exit status. Raises ValueError with one sentence."""
    args = checked(args)
    quieten()
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
        events: Events = queue.SimpleQueue()
        journals = default_journal_dir(os.environ) / TERMINAL if args.keep else None
        session = Session(engine, journal_dir=journals)
        session.subscribe(events.put)
        try:
            with signals_into(events):
                session.start(source, fps=args.fps, asks=args.asks, no_new_lanes=True)
                return follow(session, events, output, chime=args.chime)
        finally:
            session.stop()
            engine.stop()


def follow(session, events: Events, output, *, chime: bool = False) -> int:
    """Hand events to the output until the run is over; a signal among them stops it, and the output so far is kept.

    Returns the exit status. Raises ValueError, after everything is written, if the run failed.
    """
    status = 0
    event: Event | signal.Signals | None = None
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
def open_output(form: str, out: Path | None) -> Iterator[Output]:
    """The output for a format ("live", "jsonl", "srt", "vtt", "md"), to stdout or to a file. Beside a file, a terminal
    still shows the live view; a pipe gets nothing.

    Raises ValueError when `out` cannot be written.
    """
    if out is not None:
        if not sys.stdout.isatty():
            with open_file(form, out, notices=True) as output:
                yield output
            return
        with live_output() as live, open_file(form, out, notices=False) as file:
            yield Tee(file, live)
    elif form == "live":
        with live_output() as output:
            yield output
    else:
        never_fail_on_letters("utf-8")
        with to_stdout():
            yield JsonLines(sys.stdout) if form == "jsonl" else ExportOnFinish(sys.stdout, form)


@contextmanager
def live_output() -> Iterator[Output]:
    """The live view in a terminal, plain lines in a pipe."""
    from streamo_app.cli.live_view import LiveView

    never_fail_on_letters()
    with to_stdout(), LiveView() if sys.stdout.isatty() else nullcontext(PlainLines(sys.stdout)) as output:
        yield output


@contextmanager
def kill_unwinds() -> Iterator[None]:
    """SIGTERM raises as Ctrl-C does, so that one that comes while loading leaves no part of a file behind."""

    def handler(number: int, frame) -> None:
        raise KeyboardInterrupt(number)

    before = signal.signal(signal.SIGTERM, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def signals_into(events: Events) -> Iterator[None]:
    """Ctrl-C and SIGTERM become items of the queue, so that no exception interrupts the handling of an event. The
    second one raises at once."""
    caught: list[int] = []

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
