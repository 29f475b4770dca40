"""Paints what moves in a street: cars, people, the dog, the ball, each at its `GroundSpot`. Shapes only; `layout.py`
says where and when."""

import math

import cv2
import numpy as np

from finetune.world.street.backdrop import ambient, tone
from finetune.world.street.layout import GroundSpot
from finetune.world.street.look import Look
from finetune.world.street.scene import StreetThing
from finetune.world.strokes import BITS, Rgb, disc, fixed, fixed_points, polygon, rounded

CAR_RGB = {
    "red": (206, 30, 34),
    "blue": (36, 74, 206),
    "green": (24, 140, 62),
    "yellow": (238, 196, 32),
    "white": (238, 240, 242),
    "black": (30, 31, 36),
}
COAT_RGB = {
    "red": (176, 58, 66),
    "blue": (66, 92, 168),
    "green": (74, 122, 88),
    "yellow": (214, 180, 92),
    "white": (224, 220, 212),
    "black": (64, 62, 70),
}
DOG_RGB = (136, 84, 42)
BALL_RGB = (255, 128, 20)
_SKINS = ((236, 194, 164), (198, 150, 116), (140, 98, 72))


def paint(image, look: Look, thing: StreetThing, spot: GroundSpot) -> None:
    """Draw `thing` on `image` (H, W, 3 uint8 RGB) in place, shadow included."""
    _SHAPES[thing.kind](image, look, thing, spot)


def _lit(look: Look) -> float:
    """Movers keep more light than houses: street lamps are over the road, and a black car must show on a dark one."""
    return 0.3 + 0.7 * ambient(look)


def _shadow(image, look: Look, spot: GroundSpot, grow: float) -> None:
    """A soft dark ellipse on the ground, blended over the small part of the image that it touches."""
    half, flat = spot.width / 2 * grow, max(1.5, 0.055 * spot.width)
    x0, y0 = int(max(0, spot.x - half)), int(max(0, spot.ground - 2 * flat))
    x1, y1 = int(min(image.shape[1], spot.x + half + 1)), int(min(image.shape[0], spot.ground + 2 * flat + 1))
    if x1 <= x0 or y1 <= y0:
        return
    part = image[y0:y1, x0:x1]
    dark = part.copy()
    cv2.ellipse(
        dark, fixed(spot.x - x0, spot.ground - y0), fixed(half, flat), 0, 0, 360, (26, 26, 30), -1, cv2.LINE_AA, BITS
    )
    cv2.addWeighted(dark, 0.45, part, 0.55, 0, part)


