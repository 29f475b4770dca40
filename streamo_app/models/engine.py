"""One thread owns the model; everybody else hands it seconds and gets events back.

Each user is a `Client`. A submitted second becomes a generator that does one forward pass between two yields; the
thread advances the generators of all clients in turn, one step each, so that a long reply of one user never blocks
another. Inside a second the order is: encode, watcher, then the lanes round-robin (every lane decides before any of
them speaks its second word). Not here: clocks, skipping, transcripts (`session.py`).

**Thread safety.** `Engine._changed` (one condition, one lock for all clients) guards the hand-off fields of `Client`
(in `client.py`, those set in `__init__` above the line) and `Engine._clients`, `_stopping`. The fields below the line,
the lanes and the model are touched by the engine thread alone. No lock is held during a forward or while a sink is
called, so a sink may call any method of its client; it must not block. Cancelling and dropping are numbers, not timing:
a drop remembers how many seconds had been submitted, and what belongs to an older second is discarded when it arrives.
A sink call that has begun when `cancel` or `drop_lane` is called may still end after it; none begins later.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator

from streamo_app.events import Asked, Decided, Event, Failed, Speaking
from streamo_app.models.client import WATCHER, Client, OpenLane, TurnRequest
from streamo_app.models.interface import Lane, ModelInfo, StreamingModel
from streamo_app.protocol import State

DONE = object()

log = logging.getLogger(__name__)


class Engine:
    """Owns `model`. `start` it once, `stop` it once; clients may come and go in between."""

    def __init__(self, model: StreamingModel):
        self._model = model
        self.info: ModelInfo = model.info
        self._changed = threading.Condition(threading.RLock())
        self._clients: list[Client] = []
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)

    def start(self) -> "Engine":
        self._thread.start()
        return self

    def stop(self, timeout_s: float = 2.0) -> None:
        """End the thread after the forward under way and release every client. Idempotent."""
        with self._changed:
            self._stopping = True
            for client in self._clients:
                client.cancel()
            self._changed.notify_all()
        if self._thread.ident is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout_s)
            if self._thread.is_alive():
                log.warning("the engine is still inside a forward pass after %.1f s; it ends with it", timeout_s)

    def client(self, sink: Callable[[Event], None], window: int | None = None) -> Client:
        """A new user whose lanes keep `window` seconds (None: the checkpoint's own). `sink` gets Asked, Speaking,
        Decided and Failed on the engine thread and must not block."""
        client = Client(self._changed, sink, window)
        with self._changed:
            if self._stopping:
                raise RuntimeError("The engine has been stopped.")
            self._clients.append(client)
        return client

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._stopping or any(client.wants() for client in self._clients))
                clients = list(self._clients)
                stopping = self._stopping
            for client in clients:
                self._serve(client)
            if stopping:
                self._model = None  # its weights go, whoever still holds a stopped engine
                return

    def _serve(self, client: Client) -> None:
        """One step of one client: at most one forward pass."""
        try:
            if client._cancelled:
                self._release(client)
                return
            self._apply_drops(client)
            if client._work is None:
                self._take(client)
            if client._work is not None and next(client._work, DONE) is DONE:
                self._finish(client)
        except Exception as problem:
            log.exception("second %d of a client failed", client._second)
            self._fail(client, problem)

    def _fail(self, client: Client, problem: Exception) -> None:
        """Tell this client and let go of it. A sink that raises even now must not take the other clients down."""
        try:
            self._emit(client, Failed(client._second, _sentence(client._second, problem)))
        except Exception:
            log.exception("a client could not be told of its failure")
        client.cancel()

    def _take(self, client: Client) -> None:
        with self._changed:
            second, client._slot = client._slot, None
            if second is None:
                return
            client._busy = True
            self._changed.notify_all()
            submitted = client._submitted
        client._second = second.second
        client._work = self._work_through(client, second, submitted)

    def _work_through(self, client: Client, second: TurnRequest, submitted: int) -> Iterator[None]:
        started = time.perf_counter()
        features = self._model.encode(second.images)
        encode_ms = _ms_since(started)
        yield
        watcher = client._lanes.get(WATCHER)
        if watcher is None and (second.watch or second.asks):
            watcher = self._open(client, WATCHER, self._model.open_lane(client.window), submitted)
        asked = self._join(client, watcher.lane, second, submitted) if watcher else {}
        started = time.perf_counter()
        if second.watch:
            self._model.watch(watcher.lane, second.second, features)
        elif watcher:
            self._close(client._lanes.pop(WATCHER))
        watch_ms = encode_ms + _ms_since(started)
        lanes = [lane for number, lane in client._lanes.items() if number != WATCHER]
        if not lanes:
            self._emit(
                client, Decided(second.second, WATCHER, State.SILENCE, "", (1.0, 0.0, 0.0), watch_ms, second.skipped)
            )
        for lane in lanes:
            talkativeness = second.talkativeness.get(lane.number, 0.0)
            lane.steps = self._model.turn(lane.lane, second.second, features, asked.get(lane.number, ()), talkativeness)
            lane.ms = encode_ms  # each lane needs the features, so that each second of each lane costs them
        waiting = deque(lanes)
        while waiting:
            yield
            lane = waiting.popleft()
            still_open = client._lanes.get(lane.number) is lane
            if still_open and not self._step(client, lane, second):
                waiting.append(lane)

    def _join(self, client: Client, watcher: Lane, second: TurnRequest, submitted: int) -> dict[int, tuple[str, ...]]:
        """Open the lanes that this second asks for; the instructions of each lane that has any."""
        asked: dict[int, tuple[str, ...]] = {}
        for ask in second.asks:
            if client.dropped(ask.lane, submitted):
                continue
            follow_up = ask.lane in client._lanes
            if not follow_up:
                self._open(client, ask.lane, self._model.fork(watcher), submitted)
            asked[ask.lane] = (*asked.get(ask.lane, ()), ask.text)
            self._emit(client, Asked(second.second, ask.lane, ask.text, follow_up))
        return asked

    def _open(self, client: Client, number: int, lane: Lane, submitted: int) -> OpenLane:
        client._lanes[number] = OpenLane(lane, number, submitted)
        return client._lanes[number]

    def _step(self, client: Client, lane: OpenLane, second: TurnRequest) -> bool:
        """Advance a lane by one forward and tell what came of it. True when its second is done."""
        started = time.perf_counter()
        step = next(lane.steps)
        lane.ms += _ms_since(started)
        if client.dropped(lane.number, lane.opened):
            return True
        if step.done:
            lane.steps.close()
            lane.steps = None
            decided = Decided(second.second, lane.number, step.state, step.text or "", step.p, lane.ms, second.skipped)
            self._emit(client, decided)
        elif step.text is not None:
            self._emit(client, Speaking(second.second, lane.number, step.text, step.p))
        return step.done

    def _apply_drops(self, client: Client) -> None:
        with self._changed:
            if not client._drops_new:
                return
            client._drops_new = False
            gone = [lane for number, lane in client._lanes.items() if client.dropped(number, lane.opened)]
        for lane in gone:
            del client._lanes[lane.number]
            self._close(lane)
        self._publish(client)

    def _finish(self, client: Client) -> None:
        self._publish(client)
        with self._changed:
            client._work, client._busy = None, False
            self._changed.notify_all()

    def _publish(self, client: Client) -> None:
        lanes = {
            number: {"kv_tokens": lane.lane.tokens, "kv_bytes": lane.lane.cache_bytes, "forwards": lane.lane.forwards}
            for number, lane in client._lanes.items()
        }
        with self._changed:
            client._stats = {"lanes": lanes}

    def _release(self, client: Client) -> None:
        """Free what a cancelled client holds; it is not served again."""
        with self._changed:
            if client in self._clients:
                self._clients.remove(client)
        if client._work is not None:
            client._work.close()
        for lane in client._lanes.values():
            self._close(lane)
        client._work, client._lanes = None, {}

    def _close(self, lane: OpenLane) -> None:
        if lane.steps is not None:
            lane.steps.close()
        self._model.drop(lane.lane)

    def _emit(self, client: Client, event: Event) -> None:
        with self._changed:
            if client._cancelled:
                return
        client._sink(event)


def _ms_since(started: float) -> float:
    return (time.perf_counter() - started) * 1000


def _sentence(second: int, problem: Exception) -> str:
    if isinstance(problem, MemoryError) or type(problem).__name__ == "OutOfMemoryError":
        return f"The model ran out of memory at second {second}; use --quantize 4bit, a shorter --window, or fewer instructions."
    lines = str(problem).strip().splitlines() or [type(problem).__name__]
    return f"The model failed at second {second}: {lines[0].rstrip('.')}."
