"""People before the camera: how one looks (clothes, hair, face, size), stands and gestures at a time. `people.py`
paints them.

Lengths in heads: 0 = crown, 1 = chin, shoulders at 1.5, hips at 4.1, feet at 7.4.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from finetune.world.desk.objects import slide
from finetune.world.desk.scene import WALK_S, DeskThing
from finetune.world.desk.texture import colour, shaded
from finetune.world.strokes import Rgb

SKINS = ((244, 208, 182), (232, 186, 156), (214, 164, 130), (186, 132, 98), (150, 102, 74), (112, 74, 54), (82, 54, 42))
_HAIR = ((28, 22, 20), (48, 34, 26), (84, 58, 38), (128, 92, 58), (190, 154, 100), (150, 150, 150), (140, 66, 36))
_POSES = (
    (1.35, 4.0),
    (1.3, 4.1),
    (1.2, 3.9),
    (0.25, 2.5),
    (0.1, 2.3),
    (0.45, 1.15),
    (0.3, 1.5),
    (1.5, 0.6),
    (1.3, 1.2),
    (2.1, 2.2),
    (1.9, 1.0),
    (0.9, 3.4),
    (0.7, 2.9),
)
"""Where a hand may be, away from the middle and down; the first two hang."""


@dataclass(frozen=True)
class Person:
    """What does not change about somebody."""

    skin: Rgb
    hair: Rgb
    style: int
    """0 bald, 1 short, 2 bob, 3 long, 4 bun, 5 cap."""
    hat: Rgb
    beard: bool
    glasses: bool
    top: Rgb
    legs: Rgb
    short_sleeves: bool
    hood: bool
    badge: bool
    wide: float
    """Half the shoulders."""
    head: float
    """Height of the head in 0..1 of the frame's shorter side."""
    crown: float
    """Height of the crown in 0..1 of the frame's height."""
    rest: float
    """Where they stand, in 0..1 of the width."""
    beat: float
    """Seconds per gesture."""
    calm: float
    """Share of gestures with the arms down."""
    lit_from: float
    seed: int


@lru_cache(maxsize=64)
def person_of(seed: int, side: str) -> Person:
    """`side` = left or right where somebody else needs the other half, else empty."""
    rng = np.random.default_rng([seed, 31])
    far = rng.random()
    head = float(
        rng.uniform(0.2, 0.4) if far < 0.3 else rng.uniform(0.11, 0.2) if far < 0.8 else rng.uniform(0.045, 0.1)
    )
    if side:
        head = min(head, 0.21)
    low, high = {"left": (0.16, 0.38), "right": (0.62, 0.84), "": (0.2, 0.8)}[side]
    crown = float(rng.uniform(0.02, 0.2)) if head > 0.11 else float(rng.uniform(0.15, 0.5))
    vivid = (0.45, 0.98) if rng.random() < 0.5 else (0.0, 0.3)
    return Person(
        skin=shaded(SKINS[rng.integers(len(SKINS))], float(rng.uniform(0.85, 1.08))),
        hair=shaded(_HAIR[rng.integers(len(_HAIR))], float(rng.uniform(0.7, 1.2))),
        style=int(rng.choice(6, p=[0.08, 0.36, 0.16, 0.24, 0.08, 0.08])),
        hat=colour(rng, None, (0.1, 0.9), (0.1, 0.9)),
        beard=bool(rng.random() < 0.22),
        glasses=bool(rng.random() < 0.25),
        top=colour(rng, None, vivid, (0.08, 0.95)),
        legs=colour(rng, float(rng.choice([0.6, 0.6, rng.random()])), (0.05, 0.6), (0.12, 0.6)),
        short_sleeves=bool(rng.random() < 0.3),
        hood=bool(rng.random() < 0.35),
        badge=bool(rng.random() < 0.3),
        wide=float(rng.uniform(0.88, 1.3)),
        head=head,
        crown=crown,
        rest=float(rng.uniform(low, high)),
        beat=float(rng.uniform(0.8, 1.5)),
        calm=float(rng.choice([0.1, 0.3, 0.7])),
        lit_from=float(rng.uniform(-1, 1)),
        seed=seed,
    )


@dataclass(frozen=True)
class Pose:
    """Place and gesture at a time; x, y and unit in pixels, the rest in heads."""

    x: float
    y: float
    unit: float
    lean: float
    turn: float
    hands: tuple[tuple[float, float], tuple[float, float]]
    open: tuple[float, float]
    speed: float
    stride: float


def pose(thing: DeskThing, side: str, t: float, size: tuple[int, int]) -> Pose:
    person = person_of(thing.seed, side)
    width, height = size
    unit = person.head * min(width, height)
    reach = min(0.3 * unit * person.wide, 0.2 * width)
    rest = person.rest * width
    stay = thing.end - thing.start
    if stay < 5 and thing.enters != thing.leaves and thing.seed % 2:  # walks straight through
        ends = {"left": reach, "right": width - reach}
        x, walking = ends[thing.enters] + (ends[thing.leaves] - ends[thing.enters]) * (t - thing.start) / stay, 1.0
    else:
        x = slide(thing, t, rest, reach, width - reach)
        walking = float(t - thing.start < WALK_S or thing.end - t < WALK_S)
    beat, share = divmod((t + 20.0) / person.beat, 1.0)
    before, after = _gesture(person, int(beat) - 1), _gesture(person, int(beat))
    mix = min(1.0, share / 0.45)
    now = before + (after - before) * (mix * mix * (3 - 2 * mix))
    speed = float(np.abs(after[:4] - before[:4]).max()) * (0 < mix < 1) * (1 - abs(2 * mix - 1))
    wave = 0.07 * math.sin(5.3 * t + thing.seed % 13)
    bob = 0.05 * abs(math.sin(5 * t)) * walking + 0.015 * math.sin(1.3 * t)
    return Pose(
        x + 0.22 * unit * float(now[4]),
        person.crown * height - bob * unit,
        unit,
        float(now[5]),
        float(now[6]),
        ((-float(now[0]), float(now[1]) + wave), (float(now[2]), float(now[3]) - wave)),
        (float(now[7]), float(now[8])),
        speed,
        math.sin(6 * t) * walking,
    )


@lru_cache(maxsize=256)
def _gesture(person: Person, beat: int) -> np.ndarray:
    """Hands (away from the middle, down), then sway, lean, turn of the head, how open the hands are."""
    rng = np.random.default_rng([person.seed, 32, beat])
    left, right = _POSES[rng.integers(len(_POSES))], _POSES[rng.integers(len(_POSES))]
    if rng.random() < person.calm:
        left, right = _POSES[0], _POSES[1]
    elif rng.random() < 0.4:
        right = left if rng.random() < 0.6 else _POSES[2]
    jitter = rng.normal(0, 0.12, 4)
    return np.array([*left, *right, rng.normal(), rng.normal(0, 0.06), rng.normal(0, 0.09), *rng.random(2)]) + np.array(
        [*jitter, 0, 0, 0, 0, 0]
    )


def extent(thing: DeskThing, side: str, place: Pose) -> tuple[float, float, float, float]:
    """x0, y0, x1, y1 in pixels around the whole person, feet included."""
    person = person_of(thing.seed, side)
    xs = [place.x + hand[0] * place.unit for hand in place.hands] + [
        place.x + way * (person.wide + 0.2) * place.unit for way in (-1, 1)
    ]
    top = min(0.0, *(hand[1] - 0.4 for hand in place.hands))
    return (
        min(xs) - 0.3 * place.unit,
        place.y + top * place.unit,
        max(xs) + 0.3 * place.unit,
        place.y + 7.5 * place.unit,
    )
