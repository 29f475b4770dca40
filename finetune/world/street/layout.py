"""Where things of the `street` world are on the frame: pure geometry, shared by the painter and by the boxes.

`viewport_of(look, size)` turns the look's 0..1 into pixels; `spot(view, thing, t)` says where a thing is. Every length
depends on the shorter side, so that a small model finds light, cars and people at about the same scale in every aspect
ratio.
"""

import math
from dataclasses import dataclass

from finetune.world.street.look import Look
from finetune.world.street.scene import LIGHTS, StreetClip, StreetThing

PAVEMENT_TOP, ROAD_TOP, ROAD_BOTTOM = 0.43, 0.49, 0.81
"""Heights (0..1) of the far pavement's, the road's and the near pavement's upper edge."""
_WHEELS_Y = {"left": 0.615, "right": 0.785}
"""Where the wheels of cars touch the road (0..1): the far lane goes left, the near lane right, as where one drives on
the right."""
_PAWS_Y = 0.945
_PERSON_FEET_Y = (0.50, 0.93)
"""Feet of a person at the far and at the near end of the crossing."""
_SWAY = 0.02
"""How uneven a mover's pace is, in 0..1 of its way."""


@dataclass(frozen=True)
class Viewport:
    """A frame of `size` = (width, height) pixels and what its look fixes on it; everything in pixels."""

    width: int
    height: int
    lamp: float
    """Diameter of a lamp."""
    light_x: float
    light_y: float
    """Middle and upper edge of the light's housing."""
    crossing_x: float

    @property
    def side(self) -> int:
        return min(self.width, self.height)

    @property
    def car(self) -> float:
        """Length of a car."""
        return min(max(0.46 * self.side, 0.28 * self.width), 0.36 * self.width)

    @property
    def housing(self) -> tuple[float, float, float, float]:
        """x0, y0, x1, y1 of the traffic light."""
        half = 0.66 * self.lamp
        return self.light_x - half, self.light_y, self.light_x + half, self.light_y + 3.5 * self.lamp

    def lamp_centre(self, colour: str) -> tuple[float, float]:
        """Red on top, green below."""
        return self.light_x, self.light_y + (0.66 + 1.09 * LIGHTS.index(colour)) * self.lamp


@dataclass(frozen=True)
class GroundSpot:
    """Where a thing is: the middle of its foot on the ground, its size, and which way it faces (1 right, -1 left), in
    pixels."""

    x: float
    ground: float
    width: float
    height: float
    facing: int
    stride: float
    """Phase of legs or wheels in turns."""

    @property
    def box(self) -> tuple[float, float, float, float]:
        return self.x - self.width / 2, self.ground - self.height, self.x + self.width / 2, self.ground


def viewport_of(look: Look, size: tuple[int, int]) -> Viewport:
    """The frame of a look at a size (width, height)."""
    width, height = size
    lamp = 0.096 * min(size)
    margin = 0.66 * lamp + 0.02 * width
    light_x = min(max(look.light_x * width, margin), width - margin)
    return Viewport(width, height, lamp, light_x, look.light_y * height, look.crossing_x * width)


def shake(clip: StreetClip, t: float, side: int) -> tuple[int, int]:
    """How far the camera is off at t, in whole pixels (x, y)."""
    reach, phase = clip.look.jitter * side, clip.look.grain % 997
    x = math.sin(5.1 * t + phase) + 0.6 * math.sin(11.3 * t + 2 * phase)
    y = math.sin(4.3 * t + 3 * phase) + 0.6 * math.sin(13.7 * t + phase)
    return round(reach * x / 1.6), round(reach * y / 1.6)


def progress(thing: StreetThing, t: float) -> float:
    """How much of its way is behind it, 0..1: an even pace with a slight sway."""
    if thing.at is not None:
        return thing.at
    u = (t - thing.start) / (thing.end - thing.start)
    return u + _SWAY * math.sin(math.pi * 2 * u) * (1 if thing.wobble_seed % 2 else -1)


def spot(view: Viewport, thing: StreetThing, t: float) -> GroundSpot:
    """Where `thing` is at t (within start..end); the camera's shaking not included."""
    u, side = progress(thing, t), view.side
    tall = 0.94 + 0.12 * (thing.wobble_seed % 101) / 100
    if thing.kind == "person":
        deep = u if thing.direction == "down" else 1 - u
        far, near = _PERSON_FEET_Y
        height = 0.225 * side * tall * (0.92 + 0.16 * deep)
        drift = 0.05 * side * math.sin(thing.wobble_seed + 3 * u)
        ground = (far + (near - far) * deep) * view.height
        return GroundSpot(
            view.crossing_x + drift, ground, 0.42 * height, height, 1 if thing.wobble_seed % 2 else -1, 2.2 * u * 4
        )
    if thing.kind == "car":
        width, height, ground = view.car, 0.40 * view.car, _WHEELS_Y[thing.direction]
        steps = 3.0
    elif thing.kind == "dog":
        width = min(0.27 * side, 0.2 * view.width) * tall
        height, ground, steps = 0.66 * width, _PAWS_Y, 7.0
    else:
        width = height = 0.115 * side * tall
        ground, steps = _PAWS_Y, 2.0 * view.width / (math.pi * width) / 2
    half_seen = 0.36 * width  # it comes and goes with most of itself on the frame
    x = half_seen + (view.width - 2 * half_seen) * (u if thing.direction == "right" else 1 - u)
    lift = 0.0
    if thing.kind == "ball":  # small hops
        lift = 0.35 * height * abs(math.sin(math.pi * 3 * u + thing.wobble_seed))
    return GroundSpot(x, ground * view.height - lift, width, height, 1 if thing.direction == "right" else -1, steps * u)
