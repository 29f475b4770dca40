"""The keys and values of one lane: preallocated, written and evicted in place, copied to fork a lane.

transformers' DynamicCache can grow; what it cannot do is drop tokens from the middle without holding everything twice,
or keep its memory in place for a day. This file knows tokens, not turns or positions: those are in `lane.py`.

Everything here runs under `torch.inference_mode()`: a buffer made inside it cannot be written outside.
"""

import torch
from transformers.cache_utils import Cache, CacheLayerMixin

CAPACITY_TOKENS = 1024
"""First size of a buffer: about half a minute of the built-in model. It grows by half, and never shrinks."""


class LaneLayer(CacheLayerMixin):
    """One layer: buffers (1, heads, capacity, D), of which the first `length` tokens are in use."""

    def __init__(self, capacity: int = CAPACITY_TOKENS):
        super().__init__()
        self.capacity, self.length = capacity, 0
        self.key_buffer = self.value_buffer = torch.empty(0)  # until the first keys tell heads, width, dtype, device

    def lazy_initialization(self, key_states, value_states):
        self.dtype, self.device = key_states.dtype, key_states.device
        self.key_buffer = key_states.new_empty(*key_states.shape[:2], self.capacity, key_states.shape[3])
        self.value_buffer = value_states.new_empty(*value_states.shape[:2], self.capacity, value_states.shape[3])
        self.is_initialized = True

    def update(self, key_states, value_states, *args, **kwargs):
        """Append (1, heads, T, D) and return views of all keys and values so far."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        end = self.length + key_states.shape[2]
        self._reserve(end)
        self.key_buffer[:, :, self.length : end] = key_states
        self.value_buffer[:, :, self.length : end] = value_states
        self._set_length(end)
        return self.keys, self.values

    def replace_head(self, old: int, keys: torch.Tensor, values: torch.Tensor) -> None:
        """Replace the first `old` tokens by `keys`, `values` (1, heads, P, D); what follows moves in place."""
        new, end = keys.shape[2], self.length - old + keys.shape[2]
        self._reserve(end)
        for buffer, head in ((self.key_buffer, keys), (self.value_buffer, values)):
            if new != old:  # the two places overlap, so the tail goes through a copy, one layer at a time
                buffer[:, :, new:end] = buffer[:, :, old : self.length].clone()
            buffer[:, :, :new] = head
        self._set_length(end)

    def copy(self) -> "LaneLayer":
        """Shares nothing with this one."""
        other = LaneLayer(self.capacity)
        if self.is_initialized:
            other.lazy_initialization(self.key_buffer, self.value_buffer)
            other.key_buffer[:, :, : self.length] = self.keys
            other.value_buffer[:, :, : self.length] = self.values
            other._set_length(self.length)
        return other

    def nbytes(self) -> int:
        return self.key_buffer.nbytes + self.value_buffer.nbytes

    def get_seq_length(self) -> int:
        return self.length

    def get_max_length(self) -> int:
        return -1

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        return self.length + query_length, 0

    def _set_length(self, length: int) -> None:
        self.length = length
        self.keys, self.values = self.key_buffer[:, :, :length], self.value_buffer[:, :, :length]

    def _reserve(self, length: int) -> None:
        if length <= self.capacity:
            return
        self.capacity = max(length, self.capacity * 3 // 2)
        for name in ("key_buffer", "value_buffer"):
            old = getattr(self, name)
            new = old.new_empty(*old.shape[:2], self.capacity, old.shape[3])
            new[:, :, : self.length] = old[:, :, : self.length]
            setattr(self, name, new)
        self._set_length(self.length)


class LaneCache(Cache):
    """All layers of one lane."""

    def __init__(self, layers: int | list[LaneLayer], capacity: int = CAPACITY_TOKENS):
        super().__init__(layers=[LaneLayer(capacity) for _ in range(layers)] if isinstance(layers, int) else layers)

    @property
    def tokens(self) -> int:
        return self.layers[0].length

    @property
    def nbytes(self) -> int:
        """Spare capacity included."""
        return sum(layer.nbytes() for layer in self.layers)

    def copy(self) -> "LaneCache":
        return LaneCache([layer.copy() for layer in self.layers])
