"""A user of the engine: seconds are handed over through one slot and numbered, so that a drop or a cancel is safe
whatever the timing.

Not the work on those seconds (`client_work.py`). Made by `Engine.client`; the argument for its thread safety is at the
top of `engine.py`.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from streamo_app.events import Event

MAX_LANES = 8
"""Open lanes of a client, the watcher not counted: each costs a forward and a cache every second."""
WATCHER = 0
"""Number of the lane without an instruction, from which the others are forked."""


@dataclass(frozen=True)
class Ask:
    """An instruction on its way: opens `lane` if that number is not open (a fork of the watcher as it was before this
    second), else follows up in it."""

    lane: int
    text: str
    """One clean line (`protocol.clean_instruction`)."""
    turn: int = 0
    """The first turn that may carry it; whoever holds it back until then reads this, the engine does not."""


@dataclass(frozen=True)
class TurnRequest:
    """One second of stream for one client."""

    second: int
    images: tuple[np.ndarray, ...]
    """(H, W, 3) uint8 RGB each."""
    asks: tuple[Ask, ...] = ()
    talkativeness: Mapping[int, float] = field(default_factory=dict)
    """Per lane, added to the response logit."""
    skipped: int = 0
    """Seconds skipped just before this one."""
    watch: bool = True
    """False once nobody will open a lane any more: the watcher, which lanes are forked from, is let go."""


class Client:
    """One user of the engine; made by `Engine.client`. Every method may be called from any thread."""

    def __init__(self, changed: threading.Condition, sink: Callable[[Event], None], window: int | None = None):
        self.window = window
        """Seconds that its lanes keep; None = the checkpoint's own."""
        self._changed, self._sink = changed, sink
        self._slot: TurnRequest | None = None
        self._submitted = 0
        """How many requests were handed over; the number of the newest one."""
        self._busy = self._cancelled = self._new_drops = False
        self._numbers: set[int] = set()
        """Lanes that are open, or that a request handed over will open."""
        self._drops: dict[int, int] = {}
        """Lane to how many requests had been handed over when it was dropped last."""
        self._stats: dict = {"lanes": {}}

    # ---- for the user of the engine

    def submit(self, request: TurnRequest, timeout_s: float | None = None) -> bool:
        """Hand over a second: at most one waits while one is worked on. False when none got free in time, or after
        `cancel`.

        Raises ValueError when its asks name lane 0 or would open more than MAX_LANES.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._cancelled or self._slot is None, timeout_s)
            if self._cancelled or self._slot is not None:
                return False
            numbers = self._numbers | {ask.lane for ask in request.asks}
            if WATCHER in numbers or len(numbers) > MAX_LANES:
                raise ValueError(
                    f"Lanes {sorted(numbers)} cannot be open together; at most {MAX_LANES}, counted from 1."
                )
            self._numbers, self._slot, self._submitted = numbers, request, self._submitted + 1
            self._changed.notify_all()
            return True

    def idle(self) -> bool:
        """Nothing submitted is unfinished."""
        with self._changed:
            return self._cancelled or (self._slot is None and not self._busy)

    def wait_idle(self, timeout_s: float | None = None) -> bool:
        with self._changed:
            return self._changed.wait_for(self.idle, timeout_s)

    def drop_lane(self, lane: int) -> None:
        """End a lane, cutting a reply under way; no other lane is touched. A later second may open the number again."""
        with self._changed:
            self._drops[lane], self._new_drops = self._submitted, True
            self._numbers.discard(lane)
            self._changed.notify_all()

    def cancel(self) -> None:
        """Drop everything of this client for good. Idempotent; what is under way is discarded when it arrives."""
        with self._changed:
            self._cancelled, self._slot = True, None
            self._changed.notify_all()

    def stats(self) -> dict:
        """{"lanes": {lane: {"kv_tokens", "kv_bytes", "forwards"}}} after the last finished second; lane 0 is the
        watcher."""
        with self._changed:
            return self._stats

    # ---- for the engine

    @property
    def cancelled(self) -> bool:
        with self._changed:
            return self._cancelled

    def wants(self) -> bool:
        """The engine has something to do for this client."""
        with self._changed:
            return self._cancelled or self._busy or self._new_drops or self._slot is not None

    def take(self) -> tuple[TurnRequest, int] | None:
        """The request that waits, now being worked on, and its number; the slot is free for the next."""
        with self._changed:
            request, self._slot = self._slot, None
            if request is None:
                return None
            self._busy = True
            self._changed.notify_all()
            return request, self._submitted

    def finish(self) -> None:
        """The request taken last has been worked through."""
        with self._changed:
            self._busy = False
            self._changed.notify_all()

    def take_drops(self) -> bool:
        """Whether a lane was dropped since this was asked last."""
        with self._changed:
            new, self._new_drops = self._new_drops, False
            return new

    def dropped(self, lane: int, number: int) -> bool:
        """The lane was dropped after the request of this number was handed over: what belongs to it is void."""
        with self._changed:
            return self._drops.get(lane, 0) >= number

    def publish(self, lanes: dict[int, dict[str, int]]) -> None:
        """What `stats` tells from now on."""
        with self._changed:
            self._stats = {"lanes": lanes}

    def emit(self, event: Event) -> None:
        """Hand an event to the sink, unless the client was cancelled. No lock is held meanwhile."""
        if not self.cancelled:
            self._sink(event)
