"""Raw records of a hand-made clip of a room, with every time worked out by hand, and the wordings that ask for them.

The clip, 40 s: somebody is there from the beginning and leaves at 6.4 (first turn without: 7); dark 8.3..11.5 (turns 9
to 11); a red ball 13.2..16.6 (14 to 16); another room 18.3..21.7 (19 to 21), where somebody stays; covered 24.5..27.2
(25 to 27); somebody comes in from the left at 29.3 and leaves to the right at 33.6 (30 to 33); a hand moves something
35.2..37.1 (36 and 37).

Run: python -m pytest tests/finetune/world/desk/test_tasks.py
"""

from dataclasses import replace

import numpy as np
import pytest

from finetune.build import build_dialogue
from finetune.world import worlds
from finetune.world.desk.scene import DeskClip, DeskThing, make_clip
from finetune.world.desk.tasks import ARGUMENTS, PAIRED, TASK_TYPES, TASKS, pair, record, rival
from finetune.world.desk.wordings import CANONICAL, mentions, pick_alike, wordings
from finetune.world.grammar import words_of
from finetune.world.street import wordings as street
from streamo_app.protocol import State

LEAVER = DeskThing("person", "", "", 0, -5.0, 6.4, "left", "right", 1)
STAYER = DeskThing("person", "", "", 1, -5.0, 50.0, "left", "right", 2)
BALL = DeskThing("object", "red", "ball", 0, 13.2, 16.6, "left", "left", 3)
VISITOR = DeskThing("person", "", "", 0, 29.3, 33.6, "left", "right", 4)
HAND = DeskThing("hand", "", "", 0, 35.2, 37.1, "left", "left", 5)
VIEWS = ((0.0, 0), (18.3, 1), (21.7, 0))
CLIP = DeskClip(
    7, 40, (640, 480), VIEWS, (11, 12), ((8.3, 11.5),), ((24.5, 27.2),), (LEAVER, STAYER, BALL, VISITOR, HAND)
)
STILL = replace(CLIP, views=((0.0, 0),), covered=(), things=(BALL, VISITOR, HAND))
"""One room all the time, nobody there at first."""


def ask(task: str, clip: DeskClip = CLIP, **choice):
    return record(clip, f"desk_{task}", np.random.default_rng(0), **choice)


def spoken(task: str, clip: DeskClip = CLIP, **choice) -> tuple[dict[int, str], list[int]]:
    """What the dialogue builder makes of it: texts by turn of response, and the turns of standing by; nothing may be
    moved."""
    dialogue, notes = build_dialogue(ask(task, clip, **choice), clip.seconds)
    assert notes == []
    texts = {turn.second: turn.text for turn in dialogue.turns if turn.state is State.RESPONSE}
    return texts, [turn.second for turn in dialogue.turns if turn.state is State.STANDBY]


@pytest.mark.parametrize("task, argument, turn, texts", [
    ("alert_lights", "lights off", 3, {9: "The lights went off."}),
    ("alert_lights", "lights on", 10, {12: "The lights came back on."}),
    ("alert_cover", "covered", 0, {25: "The camera is covered."}),
    ("alert_cover", "uncovered", 0, {28: "The camera is uncovered."}),
    ("alert_person", "person comes", 5, {30: "A person comes in."}),
    ("alert_person", "person leaves", 0, {7: "A person leaves.", 34: "A person leaves."}),
    ("alert_colour", "red object", 2, {14: "A red object appears."}),
    ("alert_colour", "red object gone", 15, {17: "The red object is gone."}),
    ("alert_view", "view", 2, {19: "The view changed.", 22: "The view changed."}),
    ("alert_colour", "green object", 2, {}),
])  # fmt: skip
def test_an_alert_answers_on_the_first_turn_that_shows_the_change(task, argument, turn, texts):
    assert spoken(task, argument=argument, turn=turn) == (texts, [])


