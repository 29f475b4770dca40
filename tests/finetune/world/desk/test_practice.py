"""Questions over loose frames of rooms: what a frame shows is the answer, and what it hides is not asked for.

Run: python -m pytest tests/finetune/world/desk/test_practice.py
"""

from dataclasses import replace

import numpy as np

from finetune.build import build_dialogue
from finetune.world.desk import practice
from finetune.world.desk.scene import DeskClip, DeskThing, make_clip
from streamo_app.protocol import State

THINGS = (
    DeskThing("person", "", "", 0, -5.0, 50.0, "left", "right", 1),
    DeskThing("object", "red", "box", 0, 2.2, 6.4, "left", "left", 2),
)
CLIP = DeskClip(7, 20, (640, 480), ((0.0, 0), (16.5, 1)), (11, 12), ((8.3, 11.5),), ((13.5, 15.2),), THINGS)
BOTH, ALONE, DARK, COVERED, EMPTY = (CLIP, 4.0), (CLIP, 7.0), (CLIP, 9.0), (CLIP, 14.0), (CLIP, 18.0)


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def told(dialogue) -> list[str]:
    return [turn.text for turn in dialogue.turns]


def test_darkness_and_a_cover_hide_the_rest():
    shots = (BOTH, ALONE, DARK, COVERED, EMPTY)
    assert [practice.names_in(shot) for shot in shots] == [
        {"person", "red object"},
        {"person"},
        {"dark"},
        {"covered"},
        set(),
    ]
    listed = ["A person. A red object.", "A person.", "The lights are off.", "The camera is covered.", "Nothing."]
    assert [practice.listing(shot) for shot in shots] == listed


def test_a_question_a_turn_is_answered_by_its_picture():
    generator, hidden = rng(), set()
    for _ in range(200):
        dialogue, searched = practice.ask_each([BOTH, DARK, COVERED, EMPTY], generator)
        assert len(searched) == 4 and set(searched) <= {*practice.NAMES, "object", "desk thing", None}
        for turn in dialogue.turns:
            assert (turn.state is State.RESPONSE) == bool(turn.instructions) == bool(turn.text)
            assert not any("Keep" in line or "changes" in line for line in turn.instructions)
        hidden |= {
            name for turn, name in zip(dialogue.turns[1:3], searched[1:3], strict=True) if turn.text == "Yes." and name
        }
        if searched[0] == "object":
            assert dialogue.turns[0].text == "Red."
    assert hidden == {"covered"}  # nobody and nothing is seen where it is hidden


def test_persist_says_yes_as_long_as_it_is_seen():
    dialogue, searched = practice.persist([BOTH, ALONE, BOTH, DARK], "red object", rng())
    assert told(dialogue) == ["Yes.", "", "Yes.", ""] and searched == ["red object"] * 4
    assert told(practice.persist([BOTH, DARK, DARK], "dark", rng())[0]) == ["", "Yes.", "Yes."]


def test_onset_answers_where_it_was_not_the_frame_before():
    assert told(practice.onset([BOTH, ALONE, BOTH, BOTH], "red object", rng())[0]) == [
        "",
        "",
        "A red object appears.",
        "",
    ]
    assert told(practice.onset([EMPTY, DARK, DARK, COVERED], "dark", rng())[0]) == ["", "The lights went off.", "", ""]
    assert told(practice.onset([EMPTY, COVERED], "covered", rng())[0]) == ["", "The camera is covered."]
    assert told(practice.onset([EMPTY, BOTH], "person", rng())[0]) == ["", "A person appears."]


def test_a_held_answer_stays_as_it_was_while_it_is_hidden():
    for seed in range(40):
        dialogue, searched = practice.held([BOTH, COVERED, BOTH, EMPTY, DARK], np.random.default_rng(seed))
        expected = {
            "dark": ["Yes.", "", "", "", "No."],
            "person": ["Yes.", "", "", "No.", ""],
            "covered": ["No.", "Yes.", "No.", "", ""],
            "object": ["Red.", "", "", "None.", ""],
        }
        assert told(dialogue) == expected[searched[0]]


def test_the_view_changed_where_clip_or_room_is_another():
    other = (replace(CLIP, seed=8), 4.0)
    shots = [BOTH, ALONE, EMPTY, EMPTY, DARK, BOTH, other]
    said = "The view changed."
    assert told(practice.same_view(shots, rng())[0]) == ["", "", said, "", "", said, said]
    assert told(practice.same_view([ALONE, COVERED, BOTH], rng())[0]) == ["", "", ""]  # the cover shows no view


def test_every_event_is_timed_after_it():
    record = practice.timed(CLIP, np.random.default_rng(3))
    dialogue, notes = build_dialogue(replace(record, questions=(replace(record.questions[0], time=1),)), 20)
    texts = {turn.second: turn.text for turn in dialogue.turns if turn.text}
    spans = {7: "From 3s to 7s.", 12: "From 9s to 12s.", 16: "From 14s to 16s."}
    assert notes == [] and texts.items() <= spans.items() and 16 in texts


def test_what_is_confusable_is_another_of_its_kind():
    generator = rng()
    for name in practice.NAMES:
        others = [practice.confusable(name, generator) for _ in range(60)]
        assert name not in others and set(others) <= set(practice.NAMES)
    assert {practice.confusable("lights off", generator) for _ in range(9)} == {"lights on"}
    assert practice.confusable("red object gone", generator) != "red object gone"


def test_any_frames_make_dialogues():
    generator = rng()
    clips = [make_clip(seed, 20) for seed in range(30)]
    for _ in range(60):
        shots = [(clips[int(generator.integers(30))], float(generator.uniform(0, 19))) for _ in range(6)]
        for make in (practice.ask_each, practice.held, practice.same_view):
            dialogue, searched = make(shots, generator)
            assert len(dialogue.turns) == len(searched) == 6


def test_a_tally_counts_on_in_every_frame_that_shows_it():
    from finetune.world.drills import tally

    made = tally("Count the dogs.", [False, True, True, False, True])
    assert [turn.text for turn in made.turns] == ["", "1.", "2.", "", "3."] and made.task == "practice_counting"
    assert made.turns[0].instructions == ("Count the dogs.",) and not any(turn.instructions for turn in made.turns[1:])
