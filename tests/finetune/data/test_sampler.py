"""Rows of a training step: what is supervised, what is not, and that a step is the same step every time."""

from dataclasses import replace

import numpy as np
import pytest

from finetune.config import Stage
from finetune.data import clips
from finetune.data import stills as still_frames
from finetune.data.clips import ClipSpec
from finetune.data.encode import SequenceEncoder
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
def sampler(tmp_path_factory) -> TaskSampler:
    folder = tmp_path_factory.mktemp("clips")
    texts = [
        f"{tasks.record(make_clip(i, 30), 'event_caption', np.random.default_rng(i)).questions[0].content}\n"
        for i in range(30)
    ]
    tokenizer = tiny.train_tokenizer([*texts, "user\n", "assistant\n", SYSTEM_PROMPT] * 3, 700)
    wire = Wire(tokenizer, image_token=tiny.IMAGE, vision_start=tiny.VISION_START, vision_end=tiny.VISION_END)
    tower = tiny.tiny_model(tokenizer, vision_layers=1).model.visual
    stills = [loose(world, count, tower) for world, count in (("street", 100), ("desk", 40))]
    specs = [ClipSpec(world, seed, 30, fps) for world in ("street", "desk") for seed, fps in ((1, 2), (2, 1))]
    rng = np.random.default_rng(0)
    for spec in specs:  # features need not fit the pictures here: random ones cost no drawing
        clips._save(
            folder / spec.name,
            features=rng.normal(size=(30 * spec.fps, 96, 128)).astype(np.float16),
            size=np.array([112, 168]),
        )
    return TaskSampler(SequenceEncoder(wire), stills, specs, folder)


def loose(world: str, count: int, tower) -> still_frames.FrameSet:
    """Most of `count` loose frames: those of the commonest size."""
    by_size: dict = {}
    for shot, frame, labels in still_frames._still_batch(3, world, count, LIMITS):
        by_size.setdefault(frame.shape, []).append((shot, frame, labels))
    shots, frames, patches = zip(*max(by_size.values(), key=len), strict=True)
    return still_frames.FrameSet(
        world, list(shots), np.stack(frames), np.stack(patches), still_frames.features(tower, np.stack(frames))
    )


@pytest.mark.slow
def test_the_same_seed_gives_the_same_rows_and_another_step_others(sampler):
    a, b, other = (sampler.step(STAGE, seed, 2000) for seed in ((1, 0, 0, 5), (1, 0, 0, 5), (1, 0, 0, 6)))
    assert [sample.ids for sample in a] == [sample.ids for sample in b]
    assert [sample.ids for sample in a] != [sample.ids for sample in other]


def test_a_step_holds_the_tokens_that_were_asked_for(sampler):
    assert sum(len(sample.ids) for sample in sampler.step(STAGE, (2, 0), 3000)) >= 3000


def image_starts(sample, image_id: int) -> list[int]:
    return [i for i, token in enumerate(sample.ids) if token == image_id and sample.ids[i - 1] != image_id]


def test_every_image_has_its_features_and_its_labels(sampler):
    for sample in sampler.step(STAGE, (3, 0), 6000):
        tokens = sample.grid[0] * sample.grid[1]
        starts = image_starts(sample, sampler.encoder.wire.image_id)
        assert (
            len(starts) == len(sample.features) == len(sample.targets) == len(sample.distractors) == len(sample.clock)
        )
        assert sample.features.shape[1] == tokens * 4 and sample.targets.shape[1] == tokens
        assert all(sample.ids[start : start + tokens] == [sampler.encoder.wire.image_id] * tokens for start in starts)


def test_labels_are_states_and_words_and_never_pictures_or_instructions(sampler):
    for sample in sampler.step(replace(STAGE, mistakes=0.0), (4, 0), 6000):
        supervised = [i for i, label in enumerate(sample.labels) if label != IGNORED]
        assert all(sample.labels[i] == sample.ids[i] for i in supervised)
        assert all(sample.labels[i] != sampler.encoder.wire.image_id for i in supervised)
        assert sum(sample.labels[i] in sampler.encoder.wire.state_ids for i in supervised) in (
            len(sample.features),
            len(sample.features) - 1,
        )


def test_a_wrong_turn_of_the_past_is_input_only_and_its_gold_state_is_the_label(sampler):
    found = 0
    for step in range(12):
        for sample in sampler.step(replace(STAGE, mix={"task": 1.0}, mistakes=0.5), (5, step), 3000):
            for i, label in enumerate(sample.labels):
                if label != IGNORED and label != sample.ids[i]:
                    assert label in sampler.encoder.wire.state_ids and sample.ids[i] in sampler.encoder.wire.state_ids
                    assert sample.labels[i + 1] == IGNORED  # its words, or its end, are not learnt
                    found += 1
    assert found


def test_in_a_pair_only_the_name_differs(sampler):
    stage = replace(STAGE, mix={"onset": 1.0})
    first, second = sampler.step(stage, (6, 0), 200)[:2]
    assert np.array_equal(first.features, second.features)
    assert not np.array_equal(first.targets, second.targets) or first.ids != second.ids


