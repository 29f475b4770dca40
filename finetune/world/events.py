"""What sets in and what is present on each turn of a clip, whatever the instruction: the targets of the events head
(`finetune/training/aux_heads.py`).

An instruction is about one event of many, and most turns answer nothing; this labels everything that each turn shows.
"""

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

import numpy as np

from finetune.world import worlds

ONSETS = tuple(f"{world}: {name}" for world in worlds.NAMES for name in worlds.get(world).happenings.ONSETS)
PRESENT = tuple(f"{world}: {name} there" for world in worlds.NAMES for name in worlds.get(world).happenings.PRESENT)
EVENTS = (*ONSETS, *PRESENT)
"""All events: those that set in on a turn, then those that are present in it."""
UNKNOWN = -1.0
"""Label of an event that a turn neither shows nor rules out; the loss leaves it out."""


@lru_cache(4096)
def of_clip(world: str, clip) -> np.ndarray:
    """(seconds, len(EVENTS)) float32: 1 where a turn shows an event, 0 where not, UNKNOWN where the clip leaves it open
    and for events of other worlds."""
    table = np.full((clip.seconds, len(EVENTS)), UNKNOWN, np.float32)
    happenings = worlds.get(world).happenings
    present = {f"{name} there": turns for name, turns in happenings.present(clip).items()}
    for name, turns in (happenings.onsets(clip) | present).items():
        if turns is not None:
            column = table[:, EVENTS.index(f"{world}: {name}")]
            column[:] = 0.0
            column[[turn for turn in turns if turn < clip.seconds]] = 1.0
    return table


def on_turns(table: np.ndarray, seconds: Sequence[int]) -> np.ndarray:
    """The rows of a clip's table for a dialogue whose turns show `seconds`, in rising order: what set in during a
    skipped second counts as setting in on the next turn.

    Whether something sets in on the first turn cannot be seen there: UNKNOWN.
    """
    rows = table[list(seconds)].copy()
    for i, (before, now) in enumerate(pairwise(seconds), 1):
        rows[i, : len(ONSETS)] = table[before + 1 : now + 1, : len(ONSETS)].max(0)
    rows[0, : len(ONSETS)] = UNKNOWN
    return rows
