"""How a street looks: time of day, houses, trees, where the light and the crossing are, what the camera does to it all.

Numbers only, drawn once per clip; lengths are in 0..1 of the frame's width (x) and height (y). `backdrop.py` paints
them.
"""

from dataclasses import dataclass

import numpy as np

from finetune.world.strokes import Rgb, rgb_of

_SKIES = {
    "day": (((96, 160, 222), (196, 224, 242)), ((150, 178, 200), (214, 222, 226))),
    "dusk": (((96, 92, 140), (244, 168, 118)), ((120, 96, 128), (232, 140, 120))),
    "night": (((12, 16, 40), (34, 40, 76)), ((8, 10, 24), (40, 36, 58))),
}
_WALLS = (
    (176, 112, 88),
    (196, 172, 140),
    (150, 150, 158),
    (120, 132, 148),
    (206, 196, 178),
    (158, 134, 116),
    (136, 116, 128),
    (104, 124, 120),
)


@dataclass(frozen=True)
class Building:
    x0: float
    x1: float
    top: float
    wall: Rgb
    storeys: int
    seed: int
    """Which windows are lit, and the shade of the door."""


@dataclass(frozen=True)
class Look:
    time_of_day: str
    """day, dusk or night."""
    sky: tuple[Rgb, Rgb]
    """Colour at the top and at the roofs."""
    buildings: tuple[Building, ...]
    trees: tuple[tuple[float, float], ...]
    """(x, size) of each, size 1 = usual."""
    road: int
    pavement: int
    """Grey levels by daylight."""
    light_x: float
    light_y: float
    """Middle and upper edge of the traffic light's housing."""
    crossing_x: float
    gain: float
    balance: tuple[float, float, float]
    """Exposure, and what the white balance does to red, green and blue."""
    noise: float
    """Standard deviation in grey levels."""
    jitter: float
    """How far the camera shakes, in 0..1 of the shorter side."""
    grain: int
    """Seed of noise and shaking."""


def make_look(rng: np.random.Generator) -> Look:
    """A random look."""
    time_of_day = str(rng.choice(["day", "dusk", "night"], p=[0.55, 0.2, 0.25]))
    pair = _SKIES[time_of_day][rng.integers(2)]
    top, low = (_near(rng, colour, 14) for colour in pair)
    left = rng.random() < 0.5
    light_x = float(rng.uniform(0.08, 0.2)) if left else float(rng.uniform(0.8, 0.92))
    trees = [(float(rng.uniform(0.04, 0.96)), float(rng.uniform(0.7, 1.2))) for _ in range(rng.integers(0, 4))]
    return Look(
        time_of_day=time_of_day,
        sky=(top, low),
        buildings=_make_buildings(rng),
        # a tree behind the light would only make it hard to see where the housing ends
        trees=tuple(tree for tree in trees if abs(tree[0] - light_x) > 0.16),
        road=int(rng.integers(78, 112)),
        pavement=int(rng.integers(148, 188)),
        light_x=light_x,
        light_y=float(rng.uniform(0.025, 0.085)),
        crossing_x=float(rng.uniform(0.38, 0.62)),
        gain=float(rng.uniform(0.82, 1.12)),
        balance=_balance(rng),
        noise=float(rng.uniform(0.5, 6.0)),
        jitter=float(rng.uniform(0.0, 0.008)) if rng.random() < 0.7 else 0.0,
        grain=int(rng.integers(2**31)),
    )


def _make_buildings(rng: np.random.Generator) -> tuple[Building, ...]:
    buildings, x = [], -0.05
    while x < 1.05:
        width = float(rng.uniform(0.12, 0.26))
        top = float(rng.uniform(0.08, 0.3))
        buildings.append(
            Building(
                x,
                x + width,
                top,
                _near(rng, _WALLS[rng.integers(len(_WALLS))], 14),
                int(rng.integers(2, 5)),
                int(rng.integers(2**31)),
            )
        )
        x += width + float(rng.choice([0.0, 0.0, 0.03]))
    return tuple(buildings)


def _near(rng: np.random.Generator, colour: Rgb, spread: int) -> Rgb:
    return rgb_of(np.clip(np.array(colour) + rng.integers(-spread, spread + 1, 3), 0, 255))


def _balance(rng: np.random.Generator) -> tuple[float, float, float]:
    red, green, blue = (float(v) for v in rng.uniform(0.94, 1.06, 3))
    return red, green, blue
