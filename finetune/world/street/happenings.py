"""What sets in and what is present on each turn of a `street` clip, by name (`events.py`)."""

from finetune.world.street.facts import facts_of
from finetune.world.street.scene import LIGHTS, NAMES, StreetClip

ONSETS = (
    *(f"{name} comes" for name in NAMES),
    *(f"{name} goes" for name in NAMES),
    *(f"light turns {colour}" for colour in LIGHTS),
)
PRESENT = (*NAMES, *(f"{colour} light" for colour in LIGHTS))


def onsets(clip: StreetClip) -> dict[str, list[int]]:
    """Of ONSETS, the turns that show it first."""
    facts = facts_of(clip)
    found: dict[str, list[int]] = {name: [] for name in ONSETS}
    for thing in clip.things:
        shown = facts.shown(thing)
        if len(shown):
            found[f"{thing.name} comes"].append(shown.start)
            found[f"{thing.name} goes"].append(shown.stop)
    for colour in LIGHTS:
        found[f"light turns {colour}"] = facts.onsets(f"{colour} light")
    return found


def present(clip: StreetClip) -> dict[str, list[int]]:
    """Of PRESENT, the turns that show it."""
    facts = facts_of(clip)
    return {name: [turn for turn in facts.turns if facts.sees(name, turn)] for name in PRESENT}
