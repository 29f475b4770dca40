"""The still picture of a room: wall, furniture, table and light, as a webcam would see it empty. Once per seed and
size, then cached.

Walls, corridors, tiled kitchens, tables close up, views of the open air and shapeless "photographs" take turns, so that
nothing about the background can be learnt by heart. The picture is larger than the frame on each side, so that a
shaking camera never sees its edge.
"""

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from finetune.world.desk.furniture import FURNITURE, SHARES, Canvas
from finetune.world.desk.items import item
from finetune.world.desk.objects import blend
from finetune.world.desk.texture import colour, mixed, noise, paint_colour, scenery, shaded
from finetune.world.strokes import box, polygon


@dataclass(frozen=True)
class Room:
    image: np.ndarray
    """(H + 2 margin, W + 2 margin, 3) uint8 RGB, read-only."""
    glow: np.ndarray | None
    """(H + 2 margin, W + 2 margin) float32 0..1: screens and windows, None without any."""
    light: float
    """Brightness of the light that falls on people, 1 = usual."""


def margin(size: tuple[int, int]) -> int:
    """Pixels of room beyond each edge of a frame of `size` = (width, height)."""
    return max(4, round(0.03 * min(size)))


@lru_cache(maxsize=12)
def room(seed: int, size: tuple[int, int]) -> Room:
    rng = np.random.default_rng([seed, 61])
    width, height = size[0] + 2 * margin(size), size[1] + 2 * margin(size)
    canvas = Canvas(
        np.empty((height, width, 3), np.uint8),
        np.zeros((height, width), np.uint8),
        rng,
        float(rng.uniform(0.5, 0.95)) * height,
    )
    kind = str(rng.choice(list(_KINDS), p=[0.42, 0.12, 0.1, 0.16, 0.08, 0.12]))
    _KINDS[kind](canvas)
    light = float(np.clip(rng.normal(0.98, 0.17), 0.5, 1.25))
    image = _lit(canvas, light)
    soft = float(rng.choice([0.0012, rng.uniform(0.0012, 0.004), rng.uniform(0.004, 0.02)], p=[0.45, 0.43, 0.12]))
    image = cv2.GaussianBlur(image, (0, 0), max(0.35, soft * min(size)))
    image.setflags(write=False)
    glow = None
    if canvas.glow.any():
        glow = cv2.GaussianBlur(canvas.glow, (0, 0), max(0.5, 0.01 * min(size))).astype(np.float32) / 255
    return Room(image, glow, light)


def _lit(canvas: Canvas, light: float) -> np.ndarray:
    """The canvas under uneven light: gradients, soft shadows, a touch of texture, contrast and tint."""
    rng, size = canvas.rng, (canvas.width, canvas.height)
    x, y = np.linspace(-1, 1, size[0], dtype=np.float32)[None], np.linspace(-1, 1, size[1], dtype=np.float32)[:, None]
    slope = rng.normal(0, 0.13, 2)
    field = (
        1
        + slope[0] * x
        + slope[1] * y
        + float(rng.choice([0.01, 0.03, 0.07])) * noise(rng, size, float(rng.uniform(1.5, 4)), 3)
    )
    if rng.random() < 0.35:  # a lamp's pool of light
        cx, cy = rng.uniform(-1, 1, 2)
        field += float(rng.uniform(0.15, 0.5)) * np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / float(rng.uniform(0.2, 1.0)))
    if rng.random() < 0.3:  # a slanting shadow
        a, b = float(rng.uniform(-2, 2)), float(rng.uniform(-0.6, 0.6))
        field *= 1 - float(rng.uniform(0.1, 0.4)) * (
            0.5 + 0.5 * np.tanh(float(rng.choice([2, 8, 30])) * (y - a * x - b))
        )
    field += float(rng.choice([0.0, 0.01, 0.025])) * noise(rng, size, 60, 2, 0.9)
    field = np.clip(field, 0.25, 1.8) * light
    tint = 1 + rng.normal(0, 0.05, 3)
    contrast, middle = float(rng.uniform(0.7, 1.15)), float(rng.uniform(100, 135))
    pixels = (canvas.image.astype(np.float32) - middle) * contrast + middle
    pixels = np.clip(pixels * field[..., None] * tint.astype(np.float32), 0, 255)
    mean = float(pixels.mean())  # cameras expose so that a lit room is neither black nor white
    return np.clip(pixels * (float(np.clip(mean, 75, 200)) / max(mean, 1.0)), 0, 255).astype(np.uint8)


