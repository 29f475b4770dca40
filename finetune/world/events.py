"""What begins, ends or is there on each turn of a clip, whatever is asked: the targets of the events head (`finetune/heads.py`).

An instruction is about one event of many, and most turns answer nothing; this says of every turn all that the picture shows to be new.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from finetune.world import facts as street
from finetune.world.desk import answers as desk
from finetune.world.desk import scene as room
from finetune.world.scene import LIGHTS, NAMES

_STREET_NEW = (*(f"{name} comes" for name in NAMES), *(f"{name} goes" for name in NAMES), *(f"light turns {colour}" for colour in LIGHTS))
_STREET_THERE = (*NAMES, *(f"{colour} light" for colour in LIGHTS))
_ROOM_NEW = (*room.CHANGES, "motion")
_ROOM_THERE = ("dark", "covered", "person", *(f"{colour} object" for colour in room.COLOURS))
NEW = (*(f"street: {name}" for name in _STREET_NEW), *(f"desk: {name}" for name in _ROOM_NEW))
THERE = (*(f"street: {name} there" for name in _STREET_THERE), *(f"desk: {name} there" for name in _ROOM_THERE))
EVENTS = (*NEW, *THERE)
"""All events: those that are new on a turn, then those that are the case in it."""
IGNORED = -1.0


@lru_cache(4096)
def of_clip(world: str, clip) -> np.ndarray:
    """(seconds, len(EVENTS)) float32: 1 where a turn shows an event, 0 where not, IGNORED where that is open or of another world."""
    table = np.full((clip.seconds, len(EVENTS)), IGNORED, np.float32)
    new, there = _street(clip) if world == "street" else _room(clip)
    for name, turns in (new | {f"{name} there": turns for name, turns in there.items()}).items():
        if turns is not None:
            column = table[:, EVENTS.index(f"{world}: {name}")]
            column[:] = 0.0
            column[[turn for turn in turns if turn < clip.seconds]] = 1.0
    return table


def on_turns(table: np.ndarray, seconds: Sequence[int]) -> np.ndarray:
    """The rows of a clip's table for a dialogue whose turns show `seconds`, which rise: what happened in a skipped second is new on the next turn.

    What is new on the first turn cannot be seen there: IGNORED.
    """
    rows = table[list(seconds)].copy()
    for i, (before, now) in enumerate(zip(seconds, seconds[1:]), 1):
        rows[i, : len(NEW)] = table[before + 1 : now + 1, : len(NEW)].max(0)
    rows[0, : len(NEW)] = IGNORED
    return rows


def _street(clip) -> tuple[dict, dict]:
    """Name -> turns: of _STREET_NEW, and of _STREET_THERE."""
    facts = street.facts_of(clip)
    new = {name: [] for name in _STREET_NEW}
    for thing in clip.things:
        shown = facts.shown(thing)
        if len(shown):
            new[f"{thing.name} comes"].append(shown.start)
            new[f"{thing.name} goes"].append(shown.stop)
    for colour in LIGHTS:
        new[f"light turns {colour}"] = facts.onsets(f"{colour} light")
    return new, {name: [turn for turn in facts.turns if facts.sees(name, turn)] for name in _STREET_THERE}


def _room(clip) -> tuple[dict, dict]:
    """Of _ROOM_NEW and _ROOM_THERE; None = the clip leaves it open."""
    facts = room.Facts(clip)
    new = {change: facts.onsets(change) for change in room.CHANGES} | {"motion": desk.motions(facts)}
    there = {
        "dark": [turn for turn in facts.turns if room.is_dark(clip, turn)],
        "covered": [turn for turn in facts.turns if room.is_covered(clip, turn)],
        "person": [turn for turn in facts.turns if facts.people(turn)],
    }
    for colour in room.COLOURS:
        name = f"{colour} object"
        there[name] = [turn for turn in facts.turns if any(thing.name == name for thing in room.things_at(clip, turn))]
    return new, there
