"""What each kind of stage does with the artefacts of a run: its module, its batches, and the loss of one of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any, Protocol

import numpy as np
import torch
from accelerate import Accelerator

from finetune.config import Stage
from finetune.data.batch import Batch, stage_batches
from finetune.data.encode import SequenceEncoder
from finetune.data.patch_labels import CLASSES
from finetune.data.sampler import TaskSampler
from finetune.data.stills import FrameSet
from finetune.model.tiny import TOKEN_PX
from finetune.model.vision import token_order
from finetune.training.artifacts import RunArtifacts, StageState
from finetune.training.step_modules import AuxWeights, DialogueStep, VisionStep
from streamo_app.models.qwen2_5_vl import Qwen25VL


class StageRunner(Protocol):
    """One kind of stage. The batch of a step depends on (seed, rank, step) alone, so a killed run draws it again."""

    @property
    def module(self) -> torch.nn.Module: ...

    def batches(self, seed: tuple[int, ...], start: int) -> Iterator[Any]:
        """Batches of this rank for steps `start`, `start` + 1, ..."""

    def loss(self, module: torch.nn.Module, batch: Any) -> tuple[torch.Tensor, dict[str, float]]:
        """Loss of one step on this rank (so that the mean over ranks is the loss of the whole batch), and what to
        report: "loss" alike, "tokens" of this rank, and more."""

    def finish(self) -> dict | None:
        """Lets go of the model. Returns the weights of the auxiliary heads that a later stage goes on with, if any."""


@dataclass(frozen=True)
class VisionRunner:
    module: VisionStep
    groups: list[FrameSet]
    batch_size: int
    """Frames per step of this rank."""
    accelerator: Accelerator

    def finish(self) -> None:
        return None

    def batches(self, seed: tuple[int, ...], start: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """frames (N, h, w, 3) uint8 and patch labels (N, P, classes) float of one grid."""
        sizes = np.array([len(group.frames) for group in self.groups], float)
        for rng in _step_rngs(seed, self.accelerator.process_index, start):
            group = self.groups[int(rng.choice(len(sizes), p=sizes / sizes.sum()))]
            index = rng.integers(0, len(group.frames), self.batch_size)
            patches = np.stack([token_order(group.patches[i]) for i in index])
            frames, labels = torch.from_numpy(group.frames[index]), torch.from_numpy(patches).float()
            yield frames.to(self.accelerator.device), labels.to(self.accelerator.device)

    def loss(
        self, module: torch.nn.Module, batch: tuple[torch.Tensor, torch.Tensor]
    ) -> tuple[torch.Tensor, dict[str, float]]:
        frames, labels = batch
        loss, report = module(frames, labels)
        n, height, width, _ = frames.shape
        tokens = n * (height // TOKEN_PX) * (width // TOKEN_PX)
        return loss, report | {"loss": loss.item(), "tokens": tokens}


@dataclass(frozen=True)
class DialogueRunner:
    module: DialogueStep
    sampler: TaskSampler
    stage: Stage
    pad: int
    """Id that batches are padded with."""
    family: Qwen25VL
    accelerator: Accelerator

    def finish(self) -> dict:
        self.module.remove_hooks()
        return self.module.heads.state_dict()

    def batches(self, seed: tuple[int, ...], start: int) -> Iterator[list[Batch]]:
        tokens = self.stage.tokens // self.accelerator.num_processes
        for step_seed in _step_seeds(seed, self.accelerator.process_index, start):
            samples = self.sampler.step(self.stage, step_seed, tokens)
            batches = stage_batches(samples, self.stage, self.pad, self.family)
            yield [batch.to(self.accelerator.device) for batch in batches]

    def loss(self, module: torch.nn.Module, batch: list[Batch]) -> tuple[torch.Tensor, dict[str, float]]:
        ranks = self.accelerator.num_processes
        totals = self.accelerator.reduce(self.module.counts(batch), reduction="sum")
        loss, aux, report = module(batch, totals, self.stage.loss, AuxWeights.of(self.stage))
        tokens = sum(int((part.ids != self.pad).sum()) for part in batch)
        # DDP averages over ranks, but the loss is already this rank's share of the whole batch.
        return loss * ranks + aux, report | {"loss": loss.item() * ranks, "tokens": tokens}


def make_stage(stage: Stage, artifacts: RunArtifacts, state: StageState, accelerator: Accelerator) -> StageRunner:
    """The vision tower is trained in vision stages only, its merger always."""
    model = artifacts.model
    model.to(accelerator.device).train()
    vision = stage.kind == "vision"
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(("visual" in name) if vision else ("visual" not in name or "merger" in name))
    if vision:
        batch_size = max(1, stage.batch // accelerator.num_processes)
        groups = artifacts.rendered_stills(accelerator, state.part)
        return VisionRunner(VisionStep(model, CLASSES), groups, batch_size, accelerator)
    stills = artifacts.stills_with_features(accelerator, state)
    sampler = TaskSampler(SequenceEncoder(artifacts.wire), stills, *artifacts.clip_features(accelerator, state))
    step = DialogueStep(model, artifacts.wire.state_ids, previous_frame=stage.aux_before > 0)
    if state.heads is not None:
        # A head that an older stage did not have yet starts from scratch.
        step.heads.load_state_dict(state.heads, strict=False)
    return DialogueRunner(step, sampler, stage, artifacts.tokenizer.pad_token_id, artifacts.family, accelerator)


def _step_seeds(seed: tuple[int, ...], rank: int, start: int) -> Iterator[tuple[int, ...]]:
    return ((*seed, rank, step) for step in count(start))


def _step_rngs(seed: tuple[int, ...], rank: int, start: int) -> Iterator[np.random.Generator]:
    return (np.random.default_rng(np.random.SeedSequence(given)) for given in _step_seeds(seed, rank, start))
