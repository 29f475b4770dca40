"""The sessions of one process: unguessable ids to sessions, with a cap on seats, a reaper for pages that went away, and
a limit on how long a run lasts.

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
from typing import TypeVar

from streamo_app.live.run import Run
from streamo_app.live.session import Session
from streamo_app.models.client import MAX_LANES
from streamo_app.models.engine import Engine
from streamo_app.transcript.archive import owner_folder
from streamo_app.transcript.journal import delete_journals

LEFT_GRACE_S = 15.0
"""A page that said goodbye may be reloading: its session waits this long."""
SILENT_GRACE_S = 90.0
"""A page that says nothing is gone; background tabs still tick once a second, phones that sleep do not."""
IDLE_S = 600.0
"""A seat where nothing has run for this long is given to somebody else, but only when somebody waits for one."""
REAP_EVERY_S = 1.0
WARN_S = 60.0
"""A run is warned this long before it reaches its limit."""
LIMIT_NEAR = "Runs are limited to {limit} here; this one ends in {left}. Your transcript is kept; you can save it."
LIMIT_REACHED = (
    "Runs are limited to {limit} here so others can use it. Your transcript is kept; save it or press Start."
)
ID_BYTES = 24
ID_PATTERN = r"[A-Za-z0-9_-]{32}"
"""An id comes back from the browser, so nothing else passes."""

log = logging.getLogger(__name__)

Item = TypeVar("Item")


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
        """`keep_journals` False deletes a session's journals when it ends. `closed` is called with the id of every
        session that has ended. `run_limit_s`: a run that lasts longer is ended politely."""
        self._limit = RunLimit(run_limit_s) if run_limit_s else None
        self.seats, self.max_lanes, self.journal_dir, self.keep_journals = seats, max_lanes, journal_dir, keep_journals
        self._clock, self._closed = clock, closed
        self._table: dict[str, Seat] = {}
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._reaper: threading.Thread | None = None

    def create(self, engine: Engine, owner: str = "") -> Session:
        """A new session under a new id; its journals belong to `owner`, and without one there are none.

        Raises NoSeat."""
        folder = self.folder(owner)
        session = self._session(engine, secrets.token_urlsafe(ID_BYTES), folder)
        self._seat(session, folder)
        return session

    def reopen(self, engine: Engine, session_id: str | None, owner: str = "") -> Session | None:
        """The session of a page that outlived the process, with its newest transcript; None when `owner` has no journal
        of that id.

        Raises NoSeat as `create` does, and another ValueError (one sentence) when its journal cannot be read."""
        if session_id is None or not re.fullmatch(ID_PATTERN, session_id):
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

    def _session(self, engine: Engine, session_id: str, folder: Path | None) -> Session:
        return Session(engine, session_id=session_id, journal_dir=folder, max_lanes=self.max_lanes)

    def _seat(self, session: Session, folder: Path | None) -> None:
        with self._lock:
            if self._stopping.is_set():
                raise NoSeat("The server is shutting down; reload the page in a moment.")
            if len(self._table) >= self.seats:
                raise NoSeat(f"All {self.seats} seats are taken; try again in a minute.")
            now = self._clock()
            self._table[session.id] = Seat(session, folder, seen_at=now, busy_at=now)
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

    def enforce_run_limit(self) -> None:
        """Warn and end runs that last too long. The reaper thread calls this once a second."""
        if self._limit is None:
            return
        with self._lock:
            sessions = [seat.session for seat in self._table.values()]
        for session in sessions:
            self._limit.enforce(session, self._clock())

    def make_room(self) -> bool:
        """Free the seat where nothing has run for longest, if that is IDLE_S or more; True when there is a free one
        now. For those who wait."""
        now = self._clock()
        with self._lock:
            idle = {key: now - seat.busy_at for key, seat in self._table.items()}
            oldest = max(idle, key=lambda session_id: idle[session_id], default=None)
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

    def use(self, engine: Engine, reason: str) -> None:
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
                self.enforce_run_limit()
            except Exception:  # a reaper that dies keeps every later seat taken for good
                log.exception("the reaper met an error and goes on")


class RunLimit:
    """Ends runs that last too long, politely: a warning first, then a sentence; the transcript stays. No threads."""

    def __init__(self, limit_s: float):
        self._limit_s = limit_s
        self._warned: dict[str, Run] = {}
        """Id of a session to the run of it that has been warned."""

    def enforce(self, session: Session, now: float) -> None:
        """Warn or end what runs in a session; `now` by its clock."""
        run = session.run
        if run is None or run.over.is_set():
            self._warned.pop(session.id, None)
            return
        limit, left = duration(self._limit_s), self._limit_s - (now - run.began_at)
        if left <= 0:
            session.stop(reason=LIMIT_REACHED.format(limit=limit))
        elif left <= min(WARN_S, self._limit_s / 2) and self._warned.get(session.id) is not run:
            self._warned[session.id] = run
            run.notify(LIMIT_NEAR.format(limit=limit, left=duration(left)))


def duration(seconds: float) -> str:
    """For people: whole minutes from a minute and a half on, before that whole seconds."""
    if seconds >= 90:
        return f"{round(seconds / 60)} minutes"
    return "a minute" if seconds >= 55 else f"{max(1, round(seconds))} seconds"


def at_once(do: Callable[[Item], None], items: list[Item]) -> None:
    """`do` each item in a thread of its own, since it may take seconds; back when all are done."""
    threads = [threading.Thread(target=do, args=(item,), name="each-session") for item in items]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def is_gone(seat: Seat, now: float) -> bool:
    if seat.left_at is not None and now - seat.left_at >= LEFT_GRACE_S:
        return True
    return now - seat.seen_at >= SILENT_GRACE_S
