"""Rows of a training step: what is supervised, what is not, and that a step is the same step every time."""

from dataclasses import replace

import numpy as np
import pytest

from finetune.config import Stage
from finetune.data import clips
from finetune.data import stills as bank
from finetune.data.clips import ClipSpec
from finetune.data.sampler import TaskSampler
from finetune.labels import IGNORED
from finetune.model import tiny
from finetune.world.street import practice, tasks
from finetune.world.street.scene import StreetClip, make_clip
from streamo_app.models.wire import Wire
from streamo_app.protocol import SYSTEM_PROMPT

LIMITS = (6272, 18816)
WORLDS = {"street": 0.5, "desk": 0.5}
STAGE = Stage(
    "s",
    "dialogue",
    1,
    1e-3,
    seconds=(12, 12),
    practice_seconds=(3, 3),
    mix={"task": 0.6, "ask_each": 0.2, "onset": 0.2},
)


@pytest.fixture(scope="module")
def rows(tmp_path_factory) -> TaskSampler:
    folder = tmp_path_factory.mktemp("clips")
    texts = [
        f"{tasks.record(make_clip(i, 30), 'event_caption', np.random.default_rng(i)).questions[0].content}\n"
        for i in range(30)
    ]
    tokenizer = tiny.train_tokenizer([*texts, "user\n", "assistant\n", SYSTEM_PROMPT] * 3, 700)
    wire = Wire(tokenizer, image_token=tiny.IMAGE, vision_start=tiny.VISION_START, vision_end=tiny.VISION_END)
    tower = tiny.tiny_model(tokenizer, vision_layers=1).model.visual
    stills = [loose(world, count, tower) for world, count in (("street", 100), ("desk", 40))]
    jobs = [ClipSpec(world, seed, 30, fps) for world in ("street", "desk") for seed, fps in ((1, 2), (2, 1))]
    rng = np.random.default_rng(0)
    for job in jobs:  # features need not fit the pictures here: random ones cost no drawing
        clips._save(
            folder / job.name,
            features=rng.normal(size=(30 * job.fps, 96, 128)).astype(np.float16),
            size=np.array([112, 168]),
        )
    return TaskSampler(wire, stills, jobs, folder)


def loose(world: str, count: int, tower) -> bank.FrameSet:
    """Most of `count` loose frames: those of the commonest size."""
    by_size: dict = {}
    for shot, frame, labels in bank._still_batch(3, world, count, LIMITS):
        by_size.setdefault(frame.shape, []).append((shot, frame, labels))
    shots, frames, patches = zip(*max(by_size.values(), key=len))
    return bank.FrameSet(
        world, list(shots), np.stack(frames), np.stack(patches), bank.features(tower, np.stack(frames))
    )


def test_the_same_seed_gives_the_same_rows_and_another_step_others(rows):
    a, b, other = (rows.step(STAGE, seed, 2000) for seed in ((1, 0, 0, 5), (1, 0, 0, 5), (1, 0, 0, 6)))
    assert [row.ids for row in a] == [row.ids for row in b]
    assert [row.ids for row in a] != [row.ids for row in other]


def test_a_step_holds_the_tokens_that_were_asked_for(rows):
    assert sum(len(row.ids) for row in rows.step(STAGE, (2, 0), 3000)) >= 3000


def image_starts(row, image_id: int) -> list[int]:
    return [i for i, token in enumerate(row.ids) if token == image_id and row.ids[i - 1] != image_id]


def test_every_image_has_its_features_and_its_labels(rows):
    for row in rows.step(STAGE, (3, 0), 6000):
        tokens = row.grid[0] * row.grid[1]
        starts = image_starts(row, rows.maker.wire.image_id)
        assert len(starts) == len(row.features) == len(row.targets) == len(row.distractors) == len(row.clock)
        assert row.features.shape[1] == tokens * 4 and row.targets.shape[1] == tokens
        assert all(row.ids[start : start + tokens] == [rows.maker.wire.image_id] * tokens for start in starts)


def test_labels_are_states_and_words_and_never_pictures_or_instructions(rows):
    for row in rows.step(replace(STAGE, mistakes=0.0), (4, 0), 6000):
        supervised = [i for i, label in enumerate(row.labels) if label != IGNORED]
        assert all(row.labels[i] == row.ids[i] for i in supervised)
        assert all(row.labels[i] != rows.maker.wire.image_id for i in supervised)
        assert sum(row.labels[i] in rows.maker.wire.state_ids for i in supervised) in (
            len(row.features),
            len(row.features) - 1,
        )


def test_a_wrong_turn_of_the_past_is_input_only_and_its_gold_state_is_the_label(rows):
    found = 0
    for step in range(12):
        for row in rows.step(replace(STAGE, mix={"task": 1.0}, mistakes=0.5), (5, step), 3000):
            for i, label in enumerate(row.labels):
                if label != IGNORED and label != row.ids[i]:
                    assert label in rows.maker.wire.state_ids and row.ids[i] in rows.maker.wire.state_ids
                    assert row.labels[i + 1] == IGNORED  # its words, or its end, are not learnt
                    found += 1
    assert found


