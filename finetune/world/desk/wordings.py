"""How people ask for what happens in a room: sentences made of the frames, clauses and patterns of `patterns.py`.

Frames and clauses are patterns as in `grammar.py`; joined they are forms, part of which is held out. `{o}` and `{d}`
are filled in later ("a red object", "the red object"). Two arguments of a task share their frames, so that one wording
can be asked with either (`pick_alike`).
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from finetune.world.desk.patterns import CANONICAL, CLAUSES, FRAMES, PAST_TENSE, PATTERNS
from finetune.world.grammar import Forms, expand, hold_out, one_of

TASKS = (*FRAMES, *PATTERNS)
ASKED = ("a {} object", "a {} object", "a {} object", "something {}", "a {} thing", "a large {} object", "a {} ball")
NAMED = (
    "the {} object",
    "the {} object",
    "the {} object",
    "something {}",
    "the {} thing",
    "the large {} object",
    "the {} ball",
)
(
    """How an object is mentioned, before it is known and after; the last only where every object of the "
    "colour is a ball."""
)


def mentions(colour: str, rng: np.random.Generator, ball: bool = False) -> dict[str, str]:
    """Values of the slots `o` and `d` for an object of a colour: "a red object" and "the red object", also in other
    words."""
    i = int(rng.integers(len(ASKED) if ball else len(ASKED) - 1))
    return {"o": ASKED[i].format(colour), "d": NAMED[i].format(colour)}


def group_of(argument: str | None) -> str:
    """Which clauses an argument has: "red object" those of "object", "red object gone" those of "object gone", others
    their own."""
    words = (argument or "").split()
    return " ".join(words[1:]) if "object" in words[1:] else argument or ""


def wordings(task: str, split: str = "train", argument: str | None = None) -> tuple[str, ...]:
    """Forms of a task, of one argument or of all, in order; split "train", "heldout" or "all". Raises ValueError on an
    unknown name."""
    if task not in TASKS or split not in ("train", "heldout", "all"):
        raise ValueError(
            f"There are no wordings {task!r} / {split!r}; tasks: {', '.join(TASKS)}; splits: train, heldout, all."
        )
    keys = [key for key in _split() if key[0] == task and (argument is None or key[1] == group_of(argument))]
    if not keys:
        raise ValueError(f"{task} has no wordings for {argument!r}.")
    both = [
        form
        for key in keys
        for part, forms in zip(("train", "heldout"), _split()[key], strict=True)
        if split in (part, "all")
        for form in forms
    ]
    return tuple(sorted(set(both)))


def pick(task: str, rng: np.random.Generator, paraphrases: str = "train", argument: str | None = None) -> str:
    """A form of `task`, its slots not filled; `argument` as in the records ("lights off", "red object")."""
    return one_of(wordings(task, paraphrases, argument), CANONICAL, rng)


def pick_alike(
    task: str, rng: np.random.Generator, arguments: Sequence[str], paraphrases: str = "train"
) -> tuple[str, ...]:
    """A form for each argument that differ in nothing else: one frame, and the same clause where they share it."""
    alike = _alike(task, tuple(group_of(argument) for argument in arguments), paraphrases)
    if not alike:  # a small held-out part may have none
        return tuple(pick(task, rng, paraphrases, argument) for argument in arguments)
    return alike[int(rng.integers(len(alike)))]


@lru_cache(maxsize=256)
def _alike(task: str, groups: tuple[str, ...], paraphrases: str) -> list[tuple[str, ...]]:
    allowed = [set(wordings(task, paraphrases, group)) for group in groups]
    clauses = [_clauses(task, group) for group in groups]
    frames = [frame for pattern in FRAMES[task] for frame in expand(pattern)]
    rows = [tuple(each[i % len(each)] for each in clauses) for i in range(max(map(len, clauses)))]
    forms = [tuple(_join(frame, clause) for clause in row) for frame in frames for row in rows]
    return [form for form in forms if all(one in known for one, known in zip(form, allowed, strict=True))]


@lru_cache(maxsize=64)
def _clauses(task: str, group: str) -> tuple[tuple[str, str], ...]:
    """(question, statement) of each clause; the same twice where there is but one."""
    past = task == "desk_grounding_backward"
    made = []
    for clause in CLAUSES["desk_grounding_forward" if past else task, group]:
        if not task.startswith("desk_grounding"):
            made += [(line, line) for line in (expand(clause) if task == "desk_tsqa" else (clause,))]
            continue
        asks, says = clause.split("|")
        made.append((_past(asks), _past(says).replace("you see", "you saw")) if past else (asks, says))
    return tuple(made)


def _past(clause: str) -> str:
    for now, then in PAST_TENSE:
        if clause.startswith(now):
            return then + clause[len(now) :]
        if now.startswith(" ") and now in clause:
            return clause.replace(now, then)
    return clause


def _join(frame: str, clause: tuple[str, str]) -> str:
    line = frame.replace("{q}", clause[0]).replace("{v}", clause[1])
    return line[0].upper() + line[1:]


@lru_cache(maxsize=1)
def _split() -> dict[tuple[str, str], Forms]:
    """(task, group of arguments) -> (train forms, held-out forms)."""
    every = {
        (task, ""): [form for pattern in patterns for form in expand(pattern)] for task, patterns in PATTERNS.items()
    }
    for task, group in [
        *CLAUSES,
        *(("desk_grounding_backward", group) for task, group in CLAUSES if task == "desk_grounding_forward"),
    ]:
        frames = [frame for pattern in FRAMES[task] for frame in expand(pattern)]
        every[task, group] = [_join(frame, clause) for frame in frames for clause in _clauses(task, group)]
    return hold_out(every, CANONICAL)
