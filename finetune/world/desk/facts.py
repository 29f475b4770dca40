"""What each turn of a `desk` clip shows: the ground truth that the tasks are made of. Turn `i` shows the frame at
exactly t = i."""

from dataclasses import dataclass

from finetune.world.clip import visible_turn
from finetune.world.desk.scene import COLOURS, WALK_S, DeskClip, DeskThing, is_covered, is_dark, room_at, things_at

CHANGES = (
    "lights off",
    "lights on",
    "covered",
    "uncovered",
    "person comes",
    "person leaves",
    *(f"{colour} object" for colour in COLOURS),
    *(f"{colour} object gone" for colour in COLOURS),
    "view",
)
"""All that can be seen to change, by the names that tasks give it."""
_INTERVALS = {
    "lights off": ("dark", 0),
    "lights on": ("dark", 1),
    "covered": ("covered", 0),
    "uncovered": ("covered", 1),
}


@dataclass(frozen=True)
class DeskFacts:
    """What each turn of a clip shows; turn `i` shows the frame at exactly t = i."""

    clip: DeskClip

    @property
    def turns(self) -> range:
        """All turns of the clip."""
        return range(self.clip.seconds)

    def shown(self, thing: DeskThing) -> range:
        """Turns between a thing's coming and its going; cuts to other rooms are not left out."""
        return range(max(0, visible_turn(thing.start)), max(0, min(visible_turn(thing.end), self.clip.seconds)))

    def spans(self, intervals: tuple[tuple[float, float], ...]) -> list[range]:
        """Turns of each interval."""
        return [range(visible_turn(start), visible_turn(end)) for start, end in intervals]

    def people(self, turn: int) -> int:
        """People in view in a turn; a covered camera and darkness leave them where they are."""
        return sum(thing.kind == "person" for thing in things_at(self.clip, float(turn)))

    def cuts(self) -> list[int]:
        """First turn of each later view."""
        return [visible_turn(start) for start, _ in self.clip.views[1:]]

    def onsets(self, argument: str) -> list[int]:
        """Turns that first show a change: one of CHANGES, or "object" for an object of any colour."""
        if argument == "view":
            return self.cuts()
        if argument in _INTERVALS:
            intervals, side = _INTERVALS[argument]
            return [visible_turn(interval[side]) for interval in getattr(self.clip, intervals)]
        gone = argument.endswith((" gone", " leaves"))
        name = argument.removesuffix(" gone").removesuffix(" leaves").removesuffix(" comes")
        things = [thing for thing in self.clip.things if name in (thing.name, thing.kind)]
        turns = (self._crosses(thing, thing.end if gone else thing.start) for thing in things)
        return sorted(turn for turn in turns if turn is not None)

    def _crosses(self, thing: DeskThing, t: float) -> int | None:
        """Turn that first shows what a thing does at t; None where the picture does not show it, as behind a cut."""
        turn = visible_turn(t)
        seen = 0 < turn < self.clip.seconds and room_at(self.clip, turn) == room_at(self.clip, turn - 1) == thing.room
        return turn if seen else None

    def comes(self, thing: DeskThing) -> int | None:
        """Turn on which it is seen to come in; None for who was there before or when the room came into view."""
        return self._crosses(thing, thing.start)

    def goes(self, thing: DeskThing) -> int | None:
        """First turn without it; None for who stays."""
        return self._crosses(thing, thing.end)

    def moving(self, turn: int) -> bool:
        """Whether somebody or something moves in the picture: a person is there, a hand, or an object on its way in or
        out."""
        t = float(turn)
        if is_dark(self.clip, t) or is_covered(self.clip, t):
            return False
        return any(
            thing.kind != "object" or t - thing.start < WALK_S or thing.end - t < WALK_S
            for thing in things_at(self.clip, t)
        )
