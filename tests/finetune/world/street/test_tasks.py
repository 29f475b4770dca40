"""Raw records of a hand-made clip, with every time worked out by hand.

The clip: a red car in view 4.3..8.6 (frames 5 to 8), a dog 12.0..15.0 (frames 12 to 14), a person 16.2..20.5 (17 to
20), a blue car 18.4..21.7 (19 to 21); the light red, green from 3.5 (frame 4), yellow from 10.0 (frame 10), red from
14.2 (frame 15), green from 22.6 (frame 23).

Run: python -m pytest tests/finetune/world/street/test_tasks.py
"""

from dataclasses import replace

import numpy as np
import pytest

from finetune.build import build_dialogue
from finetune.world import worlds
from finetune.world.street.scene import StreetClip, StreetThing, make_clip
from finetune.world.street.tasks import TASK_TYPES, TASKS, pair, record
from finetune.world.street.wordings import wordings
from streamo_app.protocol import State

THINGS = (
    StreetThing("car", "red", "right", 4.3, 8.6),
    StreetThing("dog", "brown", "left", 12.0, 15.0),
    StreetThing("person", "blue", "down", 16.2, 20.5),
    StreetThing("car", "blue", "left", 18.4, 21.7),
)
LIGHT = ((0.0, "red"), (3.5, "green"), (10.0, "yellow"), (14.2, "red"), (22.6, "green"))
CLIP = StreetClip(7, 30, (640, 360), make_clip(0, 20).look, LIGHT, THINGS)


def ask(task: str, clip: StreetClip = CLIP, **choice):
    return record(clip, task, np.random.default_rng(0), **choice)


def answers(task: str, clip: StreetClip = CLIP, **choice):
    """(content, st_time, end_time, time) of each answer, in order."""
    return [(a.content, a.st_time, a.end_time, a.time) for a in ask(task, clip, **choice).answers]


def spoken(task: str, clip: StreetClip = CLIP, **choice) -> tuple[dict[int, str], list[int]]:
    """What the dialogue builder makes of it: texts by turn of response, and the turns of standing by; nothing may be
    moved."""
    dialogue, notes = build_dialogue(ask(task, clip, **choice), clip.seconds)
    assert notes == []
    texts = {turn.second: turn.text for turn in dialogue.turns if turn.state is State.RESPONSE}
    return texts, [turn.second for turn in dialogue.turns if turn.state is State.STANDBY]


def test_a_question_stands_at_its_turn_in_raw_time():
    (question,) = ask(
        "alert_light", argument="green light", turn=11, form="Notify me when the light turns {c}."
    ).questions
    assert question.time == 12
    assert question.content.lower().startswith("notify me when the light turns green")


def test_a_light_alert_answers_where_the_colour_is_first_seen():
    assert answers("alert_light", argument="green light", turn=1) == [
        ("The light turned green.", None, None, 5),
        ("The light turned green.", None, None, 24),
    ]
    assert answers("alert_light", argument="green light", turn=12) == [("The light turned green.", None, None, 24)]
    assert answers("alert_light", argument="yellow light", turn=0) == [("The light turned yellow.", None, None, 11)]
    assert spoken("alert_light", argument="red light", turn=9) == ({15: "The light turned red."}, [])


def test_an_object_alert_answers_once_at_its_first_frame():
    assert answers("alert_object", argument="red car", turn=2) == [("A red car appears.", None, None, 6)]
    assert answers("alert_object", argument="dog", turn=0) == [("A dog appears.", None, None, 13)]
    assert spoken("alert_object", argument="person", turn=3) == ({17: "A person appears."}, [])


def test_an_alert_is_not_asked_while_its_object_is_in_view():
    assert ask("alert_object", argument="dog", turn=13) is None
    assert ask("alert_light", argument="yellow light", turn=10) is None


def test_what_never_comes_is_never_answered():
    assert answers("alert_object", argument="yellow car", turn=2) == []
    assert answers("grounding_forward", argument="ball", turn=2) == []
    assert spoken("alert_object", argument="white car", turn=2) == ({}, [])


def test_events_are_captioned_on_the_turn_after_their_last_frame():
    assert answers("event_caption", turn=0) == [
        ("A red car drives from left to right.", 5.3, 8.6, None),
        ("A dog runs from right to left.", 13.0, 15.0, None),
        ("A person crosses the street.", 17.2, 20.5, None),
        ("A blue car drives from right to left.", 19.4, 21.7, None),
    ]
    assert spoken("event_caption", turn=0) == (
        {
            9: "A red car drives from left to right.",
            15: "A dog runs from right to left.",
            21: "A person crosses the street.",
            22: "A blue car drives from right to left.",
        },
        [5, 6, 7, 8, 12, 13, 14, 17, 18, 19, 20],
    )


def test_an_event_under_way_at_the_question_is_stood_by_from_there():
    assert answers("event_caption", turn=7)[0] == ("A red car drives from left to right.", 8, 8.6, None)
    assert answers("event_caption", turn=8)[0] == ("A red car drives from left to right.", 8.6, 8.6, None)
    assert answers("event_caption", turn=9)[0][0] == "A dog runs from right to left."
    texts, standby = spoken("event_caption", turn=8)
    assert texts[9] == "A red car drives from left to right." and standby[0] == 8


def test_actions_are_those_of_people_and_animals_only():
    assert [a[0] for a in answers("action_caption", turn=0)] == [
        "A dog runs from right to left.",
        "A person crosses the street.",
    ]
    assert spoken("action_caption", turn=0)[1] == [12, 13, 14, 17, 18, 19, 20]


