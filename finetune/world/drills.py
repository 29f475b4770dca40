"""What the practice dialogues of all worlds have in common: dialogues over stills, with a question on each turn or with
one standing instruction."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from finetune.build import Dialogue, DialogueTurn
from streamo_app.protocol import State

TIMED = (
    "Give the time of each event.",
    "When does each event happen?",
    "State the seconds of every event.",
    "give me the start and end of each event",
)
"""Instructions that ask for the span of every event."""
TALLY = ("Count every time you see {o}.", "How often do you see {o}? Keep counting.", "Count {o}, one by one.")
SEE = ("Do you see {o}?", "Is there {o}?", "Can you see {o} now?", "do you see {o}")

Asked = tuple[str, str, str | None]
"""(instruction, answer, what the frame is searched for)."""


def yes_no(truth: bool) -> str:
    return "Yes." if truth else "No."


def ask_each(
    task: str,
    question: Callable[[Sequence[Any], int, np.random.Generator], Asked],
    shots: Sequence[Any],
    rng: np.random.Generator,
    share: float,
) -> tuple[Dialogue, list[str | None]]:
    """A question on `share` of the turns, answered at once. Returns the dialogue and, per turn, what its frame is
    searched for."""
    turns, searched = [], []
    for i in range(len(shots)):
        if rng.random() < share:
            words, answer, name = question(shots, i, rng)
            turns.append(DialogueTurn(i, (words,), State.RESPONSE, answer))
            searched.append(name)
        else:
            turns.append(DialogueTurn(i, (), State.SILENCE, ""))
            searched.append(None)
    return Dialogue("", task, tuple(turns)), searched


def standing(task: str, words: str, texts: Sequence[str]) -> Dialogue:
    """A dialogue with one instruction, given on turn 0, and the response of each turn; an empty text is silence."""
    turns = [
        DialogueTurn(i, (words,) if i == 0 else (), State.RESPONSE if text else State.SILENCE, text)
        for i, text in enumerate(texts)
    ]
    return Dialogue("", task, tuple(turns))


def tally(words: str, seen: Sequence[bool]) -> Dialogue:
    """A dialogue whose count goes up on every turn that shows what `words` name. The tasks proper rarely count beyond
    two."""
    texts, number = [], 0
    for here in seen:
        number += here
        texts.append(f"{number}." if here else "")
    return standing("practice_counting", words, texts)
