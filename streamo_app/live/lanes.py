"""The standing instructions of a session as their user knows them, from the moment they were typed. No threads: the
session's lock guards it.

Not the model's lanes (`models/`), which open a moment later, with the turn that carries the instruction.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from streamo_app.live.snapshot import LaneView
from streamo_app.protocol import clean_instruction
from streamo_app.transcript.transcript import Transcript

MAX_LANES = 8
MAX_BIAS = 20.0
"""A shift of the response logit beyond this changes nothing any more."""


@dataclass
class Instruction:
    """One instruction and what its user set for it."""

    instruction: str
    follow_ups: list[str] = field(default_factory=list)
    muted: bool = False
    open: bool = True
    bias: float = 0.0
    waits_for_start: bool = False
    """Typed while nothing was running: it belongs to the next run."""


@dataclass(frozen=True)
class PendingAsk:
    """An instruction that joins the first turn sent from `turn` on."""

    turn: int
    lane: int
    text: str


class Lanes:
    """Lanes of the run under way or just over, and those that wait for the next."""

    def __init__(self, max_lanes: int = MAX_LANES):
        self.max_lanes = max_lanes
        self.running = False
        self.final = False
        """No instruction will come beyond those of the start."""
        self._standing: dict[int, Instruction] = {}
        self._due: list[PendingAsk] = []

    def check(self, asks: Sequence[tuple[int, str]], again: bool = False) -> list[tuple[int, str]]:
        """`asks` with clean texts. Raises ValueError when one is bad, or when there is no room for them beside those
        that stay (`begin`)."""
        clean = [(turn, clean_instruction(text)) for turn, text in asks]
        self._check_room(len(self._staying(again)) + len(clean))
        return clean

    def begin(self, asks: Sequence[tuple[int, str]], final: bool = False, again: bool = False) -> None:
        """A run begins. The lanes that wait for it, and with `again` those that still stood in the last run, count from
        1 in the order typed, then come `asks` ((turn, text), from `check`). A lane that stands again is asked its
        instruction anew, is as talkative and as muted as before, and has no follow-ups."""
        self.final = final
        staying, due = self._staying(again), self._due
        self._standing, self._due = {}, []
        for old, standing in staying.items():
            lane = self._add(0, standing.instruction)
            if standing.waits_for_start:
                self._standing[lane] = replace(standing, waits_for_start=False)
                self._due += [
                    PendingAsk(follow.turn, lane, follow.text) for follow in [one for one in due if one.lane == old][1:]
                ]
            else:
                self._standing[lane] = Instruction(standing.instruction, muted=standing.muted, bias=standing.bias)
        for turn, text in asks:
            self._add(turn, text)
        self.running = True

    def end(self) -> list[PendingAsk]:
        """The run is over; returns what was never asked."""
        due, self._due, self.running = self._due, [], False
        return due

    def may_open(self) -> bool:
        """Whether a lane may still be opened in this run."""
        return not self.final or bool(self._due)

    def restore(self, transcript: Transcript) -> None:
        """The lanes of a run read back from disk take the place of all others."""
        self._due = []
        self._standing = {
            lane: Instruction(record.instruction, list(record.follow_ups), open=record.open)
            for lane, record in sorted(transcript.lanes.items())
            if lane
        }

    def ask(self, text: str) -> int:
        """A new lane. Raises ValueError when the text is bad or `max_lanes` are open."""
        text = clean_instruction(text)
        if self.running and self.final:
            raise ValueError("This run takes no new instructions; give them all at its start.")
        self._check_room(sum(map(self._takes_asks, self._standing)) + 1)
        lane = self._add(0, text)
        self._standing[lane].waits_for_start = not self.running
        return lane

    def follow(self, lane: int, text: str) -> None:
        """One more instruction in an open lane. Raises ValueError when the text is bad or the lane is not open."""
        text = clean_instruction(text)
        if not self._takes_asks(lane):
            raise ValueError(f"Instruction {lane} is not open any more; type this as a new one.")
        self._standing[lane].follow_ups.append(text)
        self._due.append(PendingAsk(0, lane, text))

    def remove(self, lane: int) -> bool:
        """False when there was nothing to remove."""
        if not self.is_open(lane):
            return False
        self._due = [due for due in self._due if due.lane != lane]
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

    def take(self, second: int) -> list[PendingAsk]:
        """What is to be asked at `second`, in the order typed; nobody gets it twice."""
        now = [due for due in self._due if due.turn <= second]
        self._due = [due for due in self._due if due.turn > second]
        return now

    def biases(self) -> dict[int, float]:
        """Talkativeness of the open lanes that are not at 0."""
        return {lane: standing.bias for lane, standing in self._standing.items() if standing.open and standing.bias}

    def views(self, transcript: Transcript) -> tuple[LaneView, ...]:
        """Every lane as the page shows it; a lane that waits for the next start has no past."""
        return tuple(self._view(lane, standing, transcript) for lane, standing in self._standing.items())

    def _view(self, lane: int, standing: Instruction, transcript: Transcript) -> LaneView:
        record = transcript.lanes.get(lane)
        return LaneView(
            lane=lane,
            instruction=standing.instruction,
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
        self._due.append(PendingAsk(turn, lane, text))
        return lane

    def _staying(self, again: bool) -> dict[int, Instruction]:
        """What goes over into the run that begins."""
        return {
            lane: standing
            for lane, standing in self._standing.items()
            if standing.waits_for_start or (again and standing.open)
        }

    def _takes_asks(self, lane: int) -> bool:
        return self.is_open(lane) and (self.running or self._standing[lane].waits_for_start)

    def _known(self, lane: int) -> Instruction:
        if lane not in self._standing:
            raise ValueError(f"There is no instruction {lane}; reload the page.")
        return self._standing[lane]

    def _check_room(self, wanted: int) -> None:
        if wanted > self.max_lanes:
            raise ValueError(f"{self.max_lanes} instructions at a time is the most; remove one first.")
