"""What one visitor can save or reopen: exports, the video with captions, and their past sessions. No Gradio in here.

A visitor is known by two unguessable ids that their browser keeps: of the session (per tab), and of the owner (per
browser), to whom journals belong. Names of journals come from the page and are looked up only in that owner's archive.

Thread safety: as `ui/visitor/visitor.py`; actions come one at a time, views are asked for at any time, and what they
read is set in one assignment.
"""

import secrets
import threading
from dataclasses import dataclass, field

from streamo_app.live.session import Session
from streamo_app.scratch import Scratch
from streamo_app.transcript.archive import Archive, Entry
from streamo_app.ui.visitor.caption_video import CaptionVideo
from streamo_app.ui.visitor.view import render_saved

NOTHING_KEPT = "This server keeps no sessions; save the transcript before you leave."


@dataclass(frozen=True)
class SharedState:
    """What the saved items of all visitors of a process share."""

    keeps_sessions: bool
    """Whether journals outlive their session; without them there are no past sessions."""
    scratch: Scratch = field(default_factory=Scratch)
    video_slot: threading.Semaphore = field(default_factory=threading.Semaphore)
    """Held while a video is made: one at a time."""
    boot: str = field(default_factory=lambda: secrets.token_hex(4))
    """Identifies the process: a page must notice that its server was restarted and counts from zero again."""


class SavedItems:
    def __init__(self, session: Session, owner: str, archive: Archive, shared: SharedState):
        self.owner, self.archive = owner, archive
        self.caption_video = CaptionVideo(session, shared.scratch, shared.video_slot)
        self._session, self._shared = session, shared
        self._past: tuple[int, list[Entry]] = (0, [])
        """Number of the newest list that a page asked for, and the list."""

    def view(self, drawn: int) -> dict:
        """This part of a view; past sessions are listed only when the page has drawn an older list than `drawn`."""
        number, entries = self._past
        keeps_sessions = self._shared.keeps_sessions and self.archive.folder is not None
        past = entries if number != drawn else None
        saved = render_saved(self._session.header, self._shared.boot, keeps_sessions, number, past)
        return saved | self.caption_video.view()

    def list_past(self) -> None:
        """Send the list of past sessions with the next view. Raises ValueError (one sentence) where none are kept."""
        if not self._shared.keeps_sessions:
            raise ValueError(NOTHING_KEPT)
        self._past = (self._past[0] + 1, self.archive.entries())

    def delete(self, name: object) -> None:
        """Delete a past session and list the others. Raises ValueError (one sentence)."""
        try:
            self.archive.delete(name)
        finally:
            self.list_past()

    def export(self, form: str) -> str:
        """The transcript shown, as one of `transcript.FORMATS`. Raises ValueError for another."""
        return self._session.export(form)

    def close(self) -> None:
        """The session has ended: nothing of it stays but its journals."""
        self.caption_video.close()
