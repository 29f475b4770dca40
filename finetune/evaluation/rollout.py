"""A video's records streamed on the model's own past, as a live session would: one watcher, a lane forked at each
record's question.

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
    seen: dict[str, int] = field(default_factory=dict)
    """What its videos are known to have shown -> the last second of the stream that did."""


@dataclass(eq=False)
class _Party:
    """Biases that one lane serves: they have decided alike so far, so their pasts are the same."""

    biases: list[float]
    lane: Lane | None = None
    """None before the question."""


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
    picture is put on the next one that has; one beyond the end is never put.

    clock: the second of the stream at which the video starts. watcher: a lane that has seen the stream so far; it sees
    the whole video and stays with the caller. None: the stream starts here.
    """
    parties = [[_Party(list(dict.fromkeys(biases)))] for _ in asks]
    said: list[list[Decision]] = [[] for _ in biases for _ in asks]
    own: Lane | None = model.open_lane() if watcher is None else None
    before = -1
    try:
        for turn in turns:
            features = model.encode(turn.images)
            for i, ask in enumerate(asks):
                new = [line for at in sorted(ask) if before < at <= turn.second for line in ask[at]]
                if new and parties[i][0].lane is None:
                    parties[i][0].lane = model.fork(own if watcher is None else watcher)
                decisions = _decide(model, parties[i], clock + turn.second, features, new)
                for bias, track in zip(biases, said[i :: len(asks)], strict=True):
                    track += [WATCHING] * (turn.second - len(track))
                    track.append(decisions.get(bias, WATCHING))
            before = turn.second
            if watcher is not None:
                model.watch(watcher, clock + turn.second, features)
            elif own is not None and any(
                at > before for i, ask in enumerate(asks) if parties[i][0].lane is None for at in ask
            ):
                model.watch(own, clock + turn.second, features)
            elif own is not None:  # nobody will fork it any more
                model.drop(own)
                own = None
    finally:
        for lane in (own, *(party.lane for every in parties for party in every)):
            if lane is not None:
                model.drop(lane)
    return said


def _decide(
    model: StreamingModel, parties: list[_Party], second: int, features: object, instructions: Sequence[str]
) -> dict[float, Decision]:
    """One second of the lanes of one wish: bias -> decision. Parties whose biases come to disagree are split, so
    `parties` grows.

    A bias moves a decision by a known amount, so the first of a party tells what the others decide; most seconds they
    agree, and four of five lanes need not be run.
    """
    said: dict[float, Decision] = {}
    waiting = [party for party in parties if party.lane is not None]
    while waiting:
        party = waiting.pop()
        lead, *others = party.biases
        parting = None
        # a lane that has not seen the second, for those who decide otherwise; among the parties at once, so that it is
        # dropped
        if others:
            parties.append(parting := _Party([], model.fork(party.lane)))
        decision = said[lead] = _turn(model, party.lane, second, features, instructions, lead)
        for bias in others:
            p = _shifted(decision.p, bias - lead)
            if STATES[max(range(3), key=p.__getitem__)] is decision.state:
                said[bias] = replace(decision, p=p)
            else:
                party.biases.remove(bias)
                parting.biases.append(bias)
        if parting and parting.biases:
            waiting.append(parting)
        elif parting:
            parties.remove(parting)
            model.drop(parting.lane)
    return said


def _shifted(p: tuple[float, float, float], bias: float) -> tuple[float, float, float]:
    """Probabilities after `bias` is added to the response logit."""
    # The larger side is left as it is, so that nothing overflows.
    scale = {state: exp(min(0.0, bias)) if state is State.RESPONSE else exp(min(0.0, -bias)) for state in STATES}
    raw = [value * scale[state] for state, value in zip(STATES, p, strict=True)]
    return tuple(value / sum(raw) for value in raw)


def _turn(
    model: StreamingModel, lane: Lane, second: int, features: object, instructions: Sequence[str], bias: float
) -> Decision:
    text, step = "", None
    for step in model.turn(lane, second, features, instructions, bias):
        text = step.text or text
    return Decision(step.state, text.strip(), step.p)
