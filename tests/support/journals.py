"""Journals on disk as a session leaves them."""

from pathlib import Path

from streamo_app.events import Asked, Decided, Ended
from streamo_app.protocol import State
from streamo_app.transcript.journal import Journal, next_path

P = (0.1, 0.2, 0.7)
SAID = [
    Asked(0, 1, 'Count "state": "response" cars.'),
    Asked(2, 2, "And dogs."),
    Asked(3, 1, "Only red ones.", follow_up=True),
    *(Decided(second, 1, State.SILENCE, "", P, 9.0) for second in range(7)),
    Decided(7, 1, State.RESPONSE, 'A "state": "response" car.', P, 9.0),
    Ended(8, "Stopped."),
]


def write_journal(folder: Path, session: str = "s", events=SAID, **header) -> Path:
    journal = Journal(
        next_path(folder, session), **{"source": "street.webm", "started": "2026-11-25T14:30:00+00:00", **header}
    )
    for event in events:
        journal.write(event)
    journal.close()
    return journal.path
