"""The training loop: one optimizer step per batch, whatever trains on it.

It takes an iterator of batches and a function from a batch to its loss, and yields after every step. What is to be done
between two steps (a line of the curve, a checkpoint, a look at the model) is the caller's `for`.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import torch

from finetune.config import Stage
from finetune.training.optim import set_learning_rates

_MAX_GRAD_NORM = 1.0

Batch = TypeVar("Batch")
LossOf = Callable[[torch.nn.Module, Batch], tuple[torch.Tensor, dict[str, float]]]
"""The loss to go down on, and what to report."""


class Backend(Protocol):
    """The part of accelerate's `Accelerator` that the loop needs."""

    def backward(self, loss: torch.Tensor) -> None: ...

    def clip_grad_norm_(self, parameters: Iterable[torch.Tensor], max_norm: float) -> Any: ...


class OneProcess:
    """Stands in for an `Accelerator` where one process trains alone on the processor."""

    def backward(self, loss: torch.Tensor) -> None:
        loss.backward()

    def clip_grad_norm_(self, parameters: Iterable[torch.Tensor], max_norm: float) -> Any:
        return torch.nn.utils.clip_grad_norm_(parameters, max_norm)


@dataclass(frozen=True)
class StepDone(Generic[Batch]):
    """One optimizer step."""

    step: int
    """Counted from 0."""
    lr: float
    """Of AdamW."""
    batch: Batch
    report: dict[str, float]


def train_steps(
    backend: Backend,
    module: torch.nn.Module,
    optimizers: Sequence[torch.optim.Optimizer],
    stage: Stage,
    batches: Iterable[Batch],
    loss_of: LossOf[Batch],
    *,
    start: int = 0,
) -> Iterator[StepDone[Batch]]:
    """Takes the steps from `start` to `stage.steps`, each on the next batch, and yields after each.

    optimizers: as `make_optimizers` made them. batches: of steps `start`, `start` + 1, ...; it may go on for ever.
    """
    trained = [parameter for parameter in module.parameters() if parameter.requires_grad]
    for step, batch in zip(range(start, stage.steps), batches, strict=False):
        lr = set_learning_rates(optimizers, stage, step)
        loss, report = loss_of(module, batch)
        backend.backward(loss)
        backend.clip_grad_norm_(trained, _MAX_GRAD_NORM)
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad()
        yield StepDone(step, lr, batch, report)