def _fill(canvas: Canvas, rgb) -> None:
    """A plastered wall."""
    rng, size = canvas.rng, (canvas.width, canvas.height)
    rough = float(rng.choice([0.005, 0.015, 0.04])) * noise(rng, size, float(rng.uniform(4, 60)), 3, 0.8)
    canvas.image[:] = np.clip(np.array(rgb, np.float32) * (1 + rough[..., None]), 0, 255).astype(np.uint8)


def _furnish(canvas: Canvas, low: int, high: int) -> None:
    for index in canvas.rng.choice(len(FURNITURE), size=int(canvas.rng.integers(low, high + 1)), p=SHARES):
        FURNITURE[index](canvas)


def _table(canvas: Canvas, items: int) -> None:
    """A table or floor from `canvas.floor` down, with things on it."""
    rng, side, top = canvas.rng, min(canvas.width, canvas.height), canvas.floor
    rgb = (
        paint_colour(rng)
        if rng.random() < 0.5
        else colour(rng, float(rng.uniform(0.05, 0.1)), (0.2, 0.65), (0.25, 0.85))
    )
    y0, rows = int(max(0, top)), canvas.height - int(max(0, top))
    if rows < 2:
        return
    grains = noise(rng, (canvas.width, rows), 5, 3) * 0.03 + noise(rng, (3, rows), 40, 2)[:, :1] * float(
        rng.choice([0.0, 0.05])
    )
    ramp = np.linspace(float(rng.uniform(0.8, 1.05)), float(rng.uniform(0.85, 1.15)), rows, dtype=np.float32)[:, None]
    slab = np.clip(np.array(rgb, np.float32) * (ramp + grains)[..., None], 0, 255).astype(np.uint8)
    tilt = float(rng.normal(0, 0.03)) * canvas.height
    mask = np.zeros((rows, canvas.width), np.uint8)
    low, high = max(0.0, -tilt), max(0.0, tilt)
    polygon(mask, ((0, low), (canvas.width, high), (canvas.width, rows), (0, rows)), 255)
    cv2.copyTo(slab, mask, canvas.image[y0:])
    canvas.glow[y0:] = 0
    for _ in range(items):
        size = int(float(rng.uniform(0.12, 0.5)) * side)
        sprite, alpha = item(int(rng.integers(2**31)), max(8, size), 1.0)
        x, foot = float(rng.uniform(0, 1)) * canvas.width, top + float(rng.uniform(0.03, 0.7)) * min(rows, 0.5 * side)
        _contact_shadow(canvas, x, foot, 0.3 * size)
        blend(canvas.image, sprite, alpha, x, foot - alpha.shape[0] / 2)


def _contact_shadow(canvas: Canvas, x: float, y: float, wide: float) -> None:
    x0, x1, y0, y1 = (
        int(max(0, x - 2 * wide)),
        int(min(canvas.width, x + 2 * wide)),
        int(max(0, y - wide)),
        int(min(canvas.height, y + wide)),
    )
    if x1 > x0 and y1 > y0:
        rows, columns = (np.arange(y0, y1)[:, None] - y) / (0.3 * wide), (np.arange(x0, x1)[None] - x) / wide
        dark = 1 - 0.4 * np.exp(-(rows**2 + columns**2))
        canvas.image[y0:y1, x0:x1] = (canvas.image[y0:y1, x0:x1] * dark[..., None]).astype(np.uint8)


def _wall(canvas: Canvas) -> None:
    rng = canvas.rng
    _fill(canvas, paint_colour(rng))
    if rng.random() < 0.25:  # a second wall round the corner
        x = float(rng.uniform(0.1, 0.9)) * canvas.width
        part = canvas.image[:, int(x) :]
        part[:] = np.clip(part * float(rng.uniform(0.7, 1.15)), 0, 255).astype(np.uint8)
    if rng.random() < 0.25:
        y = int(rng.uniform(0.02, 0.14) * canvas.height)
        canvas.image[:y] = paint_colour(rng)
    _furnish(canvas, 0, 6)
    if rng.random() < 0.6:
        _table(canvas, int(rng.choice([0, 0, 1, 2, 4])))


