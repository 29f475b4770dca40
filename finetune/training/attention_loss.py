"""Where the first head of an attention layer looks, as a loss: -log of the attention that it gives to where it should
look."""

from typing import Any

import torch
import torch.nn.functional as F
from transformers.models.qwen2_5_vl.modeling_qwen2_5_vl import apply_rotary_pos_emb

Sum = tuple[torch.Tensor, torch.Tensor]
"""A weighted sum of losses and the sum of its weights."""


class AttentionSupervision:
    """Watches one attention layer while the model runs. No module: the model is no part of whoever holds this."""

    def __init__(self, attention: Any):
        """`attention`: a `Qwen2_5_VLAttention`."""
        self._attention = attention
        self._given: tuple[torch.Tensor, ...] = ()
        self._hook = attention.register_forward_pre_hook(self._keep, with_kwargs=True)

    def _keep(self, _module, args, kwargs):
        self._given = (
            kwargs["hidden_states"] if "hidden_states" in kwargs else args[0],
            *kwargs["position_embeddings"],
        )

    def forget(self) -> None:
        """Drop what the layer was last given."""
        self._given = ()

    def remove_hook(self) -> None:
        self._hook.remove()

    def loss(self, pointers: torch.Tensor) -> Sum:
        """Sum over `pointers` (N, 4) int64 - row, asking position, first and last + 1 position of where to look - and
        N.

        Scores of one head from the asking positions alone: attention weights of all would cost the square of the
        length.
        """
        hidden, cos, sin = self._given
        attention = self._attention
        size = attention.head_dim
        losses = [hidden.sum() * 0.0]  # always a part of the graph: every process takes part in the same gradients
        for row in pointers[:, 0].unique().tolist():
            at, low, high = pointers[pointers[:, 0] == row][:, 1:].unbind(1)
            key = F.linear(hidden[row], attention.k_proj.weight[:size], attention.k_proj.bias[:size])
            query = F.linear(hidden[row, at], attention.q_proj.weight[:size], attention.q_proj.bias[:size])
            query = _rotated(query, cos[row][None, at], sin[row][None, at])
            key = _rotated(key, cos[row][None], sin[row][None])
            scores = (query @ key.T).float() * attention.scaling
            positions = torch.arange(scores.shape[1], device=scores.device)[None]
            mass = scores.masked_fill(positions > at[:, None], -torch.inf).log_softmax(-1)
            inside = (positions >= low[:, None]) & (positions < high[:, None])
            losses.append(-mass.masked_fill(~inside, -torch.inf).logsumexp(-1).sum())
        return torch.stack(losses).sum(), torch.tensor(float(len(pointers)), device=hidden.device)


def _rotated(vectors: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    """(N, head_dim) with rotary embeddings (1, N, head_dim) applied."""
    return apply_rotary_pos_emb(vectors[None, None], vectors[None, None], cos, sin)[0][0, 0]
