"""The files that `watch --out` writes while it watches. A reader meets whole lines, or a whole file, at any moment.

JSON Lines grow line by line under their own name. The other formats are written anew beside it and renamed, after each
response and at the end. What stood there before stays until there is something to put in its place.
"""

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from streamo_app.cli.output import JsonLines, Output, complain
from streamo_app.events import Decided, Event
from streamo_app.files import atomic_write
from streamo_app.protocol import State

REWRITE_S = 1.0
"""A file is written anew at most this often ..."""
REWRITE_SHARE = 20
"""... and takes at most one part in this many of the time."""


class LineFile:
    """Text of whole lines, under its own name from the first one on."""

    def __init__(self, path: Path):
        self._path, self._file = path, None
        self._made = not path.exists()
        open(path, "a").close()  # whether it can be written is told before a model is loaded

    def write(self, text: str) -> None:
        self._file = self._file or open(self._path, "w", encoding="utf-8", errors="replace")
        self._file.write(text)

    def flush(self) -> None:
        if self._file:
            self._file.flush()

    def close(self) -> None:
        if self._file:
            self._file.close()
        elif self._made:
            self._path.unlink(missing_ok=True)


class ExportFile:
    """An export as a file: an output (`terminal.Output`)."""

    def __init__(self, path: Path, form: str, *, notices: bool):
        self._path, self._form, self._notices = path, form, notices
        self._stale, self._next_at = False, 0.0
        with tempfile.TemporaryFile(dir=path.parent):
            pass  # whether the folder can be written shows before a model is loaded

    def event(self, event: Event) -> None:
        self._stale |= isinstance(event, Decided) and event.state is State.RESPONSE
        if self._notices:
            complain(event)

    def tick(self, session) -> None:
        started = time.monotonic()
        if self._stale and started >= self._next_at:
            self.finish(session)
            took = time.monotonic() - started
            self._next_at = started + max(REWRITE_S, REWRITE_SHARE * took)

    def finish(self, session) -> None:
        self._stale = False
        write_text(self._path, session.export(self._form))

    def close(self) -> None:
        """Nothing stays open between two writes."""


def write_text(path: Path, text: str) -> None:
    with atomic_write(path) as tmp:
        tmp.write_text(text, encoding="utf-8", errors="replace")


def write_whole(path: Path, text: str) -> None:
    """`path` with `text`, or as it was. Raises ValueError (one sentence) when it cannot be written."""
    check_name(path)
    try:
        write_text(path, text)
    except OSError as error:
        raise unwritable(path, error) from error


def check_name(path: Path) -> None:
    if path.is_dir():
        raise ValueError(f"{path} is a folder; give --out a file name.")


def unwritable(path: Path, error: OSError) -> ValueError:
    return ValueError(f"{path} cannot be written ({error.strerror}); choose another --out.")


@contextmanager
def open_file(form: str, path: Path, *, notices: bool) -> Iterator[Output]:
    """The output for `path`. Raises ValueError (one sentence) when it cannot be written, at once or later."""
    check_name(path)
    made = None
    try:
        made = LineFile(path) if form == "jsonl" else ExportFile(path, form, notices=notices)
        yield JsonLines(made, notices=notices) if isinstance(made, LineFile) else made
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            raise  # not ours: a file has no reader who leaves
        raise unwritable(path, error) from error
    finally:
        if made is not None:
            closed(made)


def closed(file: LineFile | ExportFile) -> None:
    try:
        file.close()
    except OSError:
        pass  # closing writes again what a full disk refused; that was told
