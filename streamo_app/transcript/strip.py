"""The decisions of one lane: every one of them in columns (`Decisions`), and at most 600 cells to draw (`Strip`).

A stream may run for days, so a decided second takes 37 bytes here instead of an object of 400.
"""

from array import array
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from streamo_app.events import Decided
from streamo_app.protocol import STATES

FINE_CELLS = 400
"""The newest seconds, drawn one by one."""
COARSE_CELLS = 200
"""Everything older; when these are used up, each pair of adjacent cells is merged into one."""
STRENGTH = {"silence": 0, "standby": 1, "response": 2}


@dataclass(frozen=True)
class Cell:
    """One decided second of a lane, or several old ones in one cell (`seconds` > 1)."""

    second: int
    """First second that the cell covers."""
    state: str
    """silence | standby | response; in a cell of several seconds the strongest: response over standby over silence."""
    p: tuple[float, float, float]
    """Probabilities of silence, standby, response, of the (last) second that gave `state`."""
    skipped: int = 0
    """Seconds skipped just before this cell; in a cell of several seconds, all that were skipped in it."""
    seconds: int = 1
    """Length of stream that the cell covers, from its first second to its last, skipped ones included."""


def merge(old: Cell, new: Cell) -> Cell:
    """One cell for two adjacent ones, with the stronger state."""
    strong = old if STRENGTH[old.state] > STRENGTH[new.state] else new
    return Cell(old.second, strong.state, strong.p, old.skipped + new.skipped, new.second + new.seconds - old.second)


class Strip:
    """At most FINE_CELLS + COARSE_CELLS cells of a lane of any length, at constant cost per second."""

    def __init__(self):
        self._fine: deque[Cell] = deque()
        self._coarse: list[Cell] = []
        self._width = 2
        """Seconds of stream in a coarse cell; doubles when the coarse cells run out."""

    def add(self, cell: Cell) -> None:
        self._fine.append(cell)
        if len(self._fine) > FINE_CELLS:
            self._coarsen(self._fine.popleft())

    def cells(self) -> tuple[Cell, ...]:
        """Oldest first."""
        return (*self._coarse, *self._fine)

    def _coarsen(self, cell: Cell) -> None:
        self._append(cell)
        while len(self._coarse) > COARSE_CELLS:
            self._width *= 2
            cells, self._coarse = self._coarse, []
            for old in cells:
                self._append(old)

    def _append(self, cell: Cell) -> None:
        if self._coarse and self._coarse[-1].second // self._width == cell.second // self._width:
            self._coarse[-1] = merge(self._coarse[-1], cell)
        else:
            self._coarse.append(cell)


class Decisions:
    """Every decision of one lane, in the order decided."""

    def __init__(self):
        self._seconds, self._states, self._skipped = array("q"), array("b"), array("i")
        self._p, self._ms = array("d"), array("f")
        self._texts: dict[int, str] = {}

    def add(self, decided: Decided) -> None:
        if decided.text:
            self._texts[len(self._seconds)] = decided.text
        self._seconds.append(decided.second)
        self._states.append(STATES.index(decided.state))
        self._skipped.append(decided.skipped)
        self._p.extend(decided.p)
        self._ms.append(decided.ms)

    def __len__(self) -> int:
        return len(self._seconds)

    def decided(self, lane: int) -> Iterator[Decided]:
        """The decisions again, as events of `lane`; milliseconds to seven digits."""
        for i, second in enumerate(self._seconds):
            state = STATES[self._states[i]]
            silence, standby, response = self._p[3 * i : 3 * i + 3]
            yield Decided(
                second,
                lane,
                state,
                self._texts.get(i, ""),
                (silence, standby, response),
                self._ms[i],
                self._skipped[i],
            )

    def copy(self) -> "Decisions":
        """A copy that later additions do not touch; cheap, so that a lock is held only briefly."""
        copy = Decisions()
        for name, column in vars(self).items():
            setattr(copy, name, column[:] if isinstance(column, array) else dict(column))
        return copy
