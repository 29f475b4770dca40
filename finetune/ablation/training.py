"""The steps of one run: samples, auxiliary losses, optimizers and loop as in any training, the variant's loss, bf16
where the processor has it. One process.
"""

import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from finetune.ablation.material import AblationMaterial, save
from finetune.ablation.plan import Plan, Variant
from finetune.config import Stage
from finetune.data.batch import Batch, stage_batches
from finetune.model.precision import native_bf16
from finetune.training.loop import OneProcess, train_steps
from finetune.training.optim import make_optimizers
from finetune.training.step_modules import AuxWeights, DialogueStep

WARMUP = Variant("warm-up", "ce")
SAVE_EVERY = 100
"""Steps between checkpoints, where one is kept."""


@dataclass
class Done:
    """How far a run is."""

    steps: int
    tokens: int
    states: list[int]
    """Labels of silence, standby, response so far."""
    loss: float
    cpu_s: float = 0.0
    """Seconds of processor, those of whoever looked at the model between two steps left out."""


def train(
    material: AblationMaterial,
    stage: Stage,
    variant: Variant,
    seed: int,
    start: dict | None = None,
    kept: Path | None = None,
) -> Iterator[tuple[DialogueStep, Done]]:
    """Yields after every step, for as many as `stage.steps`; the model may be looked at between two, not changed.

    start: {"model", "heads"} states to begin with, None = fresh ones. The samples of a step depend on (seed, step)
    alone. kept: a checkpoint to go on from where there is one, written every SAVE_EVERY steps.
    """
    model = material.model()
    torch.manual_seed(material.plan.seed)  # the auxiliary heads of the warm-up
    module = DialogueStep(model, material.wire.state_ids)
    if start is not None:
        model.load_state_dict(start["model"])
        module.heads.load_state_dict(start["heads"])
    sampler, optimizers = material.sampler(variant.states), make_optimizers(module, stage)
    done = Done(0, 0, [0, 0, 0], 0.0)
    if kept is not None and kept.exists():
        saved = torch.load(kept)
        module.load_state_dict(saved["module"])
        for optimizer, state in zip(optimizers, saved["optimizers"], strict=True):
            optimizer.load_state_dict(state)
        done = Done(**saved["done"])
    weights, options = AuxWeights.of(stage), loss_options(variant, material.plan)
    pad = material.tokenizer.pad_token_id

    def batches() -> Iterator[list[Batch]]:
        for step in range(done.steps, stage.steps):
            yield stage_batches(sampler.step(stage, (seed, step), stage.tokens), stage, pad, material.family)

    def loss_of(module: torch.nn.Module, batch: list[Batch]) -> tuple[torch.Tensor, dict[str, float]]:
        assert isinstance(module, DialogueStep)
        counts = module.counts(batch)
        with torch.autocast("cpu", torch.bfloat16, enabled=native_bf16()):
            loss, aux, _ = module(batch, loss_counts(counts, variant), variant.kind, weights, **options)
        return loss + aux, {"loss": loss.item()}

    try:
        began = time.process_time()
        for step in train_steps(OneProcess(), module, optimizers, stage, batches(), loss_of, start=done.steps):
            labels = module.counts(step.batch)[:3].tolist()
            done = Done(
                steps=step.step + 1,
                tokens=done.tokens + sum(int((batch.ids != pad).sum()) for batch in step.batch),
                states=[have + new for have, new in zip(done.states, labels, strict=True)],
                loss=step.report["loss"],
                cpu_s=done.cpu_s + time.process_time() - began,
            )
            if kept is not None and done.steps % SAVE_EVERY == 0:
                moments = [optimizer.state_dict() for optimizer in optimizers]
                save(kept, {"module": module.state_dict(), "optimizers": moments, "done": asdict(done)})
            yield module, done
            began = time.process_time()
    finally:
        module.remove_hooks()


def loss_options(variant: Variant, plan: Plan) -> dict[str, Any]:
    """Arguments of `streaming_loss` beyond its kind."""
    if variant.kind == "focal":
        return {"gamma": variant.gamma}
    return {"fixed_weights": plan.fixed_weights} if variant.kind == "scale" else {}


def loss_counts(counts: torch.Tensor, variant: Variant) -> torch.Tensor:
    """(4,) counts that give the variant's alpha in eq. (4), from the batch's own (three states, all labels).

    Equal counts are alpha = 1. Of two states, the third gets the mean of the others: then alpha is what |S| = 2 gives,
    and the three kinds of state labels together weigh as much against the words as they do with three states.
    """
    counts = counts.float()
    if not variant.alpha:
        counts[:3] = 1
    elif variant.states == 2:
        counts[1] = (counts[0] + counts[2]) / 2
    return counts
