"""What is new and what is there on each turn of a `street` clip, by name (`events.py`)."""

from finetune.world.street.facts import facts_of
from finetune.world.street.scene import LIGHTS, NAMES, Clip

NEW = (
    *(f"{name} comes" for name in NAMES),
    *(f"{name} goes" for name in NAMES),
    *(f"light turns {colour}" for colour in LIGHTS),
)
THERE = (*NAMES, *(f"{colour} light" for colour in LIGHTS))


def new(clip: Clip) -> dict[str, list[int]]:
    """Of NEW, the turns that show it first."""
    facts = facts_of(clip)
    found = {name: [] for name in NEW}
    for thing in clip.things:
        shown = facts.shown(thing)
        if len(shown):
            found[f"{thing.name} comes"].append(shown.start)
            found[f"{thing.name} goes"].append(shown.stop)
    for colour in LIGHTS:
        found[f"light turns {colour}"] = facts.onsets(f"{colour} light")
    return found


def there(clip: Clip) -> dict[str, list[int]]:
    """Of THERE, the turns that show it."""
    facts = facts_of(clip)
    return {name: [turn for turn in facts.turns if facts.sees(name, turn)] for name in THERE}
