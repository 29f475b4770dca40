"""The grammar of instructions: many forms, a part held out that is new and still made of known words.

Run: python -m pytest tests/finetune/world/street/test_wordings.py
"""

import numpy as np
import pytest

from finetune.world.street.scene import StreetThing
from finetune.world.street.wordings import CANONICAL, TASKS, article, caption, mention, phrase, wordings, words_of

ALL_TRAIN = {form for task in TASKS for form in wordings(task, "train")}


def test_there_are_hundreds_of_forms_of_the_tasks():
    assert all(len(wordings(task, "all")) >= 200 for task in TASKS)
    assert all(len(wordings(task, "heldout")) >= 20 for task in TASKS)
    held, all_forms = (
        sum(len(wordings(task, "heldout")) for task in TASKS),
        sum(len(wordings(task, "all")) for task in TASKS),
    )
    assert 0.1 < held / all_forms < 0.22


def test_held_out_forms_are_not_in_training_but_their_words_are():
    known = {word for form in ALL_TRAIN for word in words_of(form)}
    for task in TASKS:
        held = set(wordings(task, "heldout"))
        assert not held & ALL_TRAIN
        assert {word for form in held for word in words_of(form)} <= known


def test_what_the_page_suggests_is_always_trained():
    assert set(CANONICAL) <= ALL_TRAIN
    assert {"Notify me when the light turns {c}.", "Notify me when {o} appears.", "What color is the light?"} <= set(
        CANONICAL
    )


def test_a_form_is_a_sentence_and_belongs_to_one_task_only():
    owner: dict[str, str] = {}
    for task in TASKS:
        for form in wordings(task, "all"):
            assert form[0].isupper() and form[-1] in ".?" and "  " not in form and "|" not in form and "(" not in form
            assert owner.setdefault(form, task) == task
    assert owner["What will the weather be tomorrow?"] == "unservable"


def test_phrases_come_with_and_without_capital_and_full_stop():
    rng = np.random.default_rng(0)
    said = {phrase("alert_light", rng, c="green") for _ in range(3000)}
    assert {
        "Notify me when the light turns green.",
        "notify me when the light turns green.",
        "Notify me when the light turns green",
    } <= said
    assert all("green" in line for line in said)


def test_held_out_phrases_are_new_however_they_are_typed():
    rng = np.random.default_rng(0)

    def plain(line: str) -> str:
        return line.lower().strip(".?").removeprefix("please ").removesuffix(", please")

    trained = {plain(form.format(o="a dog", c="red")) for form in (*ALL_TRAIN, *wordings("alert_object dog", "train"))}
    assert not trained & {plain(phrase("alert_object", rng, "heldout", o="a dog")) for _ in range(300)}


def test_names_are_mentioned_with_their_article():
    rng = np.random.default_rng(0)
    assert article("red car") == "a red car" and article("orange ball") == "an orange ball"
    assert {mention("person", rng) for _ in range(60)} == {"a person", "someone", "somebody", "a pedestrian"}
    assert mention("dog", rng) == "a dog"


@pytest.mark.parametrize("thing, words", [
    (StreetThing("car", "red", "right", 1, 4), "A red car drives from left to right."),
    (StreetThing("person", "blue", "up", 1, 4), "A person crosses the street."),
    (StreetThing("dog", "brown", "left", 1, 4), "A dog runs from right to left."),
    (StreetThing("ball", "orange", "right", 1, 4), "A ball rolls from left to right."),
])  # fmt: skip
def test_a_caption_says_who_does_what_and_which_way(thing, words):
    assert caption(thing) == words


def test_unknown_wordings_are_refused():
    with pytest.raises(ValueError, match="'dance'"):
        wordings("dance")
    with pytest.raises(ValueError, match="'secret'"):
        wordings("narration", "secret")
