"""What happens in a session, one frozen dataclass per fact. Pure values: no ids of storage, no words for the page.

`second` is always stream time (the turn, 0-based), `lane` counts from 1; lane 0 is the watcher, before the first
instruction.
"""

from dataclasses import dataclass

import numpy as np

from streamo_app.protocol import State


@dataclass(frozen=True)
class Frame:
    """One frame of a stream."""

    second: float
    """Stream time at which the frame came on screen; a source yields each grid point `i + k / fps` at most once, in
    order."""
    image: np.ndarray
    """(H, W, 3) uint8 RGB."""
    captured_at: float
    """`time.monotonic()` of capture (or of decoding, for a file): latency counts from here."""


@dataclass(frozen=True)
class Asked:
    """An instruction joined a lane; `second` is the turn that carries it."""

    second: int
    lane: int
    text: str
    follow_up: bool = False


@dataclass(frozen=True)
class Speaking:
    """A response under way: its text so far. `Decided` follows with the whole text."""

    second: int
    lane: int
    text: str
    p: tuple[float, float, float]


@dataclass(frozen=True)
class Decided:
    """One second of one lane."""

    second: int
    lane: int
    state: State
    text: str
    """Words of a response, else empty."""
    p: tuple[float, float, float]
    """Probabilities of silence, standby, response, after the talkativeness bias; they sum to 1."""
    ms: float
    """Model time of this second and lane in milliseconds, decoding included, waiting excluded."""
    skipped: int = 0
    """Seconds skipped just before this one because the model was slower than the stream."""


@dataclass(frozen=True)
class LaneClosed:
    """A lane was removed by its user."""

    second: int
    lane: int


@dataclass(frozen=True)
class Noticed:
    """Something the user should know that ends nothing: reconnecting, frames repeated, a source that cannot be
    shown."""

    second: int
    message: str


@dataclass(frozen=True)
class Failed:
    """The session cannot go on; `message` is one sentence for the user. The traceback is in the log."""

    second: int
    message: str


@dataclass(frozen=True)
class Ended:
    """The source came to its end, or the user stopped."""

    second: int
    reason: str


Event = Asked | Speaking | Decided | LaneClosed | Noticed | Failed | Ended
