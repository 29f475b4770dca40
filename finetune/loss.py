"""The streaming loss, eqs (3)-(7) of the Streamo paper: cross entropy, reweighted on the three state tokens. Tensors
only.

No trainer and no tokenizer here, and no shift: row n of the logits predicts label n.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from finetune.labels import IGNORED

KINDS = ("focal", "scale", "ce")


def streaming_loss(
    logits: Tensor,
    labels: Tensor,
    state_ids: Sequence[int],
    *,
    kind: str = "focal",
    gamma: float = 2.0,
    fixed_weights: Sequence[float] = (0.3, 1.3, 2.0),
    state_counts: Tensor | Sequence[int] | None = None,
    num_items: Tensor | int | None = None,
) -> Tensor:
    """Mean loss over the labels that are not ignored, a scalar; float32, or float64 for float64 logits.

    logits: (N, V) float. labels: (N,) int64, -100 = ignored. state_ids: ids of silence, standby, response.
    kind: "focal" weights a state token by alpha (1 - p)^gamma, eqs (3)-(5); "scale" by `fixed_weights`; "ce" not at
    all, eq. (6). state_counts: (3,) labels of each state in the whole optimizer batch (all ranks, all accumulation
    steps); None counts these labels. num_items: labels that are not ignored in the whole optimizer batch, the |M| of
    eq. (7); None counts these labels.

    With gamma = 0 and equal counts "focal" is "ce". With `state_counts` and `num_items` given, the sum over the
    micro-batches of a batch is the loss of the batch: unlike the release, accumulation changes nothing, and |S| is 3
    also where a state is absent. The focal weight is not detached: its gradient is part of the focal loss. No labels at
    all give a zero that still has a gradient. Logits of ignored rows are never read, be they NaN or infinite, and their
    gradient is 0.

    Ranks: each takes the sums over all ranks as `state_counts` and `num_items`; the batch's gradient is then the sum of
    theirs. DDP takes the mean, so its caller multiplies by the number of ranks.

    Raises ValueError for an unknown kind or gamma < 0, for shapes that do not fit, and for a state that `state_counts`
    says is absent.
    """
    _check(logits, labels, state_ids, kind, gamma, fixed_weights)
    kept = labels != IGNORED
    # After `supervised_logits` nothing is left to ignore, and a copy would double the step's largest tensor.
    if not kept.all():
        logits, labels = logits[kept], labels[kept]
    logits = logits if logits.dtype == torch.float64 else logits.float()
    items = labels.numel() if num_items is None else num_items
    items = torch.as_tensor(items, device=logits.device).clamp(min=1).to(logits.dtype)
    if labels.numel() == 0:
        return logits.sum()

    loss = F.cross_entropy(logits, labels, reduction="none")  # (N,), eq. (6)
    if kind != "ce":
        states = torch.as_tensor(state_ids, device=labels.device)
        hit = labels[:, None] == states  # (N, 3)
        if kind == "focal":
            weight = _alpha(hit, state_counts, loss.dtype)
        else:
            weight = torch.as_tensor(fixed_weights, dtype=loss.dtype, device=loss.device)
        weight = torch.where(hit, weight, 0).sum(1)
        if kind == "focal":
            # 1 - p = 1 - exp(-loss), eq. (3); kept off 0, where the slope of a power below 1 is infinite.
            weight = weight * (-torch.expm1(-loss)).clamp(min=1e-12) ** gamma
        loss = torch.where(hit.any(1), weight * loss, loss)  # eq. (5)
    return loss.sum() / items  # eq. (7)


def count_states(labels: Tensor, state_ids: Sequence[int]) -> Tensor:
    """(3,) int64: labels of each state, to be summed over the micro-batches and ranks of an optimizer batch."""
    return torch.stack([(labels == state).sum() for state in state_ids])


def supervised_logits(hidden: Tensor, labels: Tensor, lm_head: torch.nn.Module) -> tuple[Tensor, Tensor]:
    """(N, V) logits and (N,) labels of the positions that are not ignored; the head never runs on the others.

    hidden: (..., D). labels: (...,) aligned with it (already shifted). Of a streamed dialogue about one position in ten
    is supervised, and the head over the whole sequence would be the largest tensor of the step.
    """
    kept = labels != IGNORED
    return lm_head(hidden[kept]), labels[kept]


def _alpha(hit: Tensor, state_counts: Tensor | Sequence[int] | None, dtype: torch.dtype) -> Tensor:
    """(3,) weights of eq. (4); a state without labels gets a weight that nothing uses."""
    seen = hit.sum(0)
    counts = seen if state_counts is None else torch.as_tensor(state_counts, device=hit.device)
    if counts.shape != (3,) or bool(((counts < 1) & (seen > 0)).any()):
        raise ValueError(
            f"state_counts are {counts.tolist()} but these labels alone hold {seen.tolist()}; "
            "give the counts of the whole batch"
        )
    return counts.sum().to(dtype) / (3 * counts.clamp(min=1)).to(dtype)


def _check(
    logits: Tensor, labels: Tensor, state_ids: Sequence[int], kind: str, gamma: float, fixed_weights: Sequence[float]
) -> None:
    if kind not in KINDS:
        raise ValueError(f"loss kind is {kind!r}; choose one of {', '.join(KINDS)}")
    if gamma < 0:
        raise ValueError(f"gamma is {gamma}; give 0 (no focus) or more")
    if len(fixed_weights) != 3:
        raise ValueError(f"fixed_weights are {tuple(fixed_weights)}; give three, for silence, standby and response")
    if logits.ndim != 2 or labels.shape != logits.shape[:1]:
        raise ValueError(f"logits are {tuple(logits.shape)} and labels {tuple(labels.shape)}; give (N, V) and (N,)")
    if len(set(state_ids)) != 3 or not all(0 <= state < logits.shape[1] for state in state_ids):
        raise ValueError(f"state ids are {tuple(state_ids)}; give three different ids below {logits.shape[1]}")
