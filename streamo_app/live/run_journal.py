"""What a session keeps of the run that it shows: its header, and its journal on disk where one is wanted. No threads:
the session's lock guards it. Not the file format (`transcript/journal.py`).
"""

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from streamo_app.events import Ended, Event
from streamo_app.transcript.journal import Journal, journal_paths, next_path, read_journal
from streamo_app.transcript.transcript import Transcript
from streamo_app.video.source import Source

CUT_OFF = "The server stopped here; press Start to watch again."
"""The last row of a run whose journal has no end."""

log = logging.getLogger(__name__)


class RunJournal:
    def __init__(self, folder: Path | None, session_id: str):
        """`folder` None keeps nothing on disk."""
        self.header: dict = {}
        """Of the run shown: source, kind, model, fps, started (ISO, UTC), and what `begin` was told about it."""
        self.path: Path | None = None
        self._folder, self._session_id = folder, session_id
        self._journal: Journal | None = None

    def begin(self, source: Source, model: str, fps: int, about: Mapping[str, str]) -> str:
        """A run begins. Returns why it cannot be kept, in one sentence, else an empty text; so does `write`."""
        self.end()
        started = datetime.now(UTC).isoformat(timespec="seconds")
        self.header = {
            "source": source.title,
            "kind": source.kind,
            "model": model,
            "fps": fps,
            "started": started,
            **about,
        }
        self.path = None
        if self._folder is None:
            return ""
        try:
            self.path = next_path(self._folder, self._session_id)
            self._journal = Journal(self.path, **self.header)
        except OSError as error:
            return self._lost(error)
        return ""

    def write(self, event: Event) -> str:
        try:
            if self._journal:
                self._journal.write(event)
        except OSError as error:
            return self._lost(error)
        return ""

    def end(self) -> None:
        if self._journal:
            self._journal.close()
        self._journal = None

    def newest(self) -> Path | None:
        """The journal of the newest run that this session ever made."""
        paths = journal_paths(self._folder, self._session_id) if self._folder else []
        return paths[-1] if paths else None

    def read(self, path: Path) -> tuple[dict, Transcript]:
        """(header, transcript) of a journal; one that was cut off ends with a row that says so.

        Raises ValueError (one sentence) when it cannot be read."""
        try:
            header, events = read_journal(path)
        except OSError as error:
            raise ValueError(f"This session cannot be read ({error.strerror}).") from error
        except ValueError as error:
            raise ValueError(
                str(error).replace(str(path), "Its record")
            ) from error  # where it lies is nobody's business
        transcript = Transcript(str(header.get("source", "")))
        for event in events:
            transcript.add(event)
        if not transcript.over:
            transcript.add(Ended(max((event.second for event in events), default=0), CUT_OFF))
        return header, transcript

    def _lost(self, error: OSError) -> str:
        log.warning("the journal cannot be written: %s", error)
        self.end()
        return f"The transcript is not being saved ({error.strerror}); export it before you leave."
