"""Who is here: unguessable ids to sessions, with a cap on seats and a reaper for pages that went away.

Not a store of transcripts (`transcript/journal.py`) and not a login: whoever knows an id is its user, so ids are 192
random bits.

Thread safety: one lock guards the table; sessions are stopped outside it, since that takes up to 2 s each.
"""

import logging
import re
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from streamo_app.live.run_limit import RunLimit
from streamo_app.live.session import MAX_LANES, Session
from streamo_app.transcript.archive import owner_folder
from streamo_app.transcript.journal import delete_journals

LEFT_GRACE_S = 15.0
"""A page that said goodbye may be reloading: its session waits this long."""
SILENT_GRACE_S = 90.0
"""A page that says nothing is gone; background tabs still tick once a second, phones that sleep do not."""
IDLE_S = 600.0
"""A seat where nothing has run for so long is given on, but only when somebody waits for one."""
REAP_EVERY_S = 1.0
ID_BYTES = 24
ID_PATTERN = r"[A-Za-z0-9_-]{32}"
"""An id comes back from the browser, so nothing else passes."""

log = logging.getLogger(__name__)


class NoSeat(ValueError):
    """All seats are taken, or the registry was stopped; one sentence for the user."""


@dataclass
class Seat:
    session: Session
    folder: Path | None
    """Of its journals; None keeps none."""
    seen_at: float
    busy_at: float
    """When something ran last, or when it was taken."""
    left_at: float | None = None


