"""What live use does to a dialogue, written out by hand. `.` silence, `s` standby, `R` response."""

from dataclasses import replace

import numpy as np
import pytest

from finetune.build import Dialogue, DialogueTurn
from finetune.data import augment
from streamo_app.protocol import State

STATES = {".": State.SILENCE, "s": State.STANDBY, "R": State.RESPONSE}


def dialogue(states: str, asks: dict[int, str], texts: dict[int, str]) -> Dialogue:
    turns = (
        DialogueTurn(i, (asks[i],) if i in asks else (), STATES[s], texts.get(i, "")) for i, s in enumerate(states)
    )
    return Dialogue("clip.webm", "task", tuple(turns))


def drawn(made: Dialogue) -> str:
    return "".join({v: k for k, v in STATES.items()}[turn.state] for turn in made.turns)


def test_an_evicted_layout_pins_the_instruction_to_the_first_turn_that_is_left():
    made, pinned = augment.window(dialogue("..ssR.", {1: "Count."}, {4: "1."}), 2, 3)
    assert pinned
    assert [turn.second for turn in made.turns] == [2, 3, 4]
    assert made.turns[0].instructions == ("Count.",)
    assert drawn(made) == "ssR"


def test_a_window_that_holds_the_question_pins_nothing():
    made, pinned = augment.window(dialogue("..ssR.", {1: "Count."}, {4: "1."}), 1, 4)
    assert not pinned
    assert [turn.instructions for turn in made.turns] == [("Count.",), (), (), ()]


def test_a_later_clock_moves_the_spans_that_answers_name():
    made = augment.shift_clock(dialogue("..R", {0: "When?"}, {2: "From 0s to 2s."}), 80_000)
    assert [turn.second for turn in made.turns] == [80_000, 80_001, 80_002]
    assert made.turns[2].text == "From 80000s to 80002s."


def test_turns_spread_over_a_longer_time_take_the_spans_that_answers_name_along():
    made = augment.retime(dialogue("...R", {0: "When?"}, {3: "From 1s to 3s."}), [4, 9, 20, 31])
    assert [turn.second for turn in made.turns] == [4, 9, 20, 31]
    assert made.turns[3].text == "From 9s to 21s."  # turns 1 and 2


def test_clocks_start_anywhere_in_a_day():
    rng = np.random.default_rng(0)
    offsets = [augment.clock_offset(rng) for _ in range(500)]
    assert min(offsets) >= 100 and max(offsets) <= augment.DAY_S, "clips themselves begin before second 100"
    assert all(any(low <= offset < 10 * low for offset in offsets) for low in (100, 1_000, 10_000))


def test_clocks_are_late_more_often_where_an_answer_is_a_time():
    def late(task):
        rng = np.random.default_rng(0)
        made = (
            augment.random_clock_offset(replace(dialogue("...R", {0: "When?"}, {3: "From 1s to 3s."}), task=task), rng)
            for _ in range(400)
        )
        return sum(one.turns[0].second > 0 for one in made) / 400

    assert late("alert") == pytest.approx(0.35, abs=0.08)
    for task in ("grounding_backward", "desk_grounding_forward", "timed"):
        assert late(task) == pytest.approx(0.6, abs=0.08)


def test_what_was_due_or_asked_on_a_skipped_turn_comes_on_the_next_one_seen():
    made, left = augment.skip(dialogue(".ssR..", {1: "Count."}, {3: "1."}), {1, 3})
    assert left == [0, 2, 4, 5]
    assert [turn.second for turn in made.turns] == [0, 2, 4, 5]
    assert made.turns[1].instructions == ("Count.",)
    assert drawn(made) == ".sR."
    assert made.turns[2].text == "1."


def test_the_last_turn_is_never_skipped():
    made, left = augment.skip(dialogue("..R", {0: "Count."}, {2: "1."}), {2})
    assert left == [0, 1, 2] and drawn(made) == "..R"


def test_a_follow_up_says_what_either_instruction_asks_for():
    first = dialogue(".ssR..", {0: "Describe."}, {3: "A dog runs."})
    second = dialogue("...R.R", {2: "Which light?"}, {3: "Red.", 5: "Green."})
    made = augment.follow_up(first, second)
    assert drawn(made) == ".ssR.R"
    assert [turn.text for turn in made.turns if turn.text] == ["A dog runs. Red.", "Green."]
    assert made.turns[0].instructions == ("Describe.",) and made.turns[2].instructions == ("Which light?",)


def test_mistakes_change_states_after_the_question_only_and_say_which():
    gold = dialogue("...ssR........", {2: "Count."}, {5: "1."})
    made, wrong = augment.corrupt_states(gold, np.random.default_rng(1), 0.5)
    assert wrong and min(wrong) >= 2
    changed = {i for i, (a, b) in enumerate(zip(gold.turns, made.turns, strict=True)) if a.state is not b.state}
    assert changed == wrong
    assert all(bool(turn.text) == (turn.state is State.RESPONSE) for turn in made.turns)


def test_a_dialogue_without_words_gets_no_made_up_response():
    made, wrong = augment.corrupt_states(
        dialogue("......", {0: "Tell me when a dog comes."}, {}), np.random.default_rng(0), 1.0
    )
    assert not wrong and drawn(made) == "......"


def test_after_a_refusal_all_is_silence_and_the_refusal_is_the_one_wrong_turn():
    gold = dialogue("..ssR.R", {1: "Count."}, {4: "1.", 6: "2."})
    made, wrong = augment.refuse_first(gold, "I can't.")
    assert drawn(made) == ".R....." and wrong == {1}
    assert made.turns[1].text == "I can't." and made.turns[1].instructions == ("Count.",)
    assert not any(turn.text for turn in made.turns[2:])


def test_nothing_asked_nothing_refused():
    gold = dialogue("...", {}, {})
    assert augment.refuse_first(gold, "I can't.") == (gold, set())
