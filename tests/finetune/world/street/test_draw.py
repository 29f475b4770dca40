"""Frames of a street clip: the same each time, and each thing where its box says.

Run: python -m pytest tests/finetune/world/street/test_draw.py
"""

from dataclasses import replace

import numpy as np
import pytest

from finetune.world.street.draw import boxes, draw
from finetune.world.street.scene import SIZES, StreetClip, StreetThing, make_clip

DAY = replace(make_clip(0, 20).look, time_of_day="day", noise=0.0, jitter=0.0, gain=1.0, balance=(1.0, 1.0, 1.0))


def clip_of(*things: StreetThing, light="red", look=DAY, size=(640, 360)) -> StreetClip:
    return StreetClip(0, 20, size, look, ((0.0, light),), things)


def crop(image: np.ndarray, clip: StreetClip, label: str, t: float) -> np.ndarray:
    """Pixels of the middle of the box with this label: (N, 3) ints."""
    height, width = image.shape[:2]
    _, x0, y0, x1, y1 = next(found for found in boxes(clip, t) if found[0] == label)
    x0, x1 = x0 + 0.2 * (x1 - x0), x1 - 0.2 * (x1 - x0)
    y0, y1 = y0 + 0.3 * (y1 - y0), y1 - 0.3 * (y1 - y0)
    return (
        image[round(y0 * height) : round(y1 * height), round(x0 * width) : round(x1 * width)].reshape(-1, 3).astype(int)
    )


def test_a_frame_is_the_same_each_time_it_is_drawn():
    clip = make_clip(3, 20)
    assert np.array_equal(draw(clip, 7.25), draw(make_clip(3, 20), 7.25))
    assert not np.array_equal(draw(clip, 7.25), draw(clip, 7.5))


@pytest.mark.parametrize("size", SIZES)
def test_a_frame_has_the_size_that_was_asked_for(size):
    clip = replace(make_clip(1, 20), size=size)
    assert draw(clip, 0.0).shape == (size[1], size[0], 3)
    assert draw(clip, 0.0, (size[0] // 2, size[1] // 2)).shape == (size[1] // 2, size[0] // 2, 3)
    assert draw(clip, 0.0).dtype == np.uint8


COLOURS = {
    "red": lambda r, g, b: r > 120 and g < 90 and b < 90,
    "blue": lambda r, g, b: b > 120 and r < 100,
    "green": lambda r, g, b: g > 90 and r < 80 and b < 110,
    "yellow": lambda r, g, b: r > 150 and g > 120 and b < 110,
    "white": lambda r, g, b: min(r, g, b) > 180,
    "black": lambda r, g, b: max(r, g, b) < 70,
}


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("direction", ["right", "left"])
def test_a_car_of_each_colour_is_in_its_box(colour, direction):
    clip = clip_of(StreetThing("car", colour, direction, 2.0, 6.0))
    pixels = crop(draw(clip, 4.0), clip, f"{colour} car", 4.0)
    assert np.mean([COLOURS[colour](*pixel) for pixel in pixels]) > 0.35
    assert (f"{colour} car" in [found[0] for found in boxes(clip, 4.0)]) and (
        f"to {direction}" in [found[0] for found in boxes(clip, 4.0)]
    )


@pytest.mark.parametrize("kind, colour, direction, fits", [
    ("dog", "brown", "left", lambda r, g, b: r > g + 25 > b + 40),
    ("ball", "orange", "right", lambda r, g, b: r > 200 and 80 < g < 200 and b < 120),
    ("person", "blue", "down", lambda r, g, b: b > r and b > 90),
])  # fmt: skip
def test_the_others_are_in_their_boxes_too(kind, colour, direction, fits):
    clip = clip_of(StreetThing(kind, colour, direction, 2.0, 6.0))
    pixels = crop(draw(clip, 3.7), clip, kind, 3.7)
    assert np.mean([fits(*pixel) for pixel in pixels]) > 0.4


@pytest.mark.parametrize("colour, fits", [
    ("red", lambda r, g, b: r > 200 and g < 130),
    ("yellow", lambda r, g, b: r > 200 and g > 160 and b < 160),
    ("green", lambda r, g, b: g > 200 and r < 140),
])  # fmt: skip
@pytest.mark.parametrize("time_of_day", ["day", "night"])
def test_the_lit_lamp_is_in_its_box(colour, fits, time_of_day):
    clip = clip_of(light=colour, look=replace(DAY, time_of_day=time_of_day))
    pixels = crop(draw(clip, 0.0), clip, f"{colour} light", 0.0)
    assert np.mean([fits(*pixel) for pixel in pixels]) > 0.7  # the rest is the highlight on its glass


def test_things_are_large_enough_for_a_small_model():
    clip = clip_of(
        StreetThing("car", "red", "right", 2.0, 6.0),
        StreetThing("person", "red", "up", 2.0, 6.0),
        StreetThing("dog", "brown", "left", 2.0, 6.0),
    )
    size = {label: ((x1 - x0) * 640, (y1 - y0) * 360) for label, x0, y0, x1, y1 in boxes(clip, 4.0)}
    assert size["red light"][0] >= 0.09 * 360
    assert 0.25 <= size["red car"][0] / 640 <= 0.31
    assert size["person"][0] >= 0.08 * 360 and size["person"][1] >= 0.18 * 360
    assert size["dog"][0] >= 0.13 * 640


def test_a_frame_shows_a_thing_only_while_it_is_in_view():
    car = StreetThing("car", "blue", "right", 3.0, 6.4)
    empty, clip = clip_of(), clip_of(car)
    changed = [not np.array_equal(draw(clip, t), draw(empty, t)) for t in (2.99, 3.0, 5.0, 6.39, 6.4)]
    assert changed == [False, True, True, True, False]
    assert [len(boxes(clip, t)) for t in (2.99, 3.0, 6.4)] == [1, 3, 1]


def test_a_thing_is_mostly_on_the_frame_as_soon_as_it_comes():
    for direction in ("right", "left"):
        clip = clip_of(StreetThing("car", "blue", direction, 3.0, 6.0))
        whole = boxes(clip, 4.5)[1]
        for t in (3.0, 5.99):
            part = boxes(clip, t)[1]
            assert (part[3] - part[1]) > 0.8 * (whole[3] - whole[1])


def test_it_travels_the_way_its_direction_says():
    for kind, direction, axis, sign in [
        ("car", "right", 1, 1),
        ("car", "left", 1, -1),
        ("dog", "left", 1, -1),
        ("person", "down", 2, 1),
        ("person", "up", 2, -1),
    ]:
        clip = clip_of(StreetThing(kind, "red", direction, 3.0, 6.0))
        assert sign * (boxes(clip, 5.0)[1][axis] - boxes(clip, 4.0)[1][axis]) > 0


def test_cars_never_pass_before_the_light():
    for seed in range(40):
        clip = make_clip(seed, 20)
        for direction in ("right", "left"):
            moving = replace(
                clip,
                things=(StreetThing("car", "red", direction, 2.0, 6.0), StreetThing("person", "red", "down", 2.0, 6.0)),
            )
            for t in (2.0, 3.0, 4.0, 5.9):
                lamp, *others = boxes(moving, t)
                assert all(x1 < lamp[1] or x0 > lamp[3] or y0 > lamp[4] or y1 < lamp[2] for _, x0, y0, x1, y1 in others)
