"""The line of pages that wait for a seat: first come, first served. Not the seats (`live/registry.py`). Not
thread-safe; its owner holds a lock.

A page that waits asks twice a second; one that has not asked for PATIENCE_S is gone, or asleep, and loses its place.
"""

import time
from collections.abc import Callable

PATIENCE_S = 10.0
"""Background tabs still ask once a second; nobody loses their place to a server that was busy for a few seconds."""


class WaitingLine:
    def __init__(self, clock: Callable[[], float] = time.monotonic):
        self._clock = clock
        self._asked_at: dict[str, float] = {}
        """Who waits, in order, to when they asked last."""

    def place(self, who: str) -> int:
        """1 for the next in line; asking for the first time takes a place at the end."""
        now = self._clock()
        self._asked_at = {one: at for one, at in self._asked_at.items() if now - at < PATIENCE_S or one == who}
        self._asked_at[who] = now
        return list(self._asked_at).index(who) + 1

    def leave(self, who: str) -> None:
        """Idempotent."""
        self._asked_at.pop(who, None)

    def __len__(self) -> int:
        now = self._clock()
        return sum(now - at < PATIENCE_S for at in self._asked_at.values())
