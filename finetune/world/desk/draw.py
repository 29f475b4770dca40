"""One frame of a `desk` clip as pixels, and the boxes of what is on it.

    image = draw(clip, 4.0)                  # (H, W, 3) uint8 RGB, as the frame at t = 4 s looks
    small = draw(clip, 4.0, (320, 240))      # any size of the clip's aspect ratio; cheaper than shrinking
    boxes(clip, 4.0)                         # [("person", x0, y0, x1, y1), ("red object", ...), ("dark", 0, 0, 1, 1)]
    in 0..1

Deterministic in (clip, t). The room is painted once per seed and size (`room.py`); a call copies it, paints people
(`people.py`), hands (`reach.py`) and objects (`objects.py`), and lets the camera develop it (`camera.py`). Safe to call
from several threads.
"""

from functools import lru_cache

import numpy as np

from finetune.world.desk import camera, objects, people, reach
from finetune.world.desk.room import margin, room
from finetune.world.desk.scene import DeskClip, DeskThing, is_covered, is_dark, room_at, things_at
from finetune.world.desk.stance import extent, person_of, pose

_LEAST_SHARE = 0.15
"""No box for what lies further outside than this."""


def draw(clip: DeskClip, t: float, size: tuple[int, int] | None = None) -> np.ndarray:
    """The frame at t: (H, W, 3) uint8 RGB; `size` = (width, height), by default the clip's own."""
    size = size or clip.size
    index = room_at(clip, t)
    still = room(clip.rooms[index], size)
    around = margin(size)
    if is_covered(clip, t):
        return camera.covered(clip, t, still.image[around:-around, around:-around])
    dx, dy = camera.shake(clip, t, min(size))
    dx, dy = max(-around, min(around, dx)), max(-around, min(around, dy))
    view = slice(around + dy, around + dy + size[1]), slice(around + dx, around + dx + size[0])
    image = still.image[view].copy()
    _paint_things(image, clip, index, t, still.light)
    return camera.develop(image, clip, t, None if still.glow is None else still.glow[view])


def _paint_things(image: np.ndarray, clip: DeskClip, index: int, t: float, light: float) -> None:
    size = image.shape[1], image.shape[0]
    here = things_at(clip, t)
    for thing, side in _people(clip, here):
        people.paint(image, thing, side, pose(thing, side, t, size), light)
    for thing in clip.things:
        if thing.kind == "hand" and thing.room == index:
            reach.paint_item(image, thing, t, light)
            if thing in here:
                reach.paint_hand(image, thing, t, light)
    for thing in here:
        if thing.kind == "object":
            place = objects.spot(thing, t, size)
            objects.paint(image, thing, place, light)
            if objects.held(thing):
                reach.hold(image, thing, place, light)


def _people(clip: DeskClip, here: tuple[DeskThing, ...]) -> list[tuple[DeskThing, str]]:
    """People in view with the half they keep to, the far ones first."""
    found = [(thing, _halves(clip)[thing]) for thing in here if thing.kind == "person"]
    return sorted(found, key=lambda pair: person_of(pair[0].seed, pair[1]).head)


@lru_cache(maxsize=64)
def _halves(clip: DeskClip) -> dict[DeskThing, str]:
    """ "left" or "right" for people who meet somebody, so that neither hides the other; empty for those who are always
    alone."""
    halves: dict[DeskThing, str] = {}
    those = [thing for thing in clip.things if thing.kind == "person"]
    for thing in those:
        meets = [
            other
            for other in those
            if other is not thing and other.room == thing.room and other.start < thing.end and thing.start < other.end
        ]
        taken = [halves[other] for other in meets if other in halves]
        free = [half for half in ("left", "right") if half not in taken]
        halves[thing] = "" if not meets else free[thing.seed % len(free)] if free else "left"
    return halves


def boxes(clip: DeskClip, t: float) -> list[tuple[str, float, float, float, float]]:
    """(label, x0, y0, x1, y1) in 0..1 of the frame: what can be seen of people and coloured objects; the whole frame as
    "dark" or "covered".

    A covered camera shows nothing else. The camera's shaking (about 2 % of the shorter side) is left out.
    """
    if is_covered(clip, t):
        return [("covered", 0.0, 0.0, 1.0, 1.0)]
    found: list[tuple[str, float, float, float, float]] = []
    if is_dark(clip, t):
        found.append(("dark", 0.0, 0.0, 1.0, 1.0))
        if camera.night_of(clip.rooms[0], camera.interval_at(clip.dark, t)).gain < camera.VISIBLE_GAIN:
            return found
    here = things_at(clip, t)
    for thing, side in _people(clip, here):
        found += _share("person", extent(thing, side, pose(thing, side, t, clip.size)), clip.size)
    for thing in here:
        if thing.kind == "object":
            place = objects.spot(thing, t, clip.size)
            half = place.size / 2
            found += _share(thing.name, (place.x - half, place.y - half, place.x + half, place.y + half), clip.size)
    return found


def _share(
    label: str, box: tuple[float, float, float, float], size: tuple[int, int]
) -> list[tuple[str, float, float, float, float]]:
    """The box's part inside the frame; none where too little of its width is inside (people always extend below the
    frame)."""
    x0, y0, x1, y1 = box
    left, top, right, bottom = max(0.0, x0), max(0.0, y0), min(float(size[0]), x1), min(float(size[1]), y1)
    if right - left < _LEAST_SHARE * (x1 - x0) or bottom <= top:
        return []
    return [(label, left / size[0], top / size[1], right / size[0], bottom / size[1])]
