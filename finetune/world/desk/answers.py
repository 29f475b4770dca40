"""What is to be said in a room and when: for each task (facts, argument, turn of the question) -> answers.

What begins or ends is reported on the first turn that shows it. Darkness, a covered camera and objects are over by the
end of every clip, so tasks that answer after an event stand by during it. People may stay: nothing in the picture tells
a visit from a stay, so captions about people come without standing by, when somebody has left. Only the one visit of a
grounding question, which ends, is stood by.
"""

from collections.abc import Callable

from finetune.annotations import Answer
from finetune.world.clip import visible_turn
from finetune.world.desk.facts import CHANGES, DeskFacts
from finetune.world.desk.scene import COLOURS, DeskThing, is_covered, is_dark, room_at, things_at
from finetune.world.records import at, refuse, span
from streamo_app.protocol import span_text

SAID = {
    "lights off": "The lights went off.",
    "lights on": "The lights came back on.",
    "covered": "The camera is covered.",
    "uncovered": "The camera is uncovered.",
    "person comes": "A person comes in.",
    "person leaves": "A person leaves.",
    **{f"{colour} object": f"A {colour} object appears." for colour in COLOURS},
    **{f"{colour} object gone": f"The {colour} object is gone." for colour in COLOURS},
    "view": "The view changed.",
    "motion": "Something moves.",
}
"""Change -> its sentence, in alerts and in the narration."""
STILL_TURNS = 2
"""Something moves only after this many turns without motion."""


def only(facts: DeskFacts, argument: str) -> tuple[float, float] | None:
    """(start_s, end_s) of the one appearance of "dark", "covered", "person" or "red object"; None where it comes never
    or more than once.

    Also None for a person who is there from the beginning, stays, or is out of sight in between.
    """
    if argument in ("dark", "covered"):
        intervals = facts.clip.dark if argument == "dark" else facts.clip.covered
        return intervals[0] if len(intervals) == 1 else None
    things = [thing for thing in facts.clip.things if thing.name == argument and in_view(facts, thing)]
    if len(things) != 1:
        return None
    (thing,) = things
    whole = (
        facts.comes(thing) is not None
        and facts.goes(thing) is not None
        and len(in_view(facts, thing)) == len(facts.shown(thing))
    )
    return (thing.start, thing.end) if whole else None


def in_view(facts: DeskFacts, thing: DeskThing) -> list[int]:
    """Turns whose frame shows a thing: in a room in view, lit, before an uncovered camera."""
    clip = facts.clip
    return [
        t
        for t in facts.shown(thing)
        if room_at(clip, t) == thing.room and not is_dark(clip, t) and not is_covered(clip, t)
    ]


def comes_ever(facts: DeskFacts, argument: str) -> bool:
    """Whether the clip shows the argument of a grounding question at all."""
    if argument in ("dark", "covered"):
        return bool(facts.clip.dark if argument == "dark" else facts.clip.covered)
    return any(thing.name == argument and in_view(facts, thing) for thing in facts.clip.things)


def motions(facts: DeskFacts) -> list[int] | None:
    """Turns on which motion sets in after STILL_TURNS still ones; None for a clip that leaves open what counts as
    motion.

    That is one with a cut or a covered camera, or where something moves as the lights come on or go off.
    """
    clip = facts.clip
    if (
        facts.cuts()
        or clip.covered
        or any(facts.moving(t) for start, end in clip.dark for t in (visible_turn(start) - 1, visible_turn(end)))
    ):
        return None
    moving = [facts.moving(turn) for turn in facts.turns]
    return [
        turn
        for turn in facts.turns
        if turn >= STILL_TURNS and moving[turn] and not any(moving[turn - STILL_TURNS : turn])
    ]


def counted(facts: DeskFacts, argument: str) -> list[int]:
    """Turns that add one to the count of "lights off", "person", "object" or "view"."""
    return facts.onsets("person comes" if argument == "person" else argument)