def _car(image, look: Look, thing: StreetThing, spot: GroundSpot) -> None:
    paint_rgb, lit, face = CAR_RGB[thing.colour], _lit(look), spot.facing
    w, h = spot.width, spot.height
    night = look.time_of_day == "night"
    _shadow(image, look, spot, 1.02)

    def at(
        x: float, y: float
    ) -> tuple[float, float]:  # x from the tail (-0.5) to the nose (0.5), y from the ground up (0..1)
        return spot.x + face * x * w, spot.ground - y * h

    body = tone(look, paint_rgb, lit)
    lower = tone(look, paint_rgb, lit * 0.8)
    upper = tone(look, tuple(min(255, v * 1.1 + 22) for v in paint_rgb), lit)
    hull = (
        (-0.5, 0.22),
        (-0.5, 0.52),
        (-0.47, 0.6),
        (-0.36, 0.64),
        (0.22, 0.62),
        (0.42, 0.54),
        (0.49, 0.44),
        (0.5, 0.22),
        (0.46, 0.16),
        (-0.46, 0.16),
    )
    cabin = ((-0.38, 0.62), (-0.27, 0.93), (-0.22, 0.98), (0.0, 0.98), (0.05, 0.95), (0.23, 0.62))
    polygon(image, [at(x, y) for x, y in cabin], body)
    polygon(image, [at(x, y) for x, y in hull], body)
    polygon(
        image,
        [at(x, y) for x, y in ((-0.5, 0.22), (-0.5, 0.34), (0.5, 0.34), (0.5, 0.22), (0.46, 0.16), (-0.46, 0.16))],
        lower,
    )
    polygon(
        image,
        [
            at(x, y)
            for x, y in (
                (-0.47, 0.6),
                (-0.36, 0.64),
                (0.22, 0.62),
                (0.42, 0.54),
                (0.4, 0.51),
                (0.2, 0.58),
                (-0.45, 0.57),
            )
        ],
        upper,
    )
    glass = tone(look, (158, 196, 214) if not night else (96, 118, 138), lit if not night else 1.0)
    polygon(image, [at(x, y) for x, y in ((-0.31, 0.64), (-0.235, 0.88), (-0.1, 0.9), (-0.1, 0.64))], glass)
    polygon(image, [at(x, y) for x, y in ((-0.065, 0.64), (-0.065, 0.9), (0.01, 0.89), (0.165, 0.64))], glass)
    for x in (-0.3, 0.3):
        cx, cy = at(x, 0.17)
        disc(image, cx, cy, 0.185 * h * 1.12, tone(look, (16, 16, 18), 1.0))
        disc(image, cx, cy, 0.1 * h, tone(look, (170, 172, 176), lit))
        turn = spot.stride * 2 * math.pi
        dx, dy = 0.085 * h * math.cos(turn), 0.085 * h * math.sin(turn)
        cv2.line(
            image,
            fixed(cx - dx, cy - dy),
            fixed(cx + dx, cy + dy),
            tone(look, (84, 86, 90), lit),
            1,
            cv2.LINE_AA,
            BITS,
        )
    polygon(
        image,
        [at(x, y) for x, y in ((0.44, 0.38), (0.44, 0.5), (0.475, 0.49), (0.5, 0.42), (0.5, 0.38))],
        tone(look, (255, 248, 206)),
    )
    polygon(
        image,
        [at(x, y) for x, y in ((-0.5, 0.4), (-0.5, 0.53), (-0.465, 0.53), (-0.465, 0.4))],
        tone(look, (150, 12, 22)),
    )


