"""What a session shows at one moment, as values (`LaneView`, `Snapshot`), and the counts behind it (`DecisionStats`).
No threads."""

import math
from collections import deque
from dataclasses import dataclass

from streamo_app.events import Decided
from streamo_app.transcript.transcript import Cell, Row, Transcript

ROWS = 500
"""A page draws at most this many."""
RECENT_S = 120
"""Percentiles are taken over this many decided seconds."""

END = "The video has ended."
END_EARLY = "The video has ended early."
"""The source's last word was a notice, which says why."""
STOPPED = "Stopped."


@dataclass(frozen=True)
class LaneView:
    """One standing instruction as the page shows it, from the moment it was typed."""

    lane: int
    instruction: str
    follow_ups: tuple[str, ...]
    muted: bool
    """Keeps running unseen: its rows are left out of the snapshot, its cells are there."""
    open: bool
    """False once removed; a removed lane keeps its strip until the next start."""
    state: str | None
    """silence | standby | response of the second decided last; None until its first second is decided (asked, not yet
    answered)."""
    p: tuple[float, float, float] | None
    cells: tuple[Cell, ...]
    """At most 600, oldest first; the far ones cover several seconds each (`Cell.seconds`)."""
    talkativeness: float = 0.0
    """Shift of the response logit, 0 = the checkpoint's own choice."""


@dataclass(frozen=True)
class Snapshot:
    """Everything the page draws, consistent at one moment."""

    seq: int
    """Grows with every change of anything shown here except `lag_s` and `dropped`; equal `seq` = nothing else to
    redraw."""
    status: str
    """idle | running | ended | failed"""
    message: str
    """One sentence: why it failed, or a notice of the last seconds; else empty."""
    source: str
    """Title of the source, else empty."""
    second: int
    """Stream second decided last; 0 until `decided` > 0."""
    fps: int
    lanes: tuple[LaneView, ...]
    """Lanes from 1, in order; the watcher (lane 0) is not among them."""
    rows: tuple[Row, ...]
    """Rows changed since `after` (`row.seq > after`), the newest 500, oldest first, without muted lanes. Merge by
    `row.key`; after a change of `muted`, or of `run`, ask again with `after=0`."""
    ms_p50: float | None
    """Model time per stream second, all lanes together, over the last 120 decided seconds; None before the first."""
    ms_p95: float | None
    lag_s: float | None
    """Wall clock minus stream clock: age of the images decided on. None for a file that is pulled."""
    skipped: int
    """Stream seconds that no lane saw."""
    dropped: int
    """Frames that the source dropped because a newer one was there."""
    decided: int
    """Stream seconds decided."""
    run: int = 0
    """Number of the run in this session, from 1; row keys and lane numbers start again with each."""
    paused: bool = False
    """By its user."""
    paused_s: int = 0
    """Stream seconds that went by while it was paused; they do not count as skipped."""
    window: int = 0
    """Seconds a lane keeps."""
    ms_mean: float | None = None
    """As `ms_p50`, the mean."""
    ms_last: float | None = None
    """Of the second decided last, as far as its lanes are done."""


class DecisionStats:
    """How far a run has come, and how fast the model was."""

    def __init__(self):
        self.second = self.decided = self.skipped = 0
        self._ms: deque[float] = deque(maxlen=RECENT_S)

    def add(self, event: Decided) -> None:
        """A decision; those of one second arrive one after the other, and their times add up."""
        if self.decided and event.second == self.second:
            self._ms[-1] += event.ms
            return
        self._ms.append(event.ms)
        self.second, self.decided, self.skipped = event.second, self.decided + 1, self.skipped + event.skipped

    def summary(self) -> dict:
        """The fields of a `Snapshot` that it knows."""
        return {
            "second": self.second,
            "decided": self.decided,
            "skipped": self.skipped,
            "ms_p50": self.percentile(0.5),
            "ms_p95": self.percentile(0.95),
            "ms_mean": sum(self._ms) / len(self._ms) if self._ms else None,
            "ms_last": self._ms[-1] if self._ms else None,
        }

    def percentile(self, share: float) -> float | None:
        """Milliseconds that `share` of the seconds did not exceed (nearest rank); None before the first second."""
        ranked = sorted(self._ms)
        return ranked[max(0, math.ceil(share * len(ranked)) - 1)] if ranked else None


def newest_rows(transcript: Transcript, after: int, hidden: set[int]) -> tuple[Row, ...]:
    """The newest ROWS rows outside the `hidden` lanes, of these the ones changed since `after`; oldest first."""
    newest: list[Row] = []
    for row in reversed(transcript.rows):
        if len(newest) == ROWS:
            break
        if row.lane not in hidden:
            newest.append(row)
    return tuple(row for row in reversed(newest) if row.seq > after)
