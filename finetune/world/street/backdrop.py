"""Paints what stands still in a street: sky, houses, trees, road, crossing, the dark traffic light. Once per look and
size, then cached.

The picture is larger than the frame by `MARGIN_PX` on each side, so that a shaking camera never sees its edge.
"""

from functools import lru_cache

import cv2
import numpy as np

from finetune.world.street.layout import PAVEMENT_TOP, ROAD_BOTTOM, ROAD_TOP, Viewport, viewport_of
from finetune.world.street.look import Building, Look
from finetune.world.strokes import BITS, Rgb, box, disc, fixed, rgb_of, rounded

MARGIN_PX = 16
LAMP_RGB = {"red": (255, 42, 36), "yellow": (255, 206, 30), "green": (30, 255, 110)}
_SHADE = {"day": 1.0, "dusk": 0.74, "night": 0.42}
"""How bright things that do not shine are, by time of day."""


def tone(look: Look, colour, shade: float = 1.0) -> Rgb:
    """What the camera makes of a colour: exposure and white balance."""
    return rgb_of(min(255, v * shade * look.gain * balance) for v, balance in zip(colour, look.balance, strict=True))


def ambient(look: Look) -> float:
    return _SHADE[look.time_of_day]


@lru_cache(maxsize=24)
def backdrop(look: Look, size: tuple[int, int]) -> np.ndarray:
    """(H + 2 MARGIN_PX, W + 2 MARGIN_PX, 3) uint8 RGB, read-only."""
    view = viewport_of(look, size)
    image = np.empty((size[1], size[0], 3), np.uint8)
    _paint_sky(image, look)
    for building in look.buildings:
        _paint_building(image, look, building)
    _paint_ground(image, look)
    for x, scale in look.trees:
        _paint_tree(image, look, x * view.width, scale * view.side)
    _paint_crossing(image, look, view)
    _paint_light(image, look, view)
    image = cv2.copyMakeBorder(image, MARGIN_PX, MARGIN_PX, MARGIN_PX, MARGIN_PX, cv2.BORDER_REPLICATE)
    image.setflags(write=False)
    return image


def _paint_sky(image, look: Look) -> None:
    height, width = image.shape[:2]
    mix = np.clip(np.linspace(0, 1 / PAVEMENT_TOP, height), 0, 1)[:, None]
    top, low = (np.array(tone(look, colour)) for colour in look.sky)
    image[:] = (top * (1 - mix) + low * mix).astype(np.uint8)[:, None]
    if look.time_of_day == "night":
        rng = np.random.default_rng(look.grain)
        for x, y in rng.uniform(0, 1, (18, 2)):
            disc(image, x * width, y * 0.25 * height, 0.002 * min(height, width), tone(look, (190, 190, 200)))


def _paint_building(image, look: Look, building: Building) -> None:
    height, width = image.shape[:2]
    shade, night = ambient(look), look.time_of_day != "day"
    x0, x1, top, bottom = building.x0 * width, building.x1 * width, building.top * height, PAVEMENT_TOP * height
    box(image, x0, top, x1, bottom, tone(look, building.wall, shade * 0.94))
    box(image, x1 - 0.06 * (x1 - x0), top, x1, bottom, tone(look, building.wall, shade * 0.78))
    box(image, x0, top, x1, top + 0.012 * height, tone(look, building.wall, shade * 0.68))
    rng = np.random.default_rng(building.seed)
    columns = max(2, round((x1 - x0) / (0.085 * min(height, width))))
    step_x, step_y = (x1 - x0) / columns, (bottom - top) / building.storeys
    for row in range(building.storeys):
        for column in range(columns):
            wx, wy = x0 + (column + 0.24) * step_x, top + (row + 0.3) * step_y
            lit = night and rng.random() < 0.4
            glass = (226, 190, 112) if lit else (92, 116, 138)
            box(image, wx, wy, wx + 0.5 * step_x, wy + 0.45 * step_y, tone(look, glass, 0.72 if lit else shade))
            box(
                image,
                wx,
                wy + 0.45 * step_y,
                wx + 0.5 * step_x,
                wy + 0.5 * step_y,
                tone(look, building.wall, shade * 1.1),
            )


