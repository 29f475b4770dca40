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


@dataclass
class Chain:
    """An endless stream, video after video: the watcher that sees all of it, and its clock."""

    watcher: Lane
    now: int
    """Second of the stream that comes next."""


def roll_out(
    model: StreamingModel,
    turns: Iterable[Turn],
    asks: Sequence[Asks],
    biases: Sequence[float] = (0.0,),
    *,
    clock: int = 0,
    watcher: Lane | None = None,
) -> list[list[Decision]]:
    """One decision per second of the video, from second 0, for each of `asks` with the first of `biases`, then with the next.

    Each second is encoded once for all lanes. A bias is added to the response logit. A question on a second that has no picture is put on
    the next one that has; one beyond the end is never put.

    clock: the second of the stream at which the video starts. watcher: a lane that has seen the stream so far; it sees the whole video
    and stays with the caller. None: the stream starts here.
    """
    wishes = [(ask, bias) for bias in biases for ask in asks]
    lanes: list[Lane | None] = [None] * len(wishes)
    said: list[list[Decision]] = [[] for _ in wishes]
    own: Lane | None = model.open_lane() if watcher is None else None
    before = -1
    try:
        for turn in turns:
            features = model.encode(turn.images)
            for i, (ask, bias) in enumerate(wishes):
                said[i] += [WATCHING] * (turn.second - len(said[i]))
                new = [line for at in sorted(ask) if before < at <= turn.second for line in ask[at]]
                if new and lanes[i] is None:
                    lanes[i] = model.fork(own if watcher is None else watcher)
                said[i].append(WATCHING if lanes[i] is None else _decide(model, lanes[i], clock + turn.second, features, new, bias))
            before = turn.second
            if watcher is not None:
                model.watch(watcher, clock + turn.second, features)
            elif own is not None and any(at > before for i, (ask, _) in enumerate(wishes) if lanes[i] is None for at in ask):
                model.watch(own, clock + turn.second, features)
            elif own is not None:  # nobody will fork it any more
                model.drop(own)
                own = None
    finally:
        for lane in (own, *lanes):
            if lane is not None:
                model.drop(lane)
    return said


def _decide(model: StreamingModel, lane: Lane, second: int, features: object, instructions: Sequence[str], bias: float) -> Decision:
    text, step = "", None
    for step in model.turn(lane, second, features, instructions, bias):
        text = step.text or text
    return Decision(step.state, text.strip(), step.p)
