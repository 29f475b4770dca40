"""The hand-off of turns from the thread that gathers them to the thread that sends them: the only bounded queue of a
session, one turn deep.
"""

import threading

from streamo_app.video.turns import Turn


class Handoff:
    """A slot for one turn between two threads.

    Live (`newest_wins`): `put` never waits, it replaces a turn that nobody took. Pulled: `put` waits until the slot is
    free, so nothing is lost. Thread-safe.
    """

    def __init__(self, *, newest_wins: bool):
        self._newest_wins = newest_wins
        self._turn: Turn | None = None
        self._finished = self._closed = False
        self._changed = threading.Condition()

    def put(self, turn: Turn) -> bool:
        """False when the hand-off was closed: nobody will take this turn."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._turn is None or self._newest_wins)
            if not self._closed:
                self._turn = turn
            self._changed.notify_all()
            return not self._closed

    def take(self) -> Turn | None:
        """The waiting turn, as soon as there is one; None when the stream is finished or the hand-off was closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._finished or self._turn is not None)
            turn, self._turn = (None if self._closed else self._turn), None
            self._changed.notify_all()
            return turn

    def finish(self) -> None:
        """No more turns will come; the one that waits is still handed over."""
        with self._changed:
            self._finished = True
            self._changed.notify_all()

    def close(self) -> None:
        """Both sides stop at once."""
        with self._changed:
            self._closed, self._turn = True, None
            self._changed.notify_all()
