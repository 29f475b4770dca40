"""A video's records streamed on the model's own past, as a live session would: one watcher, a lane forked at each record's question.

Not the scores (`metrics.py`), not the command (`evaluate.py`); no decoder of its own: everything goes through StreamingModel.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from streamo_app.models.interface import Lane, StreamingModel
from streamo_app.protocol import State
from streamo_app.session_turns import Turn


@dataclass(frozen=True)
class Decision:
    """What the model said for one second."""

    state: State
    text: str
    p: tuple[float, float, float]
    """Probabilities of silence, standby, response."""


WATCHING = Decision(State.SILENCE, "", (1.0, 0.0, 0.0))
"""Before the question nothing is decided."""

Asks = Mapping[int, Sequence[str]]
"""Turn -> instructions asked there."""


def roll_out(model: StreamingModel, turns: Iterable[Turn], asks: Sequence[Asks], bias: float = 0.0) -> list[list[Decision]]:
    """One decision per second of the video, from second 0, for each of `asks`.

    Each second is encoded once for all lanes. `bias` is added to the response logit. A question on a second that has no picture is put on
    the next one that has; one beyond the end is never put.
    """
    lanes: list[Lane | None] = [None] * len(asks)
    said: list[list[Decision]] = [[] for _ in asks]
    watcher: Lane | None = model.open_lane()
    before = -1
    try:
        for turn in turns:
            features = model.encode(turn.images)
            for i, ask in enumerate(asks):
                said[i] += [WATCHING] * (turn.second - len(said[i]))
                new = [line for at in sorted(ask) if before < at <= turn.second for line in ask[at]]
                if new and lanes[i] is None:
                    lanes[i] = model.fork(watcher)
                said[i].append(WATCHING if lanes[i] is None else _decide(model, lanes[i], turn.second, features, new, bias))
            before = turn.second
            if watcher is not None and any(at > before for i, ask in enumerate(asks) if lanes[i] is None for at in ask):
                model.watch(watcher, turn.second, features)
            elif watcher is not None:  # nobody will fork it any more
                model.drop(watcher)
                watcher = None
    finally:
        for lane in (watcher, *lanes):
            if lane is not None:
                model.drop(lane)
    return said


def _decide(model: StreamingModel, lane: Lane, second: int, features: object, instructions: Sequence[str], bias: float) -> Decision:
    text, step = "", None
    for step in model.turn(lane, second, features, instructions, bias):
        text = step.text or text
    return Decision(step.state, text.strip(), step.p)
