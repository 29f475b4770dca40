"""What was asked, decided and said in one run of a session, as rows, strips and files. Pure: events in, values out; no threads, no clock.

Not the page (`ui/`), not the disk (`journal.py`). Text in here is untrusted, both the user's and the model's: whoever draws it escapes it.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One line of the transcript."""

    key: int
    """Names the row for its life, from 1, in order of appearance. A response under way changes its text and `seq`, never its key."""
    seq: int
    """Number of the last change: `Snapshot.rows` holds the rows with `seq > after`."""
    second: int
    lane: int
    """0 for what concerns every lane: a notice, a failure, the end."""
    kind: str
    """asked | response | notice | failed | ended"""
    text: str
    """One line of untrusted text: the instruction, the response so far, or one sentence for the user."""
    partial: bool = False
    """True while a response is still being spoken."""
    follow_up: bool = False
    """True for an instruction typed into a lane that stood already."""


@dataclass(frozen=True)
class Cell:
    """One decided second of a lane, or, for what lies far back, several in one (`seconds` > 1)."""

    second: int
    """First second that the cell covers."""
    state: str
    """silence | standby | response; in a cell of several seconds the strongest: response over standby over silence."""
    p: tuple[float, float, float]
    """Probabilities of silence, standby, response, of the second that gave `state` (the last such one)."""
    skipped: int = 0
    """Seconds skipped just before this cell; in a cell of several seconds, all that were skipped in it."""
    seconds: int = 1
    """Stretch of stream that the cell covers, from its first second to its last, skipped ones included."""
