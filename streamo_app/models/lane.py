"""The state of one lane: what is in its cache, where it stands, and how old turns leave it. No forward passes here.

The cache holds, token for token, the dialogue truncated to the window:

    system | [user header, pinned instructions] | turn | turn | ...

A turn that leaves takes its instructions to the pinned part; the first turn kept then loses its own user header, which
the pinned part brings.

Positions: RoPE sees differences only. So when turns leave, the window stays where it is and the short prefix moves
forward until it ends right before the first turn kept ("move the prefix"), each time from its originals in float32: no
drift, and the window's keys are not touched. Now and then, long before positions get large, everything is rebased to
zero.
"""

from dataclasses import dataclass, field, replace

import torch

from streamo_app.models.cache import LaneCache
from streamo_app.models.rope import shift_keys

FOLLOW_UPS_KEPT = 4
"""Pinned beside the first instruction: each is paid for every second of the stream."""
REBASE_SPANS = 3.0
"""Rebase when the prefix stands this many window lengths from zero: angles stay as exact as the model's own, and a key
is rotated once at most."""


@dataclass(frozen=True)
class Prefix:
    """The pinned part as prefilled at positions 0, 1, ...; shared by lanes, never changed."""

    tokens: int
    keys: tuple[torch.Tensor, ...]
    """Per layer (1, heads, tokens, D), float32."""
    values: tuple[torch.Tensor, ...]

    @classmethod
    def of(cls, cache: LaneCache) -> "Prefix":
        keys = tuple(layer.keys.float().clone() for layer in cache.layers)
        return cls(cache.tokens, keys, tuple(layer.values.clone() for layer in cache.layers))


@dataclass
class CachedTurn:
    second: int
    tokens: int
    """In the cache; grows while the reply is decoded and closed."""
    start: int
    """Position of its first token."""
    instructions: tuple[str, ...] = ()


@dataclass
class TransformersLane:
    """One dialogue and its cache (`interface.Lane`)."""

    cache: LaneCache
    prefix: Prefix
    window: int
    """Seconds that it keeps."""
    prefix_start: int = 0
    """Position of the prefix's first token."""
    next_position: int = 0
    pinned: tuple[str, ...] = ()
    """Instructions whose turns have left the window."""
    turns: list[CachedTurn] = field(default_factory=list)
    pending: list[int] = field(default_factory=list)
    """Ids decided or decoded but not yet fed; they open the next chunk."""
    forwards: int = 0

    @classmethod
    def open(cls, layers: int, prefix: Prefix, window: int) -> "TransformersLane":
        cache = LaneCache(layers)
        for layer, keys, values in zip(cache.layers, prefix.keys, prefix.values, strict=True):
            layer.update(keys.to(values.dtype), values)
        return cls(cache, prefix, window, next_position=prefix.tokens)

    @property
    def tokens(self) -> int:
        return self.cache.tokens

    @property
    def cache_bytes(self) -> int:
        return self.cache.nbytes

    def fork(self) -> "TransformersLane":
        return replace(
            self,
            cache=self.cache.copy(),
            turns=[replace(turn) for turn in self.turns],
            pending=list(self.pending),
            forwards=0,
        )

    def overdue(self, second: int) -> int:
        """How many of the oldest turns must leave before `second` joins: a block at a time, so that moving keys costs
        little per second."""
        if not self.turns or self.turns[0].second > second - self.window:
            return 0
        block = max(1, self.window // 12)
        return sum(turn.second <= second - self.window + block - 1 for turn in self.turns)

    def pinned_without(self, count: int) -> tuple[str, ...]:
        """What to pin once the `count` oldest turns are gone: the first instruction and the last follow-ups."""
        every = [*self.pinned, *(text for turn in self.turns[:count] for text in turn.instructions)]
        return (*every[:1], *every[1:][-FOLLOW_UPS_KEPT:])

    def evict(
        self,
        count: int,
        prefix: Prefix,
        pinned: tuple[str, ...],
        header_tokens: int,
        inv_freq: torch.Tensor,
        *,
        rebase_spans: float,
        position_limit: int,
    ) -> None:
        """Drop the `count` oldest turns and put `prefix` (of `pinned`) before what is left."""
        gone, self.turns = self.turns[:count], self.turns[count:]
        old = self.prefix.tokens + sum(turn.tokens for turn in gone)
        if not self.turns:
            # Nothing is left to stand before: start over, without the reply that was pending for the turn just dropped.
            old, self.pending = self.cache.tokens, []
            self.prefix_start, self.next_position = 0, prefix.tokens
        else:
            first = self.turns[0]
            if pinned:
                first.tokens -= header_tokens
                first.start += header_tokens
                old += header_tokens
            self.prefix_start = first.start - prefix.tokens
        self.prefix, self.pinned = prefix, pinned
        rebase = self._rebase_by(rebase_spans, position_limit)
        self._shift_positions(-rebase)
        for layer, keys, values in zip(self.cache.layers, prefix.keys, prefix.values, strict=True):
            layer.replace_head(old, shift_keys(keys, self.prefix_start, inv_freq), values)
            if rebase:
                window = layer.keys[:, :, prefix.tokens :]
                window.copy_(shift_keys(window, -rebase, inv_freq))

    def _rebase_by(self, rebase_spans: float, position_limit: int) -> int:
        span = self.next_position - self.prefix_start
        far = self.prefix_start > rebase_spans * span or self.next_position > position_limit
        return self.prefix_start if far or self.prefix_start < 0 else 0

    def _shift_positions(self, delta: int) -> None:
        self.prefix_start += delta
        self.next_position += delta
        for turn in self.turns:
            turn.start += delta
