"""The journal: a run's events on disk, one JSON object a line, so that a killed process loses at most the second in
flight.

Append-only: a header line, then one line an event, each handed to the operating system at once. A response under way is
not written, only the whole one. Words and numbers only, never pictures. Reading ignores a torn last line.

A file is named after its session by `key`, a hash: whoever can list the folder learns no id. While it is being written
it is locked, so that nobody takes it for finished, and a killed process leaves no lock behind.
"""

import fcntl
import hashlib
import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import IO

from streamo_app.events import Asked, Decided, Ended, Event, Failed, LaneClosed, Noticed, Speaking
from streamo_app.protocol import State

FORMAT = 1
KINDS = {kind.__name__.lower(): kind for kind in (Asked, Decided, LaneClosed, Noticed, Failed, Ended)}


NAME = r"[0-9a-f]{16}-[0-9]{4}"
"""A journal's file name without its ending: the key of its session, the number of the run."""


def key(secret: str, digits: int = 16) -> str:
    """Stands for an unguessable id in names on disk; does not lead back to it."""
    return hashlib.sha256(f"streamo {secret}".encode()).hexdigest()[:digits]


def event_to_dict(event: Event) -> dict:
    """Plain values of an event, its kind under "event"."""
    return {"event": type(event).__name__.lower(), **asdict(event)}


def event_from_dict(values: dict) -> Event:
    """Inverse of `event_to_dict`. Raises ValueError, TypeError or KeyError when `values` is no such thing."""
    fields = dict(values)
    kind = KINDS[fields.pop("event")]
    if kind is Decided:
        fields |= {"state": State(fields["state"]), "p": tuple(map(float, fields["p"]))}
    return kind(**fields)


class Journal:
    """One run's file, open for appending. Not thread-safe: the session's lock guards it."""

    def __init__(self, path: Path, **header):
        """A new file, readable by its owner only; `header` says what is watched (source, model, fps, started). Raises
        OSError."""
        for folder in (path.parent.parent, path.parent):  # `parents=True` would leave the upper ones open to everybody
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.path = path
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        self._file: IO[str] = open(
            handle, "w", encoding="utf-8", errors="replace"
        )  # a file name may hold bytes that are no text
        lock(handle, fcntl.LOCK_EX)
        self._put({"journal": FORMAT, **header})

    def write(self, event: Event) -> None:
        """Append an event and hand it to the operating system. Raises OSError (a full disk); the journal then stays as
        it was."""
        if not isinstance(event, Speaking):
            self._put(event_to_dict(event))

    def close(self) -> None:
        """Idempotent; never raises, since closing writes what a full disk refused before."""
        try:
            self._file.close()
        except OSError:
            pass

    def _put(self, values: dict) -> None:
        self._file.write(json.dumps(values, ensure_ascii=False) + "\n")
        self._file.flush()


def read_journal(path: Path) -> tuple[dict, list[Event]]:
    """(header, events) of a journal. A torn last line is ignored; anything else unreadable raises ValueError naming the
    line."""
    lines = Path(path).read_bytes().split(b"\n")
    whole = lines[:-1]  # what follows the last newline is torn, or nothing
    if not whole:
        raise ValueError(f"{path} is not a journal of Streamo: it is empty.")
    number = 1
    try:
        header = json.loads(whole[0])
        if header["journal"] != FORMAT:
            raise ValueError
        events = []
        for number, line in enumerate(whole[1:], 2):
            events.append(event_from_dict(json.loads(line)))
    except (ValueError, TypeError, KeyError, AttributeError):
        raise ValueError(f"{path} is not a journal that this version reads: line {number} makes no sense.") from None
    return header, events


def is_written(path: Path) -> bool:
    """Whether a process, this one or another, has the journal open for writing. False when it cannot be told."""
    try:
        with open(path, "rb") as file:
            return not lock(file.fileno(), fcntl.LOCK_SH)
    except OSError:
        return False


def lock(handle: int, how: int) -> bool:
    """False when another open file holds it; where the file system has no locks, everybody gets one."""
    try:
        fcntl.flock(handle, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        pass
    return True


def journal_paths(folder: Path, session_id: str) -> list[Path]:
    """The journals of a session, oldest run first."""
    return sorted(folder.glob(f"{key(session_id)}-[0-9][0-9][0-9][0-9].jsonl")) if folder.is_dir() else []


def next_path(folder: Path, session_id: str) -> Path:
    """Where the session's next run is written."""
    paths = journal_paths(folder, session_id)
    number = int(paths[-1].stem.rpartition("-")[2]) + 1 if paths else 1
    return folder / f"{key(session_id)}-{number:04d}.jsonl"


def delete_journals(folder: Path, session_id: str) -> None:
    """Remove every journal of a session, and its folder if nothing else is left in there; idempotent."""
    for path in journal_paths(folder, session_id):
        path.unlink(missing_ok=True)
    remove_if_empty(folder)


def remove_if_empty(folder: Path) -> None:
    try:
        folder.rmdir()
    except OSError:
        pass
