"""The journals of one owner, as a list to choose from (`Archive`). Not what is in them: that is
`Transcript.from_journal`.

An owner is a browser, known by an unguessable id that it keeps. Its journals are in a folder of their own, named after
a hash of the id, so they are out of reach without it. A name that comes from outside is looked up among the files there
and never made into a path.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from streamo_app.transcript.exports import one_line
from streamo_app.transcript.journal import FORMAT, NAME, is_written, key, remove_if_empty

OWNER_PATTERN = r"[A-Za-z0-9_-]{32}"
"""192 random bits. It comes from a browser, so nothing else is accepted."""
LISTED = 200
"""Most entries of a list, the newest; older ones stay on disk."""
DECIDED, ASKED, RESPONSE = b'{"event": "decided"', b'{"event": "asked"', b'"state": "response"'
"""As the journal writes them; inside a text every quotation mark is escaped, so no text looks like these."""


@dataclass(frozen=True)
class Entry:
    """One journal in the list."""

    name: str
    """Identifies it among the journals of its owner."""
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
    """Why it cannot be opened, in a few words; otherwise empty."""
    running: bool = False
    """It is still being written."""


def owner_folder(folder: Path, owner: str) -> Path | None:
    """The folder of an owner's journals; None if `owner` is not a valid id."""
    return folder / key(owner, 32) if re.fullmatch(OWNER_PATTERN, owner) else None


class Archive:
    def __init__(self, folder: Path | None):
        """`folder`: of one owner; None for an empty archive."""
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
        raise ValueError("This session no longer exists; open the list again.")

    def finished(self, name: object) -> Path:
        """As `path`; also raises ValueError while it is being written."""
        path = self.path(name)
        if is_written(path):
            raise ValueError("This session is still running; stop it first.")
        return path

    def delete(self, name: object) -> None:
        """Delete a journal. Raises ValueError when it does not exist, is being written, or cannot be deleted."""
        path = self.finished(name)
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise ValueError(f"The session could not be deleted ({error.strerror}); try again.") from error
        remove_if_empty(path.parent)


def archives(folder: Path) -> list[Archive]:
    """Of every owner on this machine: for the terminal, whose user can read the files anyway."""
    return [Archive(path) for path in sorted(folder.iterdir()) if path.is_dir()] if folder.is_dir() else []


def entry(path: Path) -> Entry:
    """What a list says about a journal; never raises. Reads the file once, line by line."""
    seen = Entry(path.stem, path, "")
    try:
        seen = Entry(path.stem, path, iso(path.stat().st_mtime))
        with open(path, "rb") as file:
            header = json.loads(file.readline() or b"{}")
            if not isinstance(header, dict) or header.get("journal") != FORMAT:
                empty = path.stat().st_size == 0
                return unreadable(seen, "empty" if empty else "from another version of Streamo, or damaged")
            return counted(described(seen, header), file)
    except OSError as error:
        return unreadable(seen, f"cannot be read ({error.strerror})")
    except (ValueError, TypeError, KeyError):
        return unreadable(seen, "damaged")


def unreadable(seen: Entry, trouble: str) -> Entry:
    return Entry(seen.name, seen.path, seen.started, trouble=trouble)


def described(seen: Entry, header: dict) -> Entry:
    """With what the header says."""
    started = header.get("started")
    return replace(
        seen,
        started=started if isinstance(started, str) and is_date(started) else seen.started,
        source=one_line(str(header.get("source", ""))),
    )


def counted(seen: Entry, lines: Iterable[bytes]) -> Entry:
    """With what the events say. An incomplete last line is ignored."""
    asked: list[dict] = []
    last, responses = b"", 0
    for line in lines:
        if not line.endswith(b"\n"):
            break
        if line.startswith(DECIDED):
            last, responses = line, responses + (RESPONSE in line)
        elif line.startswith(ASKED):
            asked.append(json.loads(line))
    opening = [one["text"] for one in asked if not one.get("follow_up")]
    return replace(
        seen,
        seconds=int(json.loads(last)["second"]) + 1 if last else 0,
        responses=responses,
        instructions=len(opening),
        instruction=one_line(str(opening[0])) if opening else "",
        running=is_written(seen.path),
    )


def iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def is_date(value: str) -> bool:
    try:
        return datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False
