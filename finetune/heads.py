"""Auxiliary losses on the middle layers of the language model; what they need is thrown away after training.

* match: which visual tokens carry what the instruction is about (BCE per token).
* way: whether what a visual token carries goes left or right (BCE per token).
* clock: in which second a visual token is seen (cross entropy per digit). An answer about the past has to find a picture first and its time
  then; a picture that carries its own time makes that one step.
* pointer: before a digit or a side ("left") of an answer, one attention head looks at the turn that it was read from (-log of its attention mass).

Without them a model of this size learns the same, but many times slower.
"""

import torch
import torch.nn.functional as F
from torch import nn
from transformers.models.qwen2_5_vl.modeling_qwen2_5_vl import apply_rotary_pos_emb

from finetune.batch import PLACES, Batch
from finetune.labels import IGNORED

_MATCH_LAYERS = (1, 2)
"""After these layers (of 4) a visual token must know whether the instruction means it."""
_CLOCK_LAYER = 1
_POINTER_LAYER = 2
"""Whose first head points."""

Sum = tuple[torch.Tensor, torch.Tensor]
"""A weighted sum of losses and the sum of its weights."""


class Heads(nn.Module):
    """Hooks on a model's middle layers and the linear heads that read them. The model is not part of this module."""

    def __init__(self, model):
        super().__init__()
        hidden = model.config.text_config.hidden_size
        self.match = nn.ModuleList(nn.Linear(hidden, 1) for _ in _MATCH_LAYERS)
        self.way = nn.ModuleList(nn.Linear(hidden, 1) for _ in _MATCH_LAYERS)
        self.clock = nn.Linear(hidden, PLACES * 10)
        self._hidden: dict[int, torch.Tensor] = {}
        self._attention_in: tuple = ()
        layers = model.model.language_model.layers
        self._attention = [layers[_POINTER_LAYER].self_attn]  # in a list, so that it is not a submodule of this one
        self._hooks = [layers[layer].register_forward_hook(self._keep(layer)) for layer in {*_MATCH_LAYERS, _CLOCK_LAYER}]
        self._hooks.append(self._attention[0].register_forward_pre_hook(self._keep_input, with_kwargs=True))

    def _keep(self, layer: int):
        def hook(_module, _inputs, output):
            self._hidden[layer] = output[0] if isinstance(output, tuple) else output

        return hook

    def _keep_input(self, _module, args, kwargs):
        self._attention_in = (kwargs["hidden_states"] if "hidden_states" in kwargs else args[0], *kwargs["position_embeddings"])

    def let_go(self) -> None:
        """Take the hooks off the model."""
        for hook in self._hooks:
            hook.remove()

    def forward(self, image: torch.Tensor, batch: Batch) -> list[Sum]:
        """Match, way, clock and pointer of the batch that the model has just run; `image` (B, T) bool marks visual tokens."""
        match = self._per_token(self.match, image, batch.targets, batch.weights)
        way = self._per_token(self.way, image, batch.ways, batch.way_weights)
        found = [match, way, self._clock(image, batch), self._pointer(batch)]
        self._hidden.clear()
        self._attention_in = ()
        return found

    def _per_token(self, heads: nn.ModuleList, image: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor) -> Sum:
        losses = []
        for head, layer in zip(heads, _MATCH_LAYERS):
            score = head(self._hidden[layer][image])[:, 0].float()
            losses.append((F.binary_cross_entropy_with_logits(score, targets, reduction="none") * weights).sum())
        return torch.stack(losses).mean(), weights.sum()

    def _clock(self, image: torch.Tensor, batch: Batch) -> Sum:
        scores = self.clock(self._hidden[_CLOCK_LAYER][image]).float().view(-1, 10)
        digits = batch.digits.flatten()
        return F.cross_entropy(scores, digits, ignore_index=IGNORED, reduction="sum"), (digits != IGNORED).sum().float()

    def _pointer(self, batch: Batch) -> Sum:
        """Scores of one head from the asking positions alone: attention weights of all would cost the square of the length."""
        hidden, cos, sin = self._attention_in
        attention = self._attention[0]
        size = attention.head_dim
        losses = [hidden.sum() * 0.0]
        for row in batch.pointers[:, 0].unique().tolist():
            at, low, high = batch.pointers[batch.pointers[:, 0] == row][:, 1:].unbind(1)
            key = F.linear(hidden[row], attention.k_proj.weight[:size], attention.k_proj.bias[:size])
            query = F.linear(hidden[row, at], attention.q_proj.weight[:size], attention.q_proj.bias[:size])
            query = apply_rotary_pos_emb(query[None, None], query[None, None], cos[row][None, at], sin[row][None, at])[0][0, 0]
            key = apply_rotary_pos_emb(key[None, None], key[None, None], cos[row][None], sin[row][None])[0][0, 0]
            scores = (query @ key.T).float() * attention.scaling
            places = torch.arange(scores.shape[1], device=scores.device)[None]
            mass = scores.masked_fill(places > at[:, None], -torch.inf).log_softmax(-1)
            inside = (places >= low[:, None]) & (places < high[:, None])
            losses.append(-mass.masked_fill(~inside, -torch.inf).logsumexp(-1).sum())
        return torch.stack(losses).sum(), torch.tensor(float(len(batch.pointers)), device=hidden.device)
