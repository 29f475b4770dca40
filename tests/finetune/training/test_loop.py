"""The one training loop: as many steps as the stage has, rates by its schedule, batches taken as they are needed.

Run: python -m pytest tests/finetune/training/test_loop.py
"""

from itertools import count

import pytest
import torch

from finetune.config import Stage
from finetune.training.loop import OneProcess, train_steps
from finetune.training.optim import make_optimizers, wsd_schedule

STAGE = Stage("s", "dialogue", 5, 1e-2, warmup=2, flat=0.5)


def trained(start: int = 0) -> tuple[list, list[int], torch.Tensor]:
    """What each step was, the batches that were drawn, and the weight at the end."""
    torch.manual_seed(0)
    module, drawn = torch.nn.Linear(1, 1, bias=False), []

    def batches():
        for number in count(start):
            drawn.append(number)
            yield torch.tensor([[float(number + 1)]])

    def loss_of(module, batch):
        loss = (module(batch) - 100).square().mean()
        return loss, {"loss": loss.item()}

    steps = list(
        train_steps(OneProcess(), module, make_optimizers(module, STAGE), STAGE, batches(), loss_of, start=start)
    )
    return steps, drawn, module.weight.detach()


def test_a_step_per_batch_at_the_rate_of_the_schedule_and_no_batch_more():
    steps, drawn, _ = trained()
    assert [done.step for done in steps] == drawn == [0, 1, 2, 3, 4]
    assert [done.lr for done in steps] == pytest.approx([1e-2 * wsd_schedule(step, STAGE) for step in range(5)])
    assert [done.batch.item() for done in steps] == [1, 2, 3, 4, 5]


def test_a_resumed_stage_takes_the_steps_that_are_left():
    steps, drawn, _ = trained(start=3)
    assert [done.step for done in steps] == drawn == [3, 4]


def test_the_gradient_is_clipped_and_gone_after_the_step():
    module = torch.nn.Linear(1, 1, bias=False)
    before = module.weight.detach().clone()
    optimizer = torch.optim.SGD(module.parameters(), lr=1.0)
    stage = Stage("s", "dialogue", 1, 1e-2, warmup=0, flat=1.0)

    def loss_of(module, batch):
        loss = 1000 * module(batch).sum()
        return loss, {"loss": loss.item()}

    list(train_steps(OneProcess(), module, [optimizer], stage, [torch.ones(1, 1)], loss_of))
    assert (before - module.weight).item() == pytest.approx(1e-2, rel=1e-3)  # a gradient of 1000, clipped to 1
    assert module.weight.grad is None