@pytest.mark.parametrize("task, argument, turn", [
    ("alert_lights", "lights off", 10),
    ("alert_colour", "red object", 15),
    ("alert_view", "view", 19),
    ("alert_lights", "lights on", 14),  # they never go off again
])  # fmt: skip
def test_an_alert_is_not_asked_while_it_is_so_already_nor_after_its_last_time(task, argument, turn):
    assert ask(task, argument=argument, turn=turn) is None


def test_motion_is_told_after_two_still_turns():
    # The ball moves on turns 14 and 16, as it comes and goes: turn 15 alone is no rest.
    assert spoken("alert_motion", STILL, argument="motion", turn=2) == (
        {14: "Something moves.", 30: "Something moves.", 36: "Something moves."},
        [],
    )


def test_motion_is_not_asked_for_where_one_can_argue_what_moved():
    assert ask("alert_motion", CLIP, argument="motion") is None  # cuts
    assert ask("alert_motion", replace(STILL, covered=CLIP.covered)) is None
    sitting = replace(STILL, things=(replace(STAYER, room=0),))
    assert ask("alert_motion", sitting, argument="motion") is None  # moves as the lights come on


def test_grounding_asked_before_waits_and_asked_afterwards_is_answered_at_once():
    assert spoken("grounding_forward", argument="red object", turn=3) == ({17: "From 14s to 17s."}, [14, 15, 16])
    assert spoken("grounding_forward", argument="dark", turn=0) == ({12: "From 9s to 12s."}, [9, 10, 11])
    assert spoken("grounding_backward", argument="covered", turn=30) == ({30: "From 25s to 28s."}, [])
    assert spoken("grounding_forward", argument="blue object", turn=3) == ({}, [])
    assert ask("grounding_backward", argument="red object", turn=33) is None  # longer ago than 15 s
    assert ask("grounding_forward", argument="red object", turn=15) is None  # in view


def test_a_person_is_timed_only_if_one_visit_is_all_there_is():
    assert ask("grounding_forward", argument="person") is None
    assert spoken("grounding_forward", STILL, argument="person", turn=1) == ({34: "From 30s to 34s."}, [30, 31, 32, 33])


@pytest.mark.parametrize("argument, turn, texts", [
    ("dark", 0, {0: "Yes.", 9: "No.", 12: "Yes."}),
    ("person", 0, {0: "Yes.", 7: "No.", 19: "Yes.", 22: "No.", 30: "Yes.", 34: "No."}),
    ("covered", 1, {1: "No.", 25: "Yes.", 28: "No."}),
    ("colour", 4, {4: "None.", 14: "Red.", 17: "None."}),
])  # fmt: skip
def test_a_state_is_told_at_once_and_at_each_change(argument, turn, texts):
    assert spoken("tsqa", argument=argument, turn=turn) == (texts, [])


def test_a_state_is_not_asked_for_while_it_is_hidden():
    early = replace(CLIP, covered=((2.5, 5.2),))
    assert ask("tsqa", argument="person", turn=10) is None and ask("tsqa", argument="dark", turn=10) is not None
    assert (
        ask("tsqa", early, argument="dark", turn=4) is None
        and ask("tsqa", early, argument="covered", turn=4) is not None
    )


def test_counts_go_on_from_the_question():
    assert spoken("counting", argument="view", turn=0) == ({19: "1.", 22: "2."}, [])
    assert spoken("counting", argument="view", turn=20) == ({22: "1."}, [])
    assert spoken("counting", argument="person", turn=0) == ({30: "1."}, [])  # a cut to somebody is no coming
    twice = replace(CLIP, dark=((3.2, 5.1), *CLIP.dark))
    assert spoken("counting", twice, argument="lights off", turn=0) == ({4: "1.", 9: "2."}, [])
    assert spoken("counting", argument="object", turn=0) == ({14: "1."}, [])