def test_in_a_pair_only_the_name_differs(rows):
    stage = replace(STAGE, mix={"onset": 1.0})
    first, second = rows.step(stage, (6, 0), 200)[:2]
    assert np.array_equal(first.features, second.features)
    assert not np.array_equal(first.targets, second.targets) or first.ids != second.ids


def test_both_worlds_are_drawn_from_where_a_stage_has_both(rows):
    drawn = {world: 0 for world in WORLDS}
    make = rows.maker.make

    def spy(dialogue, *args, **options):
        drawn[
            "desk" if dialogue.task.startswith("desk") or dialogue.meta.get("source") == "streamo-desk" else "street"
        ] += 1
        return make(dialogue, *args, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rows.maker, "make", spy)
        rows.step(replace(STAGE, worlds=WORLDS), (7, 0), 12_000)
    assert min(drawn.values()) > 0.2 * sum(drawn.values())


def test_half_second_rows_have_two_pictures_a_turn_and_half_the_turns(rows):
    stage = replace(STAGE, seconds=(24, 24), mix={"task": 1.0}, worlds=WORLDS, two_fps=1.0)
    for row in rows.step(stage, (8, 0), 4000):
        assert len(row.features) == 2 * len(set(row.clock)) <= 24
        assert row.clock == sorted(row.clock) and all(row.clock.count(second) == 2 for second in row.clock)
        assert len(image_starts(row, rows.maker.wire.image_id)) == len(row.features)


def test_half_second_rows_may_be_longer_than_the_clips_of_one_picture_a_second_allow(rows):
    stage = replace(STAGE, seconds=(60, 60), mix={"task": 1.0}, worlds=WORLDS, two_fps=1.0)
    made = rows.step(stage, (11, 0), 4000)  # thirty turns of two pictures; no clip here has sixty seconds
    assert made and all(50 < len(row.features) <= 60 for row in made)


def test_practice_in_looking_back_may_have_gaps_between_its_turns(rows):
    stage = replace(STAGE, mix={"recall": 1.0}, practice_seconds=(6, 6))
    made = [row for step in range(4) for row in rows.step(stage, (12, step), 2000)]
    spans = [row.clock[-1] - row.clock[0] for row in made]
    assert 5 in spans and max(spans) > 20
    assert all(row.clock == sorted(set(row.clock)) for row in made)


def test_a_refused_row_teaches_silence_after_the_refusal_and_not_the_refusal(rows):
    refusal = rows.maker.wire.tokenizer.encode(" I can't", add_special_tokens=False)
    found = 0
    for step in range(40):
        for row in rows.step(
            replace(STAGE, mix={"task": 1.0}, mistakes=0.0, tasks={"unservable": 0.0, "desk_unservable": 0.0}),
            (13, step),
            2000,
        ):
            starts = [i for i in range(len(row.ids)) if row.ids[i : i + len(refusal)] == refusal]
            for start in starts:
                assert row.ids[start - 1] == rows.maker.wire.state_ids[2] and row.labels[start] == IGNORED
                after = {label for label in row.labels[start:] if label in rows.maker.wire.state_ids}
                assert after <= {rows.maker.wire.state_ids[0]}
                found += 1
    assert found


def test_clocks_start_anywhere_and_seconds_may_be_missing(rows):
    made = [row for step in range(6) for row in rows.step(replace(STAGE, mix={"task": 1.0}), (9, step), 4000)]
    assert any(row.clock[0] > 30 for row in made)  # beyond any clip
    assert any(row.clock[-1] - row.clock[0] >= len(row.clock) for row in made)
    assert all(row.clock == sorted(set(row.clock)) for row in made)


def test_every_kind_of_row_can_be_drawn_in_a_world_that_has_it(rows):
    for world, kinds in (("street", ("timed", "persist", "held")), ("desk", ("timed", "persist", "held", "same_view"))):
        for kind in kinds:
            made = rows.step(replace(STAGE, mix={kind: 1.0}, worlds={world: 1.0}, silent_dropped=0.0), (10, 0), 600)
            assert made and all(row.practice == (kind != "timed") for row in made)


def test_practice_answers_are_what_the_picture_shows():
    clip: StreetClip = next(c for c in (make_clip(i, 40) for i in range(50)) if c.things)
    thing = clip.things[0]
    seen, before = (clip, thing.start + 0.1), (clip, 0.0)
    rng = np.random.default_rng(0)
    dialogue, _ = practice.persist([before, seen, seen], thing.name, rng)
    assert [turn.text for turn in dialogue.turns] == ["", "Yes.", "Yes."]
    dialogue, _ = practice.onset([before, seen, seen, before, seen], thing.name, rng)
    assert [bool(turn.text) for turn in dialogue.turns] == [False, True, False, False, True]


def test_tasks_know_what_each_turn_shows_and_practice_does_not(rows):
    known = 0
    for row in rows.step(STAGE, (9, 0), 6000):
        if row.practice:
            assert len(row.decisions) == len(row.events) == 0
        else:
            assert len(row.decisions) == len(row.events) == len(row.features)
            assert all(row.ids[at + 1] in rows.maker.wire.state_ids for at in row.decisions)
            known += 1
    assert known
