"""Attention of a few new tokens over a long cache, with grouped heads and without copying keys and values.

The library's own sdpa path repeats keys and values once per query head of a group, which for a second of stream (40 new
tokens over thousands of cached ones) costs more than the attention itself. Here the heads of a group are folded into
the query length instead. Same numbers.

Call `use_packed_attention(model)` once per model; importing registers nothing.
"""

import torch
import torch.nn.functional as F
from transformers import AttentionInterface
from transformers.masking_utils import AttentionMaskInterface, sdpa_mask

NAME = "streamo_packed"
KEPT_TOKENS = 512
"""A mask for more new tokens than this (a long pinned prefix, met once) is built and thrown away: kept, it would be as
long as the window."""


def use_packed_attention(model) -> None:
    """Switch the language model to `sdpa_packed`; the vision tower keeps what it has. Calling it again is harmless."""
    AttentionInterface.register(NAME, sdpa_packed)
    AttentionMaskInterface.register(NAME, sdpa_mask)
    model.set_attn_implementation({"text_config": NAME})


def sdpa_packed(module, query, key, value, attention_mask, dropout=0.0, scaling=None, **_):  # noqa: PLR0917 -- transformers' signature
    """query (B, H, T, D), key and value (B, H / groups, S, D). Returns ((B, T, H, D), None).

    attention_mask: None (T = S: causal; T = 1: all visible), the library's (B, 1, T, S) bool or float, or our (1, 1, T
    * groups, S) float of `CausalMask`, whose rows are ordered token by token, then head by head.
    """
    groups = module.num_key_value_groups
    batch, heads, length, width = query.shape
    if attention_mask is None and length > 1:
        if length != key.shape[2]:
            raise ValueError(f"{length} new tokens over {key.shape[2]} keys need a mask")
        out = F.scaled_dot_product_attention(
            query, key, value, dropout_p=dropout, scale=scaling, is_causal=True, enable_gqa=groups > 1
        )
        return out.transpose(1, 2).contiguous(), None
    folded = (
        query.view(batch, heads // groups, groups, length, width)
        .transpose(2, 3)
        .reshape(batch, heads // groups, -1, width)
    )
    if attention_mask is not None and attention_mask.shape[-2] == length:
        attention_mask = attention_mask.repeat_interleave(groups, dim=-2)
    out = F.scaled_dot_product_attention(folded, key, value, attn_mask=attention_mask, dropout_p=dropout, scale=scaling)
    out = out.view(batch, heads // groups, length, groups, width)
    return out.permute(0, 2, 1, 3, 4).reshape(batch, length, heads, width), None


class CausalMask:
    """Masks of T new tokens over S keys for every T and S, as views of one buffer: nothing is built from second to
    second.

    The buffer is the mask of the largest T and S met so far; the mask of a smaller pair is its bottom right corner.
    """

    def __init__(self, groups: int, dtype: torch.dtype, device: torch.device):
        self.groups, self.dtype, self.device = groups, dtype, device
        self._tokens = self._keys = 0
        self._buffer = torch.empty(0)

    def __call__(self, tokens: int, keys: int) -> torch.Tensor:
        """(1, 1, tokens * groups, keys) float, 0 where visible, -inf where not: token t sees keys up to keys - tokens +
        t."""
        if tokens > KEPT_TOKENS:
            return self._build(tokens, keys)
        if tokens > self._tokens or keys > self._keys:
            self._tokens, self._keys = max(tokens, self._tokens), max(keys + keys // 2, self._keys)
            self._buffer = self._build(self._tokens, self._keys)
        return self._buffer[:, :, -tokens * self.groups :, -keys:]

    def _build(self, tokens: int, keys: int) -> torch.Tensor:
        visible = torch.ones(tokens, keys, dtype=torch.bool, device=self.device).tril(keys - tokens)
        mask = torch.zeros(tokens, keys, dtype=self.dtype, device=self.device).masked_fill_(~visible, float("-inf"))
        return mask.repeat_interleave(self.groups, dim=0)[None, None]
