"""What begins, ends or is there on each turn of a clip, whatever is asked: the targets of the events head
(`finetune/training/aux_heads.py`).

An instruction is about one event of many, and most turns answer nothing; this says of every turn all that the picture
shows to be new.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from finetune.world import worlds

NEW = tuple(f"{world}: {name}" for world in worlds.NAMES for name in worlds.get(world).happenings.NEW)
THERE = tuple(f"{world}: {name} there" for world in worlds.NAMES for name in worlds.get(world).happenings.THERE)
EVENTS = (*NEW, *THERE)
"""All events: those that are new on a turn, then those that are the case in it."""
IGNORED = -1.0


@lru_cache(4096)
def of_clip(world: str, clip) -> np.ndarray:
    """(seconds, len(EVENTS)) float32: 1 where a turn shows an event, 0 where not, IGNORED where that is open or of
    another world."""
    table = np.full((clip.seconds, len(EVENTS)), IGNORED, np.float32)
    happenings = worlds.get(world).happenings
    there = {f"{name} there": turns for name, turns in happenings.there(clip).items()}
    for name, turns in (happenings.new(clip) | there).items():
        if turns is not None:
            column = table[:, EVENTS.index(f"{world}: {name}")]
            column[:] = 0.0
            column[[turn for turn in turns if turn < clip.seconds]] = 1.0
    return table


def on_turns(table: np.ndarray, seconds: Sequence[int]) -> np.ndarray:
    """The rows of a clip's table for a dialogue whose turns show `seconds`, which rise: what happened in a skipped
    second is new on the next turn.

    What is new on the first turn cannot be seen there: IGNORED.
    """
    rows = table[list(seconds)].copy()
    for i, (before, now) in enumerate(zip(seconds, seconds[1:]), 1):
        rows[i, : len(NEW)] = table[before + 1 : now + 1, : len(NEW)].max(0)
    rows[0, : len(NEW)] = IGNORED
    return rows
