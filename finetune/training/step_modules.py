"""What one optimizer step computes: modules whose forward gives the loss, so that DDP and autocast see one call.

* `VisionStep`: patch labels (multi-label BCE) on the tower and on its merger; the heads are thrown away.
* `DialogueStep`: the streaming loss on supervised positions, plus what `training/aux_heads.py` asks of the middle
  layers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import torch
import torch.nn.functional as F
from torch import nn

from finetune.config import Stage
from finetune.data.batch import Batch
from finetune.data.patch_labels import REPORTED
from finetune.labels import IGNORED
from finetune.loss import count_states, streaming_loss, supervised_logits
from finetune.model import vision
from finetune.model.tiny import MERGE
from finetune.training.attention_loss import Sum
from finetune.training.aux_heads import AuxHeads
from finetune.training.previous_frame import WEIGHTS

_POSITIVE_WEIGHT = 4.0
"""A class covers few patches; without this the heads learn to say no."""
CURVE_KEYS = {
    "token_grounding": "aux",
    "motion_direction": "way",
    "timestamp": "clock",
    "attention_pointer": "pointer",
    "event_tagging": "events",
    "position": "place",
    "prev_frame_attention": "look",
    "prev_frame_feature": "before",
    "frame_diff": "change",
    "change_fraction": "share",
}
"""Auxiliary loss -> its key in `curve.jsonl`, which the curves of shipped weights have."""


@dataclass(frozen=True)
class AuxWeights:
    """Weights of the auxiliary losses; those on the previous frame share one."""

    token_grounding: float = 1.0
    motion_direction: float = 1.0
    timestamp: float = 0.0
    attention_pointer: float = 0.0
    event_tagging: float = 0.0
    previous_frame: float = 0.0

    @classmethod
    def of(cls, stage: Stage) -> "AuxWeights":
        """Token grounding and motion direction are weighted per sample (`data/batch.py`)."""
        return cls(
            timestamp=stage.aux_clock,
            attention_pointer=stage.aux_pointer,
            event_tagging=stage.aux_events,
            previous_frame=stage.aux_before,
        )

    def total(self, means: dict[str, torch.Tensor]) -> torch.Tensor:
        """The weighted sum of all losses, each given by its name."""
        names = ("token_grounding", "motion_direction", "timestamp", "attention_pointer", "event_tagging")
        total = _sum([getattr(self, name) * means[name] for name in names])
        if "position" in means:
            total = total + self.previous_frame * _sum([weight * means[name] for name, weight in WEIGHTS.items()])
        return total


_NO_EXTRAS = AuxWeights()


class VisionStep(nn.Module):
    def __init__(self, model, classes: Sequence[str]):
        """`classes`: names of the last axis of the patch labels (`patch_labels.CLASSES`)."""
        super().__init__()
        self.visual = model.model.visual
        width, out = self.visual.config.hidden_size, self.visual.config.out_hidden_size
        self.patch_head = nn.Linear(width, len(classes))
        self.token_head = nn.Linear(out, len(classes) * MERGE * MERGE)
        # What a room looks like is no class, but a cut to another room is an event.
        self.colour_head = nn.Linear(out, 3 * MERGE * MERGE)
        for head in (self.patch_head, self.token_head, self.colour_head):
            for parameter in head.parameters():
                nn.init.zeros_(parameter)  # before a trained tower they learn to read before they push
        self.classes = tuple(classes)
        groups = {
            group: [self.classes.index(name) for name in names if name in self.classes]
            for group, names in REPORTED.items()
        }
        self.reported_columns = {group: columns for group, columns in groups.items() if columns}

    def forward(self, frames: torch.Tensor, patches: torch.Tensor) -> tuple[torch.Tensor, dict[str, float]]:
        """frames (N, h, w, 3) uint8, patches (N, P, classes) float 0/1."""
        features = vision.tower(self.visual, frames)
        classes = len(self.classes)
        weight = torch.full((classes,), _POSITIVE_WEIGHT, device=features.device)
        on_patches = self.patch_head(features)
        tokens = vision.merge(self.visual, features)
        merged = self.token_head(tokens).view(*features.shape[:2], classes)
        colours = self.colour_head(tokens).view(*features.shape[:2], 3)
        loss = sum(
            F.binary_cross_entropy_with_logits(x.float(), patches, pos_weight=weight) for x in (on_patches, merged)
        )
        colour_loss = F.mse_loss(colours.float(), vision.patches(frames).unflatten(-1, (3, -1)).mean(-1))
        with torch.no_grad():
            said, true = merged > 1.0, patches > 0
            hit = (said & true).sum((0, 1))
            f1 = 2 * hit / (said.sum((0, 1)) + true.sum((0, 1))).clamp(min=1)
        report = {group: f1[columns].mean().item() for group, columns in self.reported_columns.items()}
        return loss + colour_loss, report | {"colour": colour_loss.item()}


class DialogueStep(nn.Module):
    def __init__(self, model, state_ids: tuple[int, int, int], previous_frame: bool = False):
        """`previous_frame`: whether its auxiliary heads are there (`training/previous_frame.py`)."""
        super().__init__()
        self.model, self.state_ids = model, state_ids
        self.heads = AuxHeads(model, previous_frame)

    def remove_hooks(self) -> None:
        """Take the hooks off the model, which outlives this step."""
        self.heads.remove_hooks()

    def counts(self, batches: list[Batch]) -> torch.Tensor:
        """(4,) int64: labels of each state and supervised labels of this rank, to be summed over ranks."""
        labels = torch.cat([batch.labels[:, 1:].flatten() for batch in batches])
        return torch.cat([count_states(labels, self.state_ids), (labels != IGNORED).sum()[None]])

    def forward(
        self,
        batches: list[Batch],
        totals: torch.Tensor,
        kind: str,
        weights: AuxWeights = _NO_EXTRAS,
        **options,
    ) -> tuple[torch.Tensor, torch.Tensor, dict[str, float]]:
        """(streaming loss, auxiliary loss, report) of this rank's batches.

        `totals` = `counts` of all ranks together: the streaming loss is this rank's share of the whole batch's. The
        auxiliary loss is this rank's own mean. `options` go to `streaming_loss`.
        """
        ran = [self._run(batch) for batch in batches]
        logits = torch.cat([logits for logits, _, _ in ran])
        labels = torch.cat([labels for _, labels, _ in ran])
        loss = streaming_loss(
            logits, labels, self.state_ids, kind=kind, state_counts=totals[:3], num_items=totals[3], **options
        )
        means = {name: _mean([losses[name] for _, _, losses in ran]) for name in ran[0][2]}
        report = {CURVE_KEYS[name]: mean.item() for name, mean in means.items()}
        return loss, weights.total(means), report | self._report(logits, labels)

    def _run(self, batch: Batch) -> tuple[torch.Tensor, torch.Tensor, dict[str, Sum]]:
        language = self.model.model.language_model
        embeds = language.embed_tokens(batch.ids)
        image = batch.ids == self.model.config.image_token_id
        visual = vision.merge(self.model.model.visual, batch.features)
        embeds = embeds.masked_scatter(image[..., None], visual.to(embeds.dtype))
        hidden = language(inputs_embeds=embeds, position_ids=batch.positions, use_cache=False).last_hidden_state
        logits, labels = supervised_logits(hidden[:, :-1], batch.labels[:, 1:], self.model.lm_head)
        return logits, labels, self.heads(image, batch)

    @torch.no_grad()
    def _report(self, logits: torch.Tensor, labels: torch.Tensor) -> dict[str, float]:
        right = logits.argmax(-1) == labels
        out = {}
        state = torch.zeros_like(right)
        for name, token in zip(("silence", "standby", "response"), self.state_ids, strict=True):
            here = labels == token
            state |= here
            if here.any():
                out[name] = right[here].float().mean().item()
        if (~state).any():
            out["text"] = right[~state].float().mean().item()
        return out


def _mean(parts: list[Sum]) -> torch.Tensor:
    """Of the losses of all batches together; 0 where nothing weighs anything."""
    return _sum([total for total, _ in parts]) / _sum([weight for _, weight in parts]).clamp(min=1.0)


def _sum(values: list[torch.Tensor]) -> torch.Tensor:
    """In order: a sum of floats depends on it."""
    return reduce(torch.add, values)
