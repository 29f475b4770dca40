"""One user's session: a source, standing instructions (lanes), the transcript, and the numbers the page shows.

Not the model (`models/`), not the page (`ui/`). A session has at most one run under way; the lanes of a run count from 1.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from streamo_app.transcript import Cell, Row


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
    """silence | standby | response of the second decided last; None until its first second is decided (asked, not yet answered)."""
    p: tuple[float, float, float] | None
    cells: tuple[Cell, ...]
    """At most 600, oldest first; the far ones cover several seconds each (`Cell.seconds`)."""
    talkativeness: float = 0.0
    """Shift of the response logit, 0 = the checkpoint's own choice."""


@dataclass(frozen=True)
class Snapshot:
    """Everything the page draws, consistent at one moment."""

    seq: int
    """Grows with every change of anything shown here except the clock-driven numbers; equal `seq` = nothing to redraw."""
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
    """Rows changed since `after` (`row.seq > after`), the newest 500, oldest first, without muted lanes. Merge by `row.key`; after a
    change of `muted`, or when a run starts, ask again with `after=0`."""
    ms_p50: float | None
    """Model time per stream second, all lanes together, over the last 120 decided seconds; None before the first."""
    ms_p95: float | None
    lag_s: float | None
    """Wall clock minus stream clock: age of the pictures decided on. None for a file that is pulled."""
    skipped: int
    """Stream seconds that no lane saw."""
    dropped: int
    """Pictures that the source threw away because a newer one was there."""
    decided: int
    """Stream seconds decided."""


class Session:
    """Thread-safe. Everything but `stop`, `wait` and `start` returns at once."""

    id: str
    status: str
    """idle | running | ended | failed"""

    def __init__(
        self,
        engine: "Engine",  # noqa: F821 - streamo_app.models.engine
        *,
        session_id: str | None = None,
        journal_dir: Path | None = None,
        clock: Callable[[], float] = time.monotonic,
    ):
        raise NotImplementedError("signatures first; the body follows in the next commit")

    def start(self, source, *, fps: int | None = None, asks: Sequence[tuple[int, str]] = ()) -> None:
        """Watch `source`; a run under way is ended first. `asks`: (turn, text), lane k is the k-th of them (after those typed before)."""

    def ask(self, text: str, lane: int | None = None) -> int:
        """A new instruction, or a follow-up in `lane`; joins the next turn not yet sent. Returns the lane.

        Raises ValueError (one sentence for the user): empty, too long, a lane that is not open, more than 8 open lanes."""

    def remove_lane(self, lane: int) -> None: ...

    def mute(self, lane: int, muted: bool) -> None: ...

    def talk(self, lane: int, bias: float) -> None: ...

    def stop(self, timeout_s: float = 2.0) -> None:
        """Idempotent; back within `timeout_s` even when the source or the model hangs."""

    def wait(self, timeout_s: float | None = None) -> bool:
        """Until the run is over; True when there is none under way."""

    def snapshot(self, after: int = 0) -> Snapshot: ...

    def export(self, form: str) -> str:
        """The transcript as "srt", "vtt", "jsonl" or "md"; safe to call while running."""

    def stats(self) -> dict:
        """`Client.stats()` of the run under way: {"lanes": {lane: {"kv_tokens", "kv_bytes", "forwards"}}}."""
