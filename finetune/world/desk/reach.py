"""A hand with a sleeve that reaches into the picture: it shifts, takes or brings a grey, wooden or clear thing, or
holds up an object."""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from finetune.world.desk.body import Brush, soft_lay
from finetune.world.desk.items import item
from finetune.world.desk.objects import SpriteSpot, blend
from finetune.world.desk.scene import DeskThing
from finetune.world.desk.stance import SKINS
from finetune.world.desk.texture import colour, shaded
from finetune.world.strokes import Rgb


@dataclass(frozen=True)
class Reach:
    """What does not change about a hand that reaches in; places in 0..1 of the frame."""

    skin: Rgb
    sleeve: Rgb
    bare: bool
    start: tuple[float, float]
    stop: tuple[float, float]
    base: tuple[float, float]
    thick: float
    tall: float
    """Height of the thing in 0..1 of the shorter side."""
    mode: str
    """shift, take or bring."""


@lru_cache(maxsize=64)
def reach_of(seed: int, enters: str) -> Reach:
    rng = np.random.default_rng([seed, 41])
    y = float(rng.uniform(0.55, 0.85))
    start = (float(rng.uniform(0.15, 0.85)), y)
    stop = (
        float(np.clip(start[0] + rng.choice([-1, 1]) * rng.uniform(0.12, 0.35), 0.1, 0.9)),
        y + float(rng.uniform(-0.04, 0.04)),
    )
    from_top = rng.random() < 0.45
    outside = -0.25 if enters == "left" else 1.25
    base = (outside * 0.6 + 0.2, -0.3) if from_top else (outside, float(rng.uniform(0.2, 1.0)))
    return Reach(
        skin=shaded(SKINS[rng.integers(len(SKINS))], float(rng.uniform(0.85, 1.05))),
        sleeve=colour(rng, None, (0.0, 0.95), (0.1, 0.9)),
        bare=bool(rng.random() < 0.25),
        start=start,
        stop=stop,
        base=base,
        thick=float(rng.uniform(0.055, 0.115)),
        tall=float(rng.uniform(0.2, 0.55)),
        mode=str(rng.choice(["shift", "take", "bring"], p=[0.5, 0.25, 0.25])),
    )


def paint_item(image: np.ndarray, thing: DeskThing, t: float, light: float) -> None:
    """The thing that a hand moves: it stands there before and after, unless it was brought or taken."""
    height, width = image.shape[:2]
    reach = reach_of(thing.seed, thing.enters)
    if (reach.mode == "bring" and t < thing.start) or (reach.mode == "take" and t >= thing.end):
        return
    x, foot = _item_at(reach, thing, t)
    size = max(8, round(reach.tall * min(height, width)))
    sprite, alpha = item(thing.seed, size, round(light, 1))
    blend(image, sprite, alpha, x * width, foot * height - alpha.shape[0] / 2)


def _share(thing: DeskThing, t: float) -> float:
    """How much of the moving is done: it begins a while after the hand came and ends before it goes."""
    stay = thing.end - thing.start
    share = min(1.0, max(0.0, (t - thing.start - 0.22 * stay) / (0.56 * stay)))
    return share * share * (3 - 2 * share)


def _item_at(reach: Reach, thing: DeskThing, t: float) -> tuple[float, float]:
    """Middle and foot of the thing in 0..1."""
    share = _share(thing, t)
    (ax, ay), (bx, by) = reach.start, reach.stop
    if reach.mode == "shift":
        return ax + (bx - ax) * share, ay + (by - ay) * share - 0.06 * math.sin(math.pi * share)
    gone = share if reach.mode == "take" else 1 - share
    return ax + (reach.base[0] - ax) * gone * 0.5, ay + (reach.base[1] - ay) * gone * 0.5


def hand_at(thing: DeskThing, t: float, size: tuple[int, int]) -> SpriteSpot:
    """Where the hand is: always at least in part inside the frame."""
    width, height = size
    reach = reach_of(thing.seed, thing.enters)
    x, foot = _item_at(reach, thing, t)
    y = foot - 0.75 * reach.tall * min(width, height) / height
    stay = thing.end - thing.start
    near = min(1.0, 0.45 + 0.55 * min(t - thing.start, thing.end - t) / (0.22 * stay))
    bx, by = min(max(reach.base[0], -0.02), 1.02), min(max(reach.base[1], 0.0), 1.0)
    x, y = bx + (x - bx) * near, by + (y - by) * near
    x, y = min(max(x, 0.1), 0.9), max(y, 0.16)
    return SpriteSpot(
        (x + 0.006 * math.sin(6 * t)) * width, (y + 0.006 * math.cos(5 * t)) * height, reach.thick * min(width, height)
    )


def paint_hand(image: np.ndarray, thing: DeskThing, t: float, light: float) -> None:
    """The hand and its arm, in place."""
    height, width = image.shape[:2]
    place, reach = hand_at(thing, t, (width, height)), reach_of(thing.seed, thing.enters)
    grip(image, (place.x, place.y), (reach.base[0] * width, reach.base[1] * height), place.size, reach, light)


def hold(image: np.ndarray, thing: DeskThing, place: SpriteSpot, light: float) -> None:
    """An arm from below that carries a shown object."""
    reach = reach_of(thing.seed, thing.enters)
    height = image.shape[0]
    lean = (thing.seed % 9 - 4) * 0.08 * height
    target = (place.x + 0.1 * lean, place.y + 0.42 * place.size)
    grip(image, target, (place.x + lean, height * 1.25), 0.15 * place.size + 0.02 * height, reach, light)


def grip(
    image: np.ndarray, target: tuple[float, float], base: tuple[float, float], thick: float, reach: Reach, light: float
) -> None:
    """An arm from `base` with its fingers at `target`, all in pixels; `thick` = half the sleeve."""
    height, width = image.shape[:2]
    angle = math.atan2(target[1] - base[1], target[0] - base[0])
    palm = 2.3 * thick
    wrist = (target[0] - palm * math.cos(angle), target[1] - palm * math.sin(angle))
    pad = 3 * thick
    x0, x1 = (
        int(max(0, min(base[0], target[0], wrist[0]) - pad)),
        int(min(width, max(base[0], target[0], wrist[0]) + pad)),
    )
    y0, y1 = (
        int(max(0, min(base[1], target[1], wrist[1]) - pad)),
        int(min(height, max(base[1], target[1], wrist[1]) + pad)),
    )
    if x1 - x0 < 3 or y1 - y0 < 3:
        return
    brush = Brush(image[y0:y1, x0:x1].copy(), (-x0, -y0), 1.0)
    dim = 0.35 + 0.65 * light
    skin, sleeve = shaded(reach.skin, dim), shaded(reach.sleeve, dim)
    brush.limb(base, wrist, 1.2 * thick, 0.75 * thick, skin)
    if not reach.bare:
        cuff = (wrist[0] - 0.6 * thick * math.cos(angle), wrist[1] - 0.6 * thick * math.sin(angle))
        brush.limb(base, cuff, 1.7 * thick, 1.05 * thick, sleeve)
    brush.hand(wrist, angle, palm, skin, 0.25, 1 if target[0] > base[0] else -1)
    soft_lay(image, (x0, y0), brush, None, 0.8, (round(0.5 * thick), round(thick), 0.35))
