"""A streaming model and a source that do what a test tells them, when it tells them. Not tests.

`LiveModel` is an `interface.StreamingModel` whose decisions are a function, driven by the real engine (`scripted.py`
has one for evaluation, which follows a table); `LiveSource` is a `video.Source` whose frames are a list. Both wait on
events where a test wants them to, so nothing sleeps.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from streamo_app.events import Frame, Noticed
from streamo_app.models.interface import ModelInfo, Step
from streamo_app.protocol import State

P = {State.SILENCE: (0.9, 0.06, 0.04), State.STANDBY: (0.1, 0.8, 0.1), State.RESPONSE: (0.05, 0.05, 0.9)}


def picture(number: int = 0) -> np.ndarray:
    """(4, 6, 3) uint8, its number in every pixel."""
    return np.full((4, 6, 3), number % 256, np.uint8)


@dataclass
class LiveLane:
    instructions: list[str] = field(default_factory=list)
    tokens: int = 0
    cache_bytes: int = 0
    forwards: int = 0


class LiveModel:
    """`script(second, instructions)` is None for silence, "" for standby, or the words of a response, spoken word by
    word.

    `hold(second)` makes the model hang in that second until the test releases it.
    """

    def __init__(
        self, script: Callable[[int, list[str]], str | None] = lambda second, instructions: None, *, fps: int = 1
    ):
        self.info = ModelInfo("scripted", fps, 10, 0.0, "cpu", "none")
        self._script = script
        self._holds: dict[int, tuple[threading.Event, threading.Event]] = {}
        self.seen: list[tuple[int, ...]] = []
        """Numbers of the images, a tuple per second encoded."""
        self.talked: dict[int, float] = {}
        """Second to the largest talkativeness given."""
        self.open_lanes = 0
        """Lanes that nobody dropped, the watchers among them."""

    def hold(self, second: int) -> tuple[threading.Event, threading.Event]:
        """(reached, release): the first is set when the model gets to that second, the test sets the other."""
        self._holds[second] = threading.Event(), threading.Event()
        return self._holds[second]

    def encode(self, images: Sequence[np.ndarray]) -> tuple[int, ...]:
        self.seen.append(tuple(int(image[0, 0, 0]) for image in images))
        return self.seen[-1]

    def open_lane(self, window: int | None = None) -> LiveLane:
        self.open_lanes += 1
        return LiveLane()

    def fork(self, lane: LiveLane) -> LiveLane:
        self.open_lanes += 1
        return LiveLane(lane.instructions[:], lane.tokens)

    def drop(self, lane: LiveLane) -> None:
        self.open_lanes -= 1

    def watch(self, lane: LiveLane, second: int, features) -> None:
        self._take(lane, second)

    def turn(
        self, lane: LiveLane, second: int, features, instructions: Sequence[str] = (), talkativeness: float = 0.0
    ) -> Iterator[Step]:
        lane.instructions += instructions
        self._take(lane, second)
        self.talked[second] = max(talkativeness, self.talked.get(second, talkativeness))
        words = self._script(second, lane.instructions)
        state = State.SILENCE if words is None else State.RESPONSE if words else State.STANDBY
        yield Step(state, P[state], None, done=state is not State.RESPONSE)
        spoken = (words or "").split()
        for count in range(1, len(spoken) + 1):
            yield Step(state, P[state], " ".join(spoken[:count]), done=count == len(spoken))

    def _take(self, lane: LiveLane, second: int) -> None:
        lane.tokens += 10
        lane.forwards += 1
        if second in self._holds:
            reached, release = self._holds[second]
            reached.set()
            release.wait()


class LiveSource:
    """Yields `items` in order: a number is the frame at that second (its picture shows the number times `fps`), an
    event is waited for, a callable is called, an exception is raised, a `Noticed` is yielded.

    `deaf`: `close` hangs for good, as a driver may. `left` is set when nobody is in `frames` any more.
    """

    def __init__(
        self, items: Sequence, *, live: bool = False, deaf: bool = False, title: str = "scripted", fps: int = 1
    ):
        self.kind, self.live, self.clocked = "camera" if live else "file", live, live
        self.title, self.duration_s, self.dropped = title, None, 0
        self._items, self._deaf, self._fps = items, deaf, fps
        self.closed, self.left = threading.Event(), threading.Event()
        self.held: list[bool] = []

    def frames(self, fps: int, stop: threading.Event) -> Iterator[Frame | Noticed]:
        try:
            for item in self._items:
                if isinstance(item, threading.Event):
                    item.wait()
                elif isinstance(item, BaseException):
                    raise item
                elif isinstance(item, int | float):
                    yield Frame(item, picture(round(item * self._fps)), captured_at=float(item))
                elif isinstance(item, Noticed):
                    yield item
                else:
                    item()
        finally:
            self.left.set()

    def hold(self, held: bool) -> None:
        self.held.append(held)

    def close(self) -> None:
        self.closed.set()
        if self._deaf:
            threading.Event().wait()


WAIT_S = 20
"""Nothing here takes this long; a test that hangs fails instead."""


def ended(session):
    """The session, once its run is over."""
    assert session.wait(WAIT_S), session.snapshot()
    return session


def echo(second: int, instructions: list[str]) -> str:
    """A model that says what it was asked, and when."""
    return f"{instructions[0]} {second}"
