"""The journals of one owner, as a list to choose from (`Archive`). Not what is in them: that is
`Transcript.from_journal`.

An owner is a browser: an unguessable id that it keeps for itself. His journals lie in a folder of their own, named
after a hash of the id, so nobody comes to them who does not know it. A name that comes from outside is looked up among
the files there and never made into a path.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from streamo_app.transcript.exports import one_line
from streamo_app.transcript.journal import FORMAT, NAME, is_written, key, remove_if_empty

OWNER_PATTERN = r"[A-Za-z0-9_-]{32}"
"""192 random bits. It comes from a browser, so nothing else passes."""
LISTED = 200
"""A list holds the newest ones; older ones stay on disk."""
DECIDED, ASKED, RESPONSE = b'{"event": "decided"', b'{"event": "asked"', b'"state": "response"'
"""As the journal writes them; inside a text every quotation mark is escaped, so no text looks like these."""


@dataclass(frozen=True)
class Entry:
    """One journal in the list."""

    name: str
    """Names it among the journals of its owner."""
    path: Path
    started: str
    """ISO 8601 in UTC, seconds."""
    source: str = ""
    """Title of what was watched; untrusted text, as `instruction` is."""
    seconds: int = 0
    """Stream time up to the last decision."""
    responses: int = 0
    instructions: int = 0
    instruction: str = ""
    """The first one."""
    trouble: str = ""
    """Why it cannot be opened, in a few words; else empty."""
    running: bool = False
    """It is still being written."""


def owner_folder(folder: Path, owner: str) -> Path | None:
    """Where an owner's journals lie; None for what is no owner's id."""
    return folder / key(owner, 32) if re.fullmatch(OWNER_PATTERN, owner) else None


class Archive:
    def __init__(self, folder: Path | None):
        """`folder`: of one owner; None has nothing on it."""
        self.folder = folder

    def entries(self) -> list[Entry]:
        """Newest first, at most LISTED."""
        paths = self.folder.glob("*.jsonl") if self.folder else ()
        found = [entry(path) for path in paths if re.fullmatch(NAME, path.stem)]
        return sorted(found, key=lambda one: (one.started, one.name), reverse=True)[:LISTED]

    def path(self, name: object) -> Path:
        """The journal of that name. Raises ValueError (one sentence) when there is none here."""
        if (
            self.folder
            and isinstance(name, str)
            and re.fullmatch(NAME, name)
            and (path := self.folder / f"{name}.jsonl").is_file()
        ):
            return path
        raise ValueError("This session is not there any more; open the list again.")

    def finished(self, name: object) -> Path:
        """As `path`; raises ValueError also while it is being written."""
        path = self.path(name)
        if is_written(path):
            raise ValueError("This session is still running; stop it first.")
        return path

    def delete(self, name: object) -> None:
        """Remove a journal for good. Raises ValueError when it is not there, is being written, or cannot be removed."""
        path = self.finished(name)
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise ValueError(f"The session could not be deleted ({error.strerror}); try again.") from error
        remove_if_empty(self.folder)


def shelves(folder: Path) -> list[Archive]:
    """Of every owner on this machine: for whoever may read its files anyway."""
    return [Archive(path) for path in sorted(folder.iterdir()) if path.is_dir()] if folder.is_dir() else []


def entry(path: Path) -> Entry:
    """What a list says of a journal; never raises. Reads it once, without taking it into memory."""
    seen = Entry(path.stem, path, "")
    try:
        seen = Entry(path.stem, path, iso(path.stat().st_mtime))
        with open(path, "rb") as file:
            header = json.loads(file.readline() or b"{}")
            if not isinstance(header, dict) or header.get("journal") != FORMAT:
                return said(
                    seen, "empty" if path.stat().st_size == 0 else "from another version of Streamo, or damaged"
                )
            return counted(said(seen, "", header), file)
    except OSError as error:
        return said(seen, f"cannot be read ({error.strerror})")
    except (ValueError, TypeError, KeyError):
        return said(seen, "damaged")


def said(seen: Entry, trouble: str, header: dict | None = None) -> Entry:
    header = header or {}
    started, source = header.get("started"), one_line(str(header.get("source", "")))
    return Entry(seen.name, seen.path, started if is_date(started) else seen.started, source, trouble=trouble)


def counted(seen: Entry, lines: Iterable[bytes]) -> Entry:
    """With what the events say. A torn last line counts for nothing."""
    opened, last, responses = [], b"", 0
    for line in lines:
        if not line.endswith(b"\n"):
            break
        if line.startswith(DECIDED):
            last, responses = line, responses + (RESPONSE in line)
        elif line.startswith(ASKED):
            opened.append(json.loads(line))
    opened = [one["text"] for one in opened if not one.get("follow_up")]
    return Entry(
        seen.name, seen.path, seen.started, seen.source, seconds=int(json.loads(last)["second"]) + 1 if last else 0, responses=responses,
        instructions=len(opened), instruction=one_line(str(opened[0])) if opened else "", running=is_written(seen.path),
    )  # fmt: skip


def iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def is_date(value: object) -> bool:
    try:
        return isinstance(value, str) and datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False
