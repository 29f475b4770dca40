"""Training clips: which there are, what their frames show, and that files come back as they were written."""

import numpy as np
import pytest
import torch

from finetune.data import clips, stills
from finetune.data.clips import ClipSpec
from finetune.model import tiny, vision
from finetune.world import worlds

LIMITS = (6272, 18816)


@pytest.fixture(scope="module")
def tower():
    return tiny.tiny_model(
        tiny.train_tokenizer(["user\nassistant\n"] * 4, 400), vision_hidden=32, vision_layers=1, vision_mlp=32
    ).model.visual


def test_seeds_count_up_within_each_length_and_one_in_so_many_short_clips_has_two_pictures_a_second():
    specs = clips.clip_specs({"street": {12: 3, 90: 2}, "desk": {48: 1}}, 100, two_fps=2)
    assert specs == [
        ClipSpec("street", 100, 12, 2), ClipSpec("street", 101, 12, 1), ClipSpec("street", 102, 12, 2),
        ClipSpec("street", 100, 90, 1), ClipSpec("street", 101, 90, 1),
        ClipSpec("desk", 100, 48, 2),
    ]  # fmt: skip
    assert {spec.fps for spec in clips.clip_specs({"street": {12: 3}}, 100, two_fps=0)} == {1}


def test_a_clip_is_named_after_all_that_makes_it():
    assert ClipSpec("desk", 7, 48, 2).name == "desk_7_48_2.npz"
    specs = clips.clip_specs({"street": {12: 2, 48: 2}, "desk": {12: 2, 48: 2}}, 100, two_fps=2)
    assert len({spec.name for spec in specs}) == len(specs)


@pytest.mark.parametrize("world", worlds.NAMES)
def test_two_pictures_a_second_are_those_of_every_half_second(world, monkeypatch):
    monkeypatch.setattr(clips, "degrade", lambda image, rng: image)
    monkeypatch.setattr(clips, "through_vp8", lambda images, rng: images)
    monkeypatch.setattr(stills, "drawn_size", lambda clip, rng: (112, 84))
    once, twice = (clips.clip_frames(ClipSpec(world, 3, 5, fps), LIMITS, np.random.default_rng(0)) for fps in (1, 2))
    place = worlds.get(world)
    clip = place.make_clip(3, 5)
    wanted = [vision.shrink(place.draw(clip, half / 2, (112, 84)), *LIMITS) for half in range(10)]
    assert once.dtype == np.uint8 and len(once) == 5 and len(twice) == 10
    assert np.array_equal(twice, wanted) and np.array_equal(once, wanted[::2])


def test_frames_come_back_from_their_file_nearly_as_they_were(tmp_path, monkeypatch):
    y, x = np.mgrid[:84, :168]
    shown = np.stack([np.stack([x, y * 2, 250 - x], -1) // (n + 1) for n in range(3)]).astype(
        np.uint8
    )  # red grows to the right
    monkeypatch.setattr(clips, "clip_frames", lambda *_: shown)
    clips._render(ClipSpec("street", 1, 3), tmp_path, LIMITS)
    back = clips.frames_of(tmp_path / "street_1_3_1.npz")
    assert back.shape == shown.shape and back.dtype == np.uint8
    assert np.abs(back.astype(int) - shown).mean() < 2
    assert [path.name for path in tmp_path.iterdir()] == ["street_1_3_1.npz"]  # nothing half written is left


@pytest.mark.slow
def test_workers_render_and_encode_and_the_features_are_those_of_the_frames(tmp_path, tower):
    specs = [ClipSpec("street", 5, 5, 2)]
    assert list(clips.render(specs, tmp_path / "frames", LIMITS, workers=1)) == [1]
    assert list(clips.encode(tower, specs, tmp_path / "frames", tmp_path / "features", workers=1)) == [1]
    frames = clips.frames_of(tmp_path / "frames" / specs[0].name)
    features, size = clips.load(tmp_path / "features" / specs[0].name)
    assert len(frames) == 10 and size == frames.shape[1:3] and LIMITS[0] <= size[0] * size[1] <= LIMITS[1]
    assert features.dtype == torch.float16 and features.shape == (10, size[0] * size[1] // 14**2, 32)
    assert torch.allclose(features.float(), stills.features(tower, frames).float(), atol=1e-2)


@pytest.mark.usefixtures("one_process")
def test_the_same_clip_is_rendered_the_same_and_what_is_there_is_kept(tmp_path):
    specs = [ClipSpec("street", 5, 5), ClipSpec("desk", 5, 5)]
    for folder in ("a", "b"):
        assert list(clips.render(specs, tmp_path / folder, LIMITS, 1)) == [1, 2]
    assert all((tmp_path / "a" / spec.name).read_bytes() == (tmp_path / "b" / spec.name).read_bytes() for spec in specs)
    assert not np.array_equal(*(clips.frames_of(tmp_path / "a" / spec.name)[0, :56, :56] for spec in specs))
    (tmp_path / "a" / specs[0].name).write_bytes(b"kept")
    (tmp_path / "a" / specs[1].name).unlink()
    assert list(clips.render(specs, tmp_path / "a", LIMITS, 1)) == [2]
    assert (tmp_path / "a" / specs[0].name).read_bytes() == b"kept"
    assert list(clips.render(specs, tmp_path / "a", LIMITS, 1)) == []
