"""The time that a run was held by its user. No threads: the run's lock guards it.

A live stream goes on while nobody looks. Those seconds are told apart from the ones that a slow model skipped.
"""

import math
from collections.abc import Callable


class Pause:
    """`clock` in seconds; stream seconds of a live source are seconds of that clock."""

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
        """Of `gap` stream seconds that nobody saw since this was asked last, how many went by in pauses."""
        taken = min(gap, math.ceil(self._untaken_s))
        self.seconds, self._untaken_s = self.seconds + taken, 0.0
        return taken
