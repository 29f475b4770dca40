"""The files that `watch --out` writes while it watches. A reader finds whole lines, or a whole file, at any moment.

JSON Lines grow line by line under their own name. The other formats are rewritten after each response and at the end.
A file that was there before stays until there is something to replace it with.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import TextIO

from streamo_app.cli.output import JsonLines, Output, complain
from streamo_app.events import Decided, Event
from streamo_app.files import atomic_write
from streamo_app.protocol import State

REWRITE_S = 1.0
"""A file is rewritten at most this often ..."""
REWRITE_SHARE = 20
"""... and takes at most one part in this many of the time."""


class LineFile:
    """Text of whole lines, under its own name from the first one on."""

    def __init__(self, path: Path):
        self._path = path
        self._file: TextIO | None = None
        self._is_new = not path.exists()
        with open(path, "a"):  # raises now, before a model is loaded, if it cannot be written
            pass

    def write(self, text: str) -> None:
        if self._file is None:
            self._file = open(self._path, "w", encoding="utf-8", errors="replace")  # noqa: SIM115 -- close() does
        self._file.write(text)

    def flush(self) -> None:
        if self._file:
            self._file.flush()

    def close(self) -> None:
        if self._file:
            with suppress(OSError):  # it flushes again what a full disk refused, which was reported
                self._file.close()
        elif self._is_new:
            self._path.unlink(missing_ok=True)


class ExportFile:
    """An export as a file: an output (`output.Output`)."""

    def __init__(self, path: Path, form: str, *, notices: bool):
        self._path, self._form, self._notices = path, form, notices
        self._stale, self._next_at = False, 0.0
        with TemporaryFile(dir=path.parent):  # raises now, before a model is loaded, if nothing can be written there
            pass

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


def write_text(path: Path, text: str) -> None:
    """`path` with `text`, or as it was. Raises OSError."""
    with atomic_write(path) as tmp:
        tmp.write_text(text, encoding="utf-8", errors="replace")


@contextmanager
def out_errors(path: Path) -> Iterator[None]:
    """Raises ValueError with one sentence where `path` cannot be written, at once or later."""
    if path.is_dir():
        raise ValueError(f"{path} is a folder; give --out a file name.")
    try:
        yield
    except BrokenPipeError:
        raise  # from stdout: a file has no reader who leaves
    except OSError as error:
        raise ValueError(f"{path} cannot be written ({error.strerror}); choose another --out.") from error


@contextmanager
def open_file(form: str, path: Path, *, notices: bool) -> Iterator[Output]:
    """The output that writes `path`. Raises ValueError (one sentence) when it cannot be written, at once or later."""
    with out_errors(path):
        if form != "jsonl":
            yield ExportFile(path, form, notices=notices)
            return
        lines = LineFile(path)
        try:
            yield JsonLines(lines, notices=notices)
        finally:
            lines.close()
