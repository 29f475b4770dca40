"""What a streaming model is, for the engine, the session and the evaluation. No torch here.

A **lane** is one dialogue with its own KV cache. The **watcher** is the lane without an instruction that sees every
second; a new instruction forks it. A frame is encoded once (`encode`) and its features are handed to every lane that
takes the second.

A model is not thread-safe: one thread calls it (the engine's, or an evaluation's own).
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np

from streamo_app.protocol import State


@dataclass(frozen=True)
class ModelInfo:
    """What a checkpoint says of itself (`streamo.json`) and how it was loaded."""

    name: str
    fps: int
    """Images per second of stream that it was trained with."""
    window: int
    """Seconds a lane keeps."""
    response_bias: float
    """Added to the response logit, chosen on validation data; talkativeness is added to it."""
    device: str
    quantize: str


@dataclass(frozen=True)
class Step:
    """A piece of one second of one lane: first the decision (`text` None), then, for a response, the growing text."""

    state: State
    p: tuple[float, float, float]
    """Probabilities of silence, standby, response; they sum to 1."""
    text: str | None = None
    """None on the decision; on later steps the whole text so far."""
    done: bool = False
    """True on the last step of the second."""


class Lane(Protocol):
    """What everyone may read of a lane; the rest is its model's own business."""

    @property
    def tokens(self) -> int:
        """Tokens in the KV cache."""

    @property
    def cache_bytes(self) -> int:
        """Bytes that the KV cache holds, spare capacity included."""

    @property
    def forwards(self) -> int:
        """Language-model forwards since the lane was opened (one per silent second)."""


AnyLane = TypeVar("AnyLane", bound=Lane)
"""The lane class of one model: a model takes back only lanes that it opened itself."""


class StreamingModel(Protocol[AnyLane]):
    info: ModelInfo

    def encode(self, images: Sequence[np.ndarray]) -> Any:
        """Vision features of one second's images, each (H, W, 3) uint8 RGB; shared by lanes, never changed by them."""

    def open_lane(self, window: int | None = None) -> AnyLane:
        """A lane that has seen nothing: the watcher. `window`: seconds that it and its forks keep, None = the
        checkpoint's own."""

    def fork(self, lane: AnyLane) -> AnyLane:
        """A copy between two turns. What happens to the copy never touches `lane`."""

    def drop(self, lane: AnyLane) -> None:
        """Free what the lane holds. Dropping twice is harmless."""

    def watch(self, lane: AnyLane, second: int, features: Any) -> None:
        """One second of the watcher: seen, answered with Silence, nothing decided. One forward."""

    def turn(
        self, lane: AnyLane, second: int, features: Any, instructions: Sequence[str] = (), talkativeness: float = 0.0
    ) -> Generator[Step, None, None]:
        """One second of a lane. The iterator yields the decision after one forward, then one step per decoded token of
        a response.

        Closing the iterator early (`.close()`) cuts the text there and leaves the lane well-formed for its next turn.
        `instructions`: clean lines (`protocol.clean_instruction`) asked at this second.
        """
