"""A streaming model whose replies are a list: for tests of the engine, where the order of things matters and their
meaning does not.

`replies[(user, second)]` are the words said by every lane of that user at that second; nothing there means silence. A
user is known by the first value of their images. `passes` lists every forward as (user, what). Events block a forward
where a test wants to look.
"""

from dataclasses import dataclass, field

import numpy as np

from streamo_app.models.interface import ModelInfo, Step
from streamo_app.protocol import State

SILENT, SPEAKING = (0.8, 0.1, 0.1), (0.1, 0.1, 0.8)


def image(user: int) -> tuple[np.ndarray, ...]:
    return (np.full((2, 2, 3), user, np.uint8),)


@dataclass
class ScriptedLane:
    seen: list[int] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    talkativeness: float = 0.0
    cut: bool = False
    """Left in the middle of its last reply."""
    forwards: int = 0
    cache_bytes: int = 100

    @property
    def tokens(self) -> int:
        return 10 * len(self.seen)


class ScriptedModel:
    info = ModelInfo("scripted", 1, 120, 0.0, "cpu", "none")

    def __init__(self, replies=None, failing=(), before=lambda user, what: None):
        self.replies, self.failing, self.before = replies or {}, set(failing), before
        self.passes: list[tuple[int, str]] = []
        self.lanes: list[ScriptedLane] = []
        self.dropped: list[ScriptedLane] = []

    def encode(self, images):
        user = int(images[0][0, 0, 0])
        self._forward(user, "encode")
        return user

    def open_lane(self, window=None):
        self.lanes.append(ScriptedLane())
        return self.lanes[-1]

    def fork(self, lane):
        self.lanes.append(ScriptedLane(seen=list(lane.seen)))
        return self.lanes[-1]

    def drop(self, lane):
        self.dropped.append(lane)

    def watch(self, lane, second, features):
        self._forward(features, "watch")
        lane.seen.append(second)

    def turn(self, lane, second, features, instructions=(), talkativeness=0.0):
        self._forward(features, f"decide {second}")
        lane.seen.append(second)
        lane.asked += instructions
        lane.talkativeness = talkativeness
        words = self.replies.get((features, second), [])
        lane.cut = bool(words)
        yield Step(State.RESPONSE if words else State.SILENCE, SPEAKING if words else SILENT, done=not words)
        for i, _ in enumerate(words, 1):
            self._forward(features, f"word {i}")
            lane.cut = i < len(words)
            yield Step(State.RESPONSE, SPEAKING, " ".join(words[:i]), done=i == len(words))

    def _forward(self, user, what):
        self.before(user, what)
        self.passes.append((user, what))
        if (user, what) in self.failing:
            raise RuntimeError(f"user {user} broke\nwith details")