def _person(image, look: Look, thing: StreetThing, spot: GroundSpot) -> None:
    lit, h, face = _lit(look), spot.height, spot.facing
    _shadow(image, look, spot, 0.8)
    coat, legs = (
        tone(look, COAT_RGB[thing.colour], lit),
        tone(look, ((52, 56, 78), (74, 60, 50), (44, 44, 48))[thing.wobble_seed % 3], lit),
    )
    skin, hair = (
        tone(look, _SKINS[thing.wobble_seed // 3 % 3], lit),
        tone(look, ((52, 38, 30), (120, 84, 48), (30, 28, 30))[thing.wobble_seed // 7 % 3], lit),
    )
    swing = math.sin(spot.stride * math.pi)
    hip, shoulder = spot.ground - 0.46 * h, spot.ground - 0.78 * h
    thick = max(1, round(0.105 * h))
    for way in (-1, 1):  # legs: apart by the stride, the lifted foot a little higher
        foot = spot.ground - max(0.0, way * swing) * 0.05 * h
        _limb(
            image,
            (spot.x + way * 0.045 * h, hip),
            (spot.x + way * (0.05 + 0.07 * abs(swing)) * h, foot - thick / 2),
            thick,
            legs,
        )
        _limb(
            image,
            (spot.x + way * 0.13 * h, shoulder + 0.04 * h),
            (spot.x + way * (0.16 + 0.03 * way * swing) * h, hip + 0.02 * h),
            max(1, round(0.075 * h)),
            coat,
        )
    rounded(image, (spot.x - 0.15 * h, shoulder - 0.02 * h, spot.x + 0.15 * h, hip + 0.06 * h), 0.07 * h, coat)
    rounded(
        image,
        (spot.x - 0.15 * h, hip - 0.02 * h, spot.x + 0.15 * h, hip + 0.06 * h),
        0.03 * h,
        tone(look, COAT_RGB[thing.colour], lit * 0.8),
    )
    head = spot.ground - 0.9 * h
    disc(image, spot.x, head, 0.1 * h, hair)
    if thing.direction == "down":  # we see the face of those who come towards us
        disc(image, spot.x + face * 0.008 * h, head + 0.025 * h, 0.08 * h, skin)
    else:
        disc(image, spot.x, head + 0.075 * h, 0.035 * h, skin)


def _limb(image, start: tuple[float, float], end: tuple[float, float], thick: int, colour: Rgb) -> None:
    cv2.line(image, fixed(*start), fixed(*end), colour, thick, cv2.LINE_AA, BITS)


def _dog(image, look: Look, thing: StreetThing, spot: GroundSpot) -> None:
    lit, w, h, face = _lit(look), spot.width, spot.height, spot.facing
    _shadow(image, look, spot, 0.85)
    fur, dark = tone(look, DOG_RGB, lit), tone(look, DOG_RGB, lit * 0.68)

    def at(x: float, y: float) -> tuple[float, float]:
        return spot.x + face * x * w, spot.ground - y * h

    thick = max(1, round(0.1 * w))
    swing = math.sin(spot.stride * 2 * math.pi)
    for x, way, colour in ((-0.24, -1, dark), (0.19, 1, dark), (-0.3, 1, fur), (0.13, -1, fur)):
        _limb(image, at(x, 0.42), at(x + 0.09 * way * swing, 0.07), max(1, round(0.075 * w)), colour)
    _limb(image, at(-0.34, 0.6), at(-0.47, 0.86 + 0.05 * swing), max(1, round(0.055 * w)), fur)
    rounded(image, _ordered(at(-0.37, 0.72), at(0.25, 0.32)), 0.14 * w, fur)
    _limb(image, at(0.2, 0.6), at(0.32, 0.78), thick, fur)
    disc(image, *at(0.34, 0.8), 0.115 * w, fur)
    rounded(image, _ordered(at(0.34, 0.83), at(0.5, 0.68)), 0.05 * w, fur)
    disc(image, *at(0.485, 0.78), 0.026 * w, tone(look, (22, 20, 20)))
    polygon(image, [at(0.24, 0.94), at(0.32, 0.96), at(0.3, 0.66), at(0.24, 0.66)], dark)
    disc(image, *at(0.37, 0.85), 0.018 * w, tone(look, (16, 16, 16)))


def _ordered(one, other) -> tuple[float, float, float, float]:
    return min(one[0], other[0]), min(one[1], other[1]), max(one[0], other[0]), max(one[1], other[1])


def _ball(image, look: Look, thing: StreetThing, spot: GroundSpot) -> None:
    lit, radius, face = _lit(look), spot.width / 2, spot.facing
    x, y = spot.x, spot.ground - radius
    _shadow(image, look, spot, 0.9)
    for lift, length in ((0.5, 1.5), (0.0, 1.9), (-0.5, 1.5)):  # streaks behind it tell one frame which way it rolls
        _limb(
            image,
            (x - face * 1.2 * radius, y + lift * radius),
            (x - face * (1.2 + 0.6 * length) * radius, y + lift * radius),
            max(1, round(0.12 * radius)),
            tone(look, (236, 236, 232), lit),
        )
    disc(image, x, y, radius, tone(look, BALL_RGB, 0.86 * (0.4 + 0.6 * lit)))
    disc(image, x - 0.12 * radius, y - 0.14 * radius, 0.82 * radius, tone(look, BALL_RGB, 0.4 + 0.6 * lit))
    angle = spot.stride * 2 * math.pi * face
    for turn in (0, math.pi):
        arc = np.linspace(-0.9, 0.9, 7) + angle + turn
        points = [
            (
                x + radius * (0.94 * math.cos(a) - 0.42 * math.cos(angle + turn)),
                y + radius * (0.94 * math.sin(a) - 0.42 * math.sin(angle + turn)),
            )
            for a in arc
        ]
        cv2.polylines(
            image,
            [fixed_points(points)],
            False,
            tone(look, (255, 240, 220), lit),
            max(1, round(0.13 * radius)),
            cv2.LINE_AA,
            BITS,
        )


_SHAPES = {"car": _car, "person": _person, "dog": _dog, "ball": _ball}
