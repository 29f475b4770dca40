"""Raw records of `street` clips: for each task an instruction, when it is asked, and what is to be said when.

    record(clip, "alert_object", rng, argument="red car", turn=3)       # one task, with chosen argument and turn
    pair(clip, "alert_object", rng, ("red car", "dog"))                 # same clip, turn and wording, another argument

Records are in the public schema, so times are 1-based: what is first seen in turn k has time k + 1, and what is in view
from `start` to `end` has st_time start + 1 and end_time end, which `protocol.raw_turn` maps to the turns that show it,
and its answer to the turn after.
"""

from collections.abc import Callable, Sequence

import numpy as np

from finetune.annotations import Answer, Record
from finetune.world.records import (
    BACKWARD_S,
    alike,
    at,
    common_turn,
    early,
    naming_rng,
    put,
    question_turn,
    refuse,
    span,
    written,
)
from finetune.world.street.facts import StreetFacts, facts_of
from finetune.world.street.practice import confusable
from finetune.world.street.scene import CAR_COLOURS, LIGHTS, NAMES, StreetClip, StreetThing
from finetune.world.street.wordings import article, caption, kind_of, mention, pick, write
from streamo_app.protocol import span_text

TASK_TYPES = {
    "alert_light": "alert",
    "alert_object": "alert",
    "event_caption": "event_caption",
    "action_caption": "action_caption",
    "grounding_forward": "event_grounding",
    "grounding_backward": "event_grounding",
    "tsqa_light": "tsqa",
    "tsqa_crossing": "tsqa",
    "narration": "narration",
    "counting": "counting",
    "unservable": "unservable",
}
"""Finer name -> `task_type` of the record."""
TASKS = tuple(TASK_TYPES)
PAIRED = ("alert_light", "alert_object", "grounding_forward")
"""Tasks whose argument alone can tell two answers over one clip apart."""

_NEVER_SHARE = {"alert_object": 0.2, "grounding_forward": 0.15, "grounding_backward": 0.1}
"""How often the argument is something that never comes although something does."""


