"""One run of a session: a source watched from its start to its end, by two threads.

Thread safety. `gather` is the only thread that touches the source's frames; `send` the only one that submits to the
engine; between them stands a `Handoff`. Every end of a run goes through `finish`, which may be called from anywhere and
never waits for the source or the model: under `_emitting` it hands the last event to the session, sets `over`, closes
the hand-off, and lets a third thread cancel the client and close the source, since either may hang. Every other event
passes `_emit` under the same lock, so nothing follows the last one. A thread that hangs in a source cannot be ended; it
is left behind as a daemon, and whatever it brings back later is ignored. `_lock` guards the pause, the lag and the
removed lanes. The session's lock may be taken while `_emitting` is held, never the other way round.
"""

import logging
import math
import threading
import time
from collections.abc import Callable
from typing import Protocol

from streamo_app.events import Decided, Ended, Event, Failed, Frame, Noticed
from streamo_app.live.handoff import Handoff
from streamo_app.live.snapshot import END, END_EARLY
from streamo_app.models.client import TurnRequest
from streamo_app.models.engine import Engine
from streamo_app.video.source import Source, SourceError
from streamo_app.video.turns import Turn, Turns

MODEL_GONE = "The model has been stopped; start again."
UNEXPECTED = "Something went wrong while {doing}; start again, and see the log if it happens again."

log = logging.getLogger(__name__)


class RunOwner(Protocol):
    """What a run needs of its session. Called from the run's threads and from the engine's, so neither may block."""

    def request(self, turn: Turn, skipped: int) -> TurnRequest:
        """`turn`, about to be sent, with all that goes with it. `skipped`: seconds of stream lost just before it."""

    def record(self, event: Event) -> None:
        """What happened, in order. An `Ended` or a `Failed` is the last event of the run."""


class Pause:
    """The time that a run was paused by its user. Not thread-safe.

    A live stream goes on while nobody looks; those seconds are not the ones that a slow model skipped. `clock` in
    seconds; stream seconds of a live source are seconds of that clock.
    """

    def __init__(self, clock: Callable[[], float]):
        self.held = False
        self.seconds = 0
        """Stream seconds that went by in pauses, as far as they were taken."""
        self._clock = clock
        self._since = self._untaken_s = 0.0

    def hold(self, held: bool) -> None:
        """Holding twice, or letting go twice, changes nothing."""
        now = self._clock()
        if self.held:
            self._untaken_s += now - self._since
        self.held, self._since = held, now

    def take(self, gap: int) -> int:
        """Of `gap` stream seconds that nobody saw since the last call, how many went by in pauses."""
        taken = min(gap, math.ceil(self._untaken_s))
        self.seconds, self._untaken_s = self.seconds + taken, 0.0
        return taken


