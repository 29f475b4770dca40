"""What `watch` writes: machine formats to a pipe or a file (`cli/output_file.py`), plain lines to a pipe, the live view
(`cli/live_view.py`) to a terminal.

An output gets every event in order, a `tick` now and then, and `finish` once at the end. It never sees a picture.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import IO, Protocol

from streamo_app.events import Asked, Decided, Ended, Event, Noticed
from streamo_app.protocol import State
from streamo_app.transcript.exports import clock_time, jsonl_line, one_line


class Output(Protocol):
    def event(self, event: Event) -> None:
        """One more thing happened."""

    def tick(self, session) -> None:
        """Time to redraw, for an output that draws; cheap for the others."""

    def finish(self, session) -> None:
        """The run is over; `session` holds all of it."""


class JsonLines:
    """One object per decided second and lane, written when it is decided (DESIGN 5). `notices`: they go to stderr."""

    def __init__(self, file: IO[str], *, notices: bool = True):
        self._file, self._notices = file, notices
        self._instructions: dict[int, str] = {}

    def event(self, event: Event) -> None:
        if isinstance(event, Asked):
            self._instructions.setdefault(event.lane, event.text)
        elif isinstance(event, Decided):
            self._file.write(jsonl_line(event, self._instructions.get(event.lane, "")) + "\n")
            self._file.flush()
        elif self._notices:
            complain(event)

    def tick(self, session) -> None: ...

    def finish(self, session) -> None: ...


class ExportOnFinish:
    """An export that is written at the end: "srt", "vtt" or "md"."""

    def __init__(self, file: IO[str], form: str):
        self._file, self._form = file, form

    def event(self, event: Event) -> None:
        complain(event)

    def tick(self, session) -> None: ...

    def finish(self, session) -> None:
        self._file.write(session.export(self._form))
        self._file.flush()


class Tee:
    """The live view and a file at once."""

    def __init__(self, *outputs: Output):
        self._outputs = outputs

    def event(self, event: Event) -> None:
        for output in self._outputs:
            output.event(event)

    def tick(self, session) -> None:
        for output in self._outputs:
            output.tick(session)

    def finish(self, session) -> None:
        for output in self._outputs:
            output.finish(session)


class PlainLines:
    """What was asked and said, a line each, for a pipe or a terminal that cannot draw."""

    def __init__(self, file: IO[str]):
        self._file = file

    def event(self, event: Event) -> None:
        complain(event)
        if line := plain_line(event):
            print(line, file=self._file, flush=True)

    def tick(self, session) -> None: ...

    def finish(self, session) -> None: ...


def plain_line(event: Event) -> str:
    """ "00:05 [1] Green.", or nothing for what does not belong into a transcript."""
    match event:
        case Asked(second, lane, text):
            return f"{clock_time(second)} [{lane}] asked: {one_line(text)}"
        case Decided(second, lane, State.RESPONSE, text):
            return f"{clock_time(second)} [{lane}] {one_line(text)}"
        case Ended(second, text):
            return f"{clock_time(second)} {one_line(text)}"
    return ""


def complain(event: Event) -> None:
    """A notice is no part of what was asked for, so it goes to stderr."""
    if isinstance(event, Noticed):
        print(f"streamo: {clock_time(event.second)} {one_line(event.message)}", file=sys.stderr, flush=True)


@contextmanager
def open_output(form: str, out: Path | None) -> Iterator[Output]:
    """The output for a format ("live", "jsonl", "srt", "vtt", "md"), to stdout or to a file; with a file the live view
    goes on where there is a terminal, and a pipe gets nothing.

    Raises ValueError when `out` cannot be written.
    """
    if out is not None:
        from streamo_app.cli.output_file import open_file

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
        sys.stdout.reconfigure(encoding="utf-8", errors="replace")
        with to_stdout():
            yield JsonLines(sys.stdout) if form == "jsonl" else ExportOnFinish(sys.stdout, form)


@contextmanager
def live_output() -> Iterator[Output]:
    """The live view in a terminal, plain lines in a pipe."""
    from streamo_app.cli.live_view import LiveView

    sys.stdout.reconfigure(errors="replace")
    with to_stdout(), LiveView() if sys.stdout.isatty() else nullcontext(PlainLines(sys.stdout)) as output:
        yield output


@contextmanager
def to_stdout() -> Iterator[None]:
    """When stdout takes no more, what Python still holds for it is thrown away, or it would complain once more while
    exiting.

    Raises BrokenPipeError when the reader left, ValueError for whatever else is wrong with it."""
    try:
        yield
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            raise
        raise ValueError(
            f"The output cannot be written ({error.strerror}); choose another place for it with --out."
        ) from error