def record(
    clip: StreetClip,
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

    `argument` ("red car", "green light"), `turn` of the question and `form` (a wording with its slot open) are drawn
    where not given. An alert or a grounding question whose argument is in view at `turn` does not fit. Raises
    ValueError on an unknown task or argument.
    """
    if task not in TASK_TYPES:
        raise ValueError(f"{task!r} is not a task; take one of {', '.join(TASKS)}.")
    facts = facts_of(clip)
    if task in _ARGUED:
        choices, turns_for = _ARGUED[task]
        argument = argument or _choose(facts, task, choices(facts), rng)
        if argument is not None and argument not in (*NAMES, *(f"{colour} light" for colour in LIGHTS)):
            raise ValueError(
                f"{argument!r} is nothing of this world; take one of {', '.join(NAMES)} or a colour with 'light'."
            )
        if argument is None or (turns := turns_for(facts, argument)) == []:
            return None
    else:
        argument, turns = None, early(facts)
    turn = question_turn(turns, turn, rng)
    if turn is None:
        return None
    slots = {"o": mention(argument, naming_rng(rng, form)), "c": argument.split()[0]} if argument else {}
    if form is None:
        special = "past" if task == "grounding_backward" else kind_of(slots.get("o", ""))
        form = pick(_grammar(task), rng, paraphrases, special)
    answers = _ANSWERS[task](facts, argument, turn)
    return written(
        clip,
        "street",
        task,
        TASK_TYPES[task],
        argument=argument,
        question=put(turn, write(form, rng, **slots)),
        answers=answers,
        video_path=video_path,
    )


def pair(
    clip: StreetClip,
    task: str,
    rng: np.random.Generator,
    arguments: Sequence[str],
    paraphrases: str = "train",
    video_path: str = "",
) -> tuple[Record, ...] | None:
    """Records that differ in the argument alone: same clip, turn and wording. None where no turn suits all arguments.

    Raises ValueError on a task without an argument.
    """
    if task not in _ARGUED:
        raise ValueError(f"{task!r} takes no argument, so there are no pairs of it; take one of {', '.join(_ARGUED)}.")
    facts = facts_of(clip)
    _, turns_for = _ARGUED[task]
    turn = common_turn((turns_for(facts, argument) for argument in arguments), rng)
    if turn is None:
        return None
    form = pick(_grammar(task), rng, paraphrases)  # one that suits all kinds of things
    wanted = [(argument, form) for argument in arguments]
    return alike(record, clip, task, rng, wanted, turn=turn, paraphrases=paraphrases, video_path=video_path)


def rival(task: str, argument: str, rng: np.random.Generator) -> str:
    """Another argument of the task, easily taken for this one: another colour of the light, mostly another car. Raises
    ValueError where there is none."""
    if task not in _ARGUED:
        raise ValueError(
            f"{task!r} takes no argument, so there is nothing like {argument!r}; take one of {', '.join(_ARGUED)}."
        )
    if task == "alert_light":
        return str(rng.choice([f"{colour} light" for colour in LIGHTS if f"{colour} light" != argument]))
    return confusable(argument, rng)


def _grammar(task: str) -> str:
    return "grounding" if task.startswith("grounding") else task


# Which arguments there are to choose from, and on which turns each may be asked about.


def _choose(facts: StreetFacts, task: str, good: list[str], rng: np.random.Generator) -> str | None:
    """One of the arguments that happen, or sometimes something that never comes: mostly a car of another colour."""
    if good and rng.random() >= _NEVER_SHARE.get(task, 0.0):
        return good[int(rng.integers(len(good)))]
    if task == "alert_light":
        return None
    seen = {thing.name for thing in facts.clip.things}
    never = [name for name in NAMES if name not in seen]
    if not never or (task == "grounding_backward" and not seen):
        return None
    cars = [name for name in never if name.endswith(" car")]
    return str(rng.choice(cars if cars and rng.random() < 0.6 else never))


def _alertable(facts: StreetFacts, argument: str) -> list[int]:
    """Turns on which the argument is not in view; before its last onset where it has one."""
    last = max(facts.onsets(argument), default=None)
    return [turn for turn in early(facts) if not facts.sees(argument, turn) and (last is None or turn < last)]


def _coming_lights(facts: StreetFacts) -> list[str]:
    return [
        f"{colour} light"
        for colour in LIGHTS
        if _alertable(facts, f"{colour} light") and facts.onsets(f"{colour} light")
    ]


def _coming_names(facts: StreetFacts) -> list[str]:
    """Names of the things that come, once for each thing."""
    return [thing.name for thing in facts.clip.things if _alertable(facts, thing.name)]


def _once(facts: StreetFacts) -> list[str]:
    return [name for name in NAMES if len(facts.named(name)) == 1]


def _before(facts: StreetFacts, argument: str) -> list[int]:
    """Turns before the only appearance of the argument; any early turn when it never comes."""
    things = facts.named(argument)
    if len(things) > 1:
        return []
    return [turn for turn in early(facts) if not things or turn < facts.shown(things[0]).start]


def _after(facts: StreetFacts, argument: str) -> list[int]:
    """Turns at most BACKWARD_S after the only appearance of the argument; any early turn when it never comes."""
    things = facts.named(argument)
    if len(things) > 1:
        return []
    if not things:
        return early(facts)
    gone = facts.shown(things[0]).stop
    return [turn for turn in facts.turns if gone <= turn <= gone + BACKWARD_S]


_ARGUED = {
    "alert_light": (_coming_lights, _alertable),
    "alert_object": (_coming_names, _alertable),
    "grounding_forward": (lambda facts: [name for name in _once(facts) if _before(facts, name)], _before),
    "grounding_backward": (lambda facts: [name for name in _once(facts) if _after(facts, name)], _after),
}


# What is to be said: (facts, argument, turn of the question) -> answers.


def _alert(facts: StreetFacts, argument: str, asked: int) -> list[Answer]:
    light = argument.endswith(" light")
    content = (
        f"The light turned {argument.split(maxsplit=1)[0]}." if light else f"{article(argument).capitalize()} appears."
    )
    return [at(turn, content) for turn in facts.onsets(argument) if turn >= asked]


def _still_seen(facts: StreetFacts, asked: int, kinds: Sequence[str]) -> list[StreetThing]:
    """Things of these kinds that some turn from the question on shows, in the order in which they leave."""
    things = [thing for thing in facts.clip.things if thing.kind in kinds and facts.shown(thing).stop > asked]
    return sorted(things, key=lambda thing: thing.end)


def _captions(facts: StreetFacts, _: str | None, asked: int) -> list[Answer]:
    return [
        span(thing.start, thing.end, asked, caption(thing))
        for thing in _still_seen(facts, asked, ("car", "person", "dog", "ball"))
    ]


def _actions(facts: StreetFacts, _: str | None, asked: int) -> list[Answer]:
    return [
        span(thing.start, thing.end, asked, caption(thing)) for thing in _still_seen(facts, asked, ("person", "dog"))
    ]


def _count(facts: StreetFacts, _: str | None, asked: int) -> list[Answer]:
    return [
        span(car.start, car.end, asked, f"{number}.")
        for number, car in enumerate(_still_seen(facts, asked, ("car",)), 1)
    ]


def _ground(facts: StreetFacts, argument: str, asked: int) -> list[Answer]:
    answers = []
    for thing in facts.named(argument):
        shown = facts.shown(thing)
        content = span_text(shown.start, shown.stop - 1)
        answers.append(at(asked, content) if shown.stop <= asked else span(thing.start, thing.end, asked, content))
    return answers


def _light_answers(facts: StreetFacts, _: str | None, asked: int) -> list[Answer]:
    return [
        at(turn, f"{facts.lights[turn].capitalize()}.")
        for turn in facts.changes(lambda turn: facts.lights[turn], asked)
    ]


def _crossing_answers(facts: StreetFacts, _: str | None, asked: int) -> list[Answer]:
    return [at(turn, facts.crossing(turn)) for turn in facts.changes(facts.crossing, asked)]


def _narrate(facts: StreetFacts, _: str | None, asked: int) -> list[Answer]:
    """Light changes and arrivals; of several on one turn the light first, then in a fixed order that the picture
    gives."""
    order = [*(f"{colour} car" for colour in CAR_COLOURS), "person", "dog", "ball"]
    said = []
    for turn in range(max(asked, 1), facts.clip.seconds):
        if facts.lights[turn] != facts.lights[turn - 1]:
            said.append(at(turn, f"The light turns {facts.lights[turn]}."))
        new = [
            thing.name for thing in facts.clip.things if facts.shown(thing).start == turn and len(facts.shown(thing))
        ]
        said += [at(turn, f"{article(name).capitalize()} comes in.") for name in sorted(new, key=order.index)]
    return said


_ANSWERS: dict[str, Callable[..., list[Answer]]] = {
    "alert_light": _alert,
    "alert_object": _alert,
    "event_caption": _captions,
    "action_caption": _actions,
    "grounding_forward": _ground,
    "grounding_backward": _ground,
    "tsqa_light": _light_answers,
    "tsqa_crossing": _crossing_answers,
    "narration": _narrate,
    "counting": _count,
    "unservable": refuse,
}
