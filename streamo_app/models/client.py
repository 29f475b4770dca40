"""A user of the engine: the hand-off of seconds, one slot wide, and the numbers that make dropping and cancelling safe.

Made by `Engine.client`; the argument for its thread safety is at the top of `engine.py`.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from streamo_app.events import Event
from streamo_app.models.interface import Lane, Step

MAX_LANES = 8
"""Open lanes of a client, the watcher not counted: each costs a forward and a cache every second."""
WATCHER = 0


@dataclass(frozen=True)
class Ask:
    """An instruction: opens `lane` if that number is not open (a fork of the watcher as it was before this second),
    else follows up in it."""

    lane: int
    text: str
    """One clean line (`protocol.clean_instruction`)."""


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


@dataclass
class OpenLane:
    lane: Lane
    number: int
    opened: int
    """Number of the submitted second that opened it."""
    steps: Iterator[Step] | None = None
    ms: float = 0.0


class Client:
    """One user of the engine; made by `Engine.client`. Every method may be called from any thread."""

    def __init__(self, changed: threading.Condition, sink: Callable[[Event], None], window: int | None = None):
        self.window = window
        """Seconds that its lanes keep; None = the checkpoint's own."""
        self._changed, self._sink = changed, sink
        self._slot: TurnRequest | None = None
        self._submitted = 0
        self._busy = self._cancelled = self._drops_new = False
        self._numbers: set[int] = set()
        self._drops: dict[int, int] = {}
        self._stats: dict = {"lanes": {}}
        # ---- engine thread only ----
        self._lanes: dict[int, OpenLane] = {}
        self._work: Iterator[None] | None = None
        self._second = 0

    def submit(self, second: TurnRequest, timeout_s: float | None = None) -> bool:
        """Hand over a second: at most one waits while one is worked on. False when none got free in time, or after
        `cancel`.

        Raises ValueError when its asks name lane 0 or would open more than MAX_LANES.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._cancelled or self._slot is None, timeout_s)
            if self._cancelled or self._slot is not None:
                return False
            numbers = self._numbers | {ask.lane for ask in second.asks}
            if WATCHER in numbers or len(numbers) > MAX_LANES:
                raise ValueError(
                    f"Lanes {sorted(numbers)} cannot be open together; at most {MAX_LANES}, counted from 1."
                )
            self._numbers, self._slot, self._submitted = numbers, second, self._submitted + 1
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
        """End a lane, cutting a reply under way; nobody else is touched. The number may be opened anew by a later
        second."""
        with self._changed:
            self._drops[lane], self._drops_new = self._submitted, True
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

    def dropped(self, lane: int, submitted: int) -> bool:
        """The lane was dropped after the second number `submitted` was handed over, or with it."""
        return self._drops.get(lane, 0) >= submitted

    def wants(self) -> bool:
        """The engine has something to do for this client."""
        return self._cancelled or self._busy or self._drops_new or self._slot is not None
