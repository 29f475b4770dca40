"""A StreamingModel that follows a script and writes down what it is asked: for tests of what is around a model.

Apart from the tests, so that a worker process that unpickles it does not import torch.
"""

from dataclasses import dataclass, field

import numpy as np

from streamo_app.models.interface import ModelInfo, Step
from streamo_app.protocol import State

P = {State.SILENCE: (0.8, 0.1, 0.1), State.STANDBY: (0.1, 0.8, 0.1), State.RESPONSE: (0.1, 0.2, 0.7)}


@dataclass
class ScriptedLane:
    number: int
    tokens: int = 0
    cache_bytes: int = 0
    forwards: int = 0


@dataclass
class ScriptedModel:
    """Answers an instruction by a script {instruction: {second: words}}; writes down all that is asked of it."""

    script: dict = field(default_factory=dict)
    info: ModelInfo = field(default_factory=lambda: ModelInfo("scripted", 1, 120, 0.0, "cpu", "none"))
    log: list = field(default_factory=list)
    instructions: dict = field(default_factory=dict)
    alive: set = field(default_factory=set)

    def encode(self, images):
        self.log.append(("encode", len(images)))
        return round(float(np.mean(images[0])))

    def open_lane(self, window=None):
        return self._lane("open")

    def fork(self, lane):
        assert lane.number in self.alive
        return self._lane("fork")

    def drop(self, lane):
        self.alive.discard(lane.number)

    def watch(self, lane, second, features):
        self.log.append(("watch", second, features))

    def turn(self, lane, second, features, instructions=(), talkativeness=0.0):
        self.log.append(("turn", lane.number, second, features, tuple(instructions)))
        self.instructions.setdefault(lane.number, []).extend(instructions)
        words = [self.script.get(line, {}).get(second) for line in self.instructions[lane.number]]
        words = next((w for w in words if w), None)
        if words is None and talkativeness > 5:
            words = "Eager."
        if words is None:
            yield Step(State.SILENCE, P[State.SILENCE], done=True)
            return
        yield Step(State.RESPONSE, P[State.RESPONSE])
        yield Step(State.RESPONSE, P[State.RESPONSE], words[:2])
        yield Step(State.RESPONSE, P[State.RESPONSE], words, done=True)

    def _lane(self, how):
        lane = ScriptedLane(len([entry for entry in self.log if entry[0] in ("open", "fork")]))
        self.log.append((how,))
        self.alive.add(lane.number)
        return lane


def bad_folder():
    """What loading a model does where there is none."""
    raise ValueError("There is no model here.")
