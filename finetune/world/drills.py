"""What the practice dialogues of all worlds have in common: dialogues over loose frames, question by question or told
turn by turn."""

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
"""(instruction, answer, what the picture is searched for)."""


def yes_no(truth: bool) -> str:
    return "Yes." if truth else "No."


def ask_each(
    task: str,
    question: Callable[[Sequence[Any], int, np.random.Generator], Asked],
    shots: Sequence[Any],
    rng: np.random.Generator,
    share: float,
) -> tuple[Dialogue, list[str | None]]:
    """A question on `share` of the turns, answered at once. Returns the dialogue and, per turn, what its picture is
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


def told(task: str, words: str, texts: Sequence[str]) -> Dialogue:
    """A dialogue whose instruction stands on turn 0 and that says `texts`, one per turn; empty ones are silence."""
    return Dialogue("", task, tuple(
        DialogueTurn(i, (words,) if i == 0 else (), State.RESPONSE if text else State.SILENCE, text) for i, text in enumerate(texts)
    ))  # fmt: skip


def tally(words: str, seen: Sequence[bool]) -> Dialogue:
    """A dialogue that counts on in every turn that shows what `words` name. Whole tasks hold few numbers beyond two."""
    texts, number = [], 0
    for here in seen:
        number += here
        texts.append(f"{number}." if here else "")
    return told("practice_counting", words, texts)
