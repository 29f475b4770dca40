"""What the engine does for one client: its lanes and the second under way. On the engine's thread only.

A request becomes a generator that does at most one forward pass between two yields. Inside a second the order is:
encode, watcher, then the lanes round-robin (every lane decides before any of them speaks its second word).
"""

import logging
import time
from collections import deque
from collections.abc import Generator
from dataclasses import dataclass

from streamo_app.events import Asked, Decided, Failed, Speaking
from streamo_app.models.client import WATCHER, Client, TurnRequest
from streamo_app.models.interface import Lane, Step, StreamingModel
from streamo_app.protocol import State

DONE = object()

log = logging.getLogger(__name__)


@dataclass
class OpenLane:
    """A lane of the model, and where it is in the second under way."""

    lane: Lane
    number: int
    opened: int
    """Number of the request that opened it."""
    steps: Generator[Step, None, None] | None = None
    """Of the second under way, until it is done."""
    ms: float = 0.0
    """Model time of that second so far."""

    def step(self) -> Step:
        """One forward of the second under way."""
        assert self.steps is not None
        started = time.perf_counter()
        step = next(self.steps)
        self.ms += _ms_since(started)
        return step

    def end_turn(self) -> None:
        """Idempotent; a reply under way is cut."""
        if self.steps is not None:
            self.steps.close()
        self.steps = None


class ClientWork:
    """The lanes of `client` in `model`, and the generator of its second under way."""

    def __init__(self, model: StreamingModel, client: Client):
        self.client = client
        self._model = model
        self._lanes: dict[int, OpenLane] = {}
        self._under_way: Generator[None, None, None] | None = None
        self._second = 0

    def step(self) -> bool:
        """One step: at most one forward pass. False once the client is cancelled: all that it held is released, and
        this is not called again.

        Never raises. A failure, of the model or of the sink, ends this client alone, with one `Failed`.
        """
        cancelled = self.client.cancelled
        try:
            if cancelled:
                self._release()
            else:
                self._advance()
        except Exception as problem:
            log.exception("second %d of a client failed", self._second)
            self._fail(problem)
        return not cancelled

    def _advance(self) -> None:
        self._close_dropped()
        if self._under_way is None and (taken := self.client.take()) is not None:
            request, number = taken
            self._second = request.second
            self._under_way = self._work_through(request, number)
        if self._under_way is not None and next(self._under_way, DONE) is DONE:
            self._under_way = None
            self._publish()
            self.client.finish()

    def _work_through(self, request: TurnRequest, number: int) -> Generator[None, None, None]:
        """`number` of the request (`Client.take`)."""
        started = time.perf_counter()
        features = self._model.encode(request.images)
        encode_ms = _ms_since(started)
        yield
        watcher = self._lanes.get(WATCHER)
        if watcher is None and (request.watch or request.asks):
            watcher = self._open(WATCHER, self._model.open_lane(self.client.window), number)
        asked = self._join(watcher.lane, request, number) if watcher else {}
        started = time.perf_counter()
        if watcher and request.watch:
            self._model.watch(watcher.lane, request.second, features)
        elif watcher:
            self._close(self._lanes.pop(WATCHER))
        watch_ms = encode_ms + _ms_since(started)
        lanes = [lane for lane in self._lanes.values() if lane.number != WATCHER]
        if not lanes:
            silence = Decided(request.second, WATCHER, State.SILENCE, "", (1.0, 0.0, 0.0), watch_ms, request.skipped)
            self.client.emit(silence)
        for lane in lanes:
            texts, talkativeness = asked.get(lane.number, ()), request.talkativeness.get(lane.number, 0.0)
            lane.steps = self._model.turn(lane.lane, request.second, features, texts, talkativeness)
            lane.ms = encode_ms  # each lane needs the features, so that each second of each lane costs them
        waiting = deque(lanes)
        while waiting:
            yield
            lane = waiting.popleft()
            still_open = self._lanes.get(lane.number) is lane
            if still_open and not self._step_lane(lane, request):
                waiting.append(lane)

    def _join(self, watcher: Lane, request: TurnRequest, number: int) -> dict[int, tuple[str, ...]]:
        """Open the lanes that this request asks for; the instructions of each lane that has any."""
        asked: dict[int, tuple[str, ...]] = {}
        for ask in request.asks:
            if self.client.dropped(ask.lane, number):
                continue
            follow_up = ask.lane in self._lanes
            if not follow_up:
                self._open(ask.lane, self._model.fork(watcher), number)
            asked[ask.lane] = (*asked.get(ask.lane, ()), ask.text)
            self.client.emit(Asked(request.second, ask.lane, ask.text, follow_up))
        return asked

    def _step_lane(self, lane: OpenLane, request: TurnRequest) -> bool:
        """Advance a lane by one forward and report what came of it. True when its second is done."""
        step = lane.step()
        if self.client.dropped(lane.number, lane.opened):
            return True
        if step.done:
            lane.end_turn()
            text = step.text or ""
            self.client.emit(Decided(request.second, lane.number, step.state, text, step.p, lane.ms, request.skipped))
        elif step.text is not None:
            self.client.emit(Speaking(request.second, lane.number, step.text, step.p))
        return step.done

    def _open(self, number: int, lane: Lane, request: int) -> OpenLane:
        self._lanes[number] = OpenLane(lane, number, request)
        return self._lanes[number]

    def _close(self, lane: OpenLane) -> None:
        lane.end_turn()
        self._model.drop(lane.lane)

    def _close_dropped(self) -> None:
        if not self.client.take_drops():
            return
        for lane in [lane for lane in self._lanes.values() if self.client.dropped(lane.number, lane.opened)]:
            del self._lanes[lane.number]
            self._close(lane)
        self._publish()

    def _publish(self) -> None:
        self.client.publish(
            {
                number: {
                    "kv_tokens": open_.lane.tokens,
                    "kv_bytes": open_.lane.cache_bytes,
                    "forwards": open_.lane.forwards,
                }
                for number, open_ in self._lanes.items()
            }
        )

    def _release(self) -> None:
        if self._under_way is not None:
            self._under_way.close()
        for lane in self._lanes.values():
            self._close(lane)
        self._under_way, self._lanes = None, {}

    def _fail(self, problem: Exception) -> None:
        """Report to this client and let go of it. A sink that raises even now must not take the other clients down."""
        try:
            self.client.emit(Failed(self._second, _sentence(self._second, problem)))
        except Exception:
            log.exception("a client could not be notified of its failure")
        self.client.cancel()


def _ms_since(started: float) -> float:
    return (time.perf_counter() - started) * 1000


def _sentence(second: int, problem: Exception) -> str:
    if isinstance(problem, MemoryError) or type(problem).__name__ == "OutOfMemoryError":
        remedy = "use --quantize 4bit, a shorter --window, or fewer instructions"
        return f"The model ran out of memory at second {second}; {remedy}."
    lines = str(problem).strip().splitlines() or [type(problem).__name__]
    return f"The model failed at second {second}: {lines[0].rstrip('.')}."