def test_the_narration_tells_every_change():
    assert spoken("narration", turn=0) == (
        {
            7: "A person leaves.",
            9: "The lights went off.",
            12: "The lights came back on.",
            14: "A red object appears.",
            17: "The red object is gone.",
            19: "The view changed.",
            22: "The view changed.",
            25: "The camera is covered.",
            28: "The camera is uncovered.",
            30: "A person comes in.",
            34: "A person leaves.",
        },
        [],
    )


def test_events_are_captioned_when_over_and_stood_by_except_for_people_who_might_stay():
    texts = {12: "The lights were off.", 17: "A red object was shown.", 28: "The camera was covered."}
    texts |= {7: "A person was there.", 34: "A person was there."}
    assert spoken("event_caption", turn=0) == (texts, [9, 10, 11, 14, 15, 16, 25, 26, 27])
    assert spoken("event_caption", turn=10) == (
        {turn: text for turn, text in texts.items() if turn > 10},
        [10, 11, 14, 15, 16, 25, 26, 27],
    )


def test_actions_are_told_when_somebody_has_left_as_far_as_they_were_seen():
    whole = "A person comes in from the left and leaves to the right."
    assert spoken("action_caption", turn=0) == ({7: "A person leaves to the right.", 34: whole}, [])
    later = replace(CLIP, seconds=60)
    assert spoken("action_caption", later, turn=32) == ({34: "A person leaves to the right."}, [])
    two = replace(CLIP, things=(replace(LEAVER, end=50.0), VISITOR))  # which of them left?
    assert spoken("action_caption", two, turn=0) == ({34: "A person leaves to the right."}, [])


def test_what_cannot_be_served_gets_one_short_reply():
    assert spoken("unservable", turn=4) == ({4: "I can't tell that."}, [])


def test_only_a_ball_is_ever_asked_for_by_its_shape():
    rng = np.random.default_rng(0)
    asked = {
        record(CLIP, "desk_alert_colour", rng, argument="red object", turn=1).questions[0].content.lower()
        for _ in range(200)
    }
    assert any("red ball" in line for line in asked) and any("something red" in line for line in asked)
    boxed = replace(CLIP, things=(replace(BALL, shape="box"),))
    for name in ("red object", "blue object"):
        asked = {
            record(boxed, "desk_alert_colour", rng, argument=name, turn=1).questions[0].content for _ in range(100)
        }
        assert not any("ball" in line or "box" in line for line in asked)


def test_a_pair_differs_in_its_argument_alone():
    for seed in range(20):
        red, blue = pair(CLIP, "desk_alert_colour", np.random.default_rng(seed), ("red object", "blue object"))
        assert red.questions[0].time == blue.questions[0].time and red.answers and not blue.answers
        assert red.questions[0].content.replace("red", "blue") == blue.questions[0].content
        off, on = pair(CLIP, "desk_alert_lights", np.random.default_rng(seed), ("lights off", "lights on"))
        assert {a.content for a in off.answers} == {"The lights went off."} and {a.content for a in on.answers} == {
            "The lights came back on."
        }
    assert pair(CLIP, "desk_alert_cover", np.random.default_rng(0), ("covered", "dark")) is None


def test_a_rival_is_another_argument_of_the_task():
    rng = np.random.default_rng(0)
    assert {rival("desk_alert_lights", "lights off", rng) for _ in range(9)} == {"lights on"}
    rivals = [rival("desk_alert_colour", "red object", rng) for _ in range(200)]
    assert "red object" not in rivals and rivals.count("red object gone") > 30 and rivals.count("blue object") > 20


