"""Looking back over loose frames: what is asked of which turn, and what is said."""

import numpy as np
import pytest

from finetune.world import recall as module
from finetune.world import worlds
from finetune.world.recall import recall
from streamo_app.protocol import State


def test_stretches_are_the_turns_that_show_a_name():
    inside = [{"dog"}, set(), {"dog", "ball"}, {"dog"}, set()]
    assert module._stretches("dog", inside) == [(0, 0), (2, 3)]
    assert module._stretches("ball", inside) == [(2, 2)]
    assert module._stretches("person", inside) == []


@pytest.mark.parametrize("world", worlds.NAMES)
def test_an_answer_names_the_only_stretch_of_turns_before_the_question(world):
    rng, place, said = np.random.default_rng(4), worlds.get(world), 0
    for _ in range(12):
        shots = [shot for _ in range(9) for shot in place.loose(rng)][:9]
        inside = [place.practice.names_in(shot) for shot in shots]
        dialogue, searched = recall(world, shots, rng)
        assert searched == [None] * 9 and [turn.second for turn in dialogue.turns] == list(range(9))
        for i, turn in enumerate(dialogue.turns):
            assert bool(turn.text) == (turn.state is State.RESPONSE) and not (turn.text and not turn.instructions)
            if turn.text:
                first, end = (int(word.rstrip("s.")) for word in turn.text.split()[1::2])
                names = [
                    name for name in place.alertable if module._stretches(name, inside[: i + 1]) == [(first, end - 1)]
                ]
                assert names and end <= i
                said += 1
    assert said > 10


def test_what_never_was_there_is_answered_by_silence():
    street = worlds.get("street")
    empty = [(street.make_clip(seed, 5), 0.0) for seed in range(5)]
    dialogue, _ = recall("street", empty, np.random.default_rng(1))
    assert all(turn.state is State.SILENCE for turn in dialogue.turns)
    assert any(turn.instructions for turn in dialogue.turns)


def test_what_is_not_there_yet_is_asked_for_ahead_only_where_it_never_comes():
    def ask_when(name: str, rng: np.random.Generator, past: bool) -> str:
        return f"{name} {'past' if past else 'ahead'}"

    def asked(later: set[str]) -> set[str]:
        turns = [
            module._asked(ask_when, 1, [set(), set(), later], ["dog"], np.random.default_rng(seed))
            for seed in range(20)
        ]
        assert all(turn.state is State.SILENCE for turn in turns)
        return {line for turn in turns for line in turn.instructions}

    assert asked(later={"dog"}) == {"dog past"}  # asked to tell, one would have to when it comes
    assert asked(later=set()) == {"dog past", "dog ahead"}