def _paint_ground(image, look: Look) -> None:
    height, width = image.shape[:2]
    shade = ambient(look)
    y0, y1, y2 = round(PAVEMENT_TOP * height), round(ROAD_TOP * height), round(ROAD_BOTTOM * height)

    def strip(top: int, bottom: int, grey: int, from_: float, to: float) -> None:
        ramp = np.linspace(from_, to, bottom - top)[:, None] * np.array(tone(look, (grey, grey, grey * 0.98), shade))
        image[top:bottom] = np.clip(ramp, 0, 255).astype(np.uint8)[:, None]

    strip(y0, y1, look.pavement, 0.86, 0.98)
    strip(y1, y2, look.road, 0.88, 1.08)
    strip(y2, height, look.pavement, 0.96, 1.08)
    kerb = max(1, round(0.008 * height))
    image[y1 - kerb : y1] = tone(look, (120, 120, 118), shade)
    image[y2 : y2 + kerb] = tone(look, (206, 206, 200), shade)
    joint = tone(look, (look.pavement * 0.86,) * 3, shade)
    for x in np.arange(0.03, 1.2, 0.11):
        cv2.line(image, fixed(x * width, y2 + kerb), fixed((x - 0.05) * width, height), joint, 1, cv2.LINE_AA, BITS)
    middle, dash = 0.645 * height, 0.06 * width
    for x in np.arange(0, width, 2 * dash):
        box(image, x, middle, x + dash, middle + 0.011 * height, tone(look, (214, 214, 204), shade))


def _paint_tree(image, look: Look, x: float, side: float) -> None:
    shade, bottom = ambient(look), (PAVEMENT_TOP + 0.02) * image.shape[0]
    box(image, x - 0.011 * side, bottom - 0.17 * side, x + 0.011 * side, bottom, tone(look, (92, 68, 48), shade))
    for dx, dy, radius, light in (
        (-0.035, 0.19, 0.058, 0.8),
        (0.04, 0.2, 0.055, 0.9),
        (0.0, 0.245, 0.066, 1.0),
        (-0.015, 0.265, 0.03, 1.16),
    ):
        disc(image, x + dx * side, bottom - dy * side, radius * side, tone(look, (72, 118, 66), shade * light))


def _paint_crossing(image, look: Look, view: Viewport) -> None:
    half, rows = 0.15 * view.side, 7
    top, bottom = ROAD_TOP * view.height, ROAD_BOTTOM * view.height
    step = (bottom - top) / rows
    for row in range(rows):
        y = top + (row + 0.22) * step
        wide = half * (0.92 + 0.16 * row / rows)
        box(
            image,
            view.crossing_x - wide,
            y,
            view.crossing_x + wide,
            y + 0.52 * step,
            tone(look, (222, 222, 216), ambient(look) * 1.02),
        )


def _paint_light(image, look: Look, view: Viewport) -> None:
    x0, y0, x1, y1 = view.housing
    shade, pole, rim = 0.5 + 0.5 * ambient(look), 0.12 * view.lamp, 0.06 * view.lamp
    box(
        image,
        view.light_x - pole,
        y1,
        view.light_x + pole,
        (PAVEMENT_TOP + 0.035) * view.height,
        tone(look, (70, 72, 76), shade),
    )
    rounded(
        image,
        (x0 - rim, y0 - rim, x1 + rim, y1 + rim),
        0.34 * view.lamp,
        tone(look, (74, 76, 80), shade),
    )
    rounded(image, view.housing, 0.3 * view.lamp, tone(look, (24, 25, 28), shade))
    for colour, rgb in LAMP_RGB.items():
        x, y = view.lamp_centre(colour)
        disc(image, x, y, 0.5 * view.lamp, tone(look, tuple(14 + v * 0.10 for v in rgb)))
