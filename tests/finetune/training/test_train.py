"""A whole training run, very small: every stage, a kill in the middle, and a folder that streams."""

import json
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from accelerate.state import AcceleratorState

from finetune import train as training
from finetune.config import Stage, load_config
from finetune.data.batch import Sample, collate
from finetune.data.patch_labels import CLASSES
from finetune.loss import streaming_loss, supervised_logits
from finetune.model import tiny
from finetune.model.vision import patches, tower
from finetune.training import progress
from finetune.training.checkpoint import resume
from finetune.training.disk_space import required_bytes
from finetune.training.optim import wsd_schedule
from finetune.training.step_modules import DialogueStep, VisionStep
from streamo_app.models.loading import load_model
from streamo_app.models.qwen2_5_vl import Qwen25VL

CONFIG = """
name: small
out: {out}
run_dir: {run}
window: 12
vocab: 600
stills: {{street: 200, desk: 200}}
clips: {{street: {{12: 2}}, desk: {{12: 2}}}}
two_fps: 2
workers: 1
precision: float32
save_every: 2
model: {{hidden: 64, layers: 3, heads: 2, kv_heads: 1, mlp: 64, vision_hidden: 32, vision_layers: 1, vision_mlp: 32}}
stages:
  - {{name: look, kind: vision, steps: 3, lr: 1.0e-3, batch: 8}}
  - {{name: talk, kind: dialogue, steps: 5, lr: 1.0e-3, matrix_lr: 1.0e-3, tokens: 500,
     seconds: [6, 10], practice_seconds: [2, 3],
     worlds: {{street: 0.5, desk: 0.5}}, two_fps: 0.3, mix: {{task: 0.4, timed: 0.2, ask_each: 0.2, onset: 0.2}}}}
  - {{name: look_again, kind: vision, steps: 1, lr: 1.0e-3, batch: 8, fresh: {{seed: 2, first_clip: 10, two_fps: 0}}}}
  - {{name: look_back, kind: dialogue, steps: 2, lr: 1.0e-3, tokens: 500, seconds: [6, 10],
     practice_seconds: [2, 3], mix: {{task: 0.5, onset: 0.5}},
     aux_before: 1.0, sections: [4, 6, 6]}}
"""


@pytest.fixture(autouse=True)
def fresh_accelerate():
    AcceleratorState._reset_state(True)
    yield
    AcceleratorState._reset_state(True)


def run(folder, corpus_size, monkeypatch, killed_at=None):
    monkeypatch.setattr(
        "finetune.training.artifacts.corpus", lambda seed: (text for _ in range(3) for text in corpus_size)
    )
    path = folder / "config.yaml"
    path.write_text(CONFIG.format(out=folder / "out", run=folder / "run"))
    if killed_at is not None:
        step = progress.StageProgress.step

        def killed(self, at, report):
            if self.stage.name == "talk" and at == killed_at:
                raise KeyboardInterrupt
            step(self, at, report)

        with monkeypatch.context() as patch:
            patch.setattr(progress.StageProgress, "step", killed)
            with pytest.raises(KeyboardInterrupt):
                training.train(load_config(path))
        AcceleratorState._reset_state(True)
    return training.train(load_config(path))


