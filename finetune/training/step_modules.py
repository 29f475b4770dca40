"""What one optimizer step computes: modules whose forward gives the loss, so that DDP and autocast see one call.

* `VisionStep`: patch labels (multi-label BCE) on the tower and on its merger; the heads are thrown away.
* `DialogueStep`: the streaming loss on supervised positions, plus what `training/aux_heads.py` asks of the middle
  layers.
"""

import torch
import torch.nn.functional as F
from torch import nn

from finetune.data.batch import Batch
from finetune.labels import IGNORED
from finetune.loss import count_states, streaming_loss, supervised_logits
from finetune.model import vision
from finetune.model.tiny import MERGE
from finetune.training.attention_loss import Sum
from finetune.training.aux_heads import AuxHeads
from finetune.training.previous_frame import WEIGHTS

_POSITIVE_WEIGHT = 4.0
"""A class covers few patches; without this the heads learn to say no."""
_REPORTED = {
    "cars": slice(0, 6),
    "living": slice(6, 9),
    "lights": slice(9, 12),
    "ways": slice(12, 14),
    "objects": slice(14, 18),
    "rooms": slice(18, 20),
}
"""Groups of `targets.CLASSES` whose F1 is shown."""


class VisionStep(nn.Module):
    def __init__(self, model, classes: int):
        super().__init__()
        self.visual = model.model.visual
        width, out = self.visual.config.hidden_size, self.visual.config.out_hidden_size
        self.patch_head = nn.Linear(width, classes)
        self.token_head = nn.Linear(out, classes * MERGE * MERGE)
        # What a room looks like is no class, but a cut to another room is an event.
        self.colour_head = nn.Linear(out, 3 * MERGE * MERGE)
        for head in (self.patch_head, self.token_head, self.colour_head):
            for parameter in head.parameters():
                nn.init.zeros_(parameter)  # before a trained tower they learn to read before they push
        self.classes = classes

    def forward(self, frames: torch.Tensor, patches: torch.Tensor) -> tuple[torch.Tensor, dict[str, float]]:
        """frames (N, h, w, 3) uint8, patches (N, P, classes) float 0/1."""
        features = vision.tower(self.visual, frames)
        weight = torch.full((self.classes,), _POSITIVE_WEIGHT, device=features.device)
        on_patches = self.patch_head(features)
        tokens = vision.merge(self.visual, features)
        merged = self.token_head(tokens).view(*features.shape[:2], self.classes)
        colours = self.colour_head(tokens).view(*features.shape[:2], 3)
        loss = sum(
            F.binary_cross_entropy_with_logits(x.float(), patches, pos_weight=weight) for x in (on_patches, merged)
        )
        colour_loss = F.mse_loss(colours.float(), vision.patches(frames).unflatten(-1, (3, -1)).mean(-1))
        with torch.no_grad():
            said, true = merged > 1.0, patches > 0
            hit = (said & true).sum((0, 1))
            f1 = 2 * hit / (said.sum((0, 1)) + true.sum((0, 1))).clamp(min=1)
        report = {name: f1[columns].mean().item() for name, columns in _REPORTED.items()}
        return loss + colour_loss, report | {"colour": colour_loss.item()}


class DialogueStep(nn.Module):
    def __init__(self, model, state_ids: tuple[int, int, int], before: bool = False):
        """`before`: whether the heads of the picture before are there (`training/aux_heads.py`)."""
        super().__init__()
        self.model, self.state_ids = model, state_ids
        self.heads = AuxHeads(model, before)

    def let_go(self) -> None:
        """Take the hooks off the model, which outlives this step."""
        self.heads.let_go()

    def counts(self, batches: list[Batch]) -> torch.Tensor:
        """(4,) int64: labels of each state and supervised labels of this rank, to be summed over ranks."""
        labels = torch.cat([batch.labels[:, 1:].flatten() for batch in batches])
        return torch.cat([count_states(labels, self.state_ids), (labels != IGNORED).sum()[None]])

    def forward(
        self,
        batches: list[Batch],
        totals: torch.Tensor,
        kind: str,
        clock: float = 0.0,
        pointer: float = 0.0,
        before: float = 0.0,
        events: float = 0.0,
        **options,
    ) -> tuple[torch.Tensor, torch.Tensor, dict[str, float]]:
        """(streaming loss, auxiliary loss, report) of this rank's batches.

        `totals` = `counts` of all ranks together: the streaming loss is this rank's share of the whole batch's. The
        auxiliary loss (match and way, plus `clock`, `pointer`, `before` and `events` times theirs) is this rank's own
        mean. `options` go to `streaming_loss`.
        """
        logits, labels, sums = zip(*(self._run(batch) for batch in batches))
        logits, labels = torch.cat(logits), torch.cat(labels)
        loss = streaming_loss(
            logits, labels, self.state_ids, kind=kind, state_counts=totals[:3], num_items=totals[3], **options
        )
        means = {name: _mean([part[name] for part in sums]) for name in sums[0]}
        aux = (
            means["match"]
            + means["way"]
            + clock * means["clock"]
            + pointer * means["pointer"]
            + events * means["events"]
        )
        if self.heads.before is not None:
            aux = aux + before * sum(weight * means[name] for name, weight in WEIGHTS.items())
        report = {"aux": means.pop("match").item()} | {name: mean.item() for name, mean in means.items()}
        return loss, aux, report | self._report(logits, labels)

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
        for name, token in zip(("silence", "standby", "response"), self.state_ids):
            here = labels == token
            state |= here
            if here.any():
                out[name] = right[here].float().mean().item()
        if (~state).any():
            out["text"] = right[~state].float().mean().item()
        return out


def _mean(parts: list[Sum]) -> torch.Tensor:
    """Of the losses of all batches together; 0 where nothing weighs anything."""
    return sum(total for total, _ in parts) / sum(weight for _, weight in parts).clamp(min=1.0)
