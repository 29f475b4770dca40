"""Streams the records of one video on the model's own past, as a live session would: one watcher, and a lane forked at
each record's question.

Not the scores (`metrics.py`), not the command (`evaluate.py`); no decoder of its own: everything goes through
StreamingModel.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import exp

from streamo_app.models.interface import Lane, StreamingModel
from streamo_app.protocol import STATES, State
from streamo_app.video.turns import Turn


@dataclass(frozen=True)
class Decision:
    """What the model decided for one second."""

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
    seen: dict[str, int] = field(default_factory=dict)
    """What its videos are known to have shown -> the last second of the stream that did."""


@dataclass(eq=False)
class _SharedLane:
    """A lane and the biases that share it: they have decided alike so far, so their pasts are the same."""

    lane: Lane
    biases: list[float]


def roll_out(
    model: StreamingModel,
    turns: Iterable[Turn],
    asks: Sequence[Asks],
    biases: Sequence[float] = (0.0,),
    *,
    clock: int = 0,
    watcher: Lane | None = None,
) -> list[list[Decision]]:
    """One decision per second of the video, from second 0, for each of `asks` with the first of `biases`, then with the
    next.

    Each second is encoded once for all lanes. A bias is added to the response logit. A question on a second that has no
    image is asked on the next one that has; one beyond the end is never asked.

    clock: the second of the stream at which the video starts. watcher: a lane that has seen the stream so far; it sees
    the whole video and stays with the caller. None: the stream starts here.
    """
    lanes: list[list[_SharedLane]] = [[] for _ in asks]  # empty before the question
    decided: list[list[Decision]] = [[] for _ in biases for _ in asks]
    own: Lane | None = model.open_lane() if watcher is None else None
    before = -1
    try:
        for turn in turns:
            features = model.encode(turn.images)
            for i, ask in enumerate(asks):
                new = [line for at in sorted(ask) if before < at <= turn.second for line in ask[at]]
                if new and not lanes[i]:
                    lane = model.fork(own if watcher is None else watcher)
                    lanes[i].append(_SharedLane(lane, list(dict.fromkeys(biases))))
                decisions = _decide(model, lanes[i], clock + turn.second, features, new)
                for bias, track in zip(biases, decided[i :: len(asks)], strict=True):
                    track.extend([WATCHING] * (turn.second - len(track)))
                    track.append(decisions.get(bias, WATCHING))
            before = turn.second
            if watcher is not None:
                model.watch(watcher, clock + turn.second, features)
            elif own is not None and any(at > before for i, ask in enumerate(asks) if not lanes[i] for at in ask):
                model.watch(own, clock + turn.second, features)
            elif own is not None:  # no question is left that would fork it
                model.drop(own)
                own = None
    finally:
        for lane in (own, *(shared.lane for every in lanes for shared in every)):
            if lane is not None:
                model.drop(lane)
    return decided


def _decide(
    model: StreamingModel, lanes: list[_SharedLane], second: int, features: object, instructions: Sequence[str]
) -> dict[float, Decision]:
    """One second of the lanes of one record: bias -> decision. A lane whose biases come to disagree is split, so
    `lanes` grows.

    A bias moves a decision by a known amount, so the first of a lane tells what the others decide; most seconds they
    agree, and four of five lanes need not be run.
    """
    decisions: dict[float, Decision] = {}
    waiting = list(lanes)
    while waiting:
        shared = waiting.pop()
        lead, *others = shared.biases
        spare: list[_SharedLane] = []
        if others:
            # For biases that will disagree: a fork that has not seen this second. In `lanes` at once, so that it is
            # dropped whatever happens.
            spare.append(_SharedLane(model.fork(shared.lane), []))
            lanes += spare
        decision = decisions[lead] = _turn(model, shared.lane, second, features, instructions, lead)
        shared.biases, apart = [lead], []
        for bias in others:
            p = _shifted(decision.p, bias - lead)
            if STATES[max(range(3), key=p.__getitem__)] is decision.state:
                decisions[bias] = replace(decision, p=p)
                shared.biases.append(bias)
            else:
                apart.append(bias)
        for fork in spare:
            fork.biases = apart
            if apart:
                waiting.append(fork)
            else:
                lanes.remove(fork)
                model.drop(fork.lane)
    return decisions


def _shifted(p: tuple[float, float, float], bias: float) -> tuple[float, float, float]:
    """Probabilities after `bias` is added to the response logit."""
    # The larger side is left as it is, so that nothing overflows.
    scale = {state: exp(min(0.0, bias)) if state is State.RESPONSE else exp(min(0.0, -bias)) for state in STATES}
    silence, standby, response = (value * scale[state] for state, value in zip(STATES, p, strict=True))
    total = sum((silence, standby, response))
    return silence / total, standby / total, response / total


def _turn(
    model: StreamingModel, lane: Lane, second: int, features: object, instructions: Sequence[str], bias: float
) -> Decision:
    steps = list(model.turn(lane, second, features, instructions, bias))
    text = next((step.text for step in reversed(steps) if step.text), "")
    return Decision(steps[-1].state, text.strip(), steps[-1].p)