@pytest.mark.slow
@pytest.mark.usefixtures("one_process")
def test_a_run_killed_in_the_middle_ends_with_the_weights_of_one_that_was_not(tmp_path, monkeypatch):
    corpus = [
        "Notify me when the light turns green.\n",
        " The light turned green.",
        "user\n",
        "assistant\n",
        "<0s-1s>\n",
    ]
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    whole = run(tmp_path / "a", corpus, monkeypatch)
    killed = run(tmp_path / "b", corpus, monkeypatch, killed_at=3)
    curves = [
        [
            (line["stage"], line["step"], line["loss"])
            for line in progress.read_curve(folder.parent / "run" / "curve.jsonl")
        ]
        for folder in (whole, killed)
    ]
    assert curves[0] == curves[1] and len(curves[0]) == 4
    for stage in ("1_talk", "3_look_back"):
        first, second = (torch.load(folder.parent / "run" / f"{stage}.pt")["model"] for folder in (whole, killed))
        assert all(torch.equal(first[name], second[name]) for name in first)
    before, kept, after = (
        torch.load(whole.parent / "run" / f"{stage}.pt")["heads"] for stage in ("1_talk", "2_look_again", "3_look_back")
    )
    assert set(before) == set(kept) and all(
        torch.equal(before[name], kept[name]) for name in before
    )  # a vision stage has none of its own
    assert set(before) < set(after) and all(
        name.startswith("previous_frame.") for name in set(after) - set(before)
    )  # which joined the others

    # Of the pictures of the first two stages nothing is left, and all that is left is within what was asked of the
    # disk.
    rendered = sorted(
        path.relative_to(killed.parent / "run").as_posix() for path in (killed.parent / "run").rglob("*.npz")
    )
    assert len(rendered) == 8 and all(
        path.startswith(("part_1/frames/", "part_1/clips_look_again/")) for path in rendered
    )
    taken = sum(path.stat().st_size for path in (killed.parent / "run").rglob("*") if path.is_file())
    weights = sum(p.numel() * 4 for p in load_model(str(killed), quantize="none").model.parameters())
    assert taken <= required_bytes(load_config(killed / "training.yaml"), hidden=32, weights=weights)

    record = json.loads((killed / "training.json").read_text())
    assert record["config"] == load_config(killed / "training.yaml").digest and all(
        s["tokens"] > 0 and s["seconds"] > 0 for s in record["stages"]
    )

    model = load_model(str(whole))
    assert model.model.config.text_config.rope_parameters["mrope_section"] == [4, 6, 6]
    assert model.info.window == 12 and model.info.name == "small"
    lane = model.open_lane()
    steps = list(
        model.turn(
            lane, 0, model.encode([np.zeros((120, 160, 3), np.uint8)]), ["Notify me when the light turns green."]
        )
    )
    assert steps[-1].done and sum(steps[0].p) == pytest.approx(1)
    assert load_config(whole / "training.yaml").stages == load_config(tmp_path / "a" / "config.yaml").stages


def test_a_run_that_the_disk_has_no_room_for_renders_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=10**9))
    with pytest.raises(ValueError, match=r"run needs .* GB more and 1 GB is to stay free, but its disk has 1.0 GB"):
        run(tmp_path, ["user\n"], monkeypatch)
    assert not (tmp_path / "run" / "stills.pkl").exists() and not (tmp_path / "out").exists()


@pytest.mark.slow
@pytest.mark.usefixtures("one_process")
def test_a_checkpoint_of_other_losses_is_one_sentence_and_stays(tmp_path, monkeypatch):
    monkeypatch.setattr(f"{__name__}.CONFIG", CONFIG.replace("steps: 3, lr", "steps: 1, lr"))
    saved = training.save_checkpoint

    def save_and_stop(*args):
        saved(*args)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(training, "save_checkpoint", save_and_stop)
        run(tmp_path, ["user\n"], monkeypatch)
    AcceleratorState._reset_state(True)
    monkeypatch.setattr(f"{__name__}.CONFIG", CONFIG.replace("onset: 0.2}}", "onset: 0.2}}, aux_before: 1.0"))
    with pytest.raises(
        ValueError, match=r"run/checkpoint was saved with other weights than this stage has now .*Delete it"
    ) as refused:
        run(tmp_path, ["user\n"], monkeypatch)
    assert "\n" not in str(refused.value) and (tmp_path / "run" / "checkpoint" / "at.json").exists()


def test_what_another_checkpoint_would_not_mend_is_not_laid_to_the_checkpoint(tmp_path):
    class Full:
        is_main_process = True

        def wait_for_everyone(self): ...

        def load_state(self, folder):
            raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    (tmp_path / "checkpoint").mkdir()
    (tmp_path / "checkpoint" / "at.json").write_text('{"stage": 0, "step": 2}')
    with pytest.raises(RuntimeError, match="CUDA out of memory"):
        resume(Full(), tmp_path / "checkpoint", 0)