def test_cars_are_counted_as_they_leave():
    assert answers("counting", turn=0) == [("1.", 5.3, 8.6, None), ("2.", 19.4, 21.7, None)]
    assert answers("counting", turn=9) == [("1.", 19.4, 21.7, None)]
    assert spoken("counting", turn=2) == ({9: "1.", 22: "2."}, [5, 6, 7, 8, 19, 20, 21])


def test_grounding_asked_before_waits_and_names_the_tag_edges():
    assert answers("grounding_forward", argument="red car", turn=3) == [("From 5s to 9s.", 5.3, 8.6, None)]
    assert spoken("grounding_forward", argument="dog", turn=0) == ({15: "From 12s to 15s."}, [12, 13, 14])


def test_grounding_asked_afterwards_is_answered_at_once():
    assert answers("grounding_backward", argument="red car", turn=12) == [("From 5s to 9s.", None, None, 13)]
    assert answers("grounding_backward", argument="dog", turn=15) == [("From 12s to 15s.", None, None, 16)]
    assert ask("grounding_backward", argument="red car", turn=8) is None  # still in view
    assert ask("grounding_backward", argument="red car", turn=25) is None  # longer ago than 15 s


def test_grounding_is_only_about_what_comes_once():
    twice = replace(CLIP, things=(*THINGS, StreetThing("car", "red", "left", 23.2, 26.1)))
    assert ask("grounding_forward", twice, argument="red car") is None
    assert ask("grounding_backward", twice, argument="red car") is None


def test_the_light_is_told_at_once_and_at_each_change():
    assert spoken("tsqa_light", turn=5) == ({5: "Green.", 10: "Yellow.", 15: "Red.", 23: "Green."}, [])
    assert answers("tsqa_light", turn=10)[0] == ("Yellow.", None, None, 11)


def test_crossing_is_told_at_once_and_at_each_change():
    assert spoken("tsqa_crossing", turn=0) == ({0: "No.", 17: "Yes.", 21: "No."}, [])
    assert spoken("tsqa_crossing", turn=18) == ({18: "Yes.", 21: "No."}, [])


def test_narration_names_arrivals_and_lights_together_when_they_share_a_turn():
    joined = replace(CLIP, light=(*LIGHT[:4], (18.7, "green")))  # first seen with the blue car, in turn 19
    assert answers("narration", turn=16) == [
        ("A person comes in.", None, None, 18),
        ("A blue car comes in.", None, None, 20),
        ("The light turns green.", None, None, 24),
    ]
    assert spoken("narration", joined, turn=11) == (
        {
            12: "A dog comes in.",
            15: "The light turns red.",
            17: "A person comes in.",
            19: "The light turns green. A blue car comes in.",
        },
        [],
    )


def test_what_cannot_be_served_gets_one_short_reply():
    made = ask("unservable", turn=4)
    assert [(a.content, a.time) for a in made.answers] == [("I can't tell that.", 5)]
    assert spoken("unservable", turn=4) == ({4: "I can't tell that."}, [])


def test_a_pair_differs_in_its_argument_alone():
    for seed in range(20):
        red, dog = pair(CLIP, "alert_object", np.random.default_rng(seed), ("red car", "dog"))
        assert red.questions[0].time == dog.questions[0].time
        assert red.questions[0].content.replace("red car", "dog") == dog.questions[0].content
        assert {a.content for a in red.answers} <= {"A red car appears."} and {a.content for a in dog.answers} == {
            "A dog appears."
        }
    red, _ = pair(CLIP, "alert_light", np.random.default_rng(0), ("red light", "green light"))
    assert 11 <= red.questions[0].time <= 15  # while the light is yellow


def test_there_is_no_pair_where_one_of_the_two_is_always_in_view():
    two_lights = replace(CLIP, light=((0.0, "red"), (3.5, "green"), (12.1, "red")))
    assert pair(two_lights, "alert_light", np.random.default_rng(0), ("red light", "green light")) is None


def test_every_task_gives_records_that_the_builder_takes_as_they_are():
    rng = np.random.default_rng(0)
    made = [
        (clip, item)
        for seed in range(60)
        for clip in [make_clip(seed, 20 + seed % 26)]
        for item in worlds.get("street").records(clip, rng)
    ]
    assert {item.task for _, item in made} == set(TASKS)
    for clip, item in made:
        dialogue, notes = build_dialogue(item, clip.seconds)
        assert dialogue is not None and notes == [], (clip.seed, item.task, notes)
        assert item.task_type == TASK_TYPES[item.task] and item.extra["seed"] == clip.seed
        assert type(item).from_dict(item.to_dict()) == item
    alerts = [item for _, item in made if item.task == "alert_object"]
    assert 0.1 < sum(not item.answers for item in alerts) / len(alerts) < 0.4


def test_questions_come_at_the_start_or_in_the_first_part():
    rng = np.random.default_rng(0)
    turns = [record(make_clip(seed, 30), "narration", rng).questions[0].time - 1 for seed in range(300)]
    assert 0.18 < turns.count(0) / len(turns) < 0.4
    assert max(turns) == 18


def test_held_out_records_use_held_out_wordings():
    rng = np.random.default_rng(0)
    held = {form.lower().strip(".?") for form in wordings("narration", "heldout")}
    for _ in range(30):
        line = (
            record(CLIP, "narration", rng, "heldout")
            .questions[0]
            .content.lower()
            .strip(".?")
            .removeprefix("please ")
            .removesuffix(", please")
        )
        assert line in held


def test_unknown_tasks_and_arguments_are_refused():
    with pytest.raises(ValueError, match="'dance' is not a task"):
        ask("dance")
    with pytest.raises(ValueError, match="'pink car' is nothing of this world"):
        ask("alert_object", argument="pink car")
    with pytest.raises(ValueError, match="takes no argument"):
        pair(CLIP, "narration", np.random.default_rng(0), ("dog", "ball"))
