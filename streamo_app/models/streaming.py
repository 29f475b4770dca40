"""A streaming model on transformers: one forward pass per silent second and lane, whatever the length of the stream.

A second appends to the lane's cache: what was pending from the reply before, the user header, instructions, tag, visual
tokens and the assistant header. The decision is read from the last hidden state over three rows of the lm_head. Silence
and standby cost nothing more: their token goes out with the next second. A response is decoded token by token in our
own loop (`generate` costs a second forward and breaks after eviction).

Families are adapters (`qwen2_5_vl.py`), the cache is `cache.py`, what leaves a lane and when is `lane.py`. Not
thread-safe: one thread calls it. Weights must not change while it lives: the system prompt is prefilled once and shared
by all lanes.
"""

from collections.abc import Generator, Iterator, Sequence
from functools import cached_property

import numpy as np
import torch

from streamo_app.models.attention import CausalMask, use_packed_attention
from streamo_app.models.cache import LaneCache
from streamo_app.models.interface import ModelInfo, Step
from streamo_app.models.lane import REBASE_SPANS, CachedTurn, Prefix, TransformersLane
from streamo_app.models.qwen2_5_vl import Features
from streamo_app.models.wire import Wire
from streamo_app.protocol import STATES, State

MAX_NEW_TOKENS = 64
"""A response longer than this is cut; the longest answers of the format are two sentences."""


