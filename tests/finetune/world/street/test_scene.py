"""What happens in a street clip: seeds, splits, and the promises that make it learnable.

Run: python -m pytest tests/finetune/world/street/test_scene.py
"""

import itertools
import math

import numpy as np
import pytest

from finetune.world.clip import visible_turn
from finetune.world.street.scene import (
    LIGHTS,
    NAMES,
    SIZES,
    StreetClip,
    StreetThing,
    light_at,
    make_clip,
    make_still,
    things_at,
)

CLIPS = [make_clip(seed, 20 + seed % 26) for seed in range(150)]


def overlap(one: StreetThing, other: StreetThing) -> bool:
    return one.start < other.end and other.start < one.end


def test_a_seed_is_a_clip():
    assert make_clip(5, 30) == make_clip(5, 30)
    assert make_clip(5, 30) != make_clip(6, 30)


def test_no_seed_of_one_split_gives_a_clip_of_another():
    # 5 + 2**32 is the seed whose second 32-bit word is 1: words that could be taken for another split's
    seeds = [0, 1, 2, 3, 5, 2**32, 5 + 2**32, 5 + 2 * 2**32, 2**64 + 1]
    looks = [make_clip(seed, 20, split).look for split in ("train", "val", "test") for seed in seeds]
    assert len(set(looks)) == len(looks)


@pytest.mark.parametrize("seed, seconds, split", [(-1, 30, "train"), (1, 4, "train"), (1, 30, "exam")])
def test_what_is_no_clip_is_refused(seed, seconds, split):
    with pytest.raises(ValueError, match=r"-1|4 s|exam"):
        make_clip(seed, seconds, split)


def test_a_thing_is_in_view_from_its_start_up_to_but_not_at_its_end():
    car = StreetThing("car", "red", "right", 3.0, 6.5)
    clip = StreetClip(0, 20, (640, 360), CLIPS[0].look, ((0.0, "red"), (4.3, "green")), (car,))
    assert [bool(things_at(clip, t)) for t in (2.99, 3.0, 6.49, 6.5)] == [False, True, True, False]
    assert [light_at(clip, t) for t in (0.0, 4.0, 4.3, 19.0)] == ["red", "red", "green", "green"]


def test_what_begins_between_two_frames_is_first_seen_in_the_later_one():
    assert [visible_turn(t) for t in (4.3, 4.0, 4.99)] == [5, 4, 5]


def test_every_event_has_room_before_and_after():
    for clip in CLIPS:
        assert all(thing.start >= 1.2 and thing.end <= clip.seconds - 2.5 for thing in clip.things)
        assert all(thing.end - thing.start >= 2 for thing in clip.things)
        assert all(start <= clip.seconds - 1 for start, _ in clip.light)


def test_times_keep_off_whole_seconds_so_that_every_frame_rate_agrees_on_the_turn():
    times = [t for clip in CLIPS for thing in clip.things for t in (thing.start, thing.end)] + [
        t for clip in CLIPS for t, _ in clip.light if t
    ]
    assert all(0.04 < t - math.floor(t) < 0.89 for t in times)


def test_each_light_is_seen_at_least_once():
    for clip in CLIPS:
        seen = [light_at(clip, float(turn)) for turn in range(clip.seconds)]
        changes = sum(a != b for a, b in itertools.pairwise(seen))
        assert changes in (len(clip.light) - 1, len(clip.light) - 2), (
            clip.light
        )  # the first phase may be over before the second frame


def test_at_most_two_things_at_once_one_in_a_lane_and_names_kept_apart():
    for clip in CLIPS:
        for i, thing in enumerate(clip.things):
            together = [other for other in clip.things[:i] if overlap(thing, other)]
            assert len([other for other in together if other.end > thing.start]) <= 1
            assert all(other.lane != thing.lane for other in together)
            same = [other for other in clip.things[:i] if other.name == thing.name]
            assert all(thing.start - other.end >= 2 for other in same)


def test_the_next_light_cannot_be_told_from_the_last_two():
    after: dict[tuple[str, str], list[str]] = {}
    for clip in CLIPS:
        colours = [colour for _, colour in clip.light]
        for a, b, c in zip(colours, colours[1:], colours[2:], strict=False):
            after.setdefault((a, b), []).append(c)
    assert set(after) == {(a, b) for a in LIGHTS for b in LIGHTS if a != b}
    assert all(
        max(following.count(colour) for colour in LIGHTS) / len(following) < 0.85 for following in after.values()
    )


def test_clips_differ_in_traffic_from_none_at_all_to_dense():
    per_minute = [len(clip.things) / clip.seconds * 60 for clip in CLIPS]
    assert min(per_minute) == 0 and max(per_minute) > 14
    gaps = [
        later.start - earlier.end
        for clip in CLIPS
        for earlier, later in zip(clip.things, clip.things[1:], strict=False)
    ]
    assert max(gaps) > 8 and min(gaps) < 0
    assert {thing.name for clip in CLIPS for thing in clip.things} == set(NAMES)
    assert {clip.size for clip in CLIPS} == set(SIZES)


def test_stills_are_full_and_show_what_they_list():
    rng = np.random.default_rng(0)
    stills = [make_still(rng) for _ in range(400)]
    kinds = [{thing.kind for thing in things_at(still, 0.0)} for still in stills]
    share = {kind: sum(kind in seen for seen in kinds) / len(kinds) for kind in ("car", "person", "dog", "ball")}
    assert share["car"] == pytest.approx(0.6, abs=0.1) and share["person"] == pytest.approx(0.35, abs=0.1)
    assert share["dog"] == pytest.approx(0.3, abs=0.1) and share["ball"] == pytest.approx(0.3, abs=0.1)
    assert all(len(still.things) <= 3 and things_at(still, 0.0) == still.things for still in stills)
