"""Colours, noise and flat pictures (posters, screens, views out of a window) that rooms and clothes are made of. All
drawn from a generator.

Noise comes from small grids that are enlarged, so that a seed looks the same at every picture size.
"""

import colorsys

import cv2
import numpy as np

from finetune.world.strokes import Rgb, disc, polygon, rgb_of


def colour(rng: np.random.Generator, hue: float | None = None, strength=(0.0, 0.5), light=(0.2, 0.95)) -> Rgb:
    """A colour by hue in turns (any by default), saturation and value ranges in 0..1."""
    hue = float(rng.random()) if hue is None else hue
    saturation, value = float(rng.uniform(*strength)), float(rng.uniform(*light))
    return rgb_of(255 * v for v in colorsys.hsv_to_rgb(hue % 1.0, saturation, value))


def paint_colour(rng: np.random.Generator) -> Rgb:
    """What walls and furniture come in: mostly white, grey and beige, at times any colour."""
    kind = rng.random()
    if kind < 0.4:
        return colour(rng, float(rng.uniform(0.05, 0.62)), (0.0, 0.1), (0.55, 0.97))
    if kind < 0.65:
        return colour(rng, float(rng.uniform(0.04, 0.14)), (0.08, 0.55), (0.3, 0.9))
    if kind < 0.8:
        return colour(rng, None, (0.0, 0.12), (0.1, 0.6))
    return colour(rng, None, (0.2, 0.9), (0.25, 0.9))


def shaded(rgb, factor: float) -> Rgb:
    return rgb_of(min(255, max(0, v * factor)) for v in rgb)


def noise(
    rng: np.random.Generator, size: tuple[int, int], cells: float, octaves: int = 3, fall: float = 0.55
) -> np.ndarray:
    """(H, W) float32 of mean about 0 and deviation about 1; `cells` of the coarsest octave fit the longer side. size =
    (width, height)."""
    width, height = size
    total, weight, power = np.zeros((height, width), np.float32), 1.0, 0.0
    for _ in range(octaves):
        across, down = max(2, round(cells * width / max(size))), max(2, round(cells * height / max(size)))
        grid = rng.standard_normal((down, across), dtype=np.float32)
        total += weight * cv2.resize(grid, size, interpolation=cv2.INTER_CUBIC)
        power += weight**2
        cells, weight = cells * 2, weight * fall
    return total / np.float32(0.75 * power**0.5)


def mixed(
    rng: np.random.Generator, size: tuple[int, int], colours: list[Rgb], cells: float, octaves: int = 4
) -> np.ndarray:
    """(H, W, 3) uint8: the colours flow into each other, like a photograph out of focus."""
    out = np.empty((size[1], size[0], 3), np.float32)
    out[:] = colours[0]
    for rgb in colours[1:]:
        field = noise(rng, size, cells, octaves)
        edge = float(rng.choice([1.0, 3.0, 8.0]))
        share = np.clip(0.5 + edge * (field - float(rng.uniform(-0.5, 0.8))), 0, 1)[..., None]
        out += (np.array(rgb, np.float32) - out) * share
    return np.clip(out, 0, 255).astype(np.uint8)


def text_lines(
    rng: np.random.Generator, image: np.ndarray, area: tuple[float, float, float, float], rgb: Rgb, lines: int
) -> None:
    """Rows of dashes that look like text from a distance, in `area` = (x0, y0, x1, y1) in pixels."""
    x0, y0, x1, y1 = area
    step = (y1 - y0) / max(1, lines)
    thick = max(1, round(0.45 * step))
    for row in range(lines):
        x, y = x0 + float(rng.choice([0, 0, 0.06, 0.12])) * (x1 - x0), int(y0 + (row + 0.5) * step)
        stop = x0 + float(rng.uniform(0.3, 1.0)) * (x1 - x0)
        while x < stop:
            word = float(rng.uniform(0.04, 0.16)) * (x1 - x0)
            cv2.line(image, (int(x), y), (int(min(stop, x + word)), y), rgb, thick, cv2.LINE_AA)
            x += word + 0.03 * (x1 - x0)


def poster(rng: np.random.Generator, size: tuple[int, int] = (96, 96)) -> np.ndarray:
    """(H, W, 3) uint8: a plain panel, an abstract print, a photograph or a page of text."""
    width, height = size
    image = np.empty((height, width, 3), np.uint8)
    kind, vivid = rng.random(), (0.5, 1.0) if rng.random() < 0.5 else (0.0, 0.5)
    base = colour(rng, None, vivid, (0.2, 0.95))
    image[:] = base
    if kind < 0.3:
        image[:] = np.clip(image * (1 + 0.06 * noise(rng, size, 3)[..., None]), 0, 255).astype(np.uint8)
    elif kind < 0.55:
        image = mixed(
            rng,
            size,
            [colour(rng, None, vivid, (0.05, 1.0)) for _ in range(int(rng.integers(3, 6)))],
            float(rng.uniform(2, 6)),
        )
    else:
        if kind < 0.75:
            image[:] = colour(rng, None, (0.0, 0.1), (0.8, 1.0))
        for _ in range(int(rng.integers(1, 6))):
            rgb = colour(rng, None, (0.2, 1.0), (0.1, 1.0))
            x, y, r = (float(v) for v in rng.uniform((0, 0, 5), (width, height, 0.4 * width)))
            if rng.random() < 0.4:
                disc(image, x, y, r, rgb)
            else:
                polygon(image, rng.uniform(-1, 1, (int(rng.integers(3, 5)), 2)) * r + (x, y), rgb)
        top = float(rng.uniform(0.05, 0.6))
        text_lines(
            rng,
            image,
            (0.08 * width, top * height, 0.92 * width, 0.95 * height),
            colour(rng, None, (0, 0.6), (0, 1)),
            int(rng.integers(2, 12)),
        )
    return image


