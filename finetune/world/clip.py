"""What the clips of all worlds have in common: how one is drawn from its seed, and how its seconds become turns.

Times are seconds of the clip, fractional. Turn `i` of a dialogue shows the frame at exactly t = i, so what begins at
4.3 is first seen in turn 5 (`visible_turn`).
"""

import math

import numpy as np

MIN_SECONDS = 5
SPLITS = {"train": 1, "val": 2, "test": 3}


def clip_rng(seed: int, seconds: int, split: str, *salt: int) -> np.random.Generator:
    """The generator that the clip of a seed is drawn from; `salt` tells worlds apart.

    Raises ValueError on a negative seed, an unknown split or fewer than MIN_SECONDS.
    """
    if split not in SPLITS:
        raise ValueError(f"{split!r} is not a split; take one of {', '.join(SPLITS)}.")
    if seed < 0:
        raise ValueError(f"A seed cannot be negative, got {seed}.")
    if seconds < MIN_SECONDS:
        raise ValueError(f"A clip of {seconds} s is too short to hold an event; take at least {MIN_SECONDS} s.")
    # the split comes first: trailing words of the entropy are padded with zeros, a leading one never collides
    return np.random.default_rng(np.random.SeedSequence([SPLITS[split], *salt, seed]))


def visible_turn(t: float) -> int:
    """First turn whose frame shows what begins at t: 4.3 is turn 5, 4.0 is turn 4."""
    return math.ceil(t)


def off_grid(t: float) -> float:
    """t in hundredths, kept away from whole seconds: a video at 12.5 frames per second has no frame exactly at 1.0."""
    whole = math.floor(t)
    return round(whole + 0.05 + 0.83 * (t - whole), 2)
