"""What the records of all worlds have in common: on which turn a question is put, how a record is written down, the
refusal.

Records are in the public schema, so times are 1-based: what is first seen in turn k has time k + 1.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from finetune.annotations import Answer, Question, Record
from finetune.world.street.wordings import UNSERVABLE_REPLY

LATEST_QUESTION = 0.6
"""Questions come in this first part of the clip, so that there is something left to watch."""
BACKWARD_S = 15
"""A question about the past is about what ended at most this long ago."""
_AT_START_SHARE = 0.25


def early(facts) -> list[int]:
    """Turns on which most questions are put."""
    return [turn for turn in facts.turns if turn <= LATEST_QUESTION * facts.clip.seconds] or [0]


def question_turn(turns: Sequence[int], turn: int | None, rng: np.random.Generator) -> int | None:
    """`turn` where it is one of `turns`, else None; drawn from them where it is None, often the very first."""
    if turn is None:
        return 0 if 0 in turns and rng.random() < _AT_START_SHARE else int(rng.choice(turns))
    return turn if turn in turns else None


def naming_rng(rng: np.random.Generator, form: str | None) -> np.random.Generator:
    """What the words for an argument are drawn from: for a chosen form apart, so that another argument leaves the same
    draws for its typing."""
    return rng if form is None else np.random.default_rng(int(rng.integers(2**31)))


def written(
    clip,
    world: str,
    types: dict[str, str],
    task: str,
    argument: str | None,
    turn: int,
    words: str,
    answers: Sequence[Answer],
    video_path: str,
) -> Record:
    """The record of a question put on `turn`; `types` has the `task_type` of each task. The video is named after the
    clip where it has no path."""
    video_path = video_path or f"{world}-{clip.seed}.webm"
    return Record(
        video_name=Path(video_path).stem,
        video_path=video_path,
        task_type=types[task],
        source=f"streamo-{world}",
        questions=(Question(words, turn + 1),),
        answers=tuple(answers),
        extra={"task": task, "argument": argument, "seed": clip.seed, "seconds": clip.seconds},
    )


def at(turn: int, content: str) -> Answer:
    """An answer due on one turn."""
    return Answer(content, time=turn + 1)


def span(start_s: float, end_s: float, asked: int, content: str) -> Answer:
    """Answer to an event: after it; standing by from its start, or from the question when that comes later."""
    start, end = round(start_s + 1, 2), round(end_s, 2)
    return Answer(
        content, st_time=max(start, min(asked + 1, end)), end_time=end
    )  # in its last turn, `end` may come before `asked + 1`


def refuse(_facts, _argument: str | None, asked: int) -> list[Answer]:
    """To what no world can serve: the same reply at once."""
    return [at(asked, UNSERVABLE_REPLY)]
