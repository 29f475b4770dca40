"""The material of a training run (model, tokenizer, pictures, features) and what each kind of stage does with it."""

import pickle
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from accelerate import Accelerator
from transformers import PreTrainedTokenizerFast

from finetune.config import Stage, TrainConfig
from finetune.data import clips
from finetune.data import stills as bank
from finetune.data.batch import collate
from finetune.data.patch_labels import CLASSES
from finetune.data.sampler import TaskSampler
from finetune.model import tiny
from finetune.model.tokenizer_corpus import corpus
from finetune.model.vision import token_order
from finetune.training.bars import Bar
from finetune.training.step_modules import DialogueStep, VisionStep
from streamo_app.files import write_bytes
from streamo_app.models.loading import load_model, save_pretrained
from streamo_app.models.qwen2_5_vl import Qwen25VL
from streamo_app.protocol import SYSTEM_PROMPT

_CLIP_SEEDS = 1_000_000
"""Training clips count up from here, per length."""


class RunArtifacts:
    """What the stages of a run share; rendered and computed once, kept under the run's folder."""

    def __init__(self, config: TrainConfig, run: Path):
        self.config, self.run, self.part = config, run, config.part(0)
        self.limits = (config.min_pixels, config.max_pixels)
        self.tokenizer, self.model = self._start()
        self.tower = "untrained"
        """Names the vision tower as it is now: the last vision stage. Features are kept by it."""
        self.heads: dict | None = None
        """Weights of the auxiliary heads after the last dialogue stage: fresh ones would push a trained model about."""
        self.family = Qwen25VL(self.model.config, min_pixels=config.min_pixels, max_pixels=config.max_pixels)
        self.wire = self.family.wire(self.tokenizer)

    def _start(self):
        if self.config.init:
            started = load_model(self.config.init, quantize="none", device="cpu")
            return started.wire.tokenizer, started.model
        folder = self.run / "tokenizer"
        if not folder.exists():
            tiny.train_tokenizer(corpus(self.config.seed), self.config.vocab).save_pretrained(folder)
        tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
        return tokenizer, tiny.tiny_model(tokenizer, self.config.seed, **self.config.model)

    @property
    def folder(self) -> Path:
        """Where the pictures of the part that is being learnt from are; of an earlier one none are left once this one
        has any."""
        return _folder(self.run, self.part.number)

    def _leave_earlier(self) -> None:
        for number in range(self.part.number):
            earlier = _folder(self.run, number)
            for path in (*earlier.glob("stills*.pkl"), *earlier.glob("clips_*"), earlier / "frames"):
                path.unlink() if path.is_file() else shutil.rmtree(path, ignore_errors=True)

    def stills(self, accelerator: Accelerator) -> list[bank.FrameSet]:
        """Loose frames; rendered by the main process, read by all."""
        path = self.folder / "stills.pkl"
        if accelerator.is_main_process and not path.exists():
            self._leave_earlier()
            self.folder.mkdir(exist_ok=True)
            with Bar("loose frames rendered", sum(self.part.stills.values())) as bar:
                groups = bank.render_stills(self.part.stills, self.part.seed, self.limits, self.config.workers, bar)
            _dump(path, groups)
        accelerator.wait_for_everyone()
        # A cache of this run alone: it names classes by module, so another version of the source cannot read it.
        return pickle.loads(path.read_bytes())

    def stills_with_features(self, accelerator: Accelerator) -> list[bank.FrameSet]:
        """Loose frames with features of the vision tower as it is now; the frames themselves are let go."""
        path = self.folder / f"stills_{self.tower}.pkl"
        if not path.exists():
            groups = self.stills(accelerator)
            if accelerator.is_main_process:
                for group in groups:
                    group.features = bank.features(self.model.model.visual, group.frames)
                    group.frames = group.frames[:1]
                for other in self.folder.glob("stills_*.pkl"):
                    other.unlink()  # of a tower that has been trained on
                _dump(path, groups)
            accelerator.wait_for_everyone()
        # A cache of this run alone: it names classes by module, so another version of the source cannot read it.
        return pickle.loads(path.read_bytes())

    def clips(self, accelerator: Accelerator) -> tuple[list[clips.ClipSpec], Path]:
        """Every training clip, and the folder of their features, of the vision tower as it is now."""
        config, part = self.config, self.part
        jobs = clips.jobs(part.clips, _CLIP_SEEDS + part.first_clip, part.two_fps)
        frames, folder = self.folder / "frames", self.folder / f"clips_{self.tower}"
        if accelerator.is_main_process:
            for other in {*self.folder.glob("clips_*")} - {folder}:
                shutil.rmtree(other)  # of a tower that has been trained on; gigabytes
            self.model.cpu()
            for what, work in (
                ("rendered", clips.render(jobs, frames, self.limits, config.workers)),
                ("encoded", clips.encode(self.model.model.visual, jobs, frames, folder, config.workers)),
            ):
                with Bar(f"clips {what}", len(jobs)) as bar:
                    for done in work:
                        bar(done)
            self.model.to(accelerator.device)
        accelerator.wait_for_everyone()
        return jobs, folder

    def save(self, folder: Path) -> None:
        """The model folder, in the layout that `load_model` reads."""
        about = {
            "protocol": 1,
            "name": self.config.name,
            "system_prompt": SYSTEM_PROMPT,
            "fps": 1,
            "min_pixels": self.config.min_pixels,
            "max_pixels": self.config.max_pixels,
            "window": self.config.window,
            "response_bias": self.config.response_bias,
        }
        save_pretrained(self.model, self.tokenizer, folder, about)
        self.config.save(folder / "training.yaml")  # what made these weights, beside them


