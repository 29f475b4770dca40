"""The journal: a run's events on disk, one JSON object per line, so that a killed process loses at most the current
second.

Append-only: a header line, then one line per event, each handed to the operating system at once. A response in progress
is not written, only the complete one. Words and numbers only, never images. Reading ignores an incomplete last line.

A file is named after its session by `key`, a hash: listing the folder reveals no id. While it is being written it is
locked, so that it is not taken for finished, and a killed process leaves no lock behind.
"""

import fcntl
import hashlib
import json
import os
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import IO

from streamo_app.events import Asked, Decided, Ended, Event, Failed, LaneClosed, Noticed, Speaking
from streamo_app.protocol import State

FORMAT = 1
KINDS = {kind.__name__.lower(): kind for kind in (Asked, Decided, LaneClosed, Noticed, Failed, Ended)}


NAME = r"[0-9a-f]{16}-[0-9]{4}"
"""A journal's file name without its suffix: the key of its session, the number of the run."""


def key(secret: str, digits: int = 16) -> str:
    """Stands for an unguessable id in names on disk; the id cannot be derived from it."""
    return hashlib.sha256(f"streamo {secret}".encode()).hexdigest()[:digits]


def event_to_dict(event: Event) -> dict:
    """Plain values of an event, its kind under "event"."""
    return {"event": type(event).__name__.lower(), **asdict(event)}


def event_from_dict(values: dict) -> Event:
    """Inverse of `event_to_dict`. Raises ValueError, TypeError or KeyError for anything else."""
    fields = dict(values)
    kind = KINDS[fields.pop("event")]
    if kind is Decided:
        fields |= {"state": State(fields["state"]), "p": tuple(map(float, fields["p"]))}
    return kind(**fields)


class Journal:
    """One run's file, open for appending. Not thread-safe: the session's lock guards it."""

    def __init__(self, path: Path, **header):
        """A new file, readable by its owner only; `header` describes what is watched (source, model, fps, started).
        Raises OSError."""
        # two levels, because `parents=True` would leave the upper one readable by everybody
        for folder in (path.parent.parent, path.parent):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.path = path
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        # "replace", because a file name may contain bytes that are not text
        self._file: IO[str] = os.fdopen(handle, "w", encoding="utf-8", errors="replace")
        lock(handle, fcntl.LOCK_EX)
        self._put({"journal": FORMAT, **header})

    def write(self, event: Event) -> None:
        """Append an event and hand it to the operating system. Raises OSError (a full disk); the journal then stays as
        it was."""
        if not isinstance(event, Speaking):
            self._put(event_to_dict(event))

    def close(self) -> None:
        """Idempotent; never raises, since closing writes what a full disk refused before."""
        with suppress(OSError):
            self._file.close()

    def _put(self, values: dict) -> None:
        self._file.write(json.dumps(values, ensure_ascii=False) + "\n")
        self._file.flush()


def read_journal(path: Path) -> tuple[dict, list[Event]]:
    """(header, events) of a journal. An incomplete last line is ignored; anything else unreadable raises ValueError
    with the number of the line."""
    lines = Path(path).read_bytes().split(b"\n")
    complete = lines[:-1]  # what follows the last newline is incomplete, or nothing
    if not complete:
        raise ValueError(f"{path} is not a journal of Streamo: it is empty.")
    number = 1
    try:
        header = json.loads(complete[0])
        if header["journal"] != FORMAT:
            raise ValueError
        events = []
        for line in complete[1:]:
            number += 1
            events.append(event_from_dict(json.loads(line)))
    except (ValueError, TypeError, KeyError, AttributeError):
        raise ValueError(f"{path} is not a journal that this version can read: line {number} is invalid.") from None
    return header, events


def is_written(path: Path) -> bool:
    """Whether a process, this one or another, has the journal open for writing. False when that is unknown."""
    try:
        with open(path, "rb") as file:
            return not lock(file.fileno(), fcntl.LOCK_SH)
    except OSError:
        return False


def lock(handle: int, how: int) -> bool:
    """False when another open file holds the lock; on a file system without locks it always succeeds."""
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
    """The file for the session's next run."""
    paths = journal_paths(folder, session_id)
    number = int(paths[-1].stem.rpartition("-")[2]) + 1 if paths else 1
    return folder / f"{key(session_id)}-{number:04d}.jsonl"


def delete_journals(folder: Path, session_id: str) -> None:
    """Remove every journal of a session, and its folder if nothing else is left in there; idempotent."""
    for path in journal_paths(folder, session_id):
        path.unlink(missing_ok=True)
    remove_if_empty(folder)


def remove_if_empty(folder: Path) -> None:
    with suppress(OSError):
        folder.rmdir()
