"""Raw records of `desk` clips: for each task an instruction, when it is asked, and what is to be said when
(`answers.py`).

    record(clip, "desk_alert_lights", rng, argument="lights off", turn=3)           # one task, with chosen argument and
    turn
    pair(clip, "desk_alert_colour", rng, ("red object", "green object"))            # same clip, turn and wording,
    another argument

Records are in the public schema with 1-based times, as in `finetune/world/street/tasks.py`.
"""

from collections.abc import Sequence

import numpy as np

from finetune.annotations import Record
from finetune.world.clip import visible_turn
from finetune.world.desk.answers import ANSWERS, comes_ever, counted, motions, only
from finetune.world.desk.facts import DeskFacts
from finetune.world.desk.scene import COLOURS, DeskClip, is_covered, is_dark, things_at
from finetune.world.desk.wordings import mentions, pick, pick_alike
from finetune.world.grammar import write
from finetune.world.records import BACKWARD_S, alike, common_turn, early, naming_rng, put, question_turn, written

TASK_TYPES = {
    "desk_alert_lights": "alert",
    "desk_alert_cover": "alert",
    "desk_alert_person": "alert",
    "desk_alert_colour": "alert",
    "desk_alert_view": "alert",
    "desk_alert_motion": "alert",
    "desk_grounding_forward": "event_grounding",
    "desk_grounding_backward": "event_grounding",
    "desk_tsqa": "tsqa",
    "desk_counting": "counting",
    "desk_narration": "narration",
    "desk_event_caption": "event_caption",
    "desk_action_caption": "action_caption",
    "desk_unservable": "unservable",
}
"""Finer name -> `task_type` of the record."""
TASKS = tuple(TASK_TYPES)
_OBJECTS = tuple(f"{colour} object" for colour in COLOURS)
ARGUMENTS = {
    "desk_alert_lights": ("lights off", "lights on"),
    "desk_alert_cover": ("covered", "uncovered"),
    "desk_alert_person": ("person comes", "person leaves"),
    "desk_alert_colour": (*_OBJECTS, *(f"{name} gone" for name in _OBJECTS)),
    "desk_alert_view": ("view",),
    "desk_alert_motion": ("motion",),
    "desk_grounding_forward": (*_OBJECTS, "person", "dark", "covered"),
    "desk_grounding_backward": (*_OBJECTS, "person", "dark", "covered"),
    "desk_tsqa": ("dark", "person", "covered", "colour"),
    "desk_counting": ("lights off", "person", "object", "view"),
}
"""Task -> what its argument can be; tasks that are not here take none."""
PAIRED = (
    "desk_alert_lights",
    "desk_alert_cover",
    "desk_alert_person",
    "desk_alert_colour",
    "desk_grounding_forward",
    "desk_counting",
)
"""Tasks whose argument alone can tell two answers over one clip apart."""

_NEVER_SHARE = 0.1
"""How often the argument is something that never comes although something does ..."""
_IDLE_SHARE = 0.2
"""... and how often a task is asked of a clip that has nothing for it. Together about a fifth of the alerts stay
silent."""


def record(
    clip: DeskClip,
    task: str,
    rng: np.random.Generator,
    paraphrases: str = "train",
    *,
    argument: str | None = None,
    turn: int | None = None,
    form: str | None = None,
    video_path: str = "",
) -> Record | None:
    """The record of one task (of TASKS), or None where it does not fit the clip.

    `argument` (of ARGUMENTS[task]), `turn` of the question and `form` (a wording with its slots open) are drawn where
    not given. What is asked for while it is there, or in a turn that cannot tell, does not fit. Raises ValueError on an
    unknown task or argument.
    """
    if task not in TASK_TYPES:
        raise ValueError(f"{task!r} is not a task; take one of {', '.join(TASKS)}.")
    facts = DeskFacts(clip)
    if argument is None and task in ARGUMENTS:
        argument = _choose(facts, task, rng)
        if argument is None:
            return None
    elif argument is not None and argument not in ARGUMENTS.get(task, ()):
        raise ValueError(
            f"{argument!r} is no argument of {task}; take one of {', '.join(ARGUMENTS.get(task, ('none',)))}."
        )
    turns = turns_for(facts, task, argument)
    if not turns:
        return None
    turn = question_turn(turns, turn, rng)
    if turn is None:
        return None
    slots = _slots(clip, argument, naming_rng(rng, form), shapes=form is None)
    form = form or pick(task, rng, paraphrases, argument)
    answers = ANSWERS[task](facts, argument, turn)
    return written(
        clip,
        "desk",
        task,
        TASK_TYPES[task],
        argument=argument,
        question=put(turn, write(form, rng, **slots)),
        answers=answers,
        video_path=video_path,
    )


