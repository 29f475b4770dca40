"""Frames of a `desk` clip: the same each time, and each thing where its box says.

Run: python -m pytest tests/finetune/world/desk/test_draw.py
"""

import cv2
import numpy as np
import pytest

from finetune.world.desk.draw import boxes, draw
from finetune.world.desk.scene import SIZES, DeskClip, DeskThing, make_clip

HUES = {"red": (165, 12), "yellow": (20, 36), "green": (45, 82), "blue": (97, 126)}
"""(from, to) in OpenCV's half degrees; red goes round."""


def clip_of(*things: DeskThing, seed=0, dark=(), covered=(), views=((0.0, 0),), size=(320, 240)) -> DeskClip:
    return DeskClip(seed, 20, size, views, (1000 + seed, 2000 + seed), tuple(dark), tuple(covered), things)


def person(start=-5.0, end=30.0, seed=1, enters="left", leaves="right") -> DeskThing:
    return DeskThing("person", "", "", 0, start, end, enters, leaves, seed)


def shown(colour: str, shape: str, start=4.3, end=9.7, seed=1, enters="left", leaves="right") -> DeskThing:
    return DeskThing("object", colour, shape, 0, start, end, enters, leaves, seed)


def named(clip: DeskClip, t: float, label: str) -> list[tuple[float, float, float, float]]:
    return [tuple(box[1:]) for box in boxes(clip, t) if box[0] == label]


def crop(image: np.ndarray, box: tuple[float, float, float, float]) -> np.ndarray:
    height, width = image.shape[:2]
    x0, y0, x1, y1 = box
    return image[round(y0 * height) : round(y1 * height), round(x0 * width) : round(x1 * width)]


def share_of_hue(pixels: np.ndarray, colour: str) -> float:
    """Share of pixels with this hue and a clear colour."""
    hue, strength, light = np.moveaxis(cv2.cvtColor(pixels, cv2.COLOR_RGB2HSV).astype(int), -1, 0)
    low, high = HUES[colour]
    fits = (hue >= low) & (hue <= high) if low < high else (hue >= low) | (hue <= high)
    return float(np.mean(fits & (strength > 70) & (light > 30)))


def test_a_frame_is_the_same_each_time_it_is_drawn():
    clip = make_clip(3, 20)
    assert np.array_equal(draw(clip, 7.25), draw(make_clip(3, 20), 7.25))
    assert not np.array_equal(draw(clip_of(person()), 7.25), draw(clip_of(person()), 7.5))


@pytest.mark.parametrize("size", SIZES)
def test_a_frame_has_the_size_that_was_asked_for(size):
    clip = clip_of(person(), shown("red", "ball"), size=size)
    assert draw(clip, 6.0).shape == (size[1], size[0], 3)
    assert draw(clip, 6.0, (size[0] // 2, size[1] // 2)).shape == (size[1] // 2, size[0] // 2, 3)
    assert draw(clip, 6.0).dtype == np.uint8


def test_boxes_lie_inside_the_frame():
    for seed in range(30):
        clip = make_clip(seed, 20)
        for t in range(20):
            for _, x0, y0, x1, y1 in boxes(clip, float(t)):
                assert 0 <= x0 < x1 <= 1 and 0 <= y0 < y1 <= 1


@pytest.mark.slow
def test_the_lights_go_off_at_once_and_the_frame_is_dark():
    for seed in range(25):
        clip = clip_of(person(seed=seed), seed=seed, dark=[(5.4, 9.6)])
        before, during, after = (draw(clip, t).mean() for t in (5.39, 5.4, 9.6))
        assert during < 0.45 * before and during < 0.45 * after
        assert (
            named(clip, 5.39, "dark") == []
            and named(clip, 5.4, "dark") == [(0, 0, 1, 1)]
            and named(clip, 9.6, "dark") == []
        )


def test_a_covered_camera_shows_nearly_nothing():
    for seed in range(25):
        clip = clip_of(person(seed=seed), shown("red", "ball"), seed=seed, dark=[(4.2, 8.7)], covered=[(5.4, 7.6)])
        frame = cv2.blur(draw(clip, 6.0), (5, 5)).astype(float)  # without the grain
        assert frame.std((0, 1)).max() < 22 and frame.mean() < 130
        assert boxes(clip, 6.0) == [("covered", 0.0, 0.0, 1.0, 1.0)]


@pytest.mark.parametrize("shape", ["ball", "box", "mug", "ring"])
@pytest.mark.parametrize("colour", HUES)
def test_an_object_of_each_colour_is_in_its_box(colour, shape):
    for seed in range(4):
        clip = clip_of(shown(colour, shape, seed=seed), seed=seed)
        [box] = named(clip, 7.0, f"{colour} object")
        least = {"ball": 0.5, "box": 0.4, "mug": 0.25, "ring": 0.25}[shape]  # a ring has a hole, a hand may hold it
        assert share_of_hue(crop(draw(clip, 7.0), box), colour) > least
        assert 0.2 < box[3] - box[1] < 0.56


def test_a_person_is_where_the_box_says():
    for seed in range(12):
        with_, without = clip_of(person(seed=seed), seed=seed), clip_of(seed=seed)
        [box] = named(with_, 6.0, "person")
        change = np.abs(draw(with_, 6.0).astype(int) - draw(without, 6.0).astype(int)).max(2)
        assert (
            crop(change, box).mean() > 12 and crop(change, box).sum() > 0.75 * np.where(change > 12, change, 0).sum()
        )  # the rest is its shadow


@pytest.mark.parametrize("enters", ["left", "right"])
def test_what_comes_is_seen_as_soon_as_it_is_there_and_until_it_goes(enters):
    for seed in range(12):
        for thing in (shown("red", "ball", 4.3, 9.7, seed, enters), person(4.3, 9.7, seed, enters)):
            clip = clip_of(thing, seed=seed)
            (whole,) = named(clip, 7.0, thing.name)
            for t in (4.3, 9.69):
                (part,) = named(clip, t, thing.name)
                assert part[2] - part[0] > 0.3 * (whole[2] - whole[0])
            assert named(clip, 4.29, thing.name) == [] and named(clip, 9.7, thing.name) == []
            entering = named(clip, 4.3, thing.name)[0]
            assert (entering[0] + entering[2] < 1) == (enters == "left")


def test_two_people_keep_to_their_halves():
    for seed in range(12):
        clip = clip_of(person(seed=seed), person(3.3, 30.0, seed + 50))
        (a, b) = sorted(named(clip, 8.0, "person"), key=lambda box: box[0] + box[2])
        assert (a[0] + a[2]) / 2 < 0.55 < 1.1 * (b[0] + b[2]) / 2


def test_a_hand_changes_the_picture_and_has_no_box():
    for seed in range(12):
        hand = DeskThing("hand", "", "", 0, 4.3, 7.7, "left", "left", seed)
        clip = clip_of(hand, seed=seed)
        smooth = [cv2.blur(draw(clip, t), (5, 5)).astype(int) for t in (4.0, 5.0, 6.0, 7.0)]  # without the grain
        assert all((np.abs(later - smooth[0]).max(2) > 12).mean() > 0.01 for later in smooth[1:])
        assert boxes(clip, 6.0) == []


def test_a_cut_changes_far_more_than_a_second_in_the_same_room():
    for seed in range(12):
        clip = clip_of(seed=seed, views=((0.0, 0), (8.4, 1)))
        second, cut = (
            np.abs(draw(clip, a).astype(int) - draw(clip, b).astype(int)).mean() for a, b in ((6.0, 7.0), (8.0, 9.0))
        )
        assert cut > 9 and cut > 1.5 * second