def state(facts: DeskFacts, argument: str, turn: int) -> str:
    """Answer to the time-sensitive question about "dark", "person", "covered" or "colour" in a turn."""
    t = float(turn)
    if argument == "colour":
        colours = [thing.colour for thing in things_at(facts.clip, t) if thing.kind == "object"]
        return f"{colours[0].capitalize()}." if colours else "None."
    truth = {
        "dark": not is_dark(facts.clip, t),
        "covered": is_covered(facts.clip, t),
        "person": facts.people(turn) > 0,
    }[argument]
    return "Yes." if truth else "No."


def _alert(facts: DeskFacts, argument: str, asked: int) -> list[Answer]:
    turns = (motions(facts) or []) if argument == "motion" else facts.onsets(argument)
    return [at(turn, SAID[argument]) for turn in turns if turn >= asked]


def _ground(facts: DeskFacts, argument: str, asked: int) -> list[Answer]:
    when = only(facts, argument)
    if when is None:
        return []
    first, after = visible_turn(when[0]), visible_turn(when[1])
    content = span_text(first, after - 1)
    return [at(asked, content) if after <= asked else span(*when, asked, content)]


def _states(facts: DeskFacts, argument: str, asked: int) -> list[Answer]:
    states = {turn: state(facts, argument, turn) for turn in range(asked, facts.clip.seconds)}
    return [at(turn, words) for turn, words in states.items() if turn == asked or words != states[turn - 1]]


def _count(facts: DeskFacts, argument: str, asked: int) -> list[Answer]:
    return [at(turn, f"{number}.") for number, turn in enumerate((t for t in counted(facts, argument) if t > asked), 1)]


def _narrate(facts: DeskFacts, _: str | None, asked: int) -> list[Answer]:
    said = sorted((turn, SAID[change]) for change in CHANGES for turn in facts.onsets(change) if turn >= max(asked, 1))
    return [at(turn, words) for turn, words in said]


def _captions(facts: DeskFacts, _: str | None, asked: int) -> list[Answer]:
    clip = facts.clip
    spans = [(*when, "The lights were off.") for when in clip.dark] + [
        (*when, "The camera was covered.") for when in clip.covered
    ]
    spans += [(thing.start, thing.end, f"A {thing.name} was shown.") for thing in clip.things if thing.kind == "object"]
    said = [(end, span(start, end, asked, words)) for start, end, words in spans if visible_turn(end) > asked]
    said += [(turn, at(turn, "A person was there.")) for turn in facts.onsets("person leaves") if turn >= max(asked, 1)]
    return [answer for _, answer in sorted(said, key=lambda item: item[0])]


def _actions(facts: DeskFacts, _: str | None, asked: int) -> list[Answer]:
    people = [(facts.goes(thing), thing) for thing in facts.clip.things if thing.kind == "person"]
    gone = sorted(
        ((turn, thing) for turn, thing in people if turn is not None and turn >= asked), key=lambda item: item[0]
    )
    return [at(turn, action(facts, thing, asked)) for turn, thing in gone]


def action(facts: DeskFacts, person: DeskThing, asked: int) -> str:
    """What somebody who left did, as far as one can know who asked on turn `asked`.

    The arrival is reported when it was seen from the question on, and when there is no doubt that the same person left:
    nobody else in the room, no cut in between.
    """
    first = facts.comes(person)
    doubt = any(facts.people(turn) > 1 or room_at(facts.clip, turn) != person.room for turn in facts.shown(person))
    if first is None or first < asked or doubt:
        return f"A person leaves to the {person.leaves}."
    return f"A person comes in from the {person.enters} and leaves to the {person.leaves}."


ANSWERS: dict[str, Callable[..., list[Answer]]] = {
    "desk_alert_lights": _alert,
    "desk_alert_cover": _alert,
    "desk_alert_person": _alert,
    "desk_alert_colour": _alert,
    "desk_alert_view": _alert,
    "desk_alert_motion": _alert,
    "desk_grounding_forward": _ground,
    "desk_grounding_backward": _ground,
    "desk_tsqa": _states,
    "desk_counting": _count,
    "desk_narration": _narrate,
    "desk_event_caption": _captions,
    "desk_action_caption": _actions,
    "desk_unservable": refuse,
}
"""Task -> what is said: (facts, argument, turn of the question) -> answers in order of time."""