class Run:
    """Owns the source, and a client of the engine whose lanes keep `window` seconds (None: the checkpoint's own)."""

    def __init__(
        self,
        source: Source,
        fps: int,
        engine: Engine,
        owner: RunOwner,
        *,
        window: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ):
        self.source, self.fps = source, fps
        self.live = source.live or source.clocked
        """The stream goes on without us: newest wins, seconds may be skipped."""
        self.began_at = clock()
        self.over = threading.Event()
        """Set when the last event has been recorded; the source stops at it."""
        self._owner, self._clock = owner, clock
        self._handoff = Handoff(newest_wins=self.live)
        self._failure: str | None = None
        self._end = END
        self._next: int | None = None
        """Second that would follow the one sent last without a gap."""
        self._captured: dict[int, float] = {}
        """Capture times of the second decided last and of those in flight."""
        self._lag: float | None = None
        """Age of the images at the last decision."""
        self._removed: set[int] = set()
        """Lanes that their user removed."""
        self._pause = Pause(clock)
        self._lock, self._emitting = threading.Lock(), threading.Lock()
        self._threads: list[threading.Thread] = []
        self._client = engine.client(self._on_event, window)

    def start(self, name: str) -> None:
        for target in (self._gather, self._send):
            thread = threading.Thread(target=target, name=f"{target.__name__.strip('_')}-{name}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def finish(self, event: Ended | Failed) -> None:
        """End the run with this event, unless it is over already. When this returns, the last event is recorded and
        everything is being released (`join` waits for that)."""
        with self._emitting:
            if self.over.is_set():
                return
            try:
                self._owner.record(event)
            finally:
                self.over.set()
                self._handoff.close()
                closer = threading.Thread(target=self._release, name="release", daemon=True)
                self._threads.append(closer)
                closer.start()

    def join(self, deadline: float) -> None:
        """Wait for the threads until `deadline` (`time.monotonic()`), and say in the log which of them hangs."""
        for thread in self._threads:
            if thread is threading.current_thread():
                continue
            thread.join(max(0.0, deadline - time.monotonic()))
            if thread.is_alive():
                log.warning("thread %s did not end in time; it is left behind", thread.name)

    def notify(self, message: str) -> None:
        """A notice from outside, at the second that comes next; nothing once the run is over."""
        self._emit(Noticed(self._next or 0, message))

    def hold(self, held: bool) -> None:
        """Stop looking, or go on in the same lanes: a file's clock stands meanwhile, what a live source gives is passed
        over."""
        with self._lock:
            self._pause.hold(held)
        self.source.hold(held)

    @property
    def held(self) -> bool:
        return self._pause.held

    def drop_lane(self, lane: int) -> None:
        """Its user removed this lane: the engine lets go of it, also when a turn that opens it is still to be sent."""
        with self._lock:
            self._removed.add(lane)
        self._client.drop_lane(lane)

    def stats(self, second: int, *, running: bool) -> dict:
        """The fields of a `Snapshot` that it knows; `second` was decided last. `running`: as the session shows it."""
        return {
            "lag_s": self._lag_at(second) if running and not self.held else None,
            "dropped": self.source.dropped,
            "paused": running and self.held,
            "paused_s": self._pause.seconds,
        }

    def lane_stats(self) -> dict:
        """As `Client.stats`; once the run is over, what it was after the last finished second."""
        return self._client.stats()

    def _on_event(self, event: Event) -> None:
        """From the engine."""
        if isinstance(event, Failed):
            self.finish(event)
            return
        if isinstance(event, Decided):
            self._note_lag(event.second)
        self._emit(event)

    def _emit(self, event: Event) -> None:
        with self._emitting:
            if not self.over.is_set():
                self._owner.record(event)

    def _note_lag(self, second: int) -> None:
        """A lane's decision of `second` is there."""
        with self._lock:
            if second in self._captured:
                self._lag = self._clock() - self._captured[second]
                self._captured = {key: at for key, at in self._captured.items() if key >= second}

    def _lag_at(self, second: int) -> float | None:
        """Age in seconds of the images at the last decision (of `second`), or of those still undecided, whichever is
        more; None if the source is pulled."""
        with self._lock:
            waiting = [self._clock() - at for key, at in self._captured.items() if key > second or self._lag is None]
            known = [lag for lag in (self._lag, *waiting) if lag is not None]
            return max(0.0, *known) if self.live and known else None

    def _gather(self) -> None:
        try:
            turns = Turns(self.fps)
            for item in self.source.frames(self.fps, self.over):
                if self.over.is_set():
                    return
                if not isinstance(item, Frame):
                    self._end = END_EARLY
                    self._emit(item)
                    continue
                self._end = END
                if not all(self._put(turn) for turn in turns.add(item)):
                    return
            for turn in turns.flush():
                self._put(turn)
        except SourceError as error:
            self._failure = str(error)
        except Exception:
            log.exception("the source failed")
            self._failure = UNEXPECTED.format(doing="reading the video")
        finally:
            self._handoff.finish()

    def _put(self, turn: Turn) -> bool:
        if self.held and self.source.live:
            return True
        if self._next is None:
            self._next = turn.second  # written before the first hand-off, read after it
        return self._handoff.put(turn)

    def _send(self) -> None:
        failure = None
        try:
            while (turn := self._handoff.take()) is not None and self._submit(turn):
                if self.live:
                    self._client.wait_idle()  # so that the next turn taken is the newest
            self._client.wait_idle()
            failure = self._failure if turn is None else MODEL_GONE
        except Exception:
            log.exception("sending a second to the model failed")
            failure = UNEXPECTED.format(doing="watching")
        second = self._next or 0
        self.finish(Failed(second, failure) if failure else Ended(second, self._end))

    def _submit(self, turn: Turn) -> bool:
        """False when the engine takes nothing from us any more."""
        assert self._next is not None, "`_put` sets it before the first turn is handed over"
        gap = max(0, turn.second - self._next)
        with self._lock:
            paused = self._pause.take(gap)
            self._captured[turn.second] = turn.captured_at
        if paused:
            self._emit(Noticed(turn.second, f"Paused for {paused} s before this."))
        request = self._owner.request(turn, gap - paused)
        self._next = turn.second + 1
        taken = self._client.submit(request)
        with self._lock:
            removed = [ask.lane for ask in request.asks if ask.lane in self._removed]
        for lane in removed:  # after it had joined the request, before the engine knew of it
            self._client.drop_lane(lane)
        return taken

    def _release(self) -> None:
        for release in (self._client.cancel, self.source.close):
            try:
                release()
            except Exception:
                log.exception("releasing the source or the model failed")
