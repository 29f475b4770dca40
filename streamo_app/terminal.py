"""What `watch` writes: machine formats to a file or a pipe, plain lines to a pipe, the live view (`terminal_live.py`) to a terminal.

An output gets every event in order, a `tick` now and then, and `finish` once at the end. It never sees a picture.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import IO, Protocol

from streamo_app.events import Asked, Decided, Ended, Event, Failed, Noticed
from streamo_app.protocol import State
from streamo_app.transcript_exports import clock_time, jsonl_line, one_line


class Output(Protocol):
    def event(self, event: Event) -> None:
        """One more thing happened."""

    def tick(self, session) -> None:
        """Time to redraw, for an output that draws; cheap for the others."""

    def finish(self, session) -> None:
        """The run is over; `session` holds all of it."""


class JsonLines:
    """One object per decided second and lane, written when it is decided (DESIGN 5)."""

    def __init__(self, file: IO[str]):
        self._file = file
        self._instructions: dict[int, str] = {}

    def event(self, event: Event) -> None:
        if isinstance(event, Asked):
            self._instructions.setdefault(event.lane, event.text)
        elif isinstance(event, Decided):
            self._file.write(jsonl_line(event, self._instructions.get(event.lane, "")) + "\n")
            self._file.flush()
        else:
            complain(event)

    def tick(self, session) -> None: ...

    def finish(self, session) -> None: ...


class Whole:
    """An export that is written at the end: "srt", "vtt" or "md"."""

    def __init__(self, file: IO[str], form: str):
        self._file, self._form = file, form

    def event(self, event: Event) -> None:
        complain(event)

    def tick(self, session) -> None: ...

    def finish(self, session) -> None:
        self._file.write(session.export(self._form))
        self._file.flush()


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
    """"00:05 [1] Green.", or nothing for what does not belong into a transcript."""
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
    """The output for a format ("live", "jsonl", "srt", "vtt", "md"), to stdout or to a file that appears under its name at the end.

    Raises ValueError when `out` cannot be written.
    """
    if form == "live":
        from streamo_app.terminal_live import LiveView

        sys.stdout.reconfigure(errors="replace")
        with to_stdout(), LiveView() if sys.stdout.isatty() else nullcontext(PlainLines(sys.stdout)) as output:
            yield output
    elif out is None:
        sys.stdout.reconfigure(encoding="utf-8", errors="replace")
        with to_stdout():
            yield machine_output(form, sys.stdout)
    else:
        with part_file(out) as file:
            yield machine_output(form, file)


def machine_output(form: str, file: IO[str]) -> Output:
    return JsonLines(file) if form == "jsonl" else Whole(file, form)


@contextmanager
def to_stdout() -> Iterator[None]:
    """When stdout takes no more, what Python still holds for it is thrown away, or it would complain once more while exiting.

    Raises BrokenPipeError when the reader left, ValueError for whatever else is wrong with it."""
    try:
        yield
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            raise
        raise ValueError(f"The output cannot be written ({error.strerror}); choose another place for it with --out.") from error


@contextmanager
def part_file(path: Path) -> Iterator[IO[str]]:
    """Writes beside `path` and renames at the end, so that no reader meets half a file under the real name. What was written before an
    error is kept under the name too; if that is nothing, nothing is left. Raises ValueError when the disk refuses."""
    if path.is_dir():
        raise ValueError(f"{path} is a folder; give --out a file name.")
    part, finished = path.with_name(path.name + ".part"), False
    try:
        file = open(part, "w", encoding="utf-8", errors="replace")
    except OSError as error:
        raise unwritable(path, error) from None
    try:
        yield file
        file.close()
        finished = True
    except OSError as error:
        raise unwritable(path, error) from error
    finally:
        with suppress(OSError):  # closing writes again what a full disk refused
            file.close()
        if finished or part.stat().st_size:
            os.replace(part, path)
        else:
            part.unlink()


def unwritable(path: Path, error: OSError) -> ValueError:
    return ValueError(f"{path} cannot be written ({error.strerror}); choose another --out.")
