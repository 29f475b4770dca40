"""What only the other world has is met with silence, and is nothing that this world could show."""

import numpy as np
import pytest

from finetune.build import build_dialogue
from finetune.world import foreign, worlds
from streamo_app.protocol import State

OTHERS = {"street": "desk", "desk": "street"}
ARGUMENTS = {
    "street": {"lights off", "lights on", "covered", "uncovered", "view"},
    "desk": {f"{colour} car" for colour in ("red", "blue", "green", "yellow", "white", "black")}
    | {f"{c} light" for c in ("red", "yellow", "green")},
}


@pytest.mark.parametrize("world", worlds.NAMES)
def test_it_is_asked_once_early_and_never_answered(world):
    rng = np.random.default_rng(0)
    for seed in range(12):
        record = foreign.record(world, worlds.get(world).make_clip(seed, 30), rng)
        dialogue, notes = build_dialogue(record, 30)
        assert notes == [] and dialogue.task == "foreign" and dialogue.meta["argument"] is None
        assert {turn.state for turn in dialogue.turns} == {State.SILENCE} and not any(
            turn.text for turn in dialogue.turns
        )
        assert sum(len(turn.instructions) for turn in dialogue.turns) == 1 and dialogue.asked < 18


@pytest.mark.parametrize("world", worlds.NAMES)
def test_it_is_about_nothing_that_this_world_has(world, monkeypatch):
    tasks = worlds.get(OTHERS[world]).tasks
    taken, record = [], tasks.record

    def spy(*args):
        taken.append(record(*args))
        return taken[-1]

    monkeypatch.setattr(tasks, "record", spy)
    clip = worlds.get(world).make_clip(0, 30)
    asked = set()
    for seed in range(25):
        found = foreign.record(world, clip, np.random.default_rng(seed))
        assert found.questions[0].content == taken[-1].questions[0].content
        asked.add(taken[-1].extra["argument"])
    assert len(asked) > 2 and asked <= ARGUMENTS[world]
    assert not asked & set(worlds.get(world).alertable)


def test_the_same_seed_asks_the_same():
    clip = worlds.get("desk").make_clip(1, 30)
    one, two = (foreign.record("desk", clip, np.random.default_rng(5)) for _ in range(2))
    assert one == two


def test_a_world_that_there_is_not_is_refused():
    with pytest.raises(ValueError, match=r"There is no world 'moon'; take street, desk\."):
        foreign.record("moon", None, np.random.default_rng(0))
