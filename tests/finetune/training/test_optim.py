"""Muon without bf16: what it does to a matrix, and that it is torch's own in another precision."""

import torch

from finetune.training.optim import Float32Muon, orthogonal

COEFFICIENTS = (3.4445, -4.7750, 2.0315)


def test_singular_values_come_near_one_for_wide_and_tall_matrices():
    torch.manual_seed(0)
    for shape in ((8, 24), (24, 8)):
        values = torch.linalg.svdvals(orthogonal(torch.randn(shape), COEFFICIENTS, 5, 1e-7))
        assert values.min() > 0.5 and values.max() < 1.3


def test_steps_are_those_of_torch_but_for_the_rounding_of_bf16():
    torch.manual_seed(0)
    start, gradients = torch.randn(12, 20), [torch.randn(12, 20) for _ in range(4)]
    ours, theirs = (torch.nn.Parameter(start.clone()) for _ in range(2))
    options = {"lr": 0.01, "weight_decay": 0.02, "adjust_lr_fn": "match_rms_adamw"}
    optimizers = Float32Muon([ours], **options), torch.optim.Muon([theirs], **options)
    for gradient in gradients:
        for parameter, optimizer in zip((ours, theirs), optimizers, strict=True):
            parameter.grad = gradient.clone()
            optimizer.step()
    moved = (theirs - start).norm()
    assert (ours - theirs).norm() < 0.02 * moved
