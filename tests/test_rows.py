"""Rows of a training step: what is supervised, what is not, and that a step is the same step every time."""

from dataclasses import replace

import numpy as np
import pytest

from finetune import bank, tiny
from finetune.config import Stage
from finetune.labels import IGNORED
from finetune.rows import Rows
from finetune.world import practice, tasks
from finetune.world.scene import Clip, make_clip
from streamo_app.models.wire import Wire
from streamo_app.protocol import SYSTEM_PROMPT

LIMITS = (6272, 18816)
STAGE = Stage("s", "dialogue", 1, 1e-3, seconds=(12, 12), practice_seconds=(3, 3), mix={"task": 0.6, "ask_each": 0.2, "onset": 0.2})


@pytest.fixture(scope="module")
def rows(tmp_path_factory) -> Rows:
    folder = tmp_path_factory.mktemp("clips")
    texts = [f"{tasks.record(make_clip(i, 30), 'event_caption', np.random.default_rng(i)).questions[0].content}\n" for i in range(30)]
    tokenizer = tiny.train_tokenizer([*texts, "user\n", "assistant\n", SYSTEM_PROMPT] * 3, 700)
    wire = Wire(tokenizer, image_token=tiny.IMAGE, vision_start=tiny.VISION_START, vision_end=tiny.VISION_END)
    tower = tiny.tiny_model(tokenizer, vision_layers=1).model.visual
    by_size: dict = {}
    for clip, frame, labels in bank._still_batch(3, 400, LIMITS):
        by_size.setdefault(frame.shape, []).append((clip, frame, labels))
    group = max(by_size.values(), key=len)
    shots = bank.Shots([(c, 0.0) for c, _, _ in group], np.stack([f for _, f, _ in group]), np.stack([p for _, _, p in group]))
    shots.features = bank.features(tower, shots.frames)
    jobs = [(seed, 30) for seed in (1, 2, 3)]
    bank._load_tower(tower)
    for job in jobs:
        _, size, features = bank._clip_job(job, LIMITS)
        np.savez(bank.clip_path(folder, *job).open("wb"), features=features, size=np.array(size))
    return Rows(wire, [shots], jobs, folder)


def test_the_same_seed_gives_the_same_rows_and_another_step_others(rows):
    a, b, other = (rows.step(STAGE, seed, 2000) for seed in ((1, 0, 0, 5), (1, 0, 0, 5), (1, 0, 0, 6)))
    assert [row.ids for row in a] == [row.ids for row in b]
    assert [row.ids for row in a] != [row.ids for row in other]


def test_a_step_holds_the_tokens_that_were_asked_for(rows):
    assert sum(len(row.ids) for row in rows.step(STAGE, (2, 0), 3000)) >= 3000


def test_every_image_has_its_features_and_its_labels(rows):
    for row in rows.step(STAGE, (3, 0), 6000):
        tokens = row.grid[0] * row.grid[1]
        assert len(row.image_starts) == len(row.features) == len(row.targets) == len(row.distractors)
        assert row.features.shape[1] == tokens * 4 and row.targets.shape[1] == tokens
        assert all(row.ids[start : start + tokens] == [rows.wire.image_id] * tokens for start in row.image_starts)


def test_labels_are_states_and_words_and_never_pictures_or_instructions(rows):
    for row in rows.step(replace(STAGE, mistakes=0.0), (4, 0), 6000):
        supervised = [i for i, label in enumerate(row.labels) if label != IGNORED]
        assert all(row.labels[i] == row.ids[i] for i in supervised)
        assert all(row.labels[i] != rows.wire.image_id for i in supervised)
        assert sum(row.labels[i] in rows.wire.state_ids for i in supervised) in (len(row.features), len(row.features) - 1)


def test_a_wrong_turn_of_the_past_is_input_only_and_its_gold_state_is_the_label(rows):
    found = 0
    for step in range(12):
        for row in rows.step(replace(STAGE, mix={"task": 1.0}, mistakes=0.5), (5, step), 3000):
            for i, label in enumerate(row.labels):
                if label != IGNORED and label != row.ids[i]:
                    assert label in rows.wire.state_ids and row.ids[i] in rows.wire.state_ids
                    assert row.labels[i + 1] == IGNORED  # its words, or its end, are not learnt
                    found += 1
    assert found


def test_in_a_pair_only_the_name_differs(rows):
    stage = replace(STAGE, mix={"onset": 1.0})
    first, second = rows.step(stage, (6, 0), 200)[:2]
    assert np.array_equal(first.features, second.features)
    assert not np.array_equal(first.targets, second.targets) or first.ids != second.ids


def test_practice_answers_are_what_the_picture_shows():
    clip: Clip = next(c for c in (make_clip(i, 40) for i in range(50)) if c.things)
    thing = clip.things[0]
    seen, before = (clip, thing.start + 0.1), (clip, 0.0)
    rng = np.random.default_rng(0)
    dialogue, _ = practice.persist([before, seen, seen], thing.name, rng)
    assert [turn.text for turn in dialogue.turns] == ["", "Yes.", "Yes."]
    dialogue, _ = practice.onset([before, seen, seen, before, seen], thing.name, rng)
    assert [bool(turn.text) for turn in dialogue.turns] == [False, True, False, False, True]
