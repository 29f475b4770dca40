"""All visitors of a process: turns the ids that pages show into visitors, and lets sessions of closed pages end."""

import secrets
import threading

from streamo_app.audio.recognizer import Speech
from streamo_app.config import AppConfig
from streamo_app.live.registry import NoSeat, Sessions
from streamo_app.live.session import Session
from streamo_app.live.waiting_line import WaitingLine
from streamo_app.models.engine import Engine
from streamo_app.transcript.archive import Archive
from streamo_app.ui.visitor.model_switch import ModelSwitch
from streamo_app.ui.visitor.samples import SampleClip
from streamo_app.ui.visitor.saved import SavedItems, SharedState
from streamo_app.ui.visitor.visitor import Visitor
from streamo_app.ui.visitor.voice import Voice

CHANGED = "The model of this server was changed to {name}; press Start to continue with it."


class Visitors:
    """`stop` ends every session, and an engine that was started here; the first engine belongs to its creator."""

    def __init__(self, engine: Engine, config: AppConfig, clips: tuple[SampleClip, ...]):
        self.config, self.clips = config, clips
        self.switch = ModelSwitch(engine, self._move)
        self.speech = Speech(config.speech)
        self.sessions = Sessions(
            seats=config.seats,
            max_lanes=config.max_lanes,
            journal_dir=config.journal_dir,
            keep_journals=config.keep_journals,
            closed=self._closed,
            run_limit_s=config.run_limit_s,
        )
        self.shared = SharedState(keeps_sessions=config.keep_journals)
        self._visitors: dict[str, Visitor] = {}
        self._pages: dict[str, str] = {}
        """Gradio's id of a page load to the id of its session: when a page is closed, its page load is all we learn."""
        self._line = WaitingLine()
        """Pages that wait for a seat; `_seating` guards it."""
        self._lock, self._seating = threading.Lock(), threading.Lock()

    @property
    def engine(self) -> Engine:
        return self.switch.engine

    def find(self, session_id: str) -> Visitor | None:
        """The visitor of an id, or None. Counts as a sign of life."""
        session = self.sessions.get(session_id)
        if session is None:
            return None
        self.sessions.seen(session_id)
        with self._lock:
            return self._visitors.get(session_id)

    def open_tab(self, session_id: str, page: str | None = None, owner: str = "") -> Visitor:
        """The visitor of an id; or a new one under a new id for a first visit, and for a page whose session has ended
        meanwhile. A page that outlived the process, or that slept for long, gets back what its journal holds, under its
        own id.

        `page`: Gradio's id of the page load. On a busy machine a page calls again before it has received its id; it
        gets no second seat. `owner`: the unguessable id of the browser; a session is returned to its own owner only.
        Raises ValueError (one sentence) when all seats are taken."""
        with self._seating:
            with self._lock:
                known = self._pages.get(page or "", "")
            visitor = self.tab_of_owner(session_id, owner) or self.tab_of_owner(known, owner)
            if visitor is None:
                self._wait_in_line(page or "")
                visitor = self._reopened(session_id, owner) or self._new(owner)
            self._line.leave(page or "")
            if page:
                with self._lock:
                    self._pages[page] = visitor.session.id
            return visitor

    def tab_of_owner(self, session_id: object, owner: object) -> Visitor | None:
        """The visitor of an id, for its owner alone; opens nothing."""
        visitor = self.find(session_id) if isinstance(session_id, str) and isinstance(owner, str) else None
        if visitor is None or not secrets.compare_digest(visitor.saved.owner.encode(), str(owner).encode()):
            return None
        return visitor

    def guest(self) -> Session:
        """A session without a page or a journal, for a program that ends it itself. Raises ValueError (one sentence)
        when no seat is free."""
        with self._seating:
            if len(self._line):
                raise NoSeat("All seats are taken, and others are waiting; try again in a minute.")
            return self.sessions.create(self.engine)

    def left(self, page: str | None) -> None:
        """A page was closed, or is being reloaded: then it calls `open_tab` in a moment."""
        with self._lock:
            session_id = self._pages.pop(page or "", None)
        with self._seating:
            self._line.leave(page or "")
        self.sessions.left(session_id)

    def stop(self) -> None:
        self.sessions.stop()
        self.shared.scratch.close()
        self.switch.stop()

    def _move(self, engine: Engine) -> None:
        with self._seating:  # or a visitor who comes now would keep the old one
            self.sessions.use(engine, CHANGED.format(name=engine.info.name))

    def _reopened(self, session_id: str, owner: str) -> Visitor | None:
        if self.sessions.get(session_id):
            return None  # another owner's
        try:
            session = self.sessions.reopen(self.engine, session_id, owner)
        except NoSeat:
            raise
        except ValueError as error:
            visitor = self._new(owner)
            visitor.show_message(f"Your previous session could not be restored. {error}")
            return visitor
        if session is None:
            return None
        visitor = self._add(session, owner)
        visitor.show_journal()
        return visitor

    def _new(self, owner: str) -> Visitor:
        return self._add(self.sessions.create(self.engine, owner), owner)

    def _wait_in_line(self, page: str) -> None:
        """Whoever waits is let in one after the other. Raises NoSeat, with their place, for a page that is not next, or
        when no seat is free."""
        place, seats = self._line.place(page), self.sessions.seats
        free = seats - len(self.sessions)
        if place > free and not (place == 1 and self.sessions.make_room()):
            taken = "The one seat is taken" if seats == 1 else f"All {seats} seats are taken"
            raise NoSeat(
                f"{taken}. You are number {place} of {len(self._line)} waiting; this page will connect automatically."
            )

    def _add(self, session: Session, owner: str) -> Visitor:
        clips = {clip.name: clip for clip in self.clips}
        saved = SavedItems(session, owner, Archive(self.sessions.folder(owner)), self.shared)
        voice = Voice(session, self.speech, microphone=self.config.camera_allowed, loudspeaker=not self.config.exposed)
        visitor = Visitor(session, clips, saved, voice, self.config, self.switch)
        with self._lock:
            self._visitors[session.id] = visitor
        return visitor

    def _closed(self, session_id: str) -> None:
        """Its session has ended."""
        with self._lock:
            visitor = self._visitors.pop(session_id, None)
            self._pages = {page: id for page, id in self._pages.items() if id != session_id}
        if visitor:
            visitor.saved.close()
            visitor.voice.close()
