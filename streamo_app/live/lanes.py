"""The standing instructions of a session as their user knows them, from the moment they were typed. No threads: the
session's lock guards it.

Not the model's lanes (`models/client_work.py`), which open a moment later, with the turn that carries the instruction,
and not what happened in them (`transcript/`).
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from streamo_app.events import Asked, Event, LaneClosed
from streamo_app.live.snapshot import LaneView
from streamo_app.models.client import MAX_LANES, Ask, TurnRequest
from streamo_app.protocol import clean_instruction
from streamo_app.transcript.transcript import Transcript
from streamo_app.video.turns import Turn

MAX_BIAS = 20.0
"""A shift of the response logit beyond this makes no further difference."""


@dataclass
class Instruction:
    """A standing instruction and what its user set for it."""

    text: str
    follow_ups: list[str] = field(default_factory=list)
    muted: bool = False
    open: bool = True
    bias: float = 0.0
    waits_for_start: bool = False
    """Typed while nothing was running: it belongs to the next run."""


class Lanes:
    """Lanes of the run under way or just over, and those that wait for the next."""

    def __init__(self, max_lanes: int = MAX_LANES):
        self.max_lanes = max_lanes
        self._running = False
        self._no_new_lanes = False
        """No instruction will come beyond those of the start."""
        self._standing: dict[int, Instruction] = {}
        self._pending: list[Ask] = []
        """Not yet sent, in the order typed."""

    def check(self, asks: Sequence[tuple[int, str]], *, keep_lanes: bool = False) -> list[tuple[int, str]]:
        """`asks` with clean texts. Raises ValueError when one is bad, or when there is no room for them beside those
        that stay (`begin`)."""
        clean = [(turn, clean_instruction(text)) for turn, text in asks]
        self._check_room(len(self._staying(keep_lanes)) + len(clean))
        return clean

    def begin(self, asks: Sequence[tuple[int, str]], *, no_new_lanes: bool = False, keep_lanes: bool = False) -> None:
        """A run begins. The lanes that wait for it, and with `keep_lanes` those still open in the last run, count from
        1 in the order typed, then come `asks` ((turn, text), from `check`). A lane that is kept is asked its
        instruction again, is as talkative and as muted as before, and has no follow-ups."""
        self._no_new_lanes = no_new_lanes
        staying, pending = self._staying(keep_lanes), self._pending
        self._standing, self._pending = {}, []
        for old, standing in staying.items():
            lane = self._add(0, standing.text)
            if standing.waits_for_start:
                self._standing[lane] = replace(standing, waits_for_start=False)
                follow_ups = [ask for ask in pending if ask.lane == old][1:]
                self._pending += [replace(ask, lane=lane) for ask in follow_ups]
            else:
                self._standing[lane] = Instruction(standing.text, muted=standing.muted, bias=standing.bias)
        for turn, text in asks:
            self._add(turn, text)
        self._running = True

    def end(self) -> list[Ask]:
        """The run is over; returns what was never asked."""
        pending, self._pending, self._running = self._pending, [], False
        return pending

    def restore(self, events: Iterable[Event]) -> None:
        """The lanes of a run read back from disk take the place of all others."""
        standing: dict[int, Instruction] = {}
        for event in events:
            match event:
                case Asked(_, lane, text, True) if lane in standing:
                    standing[lane].follow_ups.append(text)
                case Asked(_, lane, text):
                    standing[lane] = Instruction(text)
                case LaneClosed(_, lane) if lane in standing:
                    standing[lane].open = False
        self._standing, self._pending = dict(sorted(standing.items())), []

    def ask(self, text: str) -> int:
        """A new lane. Raises ValueError when the text is bad or `max_lanes` are open."""
        text = clean_instruction(text)
        if self._running and self._no_new_lanes:
            raise ValueError("This run takes no new instructions; give them all at its start.")
        self._check_room(sum(map(self._takes_asks, self._standing)) + 1)
        lane = self._add(0, text)
        self._standing[lane].waits_for_start = not self._running
        return lane

    def follow(self, lane: int, text: str) -> None:
        """One more instruction in an open lane. Raises ValueError when the text is bad or the lane is not open."""
        text = clean_instruction(text)
        if not self._takes_asks(lane):
            raise ValueError(f"Instruction {lane} is no longer open; type this as a new one.")
        self._standing[lane].follow_ups.append(text)
        self._pending.append(Ask(lane, text))

    def remove(self, lane: int) -> bool:
        """False when there was nothing to remove."""
        if not self.is_open(lane):
            return False
        self._pending = [ask for ask in self._pending if ask.lane != lane]
        if self._standing[lane].waits_for_start:
            del self._standing[lane]
        else:
            self._standing[lane].open = False
        return True

    def mute(self, lane: int, muted: bool) -> None:
        self._known(lane).muted = muted

    def talk(self, lane: int, bias: float) -> None:
        if not (math.isfinite(bias) and abs(bias) <= MAX_BIAS):
            raise ValueError(
                f"A talkativeness of {bias} is not possible; choose between {-MAX_BIAS:g} and {MAX_BIAS:g}."
            )
        self._known(lane).bias = float(bias)

    def is_open(self, lane: int) -> bool:
        return lane in self._standing and self._standing[lane].open

    def muted(self) -> set[int]:
        return {lane for lane, standing in self._standing.items() if standing.muted}

    def request(self, turn: Turn, skipped: int) -> TurnRequest:
        """`turn` with the instructions that join it, in the order typed; each is given out once."""
        asks = tuple(ask for ask in self._pending if ask.turn <= turn.second)
        self._pending = [ask for ask in self._pending if ask.turn > turn.second]
        biases = {lane: standing.bias for lane, standing in self._standing.items() if standing.open and standing.bias}
        may_open = not self._no_new_lanes or bool(self._pending)
        return TurnRequest(turn.second, turn.images, asks, biases, skipped, watch=may_open)

    def views(self, transcript: Transcript) -> tuple[LaneView, ...]:
        """Every lane as the page shows it; a lane that waits for the next start has no past."""
        return tuple(self._view(lane, standing, transcript) for lane, standing in self._standing.items())

    def _view(self, lane: int, standing: Instruction, transcript: Transcript) -> LaneView:
        record = transcript.lanes.get(lane)
        return LaneView(
            lane=lane,
            instruction=standing.text,
            follow_ups=tuple(standing.follow_ups),
            muted=standing.muted,
            open=standing.open,
            state=record.state if record else None,
            p=record.p if record else None,
            cells=transcript.cells(lane),
            talkativeness=standing.bias,
        )

    def _add(self, turn: int, text: str) -> int:
        lane = max(self._standing, default=0) + 1
        self._standing[lane] = Instruction(text)
        self._pending.append(Ask(lane, text, turn))
        return lane

    def _staying(self, keep_lanes: bool) -> dict[int, Instruction]:
        """What goes over into the run that begins."""
        return {
            lane: standing
            for lane, standing in self._standing.items()
            if standing.waits_for_start or (keep_lanes and standing.open)
        }

    def _takes_asks(self, lane: int) -> bool:
        return self.is_open(lane) and (self._running or self._standing[lane].waits_for_start)

    def _known(self, lane: int) -> Instruction:
        if lane not in self._standing:
            raise ValueError(f"There is no instruction {lane}; reload the page.")
        return self._standing[lane]

    def _check_room(self, wanted: int) -> None:
        if wanted > self.max_lanes:
            raise ValueError(f"At most {self.max_lanes} instructions at a time; remove one first.")
