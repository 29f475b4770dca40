"""Runs that last too long end politely where many want a seat: a warning a minute before, then a sentence; the
transcript stays. No threads: `Sessions` asks once a second.
"""

from streamo_app.live.session import Session

WARN_S = 60.0
"""So long before its end a run is told."""


class RunLimit:
    def __init__(self, limit_s: float):
        self._limit_s = limit_s
        self._warned: dict[str, object] = {}
        """Id of a session to the run of it that has been warned."""

    def heed(self, session: Session, now: float) -> None:
        """Warn or end what runs in a session; `now` by its clock."""
        run = session.run
        if run is None or run.over.is_set():
            self._warned.pop(session.id, None)
            return
        left = self._limit_s - (now - run.began_at)
        if left <= 0:
            session.stop(
                reason=f"Here a run ends after {duration(self._limit_s)}, so that others get a turn. What was said stays: save it, or press Start to begin anew."
            )
        elif left <= min(WARN_S, self._limit_s / 2) and self._warned.get(session.id) is not run:
            self._warned[session.id] = run
            run.tell(
                f"Runs here end after {duration(self._limit_s)}: this one in {duration(left)}. What was said stays, to be saved."
            )


def duration(seconds: float) -> str:
    """For people: whole minutes from a minute and a half on, before that whole seconds."""
    if seconds >= 90:
        return f"{round(seconds / 60)} minutes"
    return "a minute" if seconds >= 55 else f"{max(1, round(seconds))} seconds"
