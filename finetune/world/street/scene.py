"""What happens in a clip of the `street` world, second by second: a traffic light, cars, pedestrians, a dog, a ball.

Facts only, no pixels (`draw.py`), no instructions (`tasks.py`); numpy and the standard library.
A seed determines a clip:

    clip = make_clip(7, 30)                  # a training clip; make_clip(7, 30, split="test") is another one
    light_at(clip, 4.0), things_at(clip, 4.0)

Times are seconds of the clip, as in `finetune/world/clip.py`.
"""

import math
from dataclasses import dataclass

import numpy as np

from finetune.world.clip import clip_rng, off_grid
from finetune.world.street.look import Look, make_look

CAR_COLOURS = ("red", "blue", "green", "yellow", "white", "black")
LIGHTS = ("red", "yellow", "green")
NAMES = (*(f"{colour} car" for colour in CAR_COLOURS), "person", "dog", "ball")
SIZES = ((640, 360), (640, 480), (480, 480), (360, 640), (854, 480), (320, 240))
"""(width, height) in pixels that clips come in; most are the first."""
_SIZE_SHARES = (0.45, 0.15, 0.1, 0.1, 0.1, 0.1)

FIRST_START_S = 1.2
"""Nothing starts earlier: the first turns are quiet, so that a question asked at once is asked before."""
QUIET_END_S = 2.5
"""Every event is over this long before the clip ends, so that its answer has a turn to stand on."""
SAME_NAME_GAP_S = 2.0
"""Two things with one name are this far apart: "a red car" is never two red cars."""
_DURATION_S = {"car": (2.2, 6.0), "dog": (2.2, 6.0), "ball": (2.2, 6.0), "person": (3.0, 7.0)}
_KINDS = ("car", "person", "dog", "ball")


@dataclass(frozen=True)
class StreetThing:
    """Something that moves through the frame, in view iff `start <= t < end`."""

    kind: str
    """car, person, dog or ball."""
    colour: str
    """One of CAR_COLOURS for a car; the coat of a person, the fur of a dog, the skin of a ball."""
    direction: str
    """Where it goes: right or left; down or up for a person, who walks over the crossing."""
    start: float
    end: float
    wobble_seed: int = 0
    at: float | None = None
    """Progress 0..1 at which it stands still, for single frames; None = it travels from 0 at `start` to 1 at `end`."""

    @property
    def name(self) -> str:
        return f"{self.colour} car" if self.kind == "car" else self.kind

    @property
    def lane(self) -> str:
        """Strip of the street it needs for itself."""
        return f"road {self.direction}" if self.kind == "car" else "crossing" if self.kind == "person" else "pavement"


@dataclass(frozen=True)
class StreetClip:
    """All there is to know about a clip; `light` is ((start_s, colour), ...) from 0.0 on, `things` are in order of
    start."""

    seed: int
    seconds: int
    size: tuple[int, int]
    look: Look
    light: tuple[tuple[float, str], ...]
    things: tuple[StreetThing, ...]


def light_at(clip: StreetClip, t: float) -> str:
    """Colour of the light at t: red, yellow or green."""
    return [colour for start, colour in clip.light if start <= t][-1]


def things_at(clip: StreetClip, t: float) -> tuple[StreetThing, ...]:
    """Things in view at t, in order of start."""
    return tuple(thing for thing in clip.things if thing.start <= t < thing.end)


def make_clip(seed: int, seconds: int, split: str = "train") -> StreetClip:
    """The clip of `seed`: the same for the same three arguments, on every machine.

    Splits never share a clip, whatever the seeds. Raises ValueError on a negative seed, an unknown split or fewer than
    5 seconds.
    """
    rng = clip_rng(seed, seconds, split)
    size = SIZES[rng.choice(len(SIZES), p=_SIZE_SHARES)]
    look = make_look(rng)
    light = _make_light(rng, seconds)
    return StreetClip(seed, seconds, size, look, light, _make_things(rng, seconds))


def make_still(rng: np.random.Generator) -> StreetClip:
    """A one-second clip for single-frame practice: any light, things at independent places, most frames full."""
    things = []
    for kind, share in zip(_KINDS, (0.6, 0.35, 0.3, 0.3), strict=True):
        if rng.random() < share:
            things.append(_make_thing(rng, kind, 0.0, 1.0, at=float(rng.uniform(0.02, 0.98))))
    if things and things[0].kind == "car" and rng.random() < 0.4:
        other = _make_thing(rng, "car", 0.0, 1.0, at=float(rng.uniform(0.02, 0.98)))
        if other.lane != things[0].lane and other.name != things[0].name:
            things.append(other)
    if {"dog", "ball"} <= {thing.kind for thing in things}:  # they share a strip: keep them clear of each other
        left, right = float(rng.uniform(0.02, 0.3)), float(rng.uniform(0.7, 0.98))
        spots = dict(zip(("dog", "ball"), (left, right) if rng.random() < 0.5 else (right, left), strict=True))
        things = [_placed(thing, spots[thing.kind]) if thing.kind in spots else thing for thing in things]
    rng.shuffle(things)
    size = SIZES[rng.choice(len(SIZES), p=_SIZE_SHARES)]
    light = ((0.0, str(rng.choice(LIGHTS))),)
    return StreetClip(int(rng.integers(2**31)), 1, size, make_look(rng), light, tuple(things[:3]))


