"""What each turn of a `street` clip shows: the ground truth that the tasks are made of. Turn `i` shows the frame at
exactly t = i."""

from collections.abc import Callable
from dataclasses import dataclass

from finetune.world.clip import visible_turn
from finetune.world.street.scene import StreetClip, StreetThing, light_at


@dataclass(frozen=True)
class StreetFacts:
    """What each turn of a clip shows."""

    clip: StreetClip
    lights: tuple[str, ...]
    """Colour of the light in each turn."""

    @property
    def turns(self) -> range:
        """All turns of the clip."""
        return range(self.clip.seconds)

    def shown(self, thing: StreetThing) -> range:
        """Turns whose frame shows the thing."""
        return range(visible_turn(thing.start), min(visible_turn(thing.end), self.clip.seconds))

    def named(self, name: str) -> list[StreetThing]:
        """Things of this name, in order of start."""
        return [thing for thing in self.clip.things if thing.name == name]

    def sees(self, argument: str, turn: int) -> bool:
        """Whether the frame of a turn shows "red car", "dog", "green light" ..."""
        if argument.endswith(" light"):
            return f"{self.lights[turn]} light" == argument
        return any(turn in self.shown(thing) for thing in self.named(argument))

    def onsets(self, argument: str) -> list[int]:
        """Turns that show the argument when the turn before did not."""
        return [turn for turn in self.turns if turn and self.sees(argument, turn) and not self.sees(argument, turn - 1)]

    def changes(self, value: Callable[[int], str], first: int) -> list[int]:
        """`first`, and the later turns on which value(turn) differs from that of the turn before."""
        return [turn for turn in self.turns if turn == first or (turn > first and value(turn) != value(turn - 1))]

    def crossing(self, turn: int) -> str:
        """ "Yes." when a person is on the crossing in that turn, else "No."."""
        return "Yes." if self.sees("person", turn) else "No."


def facts_of(clip: StreetClip) -> StreetFacts:
    """The facts of a clip."""
    return StreetFacts(clip, tuple(light_at(clip, float(turn)) for turn in range(clip.seconds)))