def test_a_checkpoint_that_was_moved_aside_when_the_kill_came_is_gone_on_from(tmp_path):
    loaded = []
    accelerator = SimpleNamespace(is_main_process=True, wait_for_everyone=lambda: None, load_state=loaded.append)
    (tmp_path / "checkpoint.old").mkdir()
    (tmp_path / "checkpoint.old" / "at.json").write_text('{"stage": 1, "step": 40, "spent": {"tokens": 7}}')
    assert resume(accelerator, tmp_path / "checkpoint", 1) == (40, {"tokens": 7})
    assert loaded == [str(tmp_path / "checkpoint")] and not (tmp_path / "checkpoint.old").exists()


def test_the_learning_rate_rises_stays_and_falls_to_four_per_cent():
    stage = Stage("s", "dialogue", 100, 1e-3, warmup=10, flat=0.5)
    shares = [wsd_schedule(step, stage) for step in range(100)]
    assert shares[0] == pytest.approx(0.1) and shares[9] == shares[49] == 1.0
    assert shares[75] == pytest.approx(0.5) and shares[99] == pytest.approx(0.04)


def test_a_step_on_cached_features_has_the_loss_of_the_whole_model():
    tokenizer = tiny.train_tokenizer(["user\nassistant\n"] * 4, 400)
    model = tiny.tiny_model(tokenizer, hidden=64, layers=3, heads=2, kv_heads=1, mlp=64, vision_layers=1).eval()
    image, state_ids = (
        tokenizer.convert_tokens_to_ids(tiny.IMAGE),
        tuple(tokenizer.convert_tokens_to_ids(t) for t in tiny.STATE_TOKENS),
    )
    rng = np.random.default_rng(0)
    frames = torch.from_numpy(rng.integers(0, 256, (2, 56, 84, 3), dtype=np.uint8))
    ids = [30, 31] + [image] * 6 + [32, state_ids[0], 33] + [image] * 6 + [34, state_ids[2], 35, 36]
    labels = [-100] * 9 + [state_ids[0]] + [-100] * 8 + [state_ids[2], 35, 36]
    with torch.no_grad():
        row = Sample(
            ids,
            labels,
            (2, 3),
            tower(model.model.visual, frames),
            [0, 1],
            np.zeros((2, 6), np.float32),
            np.zeros((2, 6), bool),
        )
        step = DialogueStep(model, state_ids)
        batch = collate([row], 0, Qwen25VL(model.config, min_pixels=1, max_pixels=9999))
        loss, _, report = step([batch], step.counts([batch]), "focal")
        pixels = patches(frames).view(2, 24, 3, 1, 14, 14).expand(-1, -1, -1, 2, -1, -1).reshape(48, -1)
        out = model.model(
            input_ids=torch.tensor([ids]),
            pixel_values=pixels,
            image_grid_thw=torch.tensor([[1, 4, 6]] * 2),
            mm_token_type_ids=(torch.tensor([ids]) == image).int(),
        ).last_hidden_state
        logits, gold = supervised_logits(out[:, :-1], torch.tensor([labels])[:, 1:], model.lm_head)
    assert loss.item() == pytest.approx(streaming_loss(logits, gold, state_ids).item(), abs=1e-5)
    assert set(report) >= {"aux", "silence", "response", "text"}


def test_fresh_heads_do_not_push_a_trained_tower():
    model = tiny.tiny_model(
        tiny.train_tokenizer(["user\nassistant\n"] * 4, 400),
        hidden=64,
        layers=3,
        heads=2,
        kv_heads=1,
        mlp=64,
        vision_layers=1,
    )
    step = VisionStep(model, CLASSES[:3])
    rng = np.random.default_rng(0)
    frames = torch.from_numpy(rng.integers(0, 256, (2, 56, 84, 3), dtype=np.uint8))
    loss, _ = step(frames, torch.from_numpy(rng.integers(0, 2, (2, 24, 3))).float())
    loss.backward()
    assert all(p.grad is None or not p.grad.any() for p in model.parameters())
    assert all(p.grad.any() for name, p in step.named_parameters() if name.endswith("head.bias"))