def test_both_worlds_are_drawn_from_where_a_stage_has_both(sampler):
    drawn = {world: 0 for world in WORLDS}
    encode = sampler.encoder.encode

    def spy(dialogue, *args, **options):
        drawn[
            "desk" if dialogue.task.startswith("desk") or dialogue.meta.get("source") == "streamo-desk" else "street"
        ] += 1
        return encode(dialogue, *args, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sampler.encoder, "encode", spy)
        sampler.step(replace(STAGE, worlds=WORLDS), (7, 0), 12_000)
    assert min(drawn.values()) > 0.2 * sum(drawn.values())


def test_half_second_rows_have_two_pictures_a_turn_and_half_the_turns(sampler):
    stage = replace(STAGE, seconds=(24, 24), mix={"task": 1.0}, worlds=WORLDS, two_fps=1.0)
    for sample in sampler.step(stage, (8, 0), 4000):
        assert len(sample.features) == 2 * len(set(sample.clock)) <= 24
        assert sample.clock == sorted(sample.clock) and all(sample.clock.count(second) == 2 for second in sample.clock)
        assert len(image_starts(sample, sampler.encoder.wire.image_id)) == len(sample.features)


def test_half_second_rows_may_be_longer_than_the_clips_of_one_picture_a_second_allow(sampler):
    stage = replace(STAGE, seconds=(60, 60), mix={"task": 1.0}, worlds=WORLDS, two_fps=1.0)
    made = sampler.step(stage, (11, 0), 4000)  # thirty turns of two pictures; no clip here has sixty seconds
    assert made and all(50 < len(sample.features) <= 60 for sample in made)


def test_practice_in_looking_back_may_have_gaps_between_its_turns(sampler):
    stage = replace(STAGE, mix={"recall": 1.0}, practice_seconds=(6, 6))
    made = [sample for step in range(4) for sample in sampler.step(stage, (12, step), 2000)]
    spans = [sample.clock[-1] - sample.clock[0] for sample in made]
    assert 5 in spans and max(spans) > 20
    assert all(sample.clock == sorted(set(sample.clock)) for sample in made)


@pytest.mark.slow
def test_a_refused_row_teaches_silence_after_the_refusal_and_not_the_refusal(sampler):
    refusal = sampler.encoder.wire.tokenizer.encode(" I can't", add_special_tokens=False)
    found = 0
    for step in range(40):
        for sample in sampler.step(
            replace(STAGE, mix={"task": 1.0}, mistakes=0.0, tasks={"unservable": 0.0, "desk_unservable": 0.0}),
            (13, step),
            2000,
        ):
            starts = [i for i in range(len(sample.ids)) if sample.ids[i : i + len(refusal)] == refusal]
            for start in starts:
                assert sample.ids[start - 1] == sampler.encoder.wire.state_ids[2] and sample.labels[start] == IGNORED
                after = {label for label in sample.labels[start:] if label in sampler.encoder.wire.state_ids}
                assert after <= {sampler.encoder.wire.state_ids[0]}
                found += 1
    assert found


def test_clocks_start_anywhere_and_seconds_may_be_missing(sampler):
    made = [sample for step in range(6) for sample in sampler.step(replace(STAGE, mix={"task": 1.0}), (9, step), 4000)]
    assert any(sample.clock[0] > 30 for sample in made)  # beyond any clip
    assert any(sample.clock[-1] - sample.clock[0] >= len(sample.clock) for sample in made)
    assert all(sample.clock == sorted(set(sample.clock)) for sample in made)


def test_every_kind_of_row_can_be_drawn_in_a_world_that_has_it(sampler):
    for world, kinds in (("street", ("timed", "persist", "held")), ("desk", ("timed", "persist", "held", "same_view"))):
        for kind in kinds:
            made = sampler.step(replace(STAGE, mix={kind: 1.0}, worlds={world: 1.0}, silent_dropped=0.0), (10, 0), 600)
            assert made and all(sample.practice == (kind != "timed") for sample in made)


def test_practice_answers_are_what_the_picture_shows():
    clip: StreetClip = next(c for c in (make_clip(i, 40) for i in range(50)) if c.things)
    thing = clip.things[0]
    seen, before = (clip, thing.start + 0.1), (clip, 0.0)
    rng = np.random.default_rng(0)
    dialogue, _ = practice.persist([before, seen, seen], thing.name, rng)
    assert [turn.text for turn in dialogue.turns] == ["", "Yes.", "Yes."]
    dialogue, _ = practice.onset([before, seen, seen, before, seen], thing.name, rng)
    assert [bool(turn.text) for turn in dialogue.turns] == [False, True, False, False, True]


def test_tasks_know_what_each_turn_shows_and_practice_does_not(sampler):
    known = 0
    for sample in sampler.step(STAGE, (9, 0), 6000):
        if sample.practice:
            assert len(sample.decisions) == len(sample.events) == 0
        else:
            assert len(sample.decisions) == len(sample.events) == len(sample.features)
            assert all(sample.ids[at + 1] in sampler.encoder.wire.state_ids for at in sample.decisions)
            known += 1
    assert known
