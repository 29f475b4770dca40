"""The coloured objects that are shown to the camera: ball, box, mug, ring, shaded. Where they are at a time, and their
pixels."""

import colorsys
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from finetune.world.desk.scene import WALK_S, DeskThing
from finetune.world.desk.texture import noise

_HUES = {"red": (-0.025, 0.018), "green": (0.28, 0.43), "blue": (0.565, 0.675), "yellow": (0.132, 0.168)}
_LIGHT = {"red": (0.6, 1.0), "green": (0.42, 0.9), "blue": (0.5, 1.0), "yellow": (0.82, 1.0)}


@dataclass(frozen=True)
class SpriteSpot:
    """Place in pixels: middle and full height of the sprite's content."""

    x: float
    y: float
    size: float


def slide(thing: DeskThing, t: float, rest: float, outside_left: float, outside_right: float) -> float:
    """Where between the sides a thing is at t: from its side's start place to `rest` within WALK_S, and to the other's
    before its end."""
    ends = {"left": outside_left, "right": outside_right}
    coming, going = min(1.0, max(0.0, (t - thing.start) / WALK_S)), min(1.0, max(0.0, (thing.end - t) / WALK_S))
    place = ends[thing.enters] + (rest - ends[thing.enters]) * _ease(coming)
    return ends[thing.leaves] + (place - ends[thing.leaves]) * _ease(going)


def _ease(share: float) -> float:
    return share * (2 - share)


def spot(thing: DeskThing, t: float, size: tuple[int, int]) -> SpriteSpot:
    """Place at t in a frame of `size`: at least half inside while in view."""
    rng = np.random.default_rng([thing.seed, 21])
    width, height = size
    tall = float(rng.uniform(0.24, 0.5)) * min(height, 1.1 * width)
    rest = float(rng.uniform(0.25, 0.75)) * width
    y = float(np.clip(rng.uniform(0.3, 0.75) * height, 0.45 * tall, height - 0.4 * tall))
    edge = 0.12 * tall
    sway = 0.004 * height * np.sin(1.7 * t + thing.seed % 7)
    return SpriteSpot(slide(thing, t, rest, edge, width - edge), y + sway, tall)


def held(thing: DeskThing) -> bool:
    """Whether a hand carries it."""
    return bool(np.random.default_rng([thing.seed, 22]).random() < 0.3)


def paint(image: np.ndarray, thing: DeskThing, place: SpriteSpot, light: float) -> None:
    """Draw the object on `image` in place; `light` is the room's brightness, 1 = usual."""
    sprite, alpha = _sprite(thing.seed, thing.colour, thing.shape, max(8, round(place.size)), round(light, 1))
    blend(image, sprite, alpha, place.x, place.y)


def blend(image: np.ndarray, sprite: np.ndarray, alpha: np.ndarray, x: float, y: float) -> None:
    """Lay `sprite` (h, w, 3 uint8), middle at (x, y), over the image with `alpha` (h, w float32)."""
    h, w = alpha.shape
    x0, y0 = round(x - w / 2), round(y - h / 2)
    left, top = max(0, -x0), max(0, -y0)
    part = image[max(0, y0) : max(0, y0 + h), max(0, x0) : max(0, x0 + w)]
    if not part.size:
        return
    cut = slice(top, top + part.shape[0]), slice(left, left + part.shape[1])
    weight = alpha[cut]
    part[:] = cv2.blendLinear(np.ascontiguousarray(sprite[cut]), np.ascontiguousarray(part), weight, 1 - weight)


def _surface(rng: np.random.Generator, name: str) -> np.ndarray:
    hue, value = float(rng.uniform(*_HUES[name])) % 1.0, float(rng.uniform(*_LIGHT[name]))
    return 255 * np.array(colorsys.hsv_to_rgb(hue, float(rng.uniform(0.74, 1.0)), value), np.float32)


