"""The steps of one run: the recipe's own rows, losses and optimizers, the variant's loss, bf16 where the processor has
it. One process."""

import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from finetune.ablation.material import Ground, save
from finetune.ablation.plan import Plan, Variant
from finetune.config import Stage
from finetune.data.batch import collate
from finetune.train import make_optimizers, native_bf16, wsd_schedule
from finetune.training.step_modules import DialogueStep

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
    ground: Ground, stage: Stage, variant: Variant, seed: int, start: dict | None = None, kept: Path | None = None
) -> Iterator[tuple[DialogueStep, Done]]:
    """Yields after every step, for as many as `stage.steps`; the model may be looked at between two, not changed.

    start: {"model", "heads"} states to begin with, None = fresh ones. The rows of a step depend on (seed, step) alone.
    kept: a checkpoint to go on from where there is one, written every SAVE_EVERY steps.
    """
    model = ground.model()
    torch.manual_seed(ground.plan.seed)  # the auxiliary heads of the warm-up
    module = DialogueStep(model, ground.wire.state_ids)
    if start is not None:
        model.load_state_dict(start["model"])
        module.heads.load_state_dict(start["heads"])
    rows, optimizers = ground.rows(variant.states), make_optimizers(module, stage)
    trained = [parameter for parameter in module.parameters() if parameter.requires_grad]
    done = Done(0, 0, [0, 0, 0], 0.0)
    if kept is not None and kept.exists():
        saved = torch.load(kept)
        module.load_state_dict(saved["module"])
        for optimizer, state in zip(optimizers, saved["optimizers"], strict=True):
            optimizer.load_state_dict(state)
        done = Done(**saved["done"])
    options = loss_options(variant, ground.plan)
    try:
        for step in range(done.steps, stage.steps):
            began = time.process_time()
            share = wsd_schedule(step, stage)
            for optimizer, peak in zip(optimizers, (stage.lr, stage.matrix_lr)):
                for group in optimizer.param_groups:
                    group["lr"] = peak * share
            drawn = rows.step(stage, (seed, step), stage.tokens)
            parts = [[row for row in drawn if row.practice], [row for row in drawn if not row.practice]]
            pad = ground.tokenizer.pad_token_id
            batches = [collate(part, pad, ground.family, stage.aux_practice, stage.aux_task) for part in parts if part]
            counts = module.counts(batches)
            with torch.autocast("cpu", torch.bfloat16, enabled=native_bf16()):
                loss, aux, _ = module(
                    batches, loss_counts(counts, variant), variant.kind, stage.aux_clock, stage.aux_pointer, **options
                )
            (loss + aux).backward()
            torch.nn.utils.clip_grad_norm_(trained, 1.0)
            for optimizer in optimizers:
                optimizer.step()
                optimizer.zero_grad()
            seen = [have + new for have, new in zip(done.states, counts[:3].tolist())]
            tokens, spent = done.tokens + sum(len(row.ids) for row in drawn), done.cpu_s + time.process_time() - began
            done = Done(step + 1, tokens, seen, loss.item(), spent)
            if kept is not None and done.steps % SAVE_EVERY == 0:
                moments = [optimizer.state_dict() for optimizer in optimizers]
                save(kept, {"module": module.state_dict(), "optimizers": moments, "done": asdict(done)})
            yield module, done
    finally:
        module.let_go()


def loss_options(variant: Variant, plan: Plan) -> dict:
    """What `streaming_loss` is told beyond its kind."""
    return {"focal": {"gamma": variant.gamma}, "scale": {"fixed_weights": plan.fixed_weights}}.get(variant.kind, {})


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