def _corridor(canvas: Canvas) -> None:
    """Walls, floor and ceiling that run together far away, with doors or shelves along the sides."""
    rng, w, h = canvas.rng, canvas.width, canvas.height
    cx, cy = float(rng.uniform(0.3, 0.7)) * w, float(rng.uniform(0.3, 0.55)) * h
    far = float(rng.uniform(0.08, 0.3))
    near = np.array([(0, 0), (w, 0), (w, h), (0, h)], np.float64)
    wide = near + (near - (cx, cy)) * 0.6
    back = np.array([cx, cy]) + (near - (cx, cy)) * far
    sides = [paint_colour(rng) for _ in range(4)]
    if rng.random() < 0.6:
        sides[3] = shaded(sides[1], 0.85)
    for index, rgb in enumerate(sides):
        other = (index + 1) % 4
        polygon(canvas.image, (wide[index], wide[other], back[other], back[index]), rgb)
        for depth in far + (1.5 - far) * np.sort(rng.random(int(rng.integers(0, 14)))) ** 2:
            a, b = ((np.array([cx, cy]) + (near[k] - (cx, cy)) * depth) for k in (index, other))
            c, d = ((np.array([cx, cy]) + (near[k] - (cx, cy)) * depth * 1.15) for k in (index, other))
            share = (0.0, 1.0) if rng.random() < 0.3 else sorted(rng.random(2))
            lift = [a + (b - a) * share[0], a + (b - a) * share[1], c + (d - c) * share[1], c + (d - c) * share[0]]
            tone = (
                shaded(rgb, float(rng.uniform(0.7, 1.25)))
                if rng.random() < 0.6
                else colour(rng, None, (0, 0.9), (0.2, 0.95))
            )
            polygon(canvas.image, lift, tone)
    polygon(canvas.image, back, paint_colour(rng))
    canvas.floor = 0.8 * h


def _kitchen(canvas: Canvas) -> None:
    rng, w, h = canvas.rng, canvas.width, canvas.height
    rgb, joint = paint_colour(rng), colour(rng, None, (0, 0.1), (0.4, 0.95))
    _fill(canvas, joint)
    step = float(rng.uniform(0.05, 0.16)) * h
    across = step * float(rng.choice([1.0, 2.0]))
    for row, y in enumerate(np.arange(0, canvas.floor, step)):
        for x in np.arange(-across * 0.5 * (row % 2), w, across):
            box(canvas.image, x, y, x + 0.94 * across, y + 0.93 * step, shaded(rgb, float(rng.uniform(0.92, 1.06))))
    if rng.random() < 0.6:
        top, front = float(rng.uniform(0.1, 0.35)) * h, paint_colour(rng)
        for x in np.arange(0, w, 0.3 * h):
            box(canvas.image, x, 0, x + 0.29 * h, top, front)
    _furnish(canvas, 0, 3)
    _table(canvas, int(rng.integers(0, 6)))


def _close_up(canvas: Canvas) -> None:
    """A table near the camera with bottles and boxes, little behind it."""
    rng = canvas.rng
    canvas.floor = float(rng.uniform(0.25, 0.85)) * canvas.height
    _fill(canvas, paint_colour(rng))
    _furnish(canvas, 0, 1)
    _table(canvas, int(rng.integers(0, 7)))


def _open_air(canvas: Canvas) -> None:
    canvas.image[:] = cv2.resize(
        scenery(canvas.rng, (160, 128)), (canvas.width, canvas.height), interpolation=cv2.INTER_CUBIC
    )
    if canvas.rng.random() < 0.4:
        _furnish(canvas, 1, 2)


def _photograph(canvas: Canvas) -> None:
    """Colours that flow into each other, with hard edges here and there."""
    rng, size = canvas.rng, (canvas.width, canvas.height)
    strength = (0.0, 0.3) if rng.random() < 0.5 else (0.1, 0.9)
    colours = [colour(rng, None, strength, (0.05, 1.0)) for _ in range(int(rng.integers(3, 8)))]
    canvas.image[:] = mixed(rng, size, colours, float(rng.uniform(1.5, 6)), int(rng.integers(3, 6)))
    for _ in range(int(rng.integers(0, 14))):
        middle = rng.uniform((0, 0), size)
        points = middle + rng.normal(0, 0.2, (4, 2)) * canvas.height
        polygon(
            canvas.image,
            points[np.argsort(np.arctan2(*(points - points.mean(0)).T))],
            colour(rng, None, strength, (0.1, 1.0)),
        )
    if rng.random() < 0.5:
        _furnish(canvas, 1, 4)


_KINDS = {
    "wall": _wall,
    "corridor": _corridor,
    "kitchen": _kitchen,
    "close-up": _close_up,
    "open air": _open_air,
    "photograph": _photograph,
}