@lru_cache(maxsize=48)
def _sprite(seed: int, colour: str, shape: str, size: int, light: float) -> tuple[np.ndarray, np.ndarray]:
    """((s, s, 3) uint8, (s, s) float32 alpha), s = size plus a rim."""
    rng = np.random.default_rng([seed, 23])
    base = _surface(rng, colour)
    full = round(1.12 * size)
    y, x = np.mgrid[0:full, 0:full].astype(np.float32)
    x, y = (x + 0.5 - full / 2) * 2 / size, (y + 0.5 - full / 2) * 2 / size
    normal, inside, extra = _SHAPES[shape](rng, x, y)
    angle = float(rng.uniform(-2.6, -0.5))
    to_light = np.array([0.75 * np.cos(angle), 0.75 * np.sin(angle), 0.66], np.float32)
    to_light /= np.linalg.norm(to_light)
    ambient, gloss = float(rng.uniform(0.3, 0.6)), float(rng.choice([0.0, 0.25, 0.6, 0.9]))
    lit = np.clip(normal @ to_light, 0, 1)
    half = to_light + np.array((0, 0, 1))
    shine = np.clip(normal @ (half / np.linalg.norm(half)), 0, 1) ** float(rng.uniform(15, 70))
    rough = 1 + float(rng.choice([0.0, 0.02, 0.06], p=[0.6, 0.25, 0.15])) * noise(rng, (full, full), 8)
    strength = (ambient + (1.05 - ambient) * lit) * rough * extra * (0.6 + 0.4 * light)
    pixels = base * strength[..., None] + 255 * (gloss * shine * light)[..., None]
    alpha = cv2.GaussianBlur(inside.astype(np.float32), (0, 0), max(0.6, size * float(rng.uniform(0.002, 0.012))))
    return np.clip(pixels, 0, 255).astype(np.uint8), alpha


def _ball(rng, x, y):
    r2 = x * x + y * y
    normal = np.dstack([x, y, np.sqrt(np.clip(1 - r2, 0, 1))])
    extra = np.ones_like(x)
    if rng.random() < 0.2:  # a seam or a stripe of another tone
        turn = float(rng.uniform(0, 3.1))
        extra = np.where(np.abs(x * np.cos(turn) + y * np.sin(turn) - 0.2) < 0.05, 0.7, 1.0)
    return normal, r2 < 1, extra


def _box(rng, x, y):
    """Front, top and one side as seen from above."""
    deep, flip = float(rng.uniform(0.2, 0.5)), float(rng.choice([-1, 1]))
    x = x * flip
    front = (x > -0.95) & (x < 0.95 - deep) & (y > -0.95 + deep) & (y < 0.95)
    lift = (y + 0.95 - deep) + deep  # 0 at the far edge of the top face
    top = (lift > 0) & (lift <= deep) & (x - (deep - lift) * 1.0 > -0.95) & (x - (deep - lift) < 0.95 - deep)
    away = x - (0.95 - deep)
    right = (away >= 0) & (away < deep) & (y + away > -0.95 + deep) & (y + away < 0.95)
    normal = np.zeros((*x.shape, 3), np.float32)
    normal[front], normal[top], normal[right] = (0, 0, 1), (0, -1, 0.2), (0.9 * flip, 0, 0.3)
    extra = np.where(front & (np.abs(x + deep / 2) < 0.03), 0.8, 1.0) if rng.random() < 0.3 else np.ones_like(x)
    return normal, front | top | right, extra


def _mug(rng, x, y):
    flip, wide = float(rng.choice([-1, 1])), float(rng.uniform(0.62, 0.7))
    x = x * flip + 0.22
    rim, depth = -0.72, 0.2
    body = (np.abs(x) < wide) & (y > rim) & (y < 0.78 + depth * np.sqrt(np.clip(1 - (x / wide) ** 2, 0, 1)))
    mouth = (x / wide) ** 2 + ((y - rim) / depth) ** 2 < 1
    r = np.hypot((x - wide) / 0.42, (y - 0.05) / 0.52)
    handle = (r < 1) & (r > 0.62) & (x > wide * 0.9)
    across = np.clip(x / wide, -1, 1)
    normal = np.dstack([across * flip, np.zeros_like(x) - 0.1, np.sqrt(np.clip(1 - across**2, 0.02, 1))])
    normal[handle] = (0.3 * flip, -0.4, 0.8)
    inner = ((x / wide) ** 2 + ((y - rim) / depth) ** 2) < 0.84
    return normal, body | mouth | handle, np.where(inner, 0.45, 1.0)


def _ring(rng, x, y):
    squash = float(rng.uniform(0.75, 1.0))
    hole = float(rng.uniform(0.4, 0.58))
    r = np.hypot(x, y / squash) + 1e-6
    tube = (r - (1 + hole) / 2) / ((1 - hole) / 2)
    normal = np.dstack([tube * x / r, tube * y / r, np.sqrt(np.clip(1 - tube**2, 0, 1))])
    return normal, np.abs(tube) < 1, np.ones_like(x)


_SHAPES = {"ball": _ball, "box": _box, "mug": _mug, "ring": _ring}