def _placed(thing: StreetThing, x: float) -> StreetThing:
    """The same thing standing at x (0..1 from the left of its way)."""
    at = x if thing.direction == "right" else 1 - x
    return StreetThing(thing.kind, thing.colour, thing.direction, thing.start, thing.end, thing.wobble_seed, at)


def _make_light(rng: np.random.Generator, seconds: int) -> tuple[tuple[float, str], ...]:
    """Phases in random order with random dwell times, so that history gives nothing away; a third follow the real
    cycle."""
    cycle = rng.random() < 1 / 3
    colour = str(rng.choice(LIGHTS))
    slowest = rng.uniform(4.0, 9.0)
    phases, t = [(0.0, colour)], float(rng.uniform(0.3, 5.0))
    before = "green"
    while t <= seconds - 2:
        if cycle:
            # red, green, yellow, red ... ; yellow may also announce green, as in many countries
            after = {"red": "green", "green": "yellow", "yellow": "red" if before == "green" else "green"}[colour]
        else:
            after = str(rng.choice([other for other in LIGHTS if other != colour]))
        before, colour = colour, after
        phases.append((off_grid(t), colour))
        dwell = rng.uniform(1.5, 3.0) if cycle and colour == "yellow" else rng.uniform(1.6, slowest)
        t += float(dwell)
    return tuple(phases)


def _make_thing(
    rng: np.random.Generator, kind: str, start: float, end: float, colours=CAR_COLOURS, at: float | None = None
) -> StreetThing:
    colour = {"dog": "brown", "ball": "orange"}.get(kind) or str(rng.choice(colours if kind == "car" else CAR_COLOURS))
    ways = ("down", "up") if kind == "person" else ("right", "left")
    return StreetThing(kind, colour, str(rng.choice(ways)), start, end, int(rng.integers(2**31)), at)


def _make_things(rng: np.random.Generator, seconds: int) -> tuple[StreetThing, ...]:
    """Things one after another with random gaps, some overlapping the one before, some after a long emptiness."""
    traffic = rng.choice(["none", "sparse", "usual", "busy"], p=[0.05, 0.2, 0.4, 0.35])
    mean_gap_s = {"none": math.inf, "sparse": 4.5, "usual": 2.0, "busy": 0.8}[traffic]
    overlap = {"none": 0.0, "sparse": 0.15, "usual": 0.25, "busy": 0.45}[traffic]
    shares = np.array([0.46, 0.24, 0.15, 0.15]) * rng.uniform(0.4, 1.6, 4)
    colours = rng.choice(CAR_COLOURS, size=int(rng.integers(1, 7)), replace=False)
    things: list[StreetThing] = []
    t = FIRST_START_S + min(float(rng.exponential(mean_gap_s)), 30.0) if traffic != "none" else math.inf
    while t < seconds - QUIET_END_S - 2.2:
        kind = str(rng.choice(_KINDS, p=shares / shares.sum()))
        start, end = off_grid(t), off_grid(t + float(rng.uniform(*_DURATION_S[kind])))
        thing = _make_thing(rng, kind, start, end, colours)
        if end - start < 2 or end > seconds - QUIET_END_S or not _fits(thing, things):
            t += 0.7
            continue
        things.append(thing)
        if rng.random() < overlap:
            t = start + float(rng.uniform(0.3, end - start))
        else:
            pause = rng.uniform(8.0, 15.0) if rng.random() < 0.12 else min(rng.exponential(mean_gap_s), 15.0)
            t = max(other.end for other in things) + float(pause)
    return tuple(things)


def _fits(thing: StreetThing, others: list[StreetThing]) -> bool:
    """Room for `thing`: own lane free, at most two at once, its name not seen lately, nobody runs into a car."""
    near = [other for other in others if other.start < thing.end and thing.start < other.end]
    if any(
        other.lane == thing.lane or ({other.kind, thing.kind} == {"car", "person"} and _meet(thing, other))
        for other in near
    ):
        return False
    if any(
        sum(other.start <= t < other.end for other in near) > 1 for t in (thing.start, *(other.start for other in near))
    ):
        return False
    return all(
        thing.start - other.end >= SAME_NAME_GAP_S or other.start - thing.end >= SAME_NAME_GAP_S
        for other in others
        if other.name == thing.name
    )


def _meet(one: StreetThing, other: StreetThing) -> bool:
    """Whether a person would be on the car's lane while the car passes the crossing (by their progress, roughly)."""
    person, car = (one, other) if one.kind == "person" else (other, one)

    def down(t: float) -> float:
        return (t - person.start) / (person.end - person.start)

    depth = [down(car.start + (car.end - car.start) * u) for u in (0.25, 0.5, 0.75)]
    depth = [u if person.direction == "down" else 1 - u for u in depth]
    low, high = (0.1, 0.5) if car.direction == "left" else (0.4, 0.85)
    return any(low < u < high for u in depth)
