"""All desks of a process: ids that pages show are turned into desks here, and sessions of pages that went away end."""

import threading

from streamo_app.config import AppConfig
from streamo_app.models.engine import Engine
from streamo_app.sessions import Sessions
from streamo_app.ui.desk import Desk
from streamo_app.ui.samples import Clip
from streamo_app.ui.switch import Switch

CHANGED = "The model of this server was changed to {name}; press Start to go on with it."


class Desks:
    """`stop` ends every session, and an engine that came later; the first one is its maker's to stop."""

    def __init__(self, engine: Engine, config: AppConfig, clips: tuple[Clip, ...]):
        self.config, self.clips = config, clips
        self.switch = Switch(engine, self._move)
        self.sessions = Sessions(seats=config.seats, max_lanes=config.max_lanes, journal_dir=config.journal_dir, keep_journals=config.keep_journals)
        self._desks: dict[str, Desk] = {}
        self._pages: dict[str, str] = {}
        """Gradio's id of a page load to the id of its session: all that we learn when a page goes."""
        self._lock, self._sitting = threading.Lock(), threading.Lock()

    @property
    def engine(self) -> Engine:
        return self.switch.engine

    def find(self, session_id: str) -> Desk | None:
        """The desk of an id, or None; a sign of life."""
        session = self.sessions.get(session_id)
        if session is None:
            return None
        self.sessions.seen(session_id)
        with self._lock:
            return self._desks.get(session_id)

    def sit(self, session_id: str, page: str | None = None) -> Desk:
        """The desk of an id, or a new one under a new id: for a first visit, and for a page whose session has ended meanwhile.

        `page`: Gradio's id of the page load. On a busy machine a page calls again before it has learnt its id; it gets no second seat.
        Raises ValueError (one sentence) when all seats are taken."""
        with self._sitting:
            with self._lock:
                known = self._pages.get(page or "", "")
            desk = self.find(session_id) or self.find(known) or self._new()
            if page:
                with self._lock:
                    self._pages[page] = desk.session.id
            return desk

    def left(self, page: str | None) -> None:
        """A page was closed, or is being loaded anew: then its `sit` comes in a moment."""
        with self._lock:
            session_id = self._pages.pop(page or "", None)
        self.sessions.left(session_id)

    def stop(self) -> None:
        self.sessions.stop()
        self.switch.stop()

    def _move(self, engine: Engine) -> None:
        with self._sitting:  # or a visitor who comes now would keep the old one
            self.sessions.use(engine, CHANGED.format(name=engine.info.name))

    def _new(self) -> Desk:
        session = self.sessions.create(self.engine)
        clips = {clip.name: clip for clip in self.clips}
        desk = Desk(session, clips, self.config, self.switch)
        with self._lock:
            # Only the desks whose session is still there: the reaper knows nothing of desks.
            self._desks = {id: old for id, old in self._desks.items() if self.sessions.get(id)} | {session.id: desk}
            self._pages = {page: id for page, id in self._pages.items() if id in self._desks}
        return desk
