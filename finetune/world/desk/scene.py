"""What happens in a clip of the `desk` world: lights off and on, a covered camera, people and objects that come and go,
another view.

Facts only, no pixels (`draw.py`), no instructions (`tasks.py`); numpy and the standard library.
A seed determines a clip:

    clip = make_clip(7, 30)                  # a training clip; make_clip(7, 30, split="test") is another one
    is_dark(clip, 4.0), is_covered(clip, 4.0), room_at(clip, 4.0), things_at(clip, 4.0)

Times as in the street world: seconds of the clip, never on a whole second, turn `i` shows the frame at exactly t = i.
One thing happens at a time: no two changes within GAP_S, and nothing comes, goes or moves while the lights are off or
the camera is covered.
"""

from dataclasses import dataclass

import numpy as np

from finetune.world.clip import clip_rng, off_grid

COLOURS = ("red", "green", "blue", "yellow")
SHAPES = ("ball", "box", "mug", "ring")
SIDES = ("left", "right")
SIZES = ((640, 480), (400, 300), (640, 360), (320, 240), (480, 640), (854, 480))
"""(width, height) in pixels that clips come in."""
_SIZE_SHARES = (0.3, 0.2, 0.25, 0.1, 0.05, 0.1)
FIRST_S = 1.3
"""Nothing changes earlier, so that a question asked at once is asked before."""
QUIET_END_S = 2.6
"""Every event is over this long before the clip ends, so that its answer has a turn to stand on."""
GAP_S = 1.3
"""Least time between two changes."""
WALK_S = 1.0
"""How long a person or an object takes to come in or to leave."""
SHOTS_PER_CLIP = 5
_SHOTS_SECONDS = 30


@dataclass(frozen=True)
class DeskThing:
    """A person, a coloured object, or a hand that moves something: in view of room `room` iff `start <= t < end`."""

    kind: str
    """person, object, or hand (it reaches in and shifts a grey or wooden thing that stands in the room; belongs to no
    colour)."""
    colour: str
    """One of COLOURS for an object, else empty."""
    shape: str
    """One of SHAPES for an object, else empty."""
    room: int
    start: float
    """Below 0 for who is there from the beginning."""
    end: float
    """Beyond the clip's end for who stays."""
    enters: str
    """Side on which it comes in: left or right."""
    leaves: str
    seed: int
    """Clothes, skin, size, gestures, resting place."""

    @property
    def name(self) -> str:
        return f"{self.colour} object" if self.kind == "object" else self.kind


@dataclass(frozen=True)
class DeskClip:
    """All there is to know about a clip. Intervals are (start_s, end_s), in order, apart."""

    seed: int
    seconds: int
    size: tuple[int, int]
    views: tuple[tuple[float, int], ...]
    """((start_s, room), ...) from 0.0 on: a cut at each later start. `room` counts rooms of this clip from 0; the first
    is 0."""
    rooms: tuple[int, ...]
    """Seed of each room's look."""
    dark: tuple[tuple[float, float], ...]
    """When the lights are off."""
    covered: tuple[tuple[float, float], ...]
    """When something is over the lens."""
    things: tuple[DeskThing, ...]
    """In order of start."""


def room_at(clip: DeskClip, t: float) -> int:
    """Room in view at t."""
    return [room for start, room in clip.views if start <= t][-1]


def is_dark(clip: DeskClip, t: float) -> bool:
    return any(start <= t < end for start, end in clip.dark)


def is_covered(clip: DeskClip, t: float) -> bool:
    return any(start <= t < end for start, end in clip.covered)


def things_at(clip: DeskClip, t: float) -> tuple[DeskThing, ...]:
    """Things in the room in view at t, whether or not it is dark or the camera covered."""
    room = room_at(clip, t)
    return tuple(thing for thing in clip.things if thing.room == room and thing.start <= t < thing.end)


def make_clip(seed: int, seconds: int, split: str = "train") -> DeskClip:
    """The clip of `seed`: the same for the same three arguments, on every machine.

    Splits never share a clip, whatever the seeds. Raises ValueError on a negative seed, an unknown split or fewer than
    5 seconds.
    """
    rng = clip_rng(seed, seconds, split, 77)
    size = SIZES[rng.choice(len(SIZES), p=_SIZE_SHARES)]
    rooms = tuple(int(s) for s in rng.integers(2**31, size=int(rng.integers(2, 4))))
    return DeskClip(seed, seconds, size, rooms=rooms, **_Script(rng, seconds, len(rooms)).write())


