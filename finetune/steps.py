"""What one optimizer step computes: modules whose forward gives the loss, so that DDP and autocast see one call.

* `VisionStep`: patch labels (multi-label BCE) on the tower and on its merger; the heads are thrown away.
* `DialogueStep`: the streaming loss on supervised positions, plus a BCE that asks two middle layers which visual tokens carry what the
  instruction is about; its heads are thrown away too.
"""

import torch
import torch.nn.functional as F
from torch import nn

from finetune import vision
from finetune.batch import Batch
from finetune.labels import IGNORED
from finetune.loss import count_states, streaming_loss, supervised_logits
from finetune.tiny import MERGE

_POSITIVE_WEIGHT = 4.0
"""A class covers few patches; without this the heads learn to say no."""
_AUX_LAYERS = (1, 2)
"""After these layers (of 4) a visual token must know whether the instruction means it."""


class VisionStep(nn.Module):
    def __init__(self, model, classes: int):
        super().__init__()
        self.visual = model.model.visual
        width, out = self.visual.config.hidden_size, self.visual.config.out_hidden_size
        self.patch_head = nn.Linear(width, classes)
        self.token_head = nn.Linear(out, classes * MERGE * MERGE)
        self.classes = classes

    def forward(self, frames: torch.Tensor, patches: torch.Tensor) -> tuple[torch.Tensor, dict[str, float]]:
        """frames (N, h, w, 3) uint8, patches (N, P, classes) float 0/1."""
        features = vision.tower(self.visual, frames)
        weight = torch.full((self.classes,), _POSITIVE_WEIGHT, device=features.device)
        on_patches = self.patch_head(features)
        merged = self.token_head(vision.merge(self.visual, features)).view(*features.shape[:2], self.classes)
        loss = sum(F.binary_cross_entropy_with_logits(x.float(), patches, pos_weight=weight) for x in (on_patches, merged))
        with torch.no_grad():
            said, true = merged > 1.0, patches > 0
            hit = (said & true).sum((0, 1))
            f1 = 2 * hit / (said.sum((0, 1)) + true.sum((0, 1))).clamp(min=1)
        names = ("cars", "living", "lights", "ways")
        groups = (f1[:6], f1[6:9], f1[9:12], f1[12:14])
        return loss, {name: group.mean().item() for name, group in zip(names, groups)}


class DialogueStep(nn.Module):
    def __init__(self, model, state_ids: tuple[int, int, int]):
        super().__init__()
        self.model, self.state_ids = model, state_ids
        self.heads = nn.ModuleList(nn.Linear(model.config.text_config.hidden_size, 1) for _ in _AUX_LAYERS)
        self._hidden: dict[int, torch.Tensor] = {}
        layers = model.model.language_model.layers
        self._hooks = [layers[layer].register_forward_hook(self._keep(layer)) for layer in _AUX_LAYERS]

    def _keep(self, layer: int):
        def hook(_module, _inputs, output):
            self._hidden[layer] = output[0] if isinstance(output, tuple) else output

        return hook

    def let_go(self) -> None:
        """Take the hooks off the model, which outlives this step."""
        for hook in self._hooks:
            hook.remove()

    def counts(self, batches: list[Batch]) -> torch.Tensor:
        """(4,) int64: labels of each state and supervised labels of this rank, to be summed over ranks."""
        labels = torch.cat([batch.labels[:, 1:].flatten() for batch in batches])
        return torch.cat([count_states(labels, self.state_ids), (labels != IGNORED).sum()[None]])

    def forward(self, batches: list[Batch], totals: torch.Tensor, kind: str) -> tuple[torch.Tensor, torch.Tensor, dict[str, float]]:
        """(streaming loss, match loss, report) of this rank's batches.

        `totals` = `counts` of all ranks together: the streaming loss is this rank's share of the whole batch's. The match loss is this
        rank's own mean.
        """
        weights = sum(batch.weights.sum() for batch in batches).clamp(min=1.0)
        logits, labels, aux = zip(*(self._run(batch) for batch in batches))
        logits, labels, match = torch.cat(logits), torch.cat(labels), sum(aux) / weights
        loss = streaming_loss(logits, labels, self.state_ids, kind=kind, state_counts=totals[:3], num_items=totals[3])
        return loss, match, self._report(logits, labels, match)

    def _run(self, batch: Batch) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        language = self.model.model.language_model
        embeds = language.embed_tokens(batch.ids)
        image = batch.ids == self.model.config.image_token_id
        visual = vision.merge(self.model.model.visual, batch.features)
        embeds = embeds.masked_scatter(image[..., None], visual.to(embeds.dtype))
        hidden = language(inputs_embeds=embeds, position_ids=batch.positions, use_cache=False).last_hidden_state
        logits, labels = supervised_logits(hidden[:, :-1], batch.labels[:, 1:], self.model.lm_head)
        return logits, labels, self._match(image, batch)

    def _match(self, image: torch.Tensor, batch: Batch) -> torch.Tensor:
        """Weighted sum of the match BCE over visual tokens, mean over the heads."""
        losses = []
        for head, layer in zip(self.heads, _AUX_LAYERS):
            score = head(self._hidden[layer][image])[:, 0].float()
            losses.append((F.binary_cross_entropy_with_logits(score, batch.targets, reduction="none") * batch.weights).sum())
        self._hidden.clear()
        return torch.stack(losses).mean()

    @torch.no_grad()
    def _report(self, logits: torch.Tensor, labels: torch.Tensor, aux: torch.Tensor) -> dict[str, float]:
        right = logits.argmax(-1) == labels
        out = {"aux": aux.item()}
        state = torch.zeros_like(right)
        for name, token in zip(("silence", "standby", "response"), self.state_ids):
            here = labels == token
            state |= here
            if here.any():
                out[name] = right[here].float().mean().item()
        if (~state).any():
            out["text"] = right[~state].float().mean().item()
        return out
