"""What live use does to a dialogue, done to training dialogues: evicted layouts, clocks far from zero, skipped seconds,
follow-up instructions, wrong states in the past, refusals.

Pure functions from Dialogue to Dialogue. The live side produces the same shapes (`models/streaming.py`); a model that
never saw them in training falls apart at the first eviction.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from finetune.build import Dialogue, DialogueTurn
from streamo_app.protocol import State, span_text

DAY_S = 86_400
_EARLIEST_OFFSET_S = 100
"""The clock of a live stream is nearly always past it, and every clip begins before it."""
_OFFSET_SHARE, _OFFSET_SHARE_OF_TIMES = 0.35, 0.6
"""Share of dialogues whose clock is far from 0, and of those that answer with a time: all its digits are read from the
clock."""
_SPAN = re.compile(r"From (\d+)s to (\d+)s")


def window(dialogue: Dialogue, first: int, length: int) -> tuple[Dialogue, bool]:
    """Turns [first, first + length) as a lane would hold them, and whether the layout is an evicted one.

    Instructions asked before `first` are pinned: they stand in the first turn that is left, whose decision was made
    long ago (nothing that is still there explains it, so it must not be supervised).
    """
    kept = [turn for turn in dialogue.turns if first <= turn.second < first + length]
    pinned = tuple(line for turn in dialogue.turns if turn.second < first for line in turn.instructions)
    if pinned:
        kept[0] = replace(kept[0], instructions=pinned[-5:] + kept[0].instructions)
    return replace(dialogue, turns=tuple(kept)), bool(pinned)


def shift_clock(dialogue: Dialogue, offset: int) -> Dialogue:
    """The same dialogue `offset` seconds later; the spans that its answers name move along."""
    return _move_clock(dialogue, lambda second: second + offset)


def random_clock_offset(dialogue: Dialogue, rng: np.random.Generator) -> Dialogue:
    """The same dialogue, often with a clock that is far from 0, as it is in a stream that has been on for a while."""
    times = "grounding" in dialogue.task or dialogue.task == "timed"
    share = _OFFSET_SHARE_OF_TIMES if times else _OFFSET_SHARE
    return shift_clock(dialogue, clock_offset(rng)) if rng.random() < share else dialogue


def retime(dialogue: Dialogue, seconds: Sequence[int]) -> Dialogue:
    """The same turns at `seconds`, which rise, one per turn; the spans that its answers name go by the turns that they
    begin and end with."""
    at = dict(zip((turn.second for turn in dialogue.turns), seconds, strict=True))
    return _move_clock(dialogue, at.__getitem__)


def _move_clock(dialogue: Dialogue, later: Callable[[int], int]) -> Dialogue:
    """`later`: second of a turn -> the second that it moves to."""

    def moved(match: re.Match) -> str:
        return span_text(later(int(match[1])), later(int(match[2]) - 1)).removesuffix(".")

    turns = (replace(turn, second=later(turn.second), text=_SPAN.sub(moved, turn.text)) for turn in dialogue.turns)
    return replace(dialogue, turns=tuple(turns))


def clock_offset(rng: np.random.Generator) -> int:
    """Start of a clock anywhere in a day but its first moments, numbers of three, four and five digits alike."""
    return int(np.exp(rng.uniform(np.log(_EARLIEST_OFFSET_S), np.log(DAY_S))))


def skip(dialogue: Dialogue, gone: set[int]) -> tuple[Dialogue, list[int]]:
    """The dialogue without the turns at indices `gone`, and the indices that are left.

    What was due on a skipped turn is due on the next one that is seen; what was asked there is asked there.
    """
    turns: list[DialogueTurn] = []
    left: list[int] = []
    asked: tuple[str, ...] = ()
    due: list[str] = []
    for i, turn in enumerate(dialogue.turns):
        if i in gone and i + 1 < len(dialogue.turns):
            asked += turn.instructions
            due += [turn.text] if turn.state is State.RESPONSE else []
            continue
        if turn.state is State.RESPONSE:
            due.append(turn.text)
        state = State.RESPONSE if due else turn.state
        turns.append(DialogueTurn(turn.second, asked + turn.instructions, state, " ".join(due)))
        left.append(i)
        asked, due = (), []
    return replace(dialogue, turns=tuple(turns)), left


def follow_up(first: Dialogue, second: Dialogue) -> Dialogue:
    """Two instructions over the same turns in one lane: what either asks for is said, joined where both are due."""
    turns = []
    for a, b in zip(first.turns, second.turns, strict=True):
        texts = [turn.text for turn in (a, b) if turn.state is State.RESPONSE]
        standby = State.STANDBY in (a.state, b.state)
        state = State.RESPONSE if texts else State.STANDBY if standby else State.SILENCE
        turns.append(DialogueTurn(a.second, a.instructions + b.instructions, state, " ".join(dict.fromkeys(texts))))
    return replace(first, turns=tuple(turns), task="follow_up")


def corrupt_states(dialogue: Dialogue, rng: np.random.Generator, share: float) -> tuple[Dialogue, set[int]]:
    """The dialogue with the state of some turns wrong, as a model's own past is, and the indices of those turns.

    A wrong turn is input only: its gold state stays the label, its words are not learned.
    """
    pool = [turn.text for turn in dialogue.turns if turn.text]
    turns, wrong = list(dialogue.turns), set()
    asked = False
    for i, turn in enumerate(turns):
        asked = asked or bool(turn.instructions)
        if not asked or rng.random() >= share:
            continue
        state = (
            State.SILENCE
            if turn.state is State.RESPONSE or (turn.state is State.STANDBY and rng.random() < 0.5)
            else State.RESPONSE
        )
        if state is State.RESPONSE and not pool:
            continue
        turns[i] = replace(turn, state=state, text=str(rng.choice(pool)) if state is State.RESPONSE else "")
        wrong.add(i)
    return replace(dialogue, turns=tuple(turns)), wrong


def refuse_first(dialogue: Dialogue, reply: str) -> tuple[Dialogue, set[int]]:
    """The dialogue whose first instruction was refused with `reply`, all silence from then on, and the index of that
    turn.

    As in `corrupt_states`, the refusal is input only. Unchanged, and no index, where nothing is asked.
    """
    asked = next((i for i, turn in enumerate(dialogue.turns) if turn.instructions), None)
    if asked is None:
        return dialogue, set()
    before, turn, after = dialogue.turns[:asked], dialogue.turns[asked], dialogue.turns[asked + 1 :]
    silent = (replace(later, state=State.SILENCE, text="") for later in after)
    return replace(dialogue, turns=(*before, replace(turn, state=State.RESPONSE, text=reply), *silent)), {asked}
