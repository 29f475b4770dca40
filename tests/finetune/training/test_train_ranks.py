"""Training in two processes: their step is that of the whole batch, and a run that was killed goes on in both as if it
had not been.

Run: python -m pytest tests/finetune/training/test_train_ranks.py
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from accelerate import Accelerator

from finetune.config import Stage
from finetune.data.batch import Sample, collate
from finetune.model import tiny
from finetune.model.vision import tower
from finetune.training.progress import read_curve
from finetune.training.stages import DialogueRunner
from finetune.training.step_modules import DialogueStep
from streamo_app.models.qwen2_5_vl import Qwen25VL

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[3]
RANKS = 2
STAGE = Stage("talk", "dialogue", 1, 1e-3, tokens=100)


class Setting:
    """A tiny model and two rows that differ in length and in their states: one for each rank."""

    def __init__(self):
        torch.manual_seed(0)
        tokenizer = tiny.train_tokenizer(["user\nassistant\n"] * 4, 400)
        self.model = tiny.tiny_model(
            tokenizer, hidden=64, layers=3, heads=2, kv_heads=1, mlp=64, vision_hidden=32, vision_layers=1
        )
        for name, parameter in self.model.named_parameters():
            parameter.requires_grad_(
                "visual" not in name or "merger" in name
            )  # as in a dialogue stage: the tower's features are kept
        self.family = Qwen25VL(self.model.config, min_pixels=1, max_pixels=9999)
        self.states = tuple(tokenizer.convert_tokens_to_ids(token) for token in tiny.STATE_TOKENS)
        self.image = tokenizer.convert_tokens_to_ids(tiny.IMAGE)
        self.step = DialogueStep(self.model, self.states)
        silence, standby, response = self.states
        self.rows = [self.row([silence, silence, standby]), self.row([response, 31, 32, silence])]

    def row(self, said: list[int]) -> Sample:
        frames = torch.from_numpy(np.random.default_rng(len(said)).integers(0, 256, (1, 56, 84, 3), dtype=np.uint8))
        with torch.no_grad():
            features = tower(self.model.model.visual, frames)
        return Sample(
            [30, *[self.image] * 6, *said],
            [-100] * 7 + said,
            (2, 3),
            features,
            [0],
            np.zeros((1, 6), np.float32),
            np.zeros((1, 6), bool),
        )

    def gradients(self) -> dict[str, torch.Tensor]:
        return {
            name: parameter.grad.clone()
            for name, parameter in self.model.named_parameters()
            if parameter.grad is not None
        }


def launch(*command) -> None:
    settings = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", str(RANKS)]
    ran = subprocess.run(
        [*torchrun, *map(str, command)], capture_output=True, text=True, env=settings, timeout=500, check=False
    )
    assert ran.returncode == 0, ran.stderr[-3000:]


def work(out: str) -> None:
    """One of the processes that `torchrun` starts."""
    torch.set_num_threads(1)
    accelerator, setting = Accelerator(cpu=True), Setting()
    rank = accelerator.process_index

    class Mine:
        """What this rank is given to read."""

        def step(self, stage, seed, tokens):
            assert tokens == stage.tokens // RANKS
            return [setting.rows[rank]]

    stage = DialogueRunner(setting.step, Mine(), STAGE, 0, setting.family, accelerator)
    module = accelerator.prepare(setting.step)  # held until the backward pass: gone, it would add nothing up
    loss, report = stage.loss(module, next(stage.batches((0,), start=0)))
    accelerator.backward(loss)
    torch.save({"loss": report["loss"], "gradients": setting.gradients()}, f"{out}/{rank}.pt")
    accelerator.end_training()


def test_a_step_of_two_ranks_is_that_of_the_whole_batch(tmp_path):
    (tmp_path / "program.py").write_text(
        "import sys\nfrom tests.finetune.training import test_train_ranks\ntest_train_ranks.work(sys.argv[1])\n"
    )
    launch(tmp_path / "program.py", tmp_path)
    found = [torch.load(tmp_path / f"{rank}.pt") for rank in range(RANKS)]
    setting = Setting()
    batches = [collate([row], 0, setting.family) for row in setting.rows]
    loss, _, _ = setting.step(batches, setting.step.counts(batches), STAGE.loss)
    loss.backward()
    whole = setting.gradients()
    assert sum(part["loss"] for part in found) / RANKS == pytest.approx(loss.item(), abs=1e-5)
    assert any(gradient.abs().max() > 1e-3 for gradient in whole.values())
    for part in found:
        for name, gradient in whole.items():
            assert torch.allclose(part["gradients"][name], gradient, rtol=1e-4, atol=1e-6), name


CONFIG = """
name: small
out: {run}/model
run_dir: {run}
window: 12
vocab: 400
stills: {{street: 200}}
clips: {{street: {{12: 2}}}}
two_fps: 0
workers: 1
precision: float32
save_every: 4
model: {{hidden: 64, layers: 3, heads: 2, kv_heads: 1, mlp: 64, vision_hidden: 32, vision_layers: 1, vision_mlp: 32}}
stages:
  - {{name: look, kind: vision, steps: 2, lr: 1.0e-3, batch: 8}}
  - {{name: talk, kind: dialogue, steps: 12, lr: 1.0e-3, matrix_lr: 1.0e-3, tokens: 400,
     seconds: [6, 10], practice_seconds: [2, 3], mix: {{task: 0.5, onset: 0.5}}}}
"""
PROGRAM = """
import shutil, sys
from finetune.training import progress
from finetune.__main__ import main

step = progress.StageProgress.step

def then_copied(self, at, report):
    step(self, at, report)
    if self.main and self.stage.name == "talk" and at == 10:
        shutil.copytree(run, copy)  # what a kill would leave now: a checkpoint of step 8, a curve up to step 10

if __name__ == "__main__":  # not in the processes that render
    run, copy = sys.argv[2:]
    progress.StageProgress.step = then_copied
    sys.exit(main(["train", sys.argv[1]]))
"""


def test_two_processes_go_on_after_a_kill_to_the_same_losses_and_weights(tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    for run in (whole, killed):
        (tmp_path / f"{run.name}.yaml").write_text(CONFIG.format(run=run))
    (tmp_path / "program.py").write_text(PROGRAM)
    whole.mkdir()
    tiny.train_tokenizer(["Notify me when the light turns green.\nuser\nassistant\n"] * 4, 400).save_pretrained(
        whole / "tokenizer"
    )
    launch(tmp_path / "program.py", tmp_path / "whole.yaml", whole, killed)
    assert (
        json.loads((killed / "checkpoint" / "at.json").read_text())["step"] == 8 and not (killed / "1_talk.pt").exists()
    )
    launch("-m", "finetune", "train", tmp_path / "killed.yaml")

    curves = [
        [(line["stage"], line["step"], line["loss"], line["tokens"]) for line in read_curve(run / "curve.jsonl")]
        for run in (whole, killed)
    ]
    assert curves[0] == curves[1] and [line[1] for line in curves[0]] == [2, 10, 12]
    first, second = (torch.load(run / "1_talk.pt")["model"] for run in (whole, killed))
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert json.loads((killed / "model" / "training.json").read_text())["processes"] == RANKS