@pytest.mark.slow
def test_every_task_gives_records_that_the_builder_takes_as_they_are():
    rng = np.random.default_rng(0)
    made = [
        (clip, item)
        for seed in range(150)
        for clip in [make_clip(seed, 20 + seed % 26)]
        for item in worlds.get("desk").records(clip, rng)
    ]
    assert {item.task for _, item in made} == set(TASKS)
    for clip, item in made:
        dialogue, notes = build_dialogue(item, clip.seconds)
        assert dialogue is not None and notes == [], (clip.seed, item.task, notes)
        assert (
            item.task_type == TASK_TYPES[item.task]
            and item.extra["seed"] == clip.seed
            and item.source == "streamo-desk"
        )
        assert type(item).from_dict(item.to_dict()) == item
    alerts = [item for _, item in made if item.task_type == "alert"]
    assert 0.1 < sum(not item.answers for item in alerts) / len(alerts) < 0.35


def test_unknown_tasks_and_arguments_are_refused():
    with pytest.raises(ValueError, match="'desk_dance' is not a task"):
        ask("dance")
    with pytest.raises(ValueError, match="'pink object' is no argument of desk_alert_colour"):
        ask("alert_colour", argument="pink object")
    with pytest.raises(ValueError, match="takes no argument"):
        pair(CLIP, "desk_narration", np.random.default_rng(0), ("a", "b"))
    with pytest.raises(ValueError, match="no second argument"):
        rival("desk_alert_view", "view", np.random.default_rng(0))


# Wordings


def test_there_are_many_forms_of_each_task_and_part_of_them_is_held_out():
    for task in TASKS:
        held, every = len(wordings(task, "heldout")), len(wordings(task, "all"))
        assert 250 <= every <= 1200 and 0.1 < held / every < 0.25, task


def test_what_the_page_suggests_is_always_trained():
    trained = {form.format(o="a red object", d="the red object") for task in TASKS for form in wordings(task)}
    assert {form.format(o="a red object", d="the red object") for form in CANONICAL} <= trained
    assert {
        "Tell me when the lights go off.",
        "Let me know when the lights come back on.",
        "Tell me when the camera is covered.",
        "Tell me when the view changes.",
        "Notify me when a red object appears.",
        "When is the red object in view?",
        "Tell me when somebody comes in.",
        "Tell me when somebody leaves.",
        "Tell me when something moves.",
        "Is anybody there?",
        "Are the lights on?",
        "Narrate what you see.",
        "Count how often the lights go off.",
        "Describe each event when it ends.",
    } <= trained


def test_held_out_forms_are_new_in_both_worlds_and_their_words_are_known():
    trained, held = (
        {form for task in TASKS for form in wordings(task, split)}
        | {form for task in street.TASKS for form in street.wordings(task, split)}
        for split in ("train", "heldout")
    )
    assert not trained & held
    assert {word for form in held for word in words_of(form)} <= {word for form in trained for word in words_of(form)}


def test_forms_are_sentences_and_those_of_one_argument_are_not_those_of_another():
    for task, arguments in ARGUMENTS.items():
        forms = {argument: set(wordings(task, "all", argument)) for argument in arguments}
        for form in set.union(*forms.values()):
            assert form[0].isupper() or form.startswith("{"), form
            assert form[-1] in ".?" and "|" not in form and "(" not in form and "  " not in form
        if len(arguments) == 2:
            assert not set.intersection(*forms.values())


def test_alike_forms_share_their_frame():
    rng = np.random.default_rng(0)
    for paraphrases in ("train", "heldout"):
        for task in PAIRED:
            for form in pick_alike(task, rng, ARGUMENTS[task][:2], paraphrases):
                assert form in wordings(task, paraphrases)


def test_objects_are_mentioned_in_several_ways():
    rng = np.random.default_rng(0)
    said = [mentions("red", rng) for _ in range(100)]
    assert {slots["o"] for slots in said} == {"a red object", "something red", "a red thing", "a large red object"}
    assert {slots["d"] for slots in said} == {
        "the red object",
        "something red",
        "the red thing",
        "the large red object",
    }


def test_unknown_wordings_are_refused():
    with pytest.raises(ValueError, match="'dance'"):
        wordings("dance")
    with pytest.raises(ValueError, match="'motion'"):
        wordings("desk_alert_lights", argument="motion")
