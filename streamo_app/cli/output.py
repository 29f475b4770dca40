"""What `watch` writes to a terminal or a pipe: JSON Lines, an export at the end, or plain lines.

An output gets every event in order, a `tick` now and then, and `finish` once at the end. It never sees an image. The
live view is in `live_view.py`, files are in `output_file.py`; `watch.py` chooses.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from typing import Protocol

from streamo_app.events import Asked, Decided, Ended, Event, Noticed
from streamo_app.protocol import State
from streamo_app.transcript.exports import clock_time, jsonl_line, one_line


class TextSink(Protocol):
    """Where text goes: stdout, or a file of `output_file.py`."""

    def write(self, text: str, /) -> object: ...

    def flush(self) -> None: ...


class Output(Protocol):
    def event(self, event: Event) -> None:
        """One more thing happened."""

    def tick(self, session) -> None:
        """Time to redraw, for an output that draws; cheap for the others."""

    def finish(self, session) -> None:
        """The run is over; `session` holds all of it."""


class JsonLines:
    """One object per decided second and lane, written once it is decided. `notices`: whether they go to stderr."""

    def __init__(self, file: TextSink, *, notices: bool = True):
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

    def __init__(self, file: TextSink, form: str):
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
    """What was asked and answered, one line each, for a pipe."""

    def __init__(self, file: TextSink):
        self._file = file

    def event(self, event: Event) -> None:
        complain(event)
        if line := plain_line(event):
            self._file.write(line + "\n")
            self._file.flush()

    def tick(self, session) -> None: ...

    def finish(self, session) -> None: ...


def plain_line(event: Event) -> str:
    """ "00:05 [1] Green.", or nothing for what does not belong in a transcript."""
    match event:
        case Asked(second, lane, text):
            return f"{clock_time(second)} [{lane}] asked: {one_line(text)}"
        case Decided(second, lane, State.RESPONSE, text):
            return f"{clock_time(second)} [{lane}] {one_line(text)}"
        case Ended(second, text):
            return f"{clock_time(second)} {one_line(text)}"
    return ""


def complain(event: Event) -> None:
    """A notice is not part of the output that was asked for, so it goes to stderr."""
    if isinstance(event, Noticed):
        print(f"streamo: {clock_time(event.second)} {one_line(event.message)}", file=sys.stderr, flush=True)


def never_fail_on_letters(encoding: str | None = None) -> None:
    """Let stdout print "?" for what its encoding lacks, instead of raising. `encoding`: None keeps the terminal's."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(encoding=encoding, errors="replace")


@contextmanager
def to_stdout() -> Iterator[None]:
    """When stdout takes no more, drop what Python still buffers for it, or Python would complain again while exiting.

    Raises BrokenPipeError when the reader left, ValueError for any other failure.
    """
    try:
        yield
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            raise
        raise ValueError(
            f"The output cannot be written ({error.strerror}); choose another place for it with --out."
        ) from error
