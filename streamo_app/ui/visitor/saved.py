"""What one visitor keeps: exports, the video with captions, and his past sessions. No Gradio in here.

A visitor is known by two unguessable ids that his browser keeps: of the session (per tab), and of the owner (per
browser), to whom journals belong. Names of journals come from the page and are looked up on his own shelf only.

Thread safety: as `ui/visitor/visitor.py`; actions come one at a time, looks at any time, and what they read is set in
one assignment.
"""

import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

from streamo_app.live.session import Session
from streamo_app.scratch import Scratch
from streamo_app.transcript.archive import Archive, Entry
from streamo_app.ui.visitor.caption_video import CaptionVideo
from streamo_app.ui.visitor.render_keep import render_keep

NOT_HERE = "This server keeps no sessions; save the transcript before you leave."


@dataclass(frozen=True)
class SharedState:
    """What the keeping of all visitors of a process shares."""

    lasting: bool
    """Whether journals outlive their session; without them there is no past."""
    scratch: Scratch = field(default_factory=Scratch)
    turn: threading.Semaphore = field(default_factory=threading.Semaphore)
    """Held by the one video that is being made."""
    boot: str = field(default_factory=lambda: secrets.token_hex(4))
    """Names the process: a page whose server was started again must not take the numbers of before for newer ones."""


class SavedItems:
    def __init__(self, session: Session, owner: str, shelf: Archive, house: SharedState):
        self.owner, self.shelf = owner, shelf
        self.film = CaptionVideo(session, house.scratch, house.turn)
        self._session, self._house = session, house
        self._past: tuple[int, list[Entry]] = (0, [])
        """Number of the newest list that a page asked for, and the list."""

    def look(self, drawn: int) -> dict:
        """This part of a view; the list of past sessions only while the page has drawn an older one than `drawn`."""
        number, entries = self._past
        lasting = self._house.lasting and self.shelf.folder is not None
        past = entries if number != drawn else None
        return render_keep(self._session.header, self._house.boot, lasting, number, past) | self.film.look()

    def act(self, action: str, what: Mapping) -> None:
        """Raises ValueError with one sentence."""
        match action:
            case "past":
                self._list()
            case "delete":
                try:
                    self.shelf.delete(what.get("name"))
                finally:
                    self._list()
            case "captions":
                self.film.make()
            case "no captions":
                self.film.drop()

    def export(self, form: str) -> str:
        """The transcript shown, as one of `transcript.FORMATS`. Raises ValueError for another."""
        return self._session.export(form)

    def close(self) -> None:
        """The session has ended: nothing of it stays but its journals."""
        self.film.close()

    def _list(self) -> None:
        if not self._house.lasting:
            raise ValueError(NOT_HERE)
        self._past = (self._past[0] + 1, self.shelf.entries())