def _folder(run: Path, part: int) -> Path:
    return run / f"part_{part}" if part else run


def _dump(path: Path, value) -> None:
    write_bytes(path, pickle.dumps(value, protocol=5))


class StageRunner(Protocol):
    module: torch.nn.Module

    def finish(self) -> dict | None:
        """Let go of the model. Returns the weights of the auxiliary heads that a later stage goes on with, if any."""

    def loss(self, module: torch.nn.Module, seed: tuple[int, ...]) -> tuple[torch.Tensor, dict[str, float]]:
        """Loss of one step on this rank (so that the mean over ranks is the loss of the batch), and what to report."""


@dataclass
class VisionRunner:
    module: VisionStep
    groups: list[bank.FrameSet]
    batch: int
    device: torch.device

    def finish(self):
        return None

    def loss(self, module, seed):
        rng = np.random.default_rng(np.random.SeedSequence(seed))
        sizes = np.array([len(group.frames) for group in self.groups], float)
        group = self.groups[int(rng.choice(len(sizes), p=sizes / sizes.sum()))]
        index = rng.integers(0, len(group.frames), self.batch)
        patches = np.stack([token_order(group.patches[i]) for i in index])
        frames, labels = torch.from_numpy(group.frames[index]), torch.from_numpy(patches).float()
        return module(frames.to(self.device), labels.to(self.device))


@dataclass
class DialogueRunner:
    module: DialogueStep
    rows: TaskSampler
    stage: Stage
    pad: int
    family: Qwen25VL
    accelerator: Accelerator

    def finish(self):
        self.module.let_go()
        return self.module.heads.state_dict()

    def loss(self, module, seed):
        stage, ranks = self.stage, self.accelerator.num_processes
        rows = self.rows.step(stage, seed, stage.tokens // ranks)
        # Practice rows are a fifth as long as tasks: apart, neither is padded to the other's length.
        parts = [[row for row in rows if row.practice], [row for row in rows if not row.practice]]
        batches = [
            collate(part, self.pad, self.family, stage.aux_practice, stage.aux_task).to(self.accelerator.device)
            for part in parts
            if part
        ]
        totals = self.accelerator.reduce(self.module.counts(batches), reduction="sum")
        loss, aux, report = module(
            batches, totals, stage.loss, stage.aux_clock, stage.aux_pointer, stage.aux_before, stage.aux_events
        )
        # DDP averages over ranks, but the loss is already this rank's share of the whole batch.
        return loss * ranks + aux, report | {"loss": loss.item() * ranks}


def make_stage(stage: Stage, material: RunArtifacts, accelerator: Accelerator) -> StageRunner:
    """The work of a stage. The vision tower is trained in vision stages only, its merger always."""
    model = material.model
    model.to(accelerator.device).train()
    vision = stage.kind == "vision"
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(("visual" in name) if vision else ("visual" not in name or "merger" in name))
    if vision:
        batch = max(1, stage.batch // accelerator.num_processes)
        return VisionRunner(VisionStep(model, len(CLASSES)), material.stills(accelerator), batch, accelerator.device)
    stills = material.stills_with_features(accelerator)
    rows = TaskSampler(material.wire, stills, *material.clips(accelerator))
    step = DialogueStep(model, material.wire.state_ids, before=stage.aux_before > 0)
    if material.heads is not None:
        step.heads.load_state_dict(
            material.heads, strict=False
        )  # a head that an older stage did not have yet starts afresh
    return DialogueRunner(step, rows, stage, material.tokenizer.pad_token_id, material.family, accelerator)
