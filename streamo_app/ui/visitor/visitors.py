"""All desks of a process: ids that pages show are turned into desks here, and sessions of pages that went away end."""

import secrets
import threading

from streamo_app.audio.recognizer import Speech
from streamo_app.config import AppConfig
from streamo_app.live.registry import NoSeat, Sessions
from streamo_app.live.session import Session
from streamo_app.live.waiting_line import WaitingLine
from streamo_app.models.engine import Engine
from streamo_app.transcript.archive import Archive
from streamo_app.ui.visitor.model_switch import Switch
from streamo_app.ui.visitor.samples import SampleClip
from streamo_app.ui.visitor.saved import SavedItems, SharedState
from streamo_app.ui.visitor.visitor import Visitor
from streamo_app.ui.visitor.voice import Voice

CHANGED = "The model of this server was changed to {name}; press Start to go on with it."


class Visitors:
    """`stop` ends every session, and an engine that came later; the first one is its maker's to stop."""

    def __init__(self, engine: Engine, config: AppConfig, clips: tuple[SampleClip, ...]):
        self.config, self.clips = config, clips
        self.switch = Switch(engine, self._move)
        self.speech = Speech(config.speech)
        self.sessions = Sessions(
            seats=config.seats, max_lanes=config.max_lanes, journal_dir=config.journal_dir, keep_journals=config.keep_journals, closed=self._closed,
            run_limit_s=config.run_limit_s,
        )  # fmt: skip
        self.house = SharedState(lasting=config.keep_journals)
        self._desks: dict[str, Visitor] = {}
        self._pages: dict[str, str] = {}
        """Gradio's id of a page load to the id of its session: all that we learn when a page goes."""
        self._line = WaitingLine()
        """Pages that wait for a seat; `_sitting` guards it."""
        self._lock, self._sitting = threading.Lock(), threading.Lock()

    @property
    def engine(self) -> Engine:
        return self.switch.engine

    def find(self, session_id: str) -> Visitor | None:
        """The desk of an id, or None; a sign of life."""
        session = self.sessions.get(session_id)
        if session is None:
            return None
        self.sessions.seen(session_id)
        with self._lock:
            return self._desks.get(session_id)

    def sit(self, session_id: str, page: str | None = None, owner: str = "") -> Visitor:
        """The desk of an id, or a new one under a new id: for a first visit, and for a page whose session has ended
        meanwhile. A page that outlived the process, or that slept for long, gets back what its journal holds, under its
        own id.

        `page`: Gradio's id of the page load. On a busy machine a page calls again before it has learnt its id; it gets
        no second seat. `owner`: the unguessable id of the browser; a session leads back to its own owner only.
        Raises ValueError (one sentence) when all seats are taken."""
        with self._sitting:
            with self._lock:
                known = self._pages.get(page or "", "")
            desk = self._own(session_id, owner) or self._own(known, owner)
            if desk is None:
                self._queue(page or "")
                desk = self._back(session_id, owner) or self._new(owner)
            self._line.leave(page or "")
            if page:
                with self._lock:
                    self._pages[page] = desk.session.id
            return desk

    def guest(self) -> Session:
        """A session without a page or a journal, for a program; its maker ends it. Raises ValueError (one sentence)
        when no seat is free."""
        with self._sitting:
            if len(self._line):
                raise NoSeat(f"All {self.sessions.seats} seats are taken, and others wait; try again in a minute.")
            return self.sessions.create(self.engine)

    def own(self, session_id: object, owner: object) -> Visitor | None:
        """The desk of an id, for its owner alone; opens nothing."""
        return self._own(session_id, owner) if isinstance(session_id, str) and isinstance(owner, str) else None

    def left(self, page: str | None) -> None:
        """A page was closed, or is being loaded anew: then its `sit` comes in a moment."""
        with self._lock:
            session_id = self._pages.pop(page or "", None)
        with self._sitting:
            self._line.leave(page or "")
        self.sessions.left(session_id)

    def stop(self) -> None:
        self.sessions.stop()
        self.house.scratch.close()
        self.switch.stop()

    def _move(self, engine: Engine) -> None:
        with self._sitting:  # or a visitor who comes now would keep the old one
            self.sessions.use(engine, CHANGED.format(name=engine.info.name))

    def _own(self, session_id: str, owner: str) -> Visitor | None:
        desk = self.find(session_id)
        return desk if desk and secrets.compare_digest(desk.keep.owner.encode(), owner.encode()) else None

    def _back(self, session_id: str, owner: str) -> Visitor | None:
        if self.sessions.get(session_id):
            return None  # somebody else's
        try:
            session = self.sessions.reopen(self.engine, session_id, owner)
        except NoSeat:
            raise
        except ValueError as error:
            desk = self._new(owner)
            desk.complain(f"What was here before could not be read back. {error}")
            return desk
        if session is None:
            return None
        desk = self._desk(session, owner)
        desk.show_header()
        return desk

    def _new(self, owner: str) -> Visitor:
        return self._desk(self.sessions.create(self.engine, owner), owner)

    def _queue(self, page: str) -> None:
        """Who waits is let in one after the other. Raises NoSeat with how it stands for whoever is not next, or when no
        seat is free."""
        place = self._line.place(page)
        free = self.sessions.seats - len(self.sessions)
        if place > free and not (place == 1 and self.sessions.make_room()):
            who = "one seat is" if self.sessions.seats == 1 else f"{self.sessions.seats} seats are"
            raise NoSeat(
                f"{'The' if self.sessions.seats == 1 else 'All'} {who} taken. You are number {place} of {len(self._line)} waiting; this page gets in by itself."
            )

    def _desk(self, session: Session, owner: str) -> Visitor:
        clips = {clip.name: clip for clip in self.clips}
        keep = SavedItems(session, owner, Archive(self.sessions.folder(owner)), self.house)
        voice = Voice(session, self.speech, microphone=self.config.camera_allowed, loudspeaker=not self.config.exposed)
        desk = Visitor(session, clips, keep, voice, self.config, self.switch)
        with self._lock:
            self._desks[session.id] = desk
        return desk

    def _closed(self, session_id: str) -> None:
        """Its session has ended."""
        with self._lock:
            desk = self._desks.pop(session_id, None)
            self._pages = {page: id for page, id in self._pages.items() if id != session_id}
        if desk:
            desk.keep.close()
            desk.voice.close()