def pair(
    clip: DeskClip,
    task: str,
    rng: np.random.Generator,
    arguments: Sequence[str],
    paraphrases: str = "train",
    video_path: str = "",
) -> tuple[Record, ...] | None:
    """Records that differ in the argument alone: same clip, turn and wording. None where no turn suits all arguments,
    or one is not the task's.

    Raises ValueError on a task without an argument.
    """
    if task not in ARGUMENTS:
        raise ValueError(
            f"{task!r} takes no argument, so there are no pairs of it; take one of {', '.join(ARGUMENTS)}."
        )
    if not set(arguments) <= set(ARGUMENTS[task]):
        return None
    facts = DeskFacts(clip)
    turn = common_turn((turns_for(facts, task, argument) for argument in arguments), rng)
    if turn is None:
        return None
    wanted = zip(arguments, pick_alike(task, rng, arguments, paraphrases), strict=True)
    return alike(record, clip, task, rng, wanted, turn=turn, paraphrases=paraphrases, video_path=video_path)


def rival(task: str, argument: str, rng: np.random.Generator) -> str:
    """Another argument of the task, easily taken for this one: another colour, the other half of a change. Raises
    ValueError where there is none."""
    others = [other for other in ARGUMENTS.get(task, ()) if other != argument]
    if not others:
        raise ValueError(f"{task!r} has no second argument beside {argument!r}.")
    alike = [other for other in others if other.split()[1:] == argument.split()[1:]]
    near = (
        [f"{argument} gone"]
        if f"{argument} gone" in others
        else [other for other in others if f"{other} gone" == argument]
    )
    if near and rng.random() < 0.3:
        return near[0]
    return str(rng.choice(alike if alike and rng.random() < 0.85 else others))


def _slots(clip: DeskClip, argument: str | None, rng: np.random.Generator, shapes: bool) -> dict[str, str]:
    """Words for an object; its shape only where it is a ball for certain, and where wordings are not shared with
    another object."""
    if argument is None or " object" not in argument:
        return {}
    colour = argument.split()[0]
    of_colour = [thing.shape for thing in clip.things if thing.kind == "object" and thing.colour == colour]
    return mentions(colour, rng, shapes and bool(of_colour) and set(of_colour) == {"ball"})


# Which arguments there are to choose from, and on which turns each may be asked about.


def _choose(facts: DeskFacts, task: str, rng: np.random.Generator) -> str | None:
    """An argument that happens, or sometimes one that never does."""
    fits = [argument for argument in ARGUMENTS[task] if turns_for(facts, task, argument)]
    good = [argument for argument in fits if _happens(facts, task, argument)]
    never = [
        argument
        for argument in fits
        if argument not in good and not (task == "desk_grounding_backward" and not facts.clip.things)
    ]
    if good and not (never and rng.random() < _NEVER_SHARE):
        return good[int(rng.integers(len(good)))]
    if never and (good or rng.random() < _IDLE_SHARE):
        return never[int(rng.integers(len(never)))]
    return None


def _happens(facts: DeskFacts, task: str, argument: str) -> bool:
    """Whether the argument gives a task something to say; a state to ask about has to change."""
    if task.startswith("desk_grounding"):
        return only(facts, argument) is not None
    if task == "desk_tsqa":
        return len(ANSWERS[task](facts, argument, 0)) > 1
    return bool(_onsets(facts, task, argument))


def _onsets(facts: DeskFacts, task: str, argument: str) -> list[int]:
    if task == "desk_counting":
        return counted(facts, argument)
    return (motions(facts) or []) if argument == "motion" else facts.onsets(argument)


def turns_for(facts: DeskFacts, task: str, argument: str | None) -> list[int]:
    """Turns on which a task may be asked about an argument; empty where it does not fit the clip."""
    first = early(facts)
    if argument is None:
        return first
    if task == "desk_tsqa":
        return [turn for turn in first if not _hides(facts.clip, argument, float(turn))]
    if task.startswith("desk_grounding"):
        return _grounded(facts, task, argument, first)
    if argument == "motion" and motions(facts) is None:
        return []
    onsets = _onsets(facts, task, argument)
    last = max(onsets, default=facts.clip.seconds)
    return [turn for turn in first if turn < last and turn not in onsets and not _holds(facts, argument, turn)]


def _grounded(facts: DeskFacts, task: str, argument: str, early: list[int]) -> list[int]:
    """Turns before its one appearance, or at most BACKWARD_S after it; any early one where it never comes."""
    if not comes_ever(facts, argument):
        return early
    span = only(facts, argument)
    if span is None:
        return []
    first, gone = visible_turn(span[0]), visible_turn(span[1])
    if task == "desk_grounding_forward":
        return [turn for turn in early if turn < first]
    return [turn for turn in facts.turns if gone <= turn <= gone + BACKWARD_S]


def _hides(clip: DeskClip, argument: str, t: float) -> bool:
    """Whether the picture cannot tell a state: all but the cover behind a cover, people and objects in the dark, the
    cover in the dark."""
    return (is_covered(clip, t) and argument != "covered") or (is_dark(clip, t) and argument != "dark")


def _holds(facts: DeskFacts, argument: str, turn: int) -> bool:
    """Whether what an alert or a count waits for is the case already."""
    t = float(turn)
    if argument == "motion":
        return facts.moving(turn)
    if argument in ("lights off", "covered"):
        return is_dark(facts.clip, t) if argument == "lights off" else is_covered(facts.clip, t)
    return any(argument in (thing.name, thing.kind) for thing in things_at(facts.clip, t)) and argument != "person"
