"""What a session keeps of one run: its header, and its journal on disk where one is wanted. No threads: the session's
lock guards it. Not the file format (`transcript/journal.py`).
"""

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from streamo_app.events import Ended, Event, Failed
from streamo_app.transcript.journal import Journal, next_path, read_journal
from streamo_app.video.source import Source

CUT_OFF = "The server stopped here; press Start to watch again."
"""The last row of a run whose journal has no end."""

log = logging.getLogger(__name__)


class JournalError(Exception):
    """The journal cannot be written; one sentence for the user. Nothing more is written to it."""


class RunJournal:
    """`header` of a run: source, kind, model, fps, started (ISO, UTC), and its metadata. Empty before the first run."""

    def __init__(self, header: Mapping[str, object], path: Path | None = None):
        """Nothing is written unless `create` is called. `path`: where an earlier run was kept."""
        self.header, self.path = dict(header), path
        self._journal: Journal | None = None

    @classmethod
    def of_run(cls, source: Source, model: str, fps: int, metadata: Mapping[str, str]) -> "RunJournal":
        """Of a run that begins now."""
        started = datetime.now(UTC).isoformat(timespec="seconds")
        return cls(
            {
                "source": source.title,
                "kind": source.kind,
                "model": model,
                "fps": fps,
                "started": started,
                **metadata,
            }
        )

    @classmethod
    def read(cls, path: Path) -> tuple["RunJournal", list[Event]]:
        """Of an earlier run, closed, with what happened in it; one that was cut off ends with an event that says so.

        Raises ValueError (one sentence) when it cannot be read."""
        try:
            header, events = read_journal(path)
        except OSError as error:
            raise ValueError(f"This session cannot be read ({error.strerror}).") from error
        except ValueError as error:  # where it lies is nobody's business
            raise ValueError(str(error).replace(str(path), "Its record")) from error
        if not any(isinstance(event, Ended | Failed) for event in events):
            events.append(Ended(max((event.second for event in events), default=0), CUT_OFF))
        return cls(header, path), events

    def create(self, folder: Path, session_id: str) -> None:
        """Begin the file, the session's next in `folder`. Raises JournalError."""
        try:
            path = next_path(folder, session_id)
            self._journal = Journal(path, **self.header)
        except OSError as error:
            raise self._failed(error) from error
        self.path = path

    def write(self, event: Event) -> None:
        """Append an event, where there is a file. Raises JournalError, at most once."""
        if self._journal is None:
            return
        try:
            self._journal.write(event)
        except OSError as error:
            raise self._failed(error) from error

    def close(self) -> None:
        """Idempotent."""
        if self._journal:
            self._journal.close()
        self._journal = None

    def _failed(self, error: OSError) -> JournalError:
        log.warning("the journal cannot be written: %s", error)
        self.close()
        return JournalError(f"The transcript is not being saved ({error.strerror}); export it before you leave.")