def make_shots(rng: np.random.Generator) -> list[tuple[DeskClip, float]]:
    """SHOTS_PER_CLIP (clip, second) of one training clip: half of them while something is going on, which is rare."""
    clip = make_clip(int(rng.integers(1 << 30, 1 << 31)), _SHOTS_SECONDS)
    spans = [
        *clip.dark,
        *clip.covered,
        *((thing.start, thing.end) for thing in clip.things if thing.kind != "person" or thing.start > 0),
    ]
    shots = []
    for _ in range(SHOTS_PER_CLIP):
        low, high = (0.0, clip.seconds - 1.0)
        if spans and rng.random() < 0.55:
            low, high = spans[int(rng.integers(len(spans)))]
        shots.append((clip, round(float(np.clip(rng.uniform(low, high), 0, clip.seconds - 1.0)), 2)))
    return shots


_EVENTS = ("dims", "covers", "cuts", "shows", "reaches", "walks")


class _Script:
    """Writes down what happens, one change after another."""

    def __init__(self, rng: np.random.Generator, seconds: int, rooms: int):
        self.rng, self.last, self.rooms = rng, seconds - QUIET_END_S, rooms
        self.beyond = seconds + 10.0
        self.views: list[tuple[float, int]] = [(0.0, 0)]
        self.dark: list[tuple[float, float]] = []
        self.covered: list[tuple[float, float]] = []
        self.things: list[DeskThing] = []
        self.shares = rng.dirichlet([0.6] * len(_EVENTS))
        self.mean_gap_s = float(rng.choice([1.5, 4.0, 9.0], p=[0.4, 0.45, 0.15]))

    def write(self) -> dict:
        rng = self.rng
        for room in range(self.rooms):
            if rng.random() < 0.55:
                self._add("person", room, -5.0, self.beyond)
        t = FIRST_S + min(float(rng.exponential(self.mean_gap_s)), 20.0)
        quiet = rng.random() < 0.06
        while not quiet and t < self.last:
            event = str(rng.choice(_EVENTS, p=self.shares))
            end = getattr(self, f"_{event}")(off_grid(t))
            t = (t if end is None else end) + GAP_S + min(float(rng.exponential(self.mean_gap_s)), 20.0)
        things = tuple(sorted(self.things, key=lambda thing: thing.start))
        return {"views": tuple(self.views), "dark": tuple(self.dark), "covered": tuple(self.covered), "things": things}

    def _end(self, start: float, low: float, high: float) -> float | None:
        """An end of `low` to `high` seconds after `start`, None where the clip is over before."""
        end = off_grid(start + float(self.rng.uniform(low, high)))
        return end if end <= self.last and end - start >= 1.2 else None

    def _interval(self, into: list, start: float, low: float, high: float) -> float | None:
        end = self._end(start, low, high)
        if end is not None:
            into.append((start, end))
        return end

    def _dims(self, start: float) -> float | None:
        return self._interval(self.dark, start, 1.6, 9.0)

    def _covers(self, start: float) -> float | None:
        return self._interval(self.covered, start, 1.6, 8.0)

    def _cuts(self, start: float) -> float | None:
        before = self.views[-1][1]
        self.views.append((start, int(self.rng.choice([room for room in range(self.rooms) if room != before]))))
        return start

    def _shows(self, start: float) -> float | None:
        return self._visits("object", start, 2.2, 8.0)

    def _reaches(self, start: float) -> float | None:
        return self._visits("hand", start, 1.8, 4.0)

    def _visits(self, kind: str, start: float, low: float, high: float) -> float | None:
        end = self._end(start, low, high)
        if end is not None:
            self._add(kind, self.views[-1][1], start, end)
        return end

    def _walks(self, start: float) -> float | None:
        """Somebody leaves, comes back, or comes by. At most two people share a room."""
        room = self.views[-1][1]
        there = [thing for thing in self.things if thing.kind == "person" and thing.room == room and thing.end > start]
        if there and self.rng.random() < 0.5:
            who = there[int(self.rng.integers(len(there)))]
            self.things[self.things.index(who)] = DeskThing(**{**vars(who), "end": start})
            return start
        if len(there) > 1:
            return None
        if self.rng.random() < 0.5:
            return self._visits("person", start, 2.4, 8.0)
        if start > self.last - 1.2:
            return None
        self._add("person", room, start, self.beyond)
        return start

    def _add(self, kind: str, room: int, start: float, end: float) -> None:
        rng = self.rng
        colour = str(rng.choice(COLOURS)) if kind == "object" else ""
        shape = str(rng.choice(SHAPES, p=[0.5, 0.2, 0.2, 0.1])) if kind == "object" else ""
        enters, leaves = (str(side) for side in rng.choice(SIDES, size=2))
        self.things.append(DeskThing(kind, colour, shape, room, start, end, enters, leaves, int(rng.integers(2**31))))
