"""One run of a session: a source watched from its start to its end, by two threads.

Thread safety. `gather` is the only thread that touches the source's frames; `send` the only one that submits to the
engine; between them stands a `Handoff`. `abort` may be called from anywhere, never blocks, and is what every end of a
run goes through: it sets the stop flag, closes the hand-off, and lets a third thread cancel the client and close the
source, since either may hang. A thread that hangs in a source cannot be ended; it is left behind as a daemon, and
whatever it brings back later is ignored.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping

from streamo_app.events import Ended, Event, Failed, Frame, Noticed
from streamo_app.live.handoff import Handoff
from streamo_app.live.pause import Pause
from streamo_app.live.snapshot import END, END_EARLY
from streamo_app.models.client import Ask, Client, TurnRequest
from streamo_app.video.source import Source, SourceError
from streamo_app.video.turns import Turn, Turns

MODEL_GONE = "The model has been stopped; start again."
UNEXPECTED = "Something went wrong while {doing}; start again, and see the log if it happens again."

log = logging.getLogger(__name__)


class Run:
    """`prepare(second)` gives what goes with a turn: the asks due, each lane's talkativeness, whether to go on watching
    for new lanes. `is_open(lane)`: its user still wants it. `emit(run, event)` takes notices, and at last one `Ended`
    or `Failed`; then the session calls `abort`."""

    def __init__(
        self,
        source: Source,
        fps: int,
        *,
        prepare: Callable[[int], tuple[tuple[Ask, ...], Mapping[int, float], bool]],
        is_open: Callable[[int], bool],
        emit: Callable[["Run", Event], None],
        clock: Callable[[], float] = time.monotonic,
    ):
        self.source, self.fps = source, fps
        self.live = source.live or source.clocked
        """The stream goes on without us: newest wins, seconds may be skipped."""
        self.began_at = clock()
        self.over = threading.Event()
        """Set by the session with the last event."""
        self.client: Client | None = None
        self._prepare, self._is_open, self._emit, self._clock = prepare, is_open, emit, clock
        self._stop = threading.Event()
        self._handoff = Handoff(newest_wins=self.live)
        self._failure: str | None = None
        self._end = END
        self._next: int | None = None
        """Second that would follow the one sent last without a gap."""
        self._captured: dict[int, float] = {}
        """Capture times of the second decided last and of those in flight."""
        self._lag: float | None = None
        self._pause = Pause(clock)
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []

    def start(self, name: str) -> None:
        """`client` is set by now."""
        for target in (self._gather, self._send):
            thread = threading.Thread(target=target, name=f"{target.__name__.strip('_')}-{name}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def abort(self) -> None:
        """Both threads end as soon as they can, source and client are released. Idempotent, never blocks."""
        with self._lock:
            if self._stop.is_set():
                return
            self._stop.set()
            closer = threading.Thread(target=self._release, name="release", daemon=True)
            self._threads.append(closer)
        self._handoff.close()
        closer.start()

    def join(self, deadline: float) -> None:
        """Wait for the threads until `deadline` (`time.monotonic()`), and say in the log which of them hangs."""
        for thread in self._threads:
            if thread is threading.current_thread():
                continue
            thread.join(max(0.0, deadline - time.monotonic()))
            if thread.is_alive():
                log.warning("thread %s did not end in time; it is left behind", thread.name)

    def tell(self, message: str) -> None:
        """A notice from outside, at the second that comes next; nothing once the run is over."""
        self._emit(self, Noticed(self._next or 0, message))

    def hold(self, held: bool) -> None:
        """Stop looking, or go on in the same lanes: a file's clock stands meanwhile, what a live source gives is passed
        over."""
        with self._lock:
            self._pause.hold(held)
        self.source.hold(held)

    @property
    def held(self) -> bool:
        return self._pause.held

    def numbers(self, second: int) -> dict:
        """The fields of a `Snapshot` that it knows; `second` was decided last."""
        held, over = self.held, self.over.is_set()
        lag = None if held or over else self.lag(second)
        return {
            "lag_s": lag,
            "dropped": self.source.dropped,
            "paused": held and not over,
            "paused_s": self._pause.seconds,
        }

    def decided(self, second: int) -> None:
        """A lane's decision of `second` is there."""
        with self._lock:
            if second in self._captured:
                self._lag = self._clock() - self._captured[second]
                self._captured = {key: at for key, at in self._captured.items() if key >= second}

    def lag(self, second: int) -> float | None:
        """Age of the pictures at the last decision (of `second`), or of those still undecided, whichever is more; None
        if pulled."""
        with self._lock:
            waiting = [self._clock() - at for key, at in self._captured.items() if key > second or self._lag is None]
            known = [lag for lag in (self._lag, *waiting) if lag is not None]
            return max(0.0, *known) if self.live and known else None

    def _gather(self) -> None:
        try:
            turns = Turns(self.fps)
            for item in self.source.frames(self.fps, self._stop):
                if self._stop.is_set():
                    return
                if not isinstance(item, Frame):
                    self._end = END_EARLY
                    self._emit(self, item)
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
                    self.client.wait_idle()  # so that the next turn taken is the newest
            self.client.wait_idle()
            failure = self._failure if turn is None else MODEL_GONE
        except Exception:
            log.exception("sending a second to the model failed")
            failure = UNEXPECTED.format(doing="watching")
        if not self._stop.is_set():
            second = self._next or 0
            self._emit(self, Failed(second, failure) if failure else Ended(second, self._end))

    def _submit(self, turn: Turn) -> bool:
        """False when the engine takes nothing from us any more."""
        asks, talkativeness, watch = self._prepare(turn.second)
        gap = max(0, turn.second - self._next)
        with self._lock:
            paused = self._pause.take(gap)
            self._captured[turn.second] = turn.captured_at
        if paused:
            self._emit(self, Noticed(turn.second, f"Paused for {paused} s before this."))
        request = TurnRequest(turn.second, turn.images, asks, talkativeness, gap - paused, watch)
        self._next = turn.second + 1
        taken = self.client.submit(request)
        for ask in asks:
            if not self._is_open(ask.lane):
                self.client.drop_lane(
                    ask.lane
                )  # removed before the engine knew of it, so dropping it then dropped nothing
        return taken

    def _release(self) -> None:
        for what in (self.client.cancel, self.source.close):
            try:
                what()
            except Exception:
                log.exception("releasing the source or the model failed")