class TransformersModel:
    """`interface.StreamingModel` on a loaded checkpoint. Made by `loading.load_model`.

    rebase_spans: see `lane.REBASE_SPANS`; 0 rotates the whole window at every eviction, which is slower and equal to
    rounding (a test).
    """

    def __init__(self, model, wire: Wire, family, info: ModelInfo, *, rebase_spans: float = REBASE_SPANS):
        if info.window < 1:
            raise ValueError(f"A window of {info.window} seconds holds nothing; at least 1 is needed.")
        self.model, self.wire, self.family, self.info = model.eval(), wire, family, info
        self.rebase_spans = rebase_spans
        use_packed_attention(model)
        config = model.config.get_text_config()
        self._layers = config.num_hidden_layers
        self._position_limit = config.max_position_embeddings // 2
        device, dtype = model.get_input_embeddings().weight.device, model.dtype
        self.mask = CausalMask(config.num_attention_heads // config.num_key_value_heads, dtype, device)
        self._state_ids = torch.tensor(wire.state_ids, device=device)
        # Rows of the lm_head beyond the tokenizer mean nothing, like the added tokens that may not be decoded.
        banned = [*wire.banned_ids, *range(len(wire.tokenizer), model.lm_head.weight.shape[0])]
        self._banned = torch.tensor(banned, device=device)

    @torch.inference_mode()
    def encode(self, images: Sequence[np.ndarray]) -> Features:
        """Vision features of one second's images, each (H, W, 3) uint8 RGB; shared by lanes."""
        return self.family.features(self.model, images)

    @torch.inference_mode()
    def open_lane(self, window: int | None = None) -> TransformersLane:
        return TransformersLane.open(self._layers, self._system, window or self.info.window)

    @torch.inference_mode()
    def fork(self, lane: TransformersLane) -> TransformersLane:
        return lane.fork()

    def drop(self, lane: TransformersLane) -> None:
        lane.cache, lane.turns, lane.pending = LaneCache(self._layers), [], []

    def watch(self, lane: TransformersLane, second: int, features: Features) -> None:
        """One second of the watcher: seen, answered with Silence, nothing decided."""
        self._see(lane, second, features, ())
        lane.pending = self.wire.reply(State.SILENCE) + self.wire.close()

    def turn(
        self,
        lane: TransformersLane,
        second: int,
        features: Features,
        instructions: Sequence[str] = (),
        talkativeness: float = 0.0,
    ) -> Generator[Step, None, None]:
        """One second of a lane; see `interface.StreamingModel.turn`. Nothing happens before the first step is asked
        for.

        Raises ValueError when `second` is not after the lane's last one.
        """
        p = self.decide(self._see(lane, second, features, tuple(instructions)), talkativeness)
        state = STATES[max(range(3), key=p.__getitem__)]
        lane.pending = self.wire.reply(state) + self.wire.close()
        yield Step(state, p, done=state is not State.RESPONSE)
        if state is State.RESPONSE:
            for text, done in self._speak(lane):
                yield Step(state, p, text, done)

    def _speak(self, lane: TransformersLane) -> Iterator[tuple[str, bool]]:
        """Decode a reply on the cache: (text so far, whether it is whole). Left at any point, `lane.pending` closes the
        turn."""
        token = self.wire.reply(State.RESPONSE)[0]
        ids: list[int] = []
        for left in reversed(range(MAX_NEW_TOKENS)):
            token = self._next_token(lane, token)
            if token == self.wire.im_end:
                lane.pending = self.wire.close()
                yield self._words(ids), True
                return
            ids.append(token)
            lane.pending = [token, *self.wire.close()]
            yield self._words(ids), left == 0

    def _words(self, ids: Sequence[int]) -> str:
        """Text of a reply under way; a letter of which only some bytes are there waits for the rest."""
        return self.wire.tokenizer.decode(ids, clean_up_tokenization_spaces=False).rstrip("\ufffd").strip()

    @torch.inference_mode()
    def _see(
        self, lane: TransformersLane, second: int, features: Features, instructions: tuple[str, ...]
    ) -> torch.Tensor:
        """Append one second to the lane and return the last hidden state (hidden,)."""
        if lane.turns and second <= lane.turns[-1].second:
            raise ValueError(
                f"Second {second} comes after second {lane.turns[-1].second} was seen; a lane goes forward only."
            )
        if count := lane.overdue(second):
            self._evict(lane, count)
        images = [self.family.visual_tokens(grid) for grid in features.grids]
        turn_ids = self.wire.user_turn(second, images, instructions)
        if lane.pinned and not lane.turns:
            turn_ids = turn_ids[len(self.wire.user_header()) :]  # the pinned part ends with an open user turn
        if lane.turns:
            lane.turns[-1].tokens += len(lane.pending)
        ids = lane.pending + turn_ids
        lane.turns.append(CachedTurn(second, len(turn_ids), lane.next_position + len(lane.pending), instructions))
        lane.pending = []
        return self._forward(lane, ids, features)

    @torch.inference_mode()
    def _next_token(self, lane: TransformersLane, token: int) -> int:
        """Feed one token of a reply; the likeliest token after it that may be decoded."""
        lane.turns[-1].tokens += 1
        logits = self.model.lm_head(self._forward(lane, [token], None))
        logits[self._banned] = float("-inf")
        return int(logits.argmax())

    @torch.inference_mode()
    def decide(self, hidden: torch.Tensor, talkativeness: float) -> tuple[float, float, float]:
        """Probabilities of silence, standby, response from three rows of the lm_head: the rest of the vocabulary costs
        and says nothing."""
        logits = (self.model.lm_head.weight[self._state_ids].float() @ hidden.float()).cpu().double()
        logits[STATES.index(State.RESPONSE)] += self.info.response_bias + talkativeness
        return tuple(logits.softmax(-1).tolist())

    def _forward(self, lane: TransformersLane, ids: list[int], features: Features | None) -> torch.Tensor:
        positions, lane.next_position = self.family.positions(
            ids, lane.next_position, features.grids if features else ()
        )
        lane.forwards += 1
        return self._hidden(ids, features, positions, lane.cache)

    def _hidden(
        self, ids: list[int], features: Features | None, positions: torch.Tensor, cache: LaneCache
    ) -> torch.Tensor:
        mask = self.mask(len(ids), cache.tokens + len(ids))
        return self.family.hidden(self.model, ids, features, positions, cache, mask)[0, -1]

    def _evict(self, lane: TransformersLane, count: int) -> None:
        pinned = lane.pinned_without(count)
        prefix = lane.prefix
        if pinned != lane.pinned:
            prefix = self._prefill(pinned)
            lane.forwards += 1
        lane.evict(
            count,
            prefix,
            pinned,
            len(self.wire.user_header()),
            self.family.inv_freq(self.model),
            rebase_spans=self.rebase_spans,
            position_limit=self._position_limit,
        )

    @cached_property
    def _system(self) -> Prefix:
        return self._prefix_of(LaneCache(self._layers, capacity=len(self.wire.system())), self.wire.system())

    def _prefill(self, pinned: tuple[str, ...]) -> Prefix:
        """The system prompt, as prefilled for all lanes, with the open user turn of pinned instructions after it."""
        lines = [i for text in pinned for i in self.wire.instruction(text)]
        return self._prefix_of(
            TransformersLane.open(self._layers, self._system, self.info.window).cache, self.wire.user_header() + lines
        )

    def _prefix_of(self, cache: LaneCache, ids: list[int]) -> Prefix:
        positions, _ = self.family.positions(ids, cache.tokens, ())
        self._hidden(ids, None, positions, cache)
        return Prefix.of(cache)
