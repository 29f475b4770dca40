"""What sets in and what is present on each turn of a `desk` clip, by name (`finetune/world/events.py`)."""

from finetune.world.desk.answers import motions
from finetune.world.desk.facts import CHANGES, DeskFacts
from finetune.world.desk.scene import COLOURS, DeskClip, is_covered, is_dark, things_at

ONSETS = (*CHANGES, "motion")
PRESENT = ("dark", "covered", "person", *(f"{colour} object" for colour in COLOURS))


def onsets(clip: DeskClip) -> dict[str, list[int] | None]:
    """Of ONSETS, the turns that show it first; None = the clip leaves it open."""
    facts = DeskFacts(clip)
    return {change: facts.onsets(change) for change in CHANGES} | {"motion": motions(facts)}


def present(clip: DeskClip) -> dict[str, list[int]]:
    """Of PRESENT, the turns in which it is the case, whether or not a covered camera or darkness hides it."""
    facts = DeskFacts(clip)
    found = {
        "dark": [turn for turn in facts.turns if is_dark(clip, turn)],
        "covered": [turn for turn in facts.turns if is_covered(clip, turn)],
        "person": [turn for turn in facts.turns if facts.people(turn)],
    }
    for colour in COLOURS:
        name = f"{colour} object"
        found[name] = [turn for turn in facts.turns if any(thing.name == name for thing in things_at(clip, turn))]
    return found
