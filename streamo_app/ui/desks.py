"""All desks of a process: ids that pages show are turned into desks here, and sessions of pages that went away end."""

import threading

from streamo_app.config import AppConfig
from streamo_app.models.engine import Engine
from streamo_app.sessions import Sessions
from streamo_app.speech import Speech
from streamo_app.ui.desk import Desk
from streamo_app.ui.desk_voice import Voice
from streamo_app.ui.samples import Clip


class Desks:
    """`stop` ends every session; the engine is its maker's to stop."""

    def __init__(self, engine: Engine, config: AppConfig, clips: tuple[Clip, ...]):
        self.engine, self.config, self.clips = engine, config, clips
        self.speech = Speech(config.speech)
        self.sessions = Sessions(seats=config.seats, max_lanes=config.max_lanes, journal_dir=config.journal_dir, keep_journals=config.keep_journals)
        self._desks: dict[str, Desk] = {}
        self._pages: dict[str, str] = {}
        """Gradio's id of a page load to the id of its session: all that we learn when a page goes."""
        self._lock, self._sitting = threading.Lock(), threading.Lock()

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
        for desk in self._desks.values():
            desk.voice.close()

    def _new(self) -> Desk:
        session = self.sessions.create(self.engine)
        clips = {clip.name: clip for clip in self.clips}
        voice = Voice(session, self.speech, microphone=self.config.camera_allowed, loudspeaker=not self.config.exposed)
        desk = Desk(session, self.engine.info, clips, voice, camera_allowed=self.config.camera_allowed)
        with self._lock:
            # Only the desks whose session is still there: the reaper knows nothing of desks.
            gone = [old for id, old in self._desks.items() if not self.sessions.get(id)]
            self._desks = {id: old for id, old in self._desks.items() if old not in gone} | {session.id: desk}
            self._pages = {page: id for page, id in self._pages.items() if id in self._desks}
        for old in gone:
            old.voice.close()
        return desk
