"""What happens in a room: what every clip keeps to, and what each turn of a hand-made one shows.

Run: python -m pytest tests/finetune/world/desk/test_scene.py
"""

import itertools
from dataclasses import replace

import pytest

from finetune.world.desk.answers import motions, only
from finetune.world.desk.facts import CHANGES, DeskFacts
from finetune.world.desk.scene import (
    GAP_S,
    QUIET_END_S,
    DeskClip,
    DeskThing,
    is_covered,
    is_dark,
    make_clip,
    room_at,
    things_at,
)

GUEST = DeskThing("person", "", "", 0, 2.3, 30.0, "left", "left", 1)
MUG = DeskThing("object", "blue", "mug", 1, 9.4, 12.6, "right", "left", 2)
CLIP = DeskClip(1, 20, (400, 300), ((0.0, 0), (5.5, 1), (15.2, 0)), (1, 2), ((6.9, 8.2),), (), (GUEST, MUG))
CLIPS = [make_clip(seed, 25 + seed % 20, split) for seed in range(120) for split in ("train", "test")]


def test_a_seed_is_a_clip_of_its_split():
    assert make_clip(5, 30) == make_clip(5, 30, "train") != make_clip(5, 30, "test")
    assert make_clip(5, 30) != make_clip(6, 30)


@pytest.mark.parametrize(
    "arguments, sentence", [((-1, 30), "negative"), ((1, 4), "too short"), ((1, 30, "exam"), "'exam' is not a split")]
)
def test_bad_seeds_lengths_and_splits_are_refused(arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        make_clip(*arguments)


def test_one_thing_happens_at_a_time_and_all_is_over_before_the_end():
    for clip in CLIPS:
        things = [t for thing in clip.things for t in (thing.start, thing.end) if 0 < t < clip.seconds]
        times = sorted(
            [
                *things,
                *(start for start, _ in clip.views[1:]),
                *(t for span in (*clip.dark, *clip.covered) for t in span),
            ]
        )
        assert all(later - earlier > 1 for earlier, later in itertools.pairwise(times)), (
            clip.seed
        )  # never two changes on one turn
        assert not times or times[-1] <= clip.seconds - QUIET_END_S + 0.2
        assert all(0.04 < t % 1 < 0.9 for t in times)
    assert GAP_S > 1


def test_nothing_happens_out_of_sight():
    for clip in CLIPS:
        for thing in clip.things:
            for t in (thing.start, thing.end):
                if 0 < t < clip.seconds:
                    assert room_at(clip, t) == thing.room and not is_dark(clip, t) and not is_covered(clip, t), (
                        clip.seed
                    )
        assert not any(is_dark(clip, t) and is_covered(clip, t) for t in range(clip.seconds))
        for thing in clip.things:
            if thing.kind != "person":  # what is held up or moved is seen all the while, and alone
                assert all(thing in things_at(clip, float(turn)) for turn in DeskFacts(clip).shown(thing))


def test_every_change_happens_somewhere_and_some_clips_are_quiet():
    facts = [DeskFacts(clip) for clip in CLIPS]
    assert all(any(each.onsets(change) for each in facts) for change in CHANGES)
    assert any(not any(each.onsets(change) for change in CHANGES) for each in facts)


def test_a_change_is_shown_by_the_turn_after_it():
    facts = DeskFacts(CLIP)
    expected = {"lights off": [7], "lights on": [9], "person comes": [3], "view": [6, 16]}
    expected |= {"blue object": [10], "blue object gone": [13], "object": [10]}
    assert {change: facts.onsets(change) for change in (*CHANGES, "object") if facts.onsets(change)} == expected
    assert [facts.people(turn) for turn in (2, 3, 5, 6, 15, 16, 19)] == [0, 1, 1, 0, 0, 1, 1]
    assert facts.comes(GUEST) == 3 and facts.goes(GUEST) is None


def test_a_cut_away_is_no_leaving_and_a_cut_back_no_coming():
    gone = replace(CLIP, things=(replace(GUEST, end=7.4), MUG))  # left while another room was shown
    assert DeskFacts(gone).onsets("person leaves") == [] and DeskFacts(gone).goes(gone.things[0]) is None
    assert DeskFacts(replace(CLIP, things=(replace(GUEST, start=5.2),))).onsets("person comes") == []  # with the cut


def test_what_is_out_of_sight_in_between_is_not_timed():
    assert only(DeskFacts(CLIP), "blue object") == (9.4, 12.6) and only(DeskFacts(CLIP), "dark") == (6.9, 8.2)
    assert only(DeskFacts(CLIP), "person") is None and only(DeskFacts(CLIP), "red object") is None
    left = replace(CLIP, things=(replace(GUEST, end=17.5),))
    assert only(DeskFacts(left), "person") is None
    assert only(DeskFacts(replace(left, views=((0.0, 0),), dark=())), "person") == (2.3, 17.5)
    assert only(DeskFacts(replace(left, views=((0.0, 0),))), "person") is None  # the lights were off for a while


def test_objects_move_as_they_come_and_go_and_people_all_the_time():
    room = replace(CLIP, views=((0.0, 1),), dark=())
    facts = DeskFacts(room)
    assert [turn for turn in facts.turns if facts.moving(turn)] == [10, 12]
    assert motions(facts) == [10]  # one still turn between is no rest
    assert motions(DeskFacts(replace(CLIP, views=((0.0, 0),), dark=(), things=(GUEST,)))) == [3]
    assert motions(DeskFacts(CLIP)) is None
