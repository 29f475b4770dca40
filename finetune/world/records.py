"""What the records of all worlds have in common: on which turn a question is put, how a record is written down, records
that differ in one word, the refusal.

Records are in the public schema, so times are 1-based: what is first seen in turn k has time k + 1.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from finetune.annotations import Answer, Question, Record
from finetune.world.grammar import UNSERVABLE_REPLY

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
    """The generator that the words for an argument are drawn from. A chosen form gets one of its own, so that the
    draws for its typing are the same for every argument."""
    return rng if form is None else np.random.default_rng(int(rng.integers(2**31)))


def common_turn(choices: Iterable[Collection[int]], rng: np.random.Generator) -> int | None:
    """A turn that is in all of `choices`, None where there is none."""
    turns = sorted(set.intersection(*(set(turns) for turns in choices)))
    return int(rng.choice(turns)) if turns else None


def alike(
    record: Callable[..., Record | None],
    clip,
    task: str,
    rng: np.random.Generator,
    wanted: Iterable[tuple[str, str]],
    **common: Any,
) -> tuple[Record, ...] | None:
    """A record of a world's `record` for each (argument, form) of `wanted`, typed alike; `common` is passed on to all.
    None where one does not fit the clip."""
    seed = int(rng.integers(2**31))
    made = [
        record(clip, task, np.random.default_rng(seed), argument=argument, form=form, **common)
        for argument, form in wanted
    ]
    fitting = tuple(item for item in made if item is not None)
    return fitting if len(fitting) == len(made) else None


def written(
    clip,
    world: str,
    task: str,
    task_type: str,
    *,
    argument: str | None,
    question: Question,
    answers: Sequence[Answer],
    video_path: str,
) -> Record:
    """The record of one question about a clip. The video is named after the clip where it has no path."""
    video_path = video_path or f"{world}-{clip.seed}.webm"
    return Record(
        video_name=Path(video_path).stem,
        video_path=video_path,
        task_type=task_type,
        source=f"streamo-{world}",
        questions=(question,),
        answers=tuple(answers),
        extra={"task": task, "argument": argument, "seed": clip.seed, "seconds": clip.seconds},
    )


def put(turn: int, words: str) -> Question:
    """A question put on one turn."""
    return Question(words, turn + 1)


def at(turn: int, content: str) -> Answer:
    """An answer due on one turn."""
    return Answer(content, time=turn + 1)


def span(start_s: float, end_s: float, asked: int, content: str) -> Answer:
    """Answer to an event: after it; standing by from its start, or from the question when that comes later."""
    start, end = round(start_s + 1, 2), round(end_s, 2)
    # in its last turn, `end` may come before `asked + 1`
    return Answer(content, st_time=max(start, min(asked + 1, end)), end_time=end)


def refuse(_facts, _argument: str | None, asked: int) -> list[Answer]:
    """The reply to an instruction that no world can serve, at once."""
    return [at(asked, UNSERVABLE_REPLY)]
