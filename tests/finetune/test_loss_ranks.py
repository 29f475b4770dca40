"""Ranks and accumulation change nothing: two real processes on gloo, one of them through DDP, against one process with
the whole batch.

Run: python -m pytest tests/finetune/test_loss_ranks.py
"""

import os
import sys
from datetime import timedelta

import pytest
import torch
import torch.distributed as dist
from torch import nn

from finetune.loss import KINDS, count_states, streaming_loss, supervised_logits

pytestmark = pytest.mark.slow

STATES = (1, 2, 3)
WORDS, WIDTH = 7, 5
RANKS = 2
# Rank 0 has three micro-batches, the second with nothing supervised; rank 1 has one, and is the only one to see a
# response.
SPLIT = ((slice(0, 7), slice(7, 9), slice(9, 20)), (slice(20, 31),))
LABELS = torch.tensor(
    [
        1,
        1,
        -100,
        2,
        5,
        1,
        -100,
        -100,
        -100,
        1,
        6,
        0,
        1,
        -100,
        2,
        1,
        1,
        4,
        -100,
        1,
        3,
        -100,
        4,
        1,
        1,
        3,
        5,
        2,
        -100,
        -100,
        1,
    ]
)


def batch():
    return torch.randn(len(LABELS), WIDTH, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


class Step(nn.Module):
    """A layer and a head; its forward gives the loss, as in training."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.layer, self.head = nn.Linear(WIDTH, WIDTH).double(), nn.Linear(WIDTH, WORDS, bias=False).double()

    def forward(self, inputs, labels, kind, **totals):
        logits, kept = supervised_logits(self.layer(inputs).tanh(), labels, self.head)
        return streaming_loss(logits, kept, STATES, kind=kind, **totals)

    def gradients(self):
        return [parameter.grad.clone() for parameter in self.parameters()]


def work(rank, store, out):
    """One rank: for each kind, its share of the loss and the gradients, by hand and by DDP."""
    os.environ["GLOO_SOCKET_IFNAME"] = "lo0" if sys.platform == "darwin" else "lo"
    torch.set_num_threads(1)
    # A file instead of a port: nothing to be free, nobody to be faster.
    dist.init_process_group(
        "gloo", init_method=f"file://{store}", rank=rank, world_size=RANKS, timeout=timedelta(minutes=3)
    )
    mine, inputs, found = SPLIT[rank], batch(), {}
    totals = sum(torch.cat([count_states(LABELS[at], STATES), (LABELS[at] != -100).sum()[None]]) for at in mine)
    dist.all_reduce(totals)
    totals = dict(state_counts=totals[:3], num_items=totals[3])
    for kind in KINDS:
        step = Step()
        losses = [step(inputs[at], LABELS[at], kind, **totals) for at in mine]
        for loss in losses:
            loss.backward()
        total = sum(loss.detach() for loss in losses)
        dist.all_reduce(total)
        for parameter in step.parameters():
            dist.all_reduce(parameter.grad)

        parallel = nn.parallel.DistributedDataParallel(Step())
        for at in mine[:-1]:
            with parallel.no_sync():
                (parallel(inputs[at], LABELS[at], kind, **totals) * RANKS).backward()
        (parallel(inputs[mine[-1]], LABELS[mine[-1]], kind, **totals) * RANKS).backward()
        found[kind] = (total, step.gradients(), parallel.module.gradients())
    torch.save(found, f"{out}/{rank}.pt")
    dist.barrier()  # neither leaves while the other still talks to it
    dist.destroy_process_group()


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """What each rank found, by rank."""
    folder = tmp_path_factory.mktemp("ranks")
    torch.multiprocessing.spawn(work, (str(folder / "store"), str(folder)), nprocs=RANKS)
    return [torch.load(folder / f"{rank}.pt") for rank in range(RANKS)]


@pytest.mark.parametrize("kind", KINDS)
def test_two_ranks_and_their_micro_batches_are_the_whole_batch_in_loss_and_gradient(found, kind):
    whole = Step()
    loss = whole(batch(), LABELS, kind)
    loss.backward()
    for rank in range(RANKS):
        total, summed, averaged = found[rank][kind]
        assert total.item() == pytest.approx(loss.item(), abs=1e-12)
        for expected, by_hand, by_ddp in zip(whole.gradients(), summed, averaged, strict=True):
            assert torch.allclose(by_hand, expected, rtol=0, atol=1e-12)
            assert torch.allclose(by_ddp, expected, rtol=0, atol=1e-12)


def test_counts_of_a_rank_alone_would_give_another_loss():
    """The batch above can tell the difference: without the sums over ranks its parts do not add up to it."""
    step, inputs = Step(), batch()
    alone = [step(inputs[at], LABELS[at], "focal") for at in (slice(0, 20), slice(20, 31))]
    assert abs(sum(alone).item() / 2 - step(inputs, LABELS, "focal").item()) > 1e-2