def screen(rng: np.random.Generator, size: tuple[int, int] = (112, 72)) -> np.ndarray:
    """(H, W, 3) uint8: windows, code, a video or nothing on a monitor."""
    width, height = size
    kind = rng.random()
    image = np.empty((height, width, 3), np.uint8)
    if kind < 0.15:
        image[:] = int(rng.integers(8, 40))
        return image
    if kind < 0.35:
        return mixed(rng, size, [colour(rng, None, (0, 1), (0.05, 1)) for _ in range(4)], 3)
    dark = rng.random() < 0.4
    image[:] = colour(rng, None, (0.0, 0.4), (0.05, 0.2) if dark else (0.8, 1.0))
    for _ in range(int(rng.integers(1, 4))):
        x0, y0 = float(rng.uniform(0, 0.6)) * width, float(rng.uniform(0, 0.5)) * height
        x1, y1 = x0 + float(rng.uniform(0.25, 0.6)) * width, y0 + float(rng.uniform(0.3, 0.6)) * height
        cv2.rectangle(
            image,
            (int(x0), int(y0)),
            (int(x1), int(y1)),
            colour(rng, None, (0, 0.5), (0.1, 0.3) if dark else (0.7, 1.0)),
            -1,
        )
        cv2.rectangle(image, (int(x0), int(y0)), (int(x1), int(y0 + 4)), colour(rng, None, (0.2, 0.9), (0.3, 0.9)), -1)
        ink = colour(rng, None, (0, 0.8), (0.6, 1.0) if dark else (0.0, 0.5))
        text_lines(rng, image, (x0 + 4, y0 + 8, x1 - 4, y1 - 3), ink, int(rng.integers(4, 10)))
    cv2.rectangle(image, (0, height - 5), (width, height), colour(rng, None, (0, 0.6), (0.1, 0.9)), -1)
    return image


def scenery(rng: np.random.Generator, size: tuple[int, int] = (112, 112)) -> np.ndarray:
    """(H, W, 3) uint8: sky, houses or hills, trees, ground."""
    width, height = size
    low, high = np.array(colour(rng, 0.56, (0, 0.25), (0.7, 1))), np.array(colour(rng, 0.58, (0.05, 0.6), (0.55, 1)))
    ramp = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
    image = np.repeat(high * (1 - ramp) + low * ramp, width, axis=1).astype(np.float32)
    image = np.ascontiguousarray(np.clip(image * (1 + 0.05 * noise(rng, size, 4)[..., None]), 0, 255).astype(np.uint8))
    horizon = float(rng.uniform(0.35, 0.8)) * height
    for _ in range(int(rng.integers(0, 6))):
        x, w, top = (
            float(rng.uniform(-0.1, 1)) * width,
            float(rng.uniform(0.1, 0.35)) * width,
            float(rng.uniform(0.1, 0.9)) * horizon,
        )
        rgb = colour(rng, None, (0, 0.35), (0.25, 0.85))
        polygon(image, ((x, top), (x + w, top), (x + w, height), (x, height)), rgb)
        for wy in np.arange(top + 4, horizon, 9):
            for wx in np.arange(x + 3, x + w - 4, 8):
                polygon(image, ((wx, wy), (wx + 4, wy), (wx + 4, wy + 5), (wx, wy + 5)), shaded(rgb, 0.6))
    leaves = noise(rng, size, 5, 5, 0.8)
    rows = np.arange(height, dtype=np.float32)[:, None]
    reach = noise(rng, (width, 1), 4)[0] * 0.15 * height + horizon + float(rng.choice([-0.1, 0.05, 0.4])) * height
    green = np.array(colour(rng, float(rng.uniform(0.18, 0.36)), (0.2, 0.6), (0.2, 0.6)), np.float32)
    bush = (rows + 6 * leaves > reach[None])[..., None]
    image = np.where(bush, np.clip(green * (1 + 0.28 * leaves[..., None]), 0, 255), image).astype(np.uint8)
    ground = np.array(colour(rng, float(rng.uniform(0.08, 0.33)), (0, 0.5), (0.25, 0.75)), np.float32)
    floor = (rows > horizon + 0.12 * height)[..., None]
    return np.where(floor, np.clip(ground * (1 + 0.1 * leaves[..., None]), 0, 255), image).astype(np.uint8)