class Sessions:
    """The registry of one process."""

    def __init__(
        self,
        *,
        seats: int = 8,
        max_lanes: int = MAX_LANES,
        journal_dir: Path | None = None,
        keep_journals: bool = True,
        clock: Callable[[], float] = time.monotonic,
        closed: Callable[[str], None] = lambda session_id: None,
        run_limit_s: float | None = None,
    ):
        """`keep_journals` False deletes a session's journals when it ends. `closed` is told of every session that has
        ended. `run_limit_s`: a run that lasts longer is ended politely (`live/run_limit.py`)."""
        self._limit = RunLimit(run_limit_s) if run_limit_s else None
        self.seats, self.max_lanes, self.journal_dir, self.keep_journals = seats, max_lanes, journal_dir, keep_journals
        self._clock, self._closed = clock, closed
        self._table: dict[str, Seat] = {}
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._reaper: threading.Thread | None = None

    def create(self, engine, owner: str = "") -> Session:
        """A new session under a new id; its journals belong to `owner`, and without one there are none.

        Raises NoSeat."""
        folder = self.folder(owner)
        session = self._session(engine, secrets.token_urlsafe(ID_BYTES), folder)
        self._seat(session, folder)
        return session

    def reopen(self, engine, session_id: str | None, owner: str = "") -> Session | None:
        """The session of a page that outlived the process, with its newest transcript; None when `owner` has no journal
        of that id.

        Raises NoSeat as `create` does, and another ValueError (one sentence) when its journal cannot be read."""
        if not re.fullmatch(ID_PATTERN, session_id or ""):
            return None
        if here := self.get(session_id):
            return here
        folder = self.folder(owner)
        session = self._session(engine, session_id, folder)
        if not session.reopen():
            return None
        self._seat(session, folder)
        return session

    def folder(self, owner: str) -> Path | None:
        """Where an owner's journals lie; None when there are none to be kept."""
        return owner_folder(self.journal_dir, owner) if self.journal_dir else None

    def _session(self, engine, session_id: str, folder: Path | None) -> Session:
        return Session(engine, session_id=session_id, journal_dir=folder, max_lanes=self.max_lanes)

    def _seat(self, session: Session, folder: Path | None) -> None:
        with self._lock:
            if self._stopping.is_set():
                raise NoSeat("The server is shutting down; reload the page in a moment.")
            if len(self._table) >= self.seats:
                raise NoSeat(f"All {self.seats} seats are taken; try again in a minute.")
            self._table[session.id] = Seat(session, folder, *[self._clock()] * 2)
            if self._reaper is None:
                self._reaper = threading.Thread(target=self._reap_forever, name="reaper", daemon=True)
                self._reaper.start()

    def get(self, session_id: str | None) -> Session | None:
        """The session of an id, or None: never made here, or ended."""
        with self._lock:
            seat = self._table.get(session_id or "")
            return seat.session if seat else None

    def seen(self, session_id: str | None) -> None:
        """A sign of life of the page: a tick, a frame, a click. Undoes `left`."""
        with self._lock:
            if seat := self._table.get(session_id or ""):
                seat.seen_at, seat.left_at = self._clock(), None

    def left(self, session_id: str | None) -> None:
        """The page closed or is reloading: its session ends in LEFT_GRACE_S unless `seen` again."""
        with self._lock:
            seat = self._table.get(session_id or "")
            if seat and seat.left_at is None:
                seat.left_at = self._clock()

    def end(self, session_id: str | None) -> None:
        """Stop a session and free its seat; idempotent."""
        with self._lock:
            seat = self._table.pop(session_id or "", None)
        if seat:
            self._close(seat)

    def reap(self) -> list[str]:
        """End every session whose page is gone; returns their ids. The reaper thread calls this once a second."""
        now = self._clock()
        with self._lock:
            gone = [self._table.pop(key) for key, seat in list(self._table.items()) if is_gone(seat, now)]
        for seat in gone:
            log.info("ending a session whose page went away")
            self._close(seat)
        return [seat.session.id for seat in gone]

    def note_busy(self) -> None:
        """Remember where something runs. The reaper thread calls this once a second."""
        now = self._clock()
        with self._lock:
            for seat in self._table.values():
                if seat.session.status == "running":
                    seat.busy_at = now

    def keep_time(self) -> None:
        """Warn and end runs that last too long. The reaper thread calls this once a second."""
        with self._lock:
            sessions = [seat.session for seat in self._table.values()]
        for session in sessions if self._limit else ():
            self._limit.heed(session, self._clock())

    def make_room(self) -> bool:
        """Free the seat where nothing has run for longest, if that is IDLE_S or more; True when there is a free one
        now. For those who wait."""
        now = self._clock()
        with self._lock:
            idle = {key: now - seat.busy_at for key, seat in self._table.items()}
            oldest = max(idle, key=idle.get, default=None)
            if len(self._table) < self.seats or oldest is None or idle[oldest] < IDLE_S:
                return len(self._table) < self.seats
        self.end(oldest)
        return True

    def stop(self) -> None:
        """End every session, all at once; idempotent."""
        self._stopping.set()
        with self._lock:
            seats, self._table = list(self._table.values()), {}
        at_once(self._close, seats)
        if self._reaper and self._reaper is not threading.current_thread():
            self._reaper.join()

    def use(self, engine, reason: str) -> None:
        """Give every session another engine, all at once; runs under way end with `reason`."""
        with self._lock:
            sessions = [seat.session for seat in self._table.values()]
        at_once(lambda session: session.use(engine, reason), sessions)

    def __len__(self) -> int:
        with self._lock:
            return len(self._table)

    def _close(self, seat: Seat) -> None:
        seat.session.stop()
        if seat.folder and not self.keep_journals:
            delete_journals(seat.folder, seat.session.id)
        self._closed(seat.session.id)

    def _reap_forever(self) -> None:
        while not self._stopping.wait(REAP_EVERY_S):
            try:
                self.reap()
                self.note_busy()
                self.keep_time()
            except Exception:  # a reaper that dies keeps every later seat taken for good
                log.exception("the reaper met an error and goes on")


def at_once(what: Callable[[Session], None], sessions: list[Session]) -> None:
    """`what` of each session in a thread of its own, since it may take seconds; back when all are done."""
    threads = [threading.Thread(target=what, args=(session,), name="each-session") for session in sessions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def is_gone(seat: Seat, now: float) -> bool:
    if seat.left_at is not None and now - seat.left_at >= LEFT_GRACE_S:
        return True
    return now - seat.seen_at >= SILENT_GRACE_S
