"""Optimizers of a stage and their learning rates: AdamW, Muon for matrices, and Muon in float32.

The last is for processors that have no bf16 arithmetic. torch.optim.Muon turns every update into bf16 for its
Newton-Schulz iteration. Without AVX-512 a bf16 product runs at a thirtieth of float32's speed, and the optimizer then
costs more than the model: 8.5 s per step against 5.6 s, on an AVX2 core with the built-in model.
"""

from collections.abc import Sequence

import torch
from torch.optim import Muon

from finetune.config import Stage
from finetune.model.precision import native_bf16

_LAST_LR = 0.04
"""Share of the peak at the end."""


def wsd_schedule(step: int, stage: Stage) -> float:
    """Learning rate of a step as a share of the peak: linear warmup, stable, linear decay to 4 %."""
    up = min(1.0, (step + 1) / max(1, stage.warmup))
    done = step / stage.steps
    down = 1.0 if done < stage.flat else max(_LAST_LR, (1 - done) / (1 - stage.flat))
    return up * down


def make_optimizers(module: torch.nn.Module, stage: Stage) -> list[torch.optim.Optimizer]:
    """AdamW, and after it Muon for the language model's matrices where the stage wants it."""
    trained = [(name, p) for name, p in module.named_parameters() if p.requires_grad]
    matrices = [p for name, p in trained if stage.matrix_lr and p.ndim == 2 and "language_model.layers" in name]
    ids = {id(p) for p in matrices}
    rest = [p for _, p in trained if id(p) not in ids]
    optimizers: list[torch.optim.Optimizer] = [
        torch.optim.AdamW(rest, lr=stage.lr, betas=(0.9, 0.98), weight_decay=0.02)
    ]
    if matrices:
        optimizers.append(make_muon(matrices, lr=stage.matrix_lr, weight_decay=0.02))
    return optimizers


def set_learning_rates(optimizers: Sequence[torch.optim.Optimizer], stage: Stage, step: int) -> float:
    """Those of a step, in the optimizers of `make_optimizers`. Returns AdamW's."""
    share = wsd_schedule(step, stage)
    for optimizer, peak in zip(optimizers, (stage.lr, stage.matrix_lr), strict=False):  # Muon may not be there
        for group in optimizer.param_groups:
            group["lr"] = peak * share
    return stage.lr * share


class Float32Muon(Muon):
    """As torch.optim.Muon with `adjust_lr_fn="match_rms_adamw"`, but the iteration stays in the gradients' own
    precision."""

    @torch.no_grad()
    def step(self, closure=None):
        loss = None if closure is None else torch.enable_grad()(closure)()
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    self._update(p, p.grad, group)
        return loss

    def _update(self, p: torch.Tensor, grad: torch.Tensor, group: dict) -> None:
        momentum = self.state[p].setdefault("momentum_buffer", torch.zeros_like(grad))
        momentum.lerp_(grad, 1 - group["momentum"])
        update = grad.lerp(momentum, group["momentum"]) if group["nesterov"] else momentum
        update = orthogonal(update, group["ns_coefficients"], group["ns_steps"], group["eps"])
        p.mul_(1 - group["lr"] * group["weight_decay"])
        p.add_(update, alpha=-group["lr"] * 0.2 * max(p.shape) ** 0.5)


def orthogonal(matrix: torch.Tensor, coefficients: tuple[float, float, float], steps: int, eps: float) -> torch.Tensor:
    """The (m, n) matrix with its singular values brought near 1 (about 0.7 to 1.2), by Newton-Schulz."""
    a, b, c = coefficients
    wide = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    wide = wide / wide.norm().clamp(min=eps)
    for _ in range(steps):
        gram = wide @ wide.T
        wide = torch.addmm(wide, torch.addmm(gram, gram, gram, beta=b, alpha=c), wide, beta=a)
    return wide if matrix.shape[0] <= matrix.shape[1] else wide.T


def make_muon(matrices: list[torch.nn.Parameter], lr: float, weight_decay: float) -> Muon:
    """torch's own where bf16 is native, `Float32Muon` elsewhere."""
    kind = Muon if native_bf16(matrices[0].device.type) else Float32Muon
    return kind(matrices, lr=lr, weight_decay=weight_decay, adjust_lr_fn="match_rms_adamw")
