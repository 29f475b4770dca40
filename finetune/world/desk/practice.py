"""Training-only dialogues over loose frames of rooms: many small questions whose answers only the picture can give.

As `finetune/world/street/practice.py` for the street: frames are (clip, t) pairs in any order. What is dark or covered
hides the rest, so nothing is asked of such a frame that only the hidden part could answer. Every function also returns,
per turn, what the picture is searched for: one of NAMES, "object" (of any colour), "desk thing" (all there is), "view"
(nothing that has a place), or None.
"""

import re
from collections.abc import Sequence

import numpy as np

from finetune.annotations import Answer, Question, Record
from finetune.build import Dialogue
from finetune.world import drills
from finetune.world.clip import visible_turn
from finetune.world.desk.answers import SAID
from finetune.world.desk.scene import COLOURS, DeskClip, is_covered, is_dark, room_at, things_at
from finetune.world.desk.tasks import ARGUMENTS, rival
from finetune.world.desk.wordings import mentions, pick
from finetune.world.drills import SEE, TALLY, TIMED, standing, yes_no
from finetune.world.grammar import write
from streamo_app.protocol import span_text

Shot = tuple[DeskClip, float]
OBJECTS = tuple(f"{colour} object" for colour in COLOURS)
NAMES = ("person", *OBJECTS, "dark", "covered")

_BEFORE = ("Was there {o} before?", "Did you just see {o}?", "Did you see {o} before?")
_NOW = ("What do you see?", "What is there?", "Describe the scene.", "What is going on?", "What happens now?")
_WHAT = ("What did you just see?", "What was there before?", "What did you see before?")
_PERSIST = (
    "Tell me every second when {s}.",
    "Keep telling me while {s}.",
    "Let me know every second when {s}.",
    "Say yes as long as {s}.",
)
_STATES = {
    "dark": ("it is dark", "the lights are off", "the room is dark"),
    "covered": ("the camera is covered", "the lens is covered"),
}
_PEOPLE = ("a person", "somebody", "someone", "anybody")
_ALERTS = {"dark": ("desk_alert_lights", "lights off"), "covered": ("desk_alert_cover", "covered")}


def names_in(shot: Shot) -> set[str]:
    """What the frame shows, of NAMES; darkness and a covered camera hide the rest."""
    clip, t = shot
    if is_covered(clip, t):
        return {"covered"}
    if is_dark(clip, t):
        return {"dark"}
    return {thing.name for thing in things_at(clip, t)} & set(NAMES)


def listing(shot: Shot) -> str:
    """What the frame shows, in words: "The lights are off.", "The camera is covered.", "A person. A red object.",
    "Nothing."."""
    said = {"dark": "The lights are off.", "covered": "The camera is covered.", "person": "A person."} | {
        name: f"A {name}." for name in OBJECTS
    }
    return " ".join(said[name] for name in NAMES if name in names_in(shot)) or "Nothing."


def confusable(name: str, rng: np.random.Generator) -> str:
    """What is easily taken for `name`: an object of another colour, a covered camera for darkness. Of NAMES, if `name`
    is.

    An argument of an alert that is none of NAMES ("lights off", "red object gone") gives another argument of that alert
    (`tasks.rival`).
    """
    if name not in NAMES:
        task = next((task for task, arguments in ARGUMENTS.items() if name in arguments and len(arguments) > 1), "")
        return rival(task, name, rng)
    same = {"dark": ["covered"], "covered": ["dark"]}.get(
        name, [other for other in OBJECTS if other != name] if name in OBJECTS else []
    )
    return str(rng.choice(same if same and rng.random() < 0.8 else [other for other in NAMES if other != name]))


def _mention(name: str, rng: np.random.Generator) -> str:
    return str(rng.choice(_PEOPLE)) if name == "person" else mentions(name.split(maxsplit=1)[0], rng)["o"]


# The time-sensitive questions: argument of the task -> what hides the answer, the answer, what is searched for.
_HIDDEN_BY = {"dark": {"covered"}, "person": {"covered", "dark"}, "covered": {"dark"}, "colour": {"covered", "dark"}}
_SEARCHED = {"dark": "dark", "person": "person", "covered": "covered", "colour": "object"}


def _state(argument: str, names: set[str]) -> str:
    if argument == "colour":
        return next((f"{name.split()[0].capitalize()}." for name in OBJECTS if name in names), "None.")
    return yes_no((argument in names) != (argument == "dark"))  # the question is whether the lights are on


def _ask_state(argument: str, rng: np.random.Generator, once: bool = False) -> str:
    form = pick("desk_tsqa", rng, "train", argument)
    if once:  # without "Keep me updated."
        form = re.sub(r"(?<=[.?]).*", "", form)
    return write(form, rng)


def _tellable(shot: Shot) -> list[str]:
    return [argument for argument, hidden in _HIDDEN_BY.items() if not hidden & names_in(shot)]


def _question(shots: Sequence[Shot], i: int, rng: np.random.Generator) -> tuple[str, str, str | None]:
    """(instruction, answer, what it searches the picture for) for shot i."""
    here = names_in(shots[i])
    kind = str(rng.choice(["state", "see", "before", "what", "now"], p=[0.4, 0.32, 0.08, 0.08, 0.12]))
    if kind == "state":
        argument = str(rng.choice(_tellable(shots[i])))
        return _ask_state(argument, rng, once=True), _state(argument, here), _SEARCHED[argument]
    if kind == "see" or (kind == "before" and i):
        have = here if kind == "see" else names_in(shots[i - 1])
        name = _see_name(have, rng)
        words = str(rng.choice(SEE if kind == "see" else _BEFORE)).format(o=_mention(name, rng))
        return words, yes_no(name in have), name if kind == "see" else None
    if kind == "what" and i:
        return str(rng.choice(_WHAT)), listing(shots[i - 1]), None
    return str(rng.choice(_NOW)), listing(shots[i]), "desk thing"


def _see_name(have: set[str], rng: np.random.Generator) -> str:
    """A person or an object to ask for; as often there as not, where anything is there. Not a person in the dark: some
    outlines can be seen."""
    there = [name for name in ("person", *OBJECTS) if name in have]
    objects = [name for name in there if name in OBJECTS]
    if there and rng.random() < 0.5:
        return str(rng.choice(objects if objects and rng.random() < 0.6 else there))
    away = [name for name in ("person", *OBJECTS) if name not in have and not (name == "person" and "dark" in have)]
    return "person" if "person" in away and rng.random() < 0.4 else str(rng.choice(away))


def ask_each(shots: Sequence[Shot], rng: np.random.Generator, share: float = 0.85) -> tuple[Dialogue, list[str | None]]:
    """`drills.ask_each` with the questions about rooms."""
    return drills.ask_each("desk_ask_each", _question, shots, rng, share)


def persist(shots: Sequence[Shot], name: str, rng: np.random.Generator) -> tuple[Dialogue, list[str | None]]:
    """One instruction that holds for every second that shows `name` (of NAMES): "Yes." then, silence else."""
    says = str(rng.choice(_STATES[name])) if name in _STATES else f"you see {_mention(name, rng)}"
    texts = ["Yes." if name in names_in(shot) else "" for shot in shots]
    return standing("desk_persist", str(rng.choice(_PERSIST)).format(s=says), texts), [name] * len(shots)


def onset(shots: Sequence[Shot], name: str, rng: np.random.Generator) -> tuple[Dialogue, list[str | None]]:
    """The alert over loose frames: a response where `name` is seen and was not the frame before (nor at the question).

    For a person only ever "you see somebody": who is there after a cut did not come in.
    """
    if name == "person":
        words, text = (
            f"{rng.choice(('Tell me', 'Let me know', 'Notify me', 'Alert me'))} when you see {_mention(name, rng)}.",
            "A person appears.",
        )
    else:
        task, change = _ALERTS.get(name, ("desk_alert_colour", name))
        slots = {} if name in _ALERTS else mentions(name.split(maxsplit=1)[0], rng)
        words, text = write(pick(task, rng, "train", change), rng, **slots), SAID[change]
    seen = [name in names_in(shot) for shot in shots]
    texts = [text if i and seen[i] and not seen[i - 1] else "" for i in range(len(shots))]
    return standing("desk_onset", words, texts), [name] * len(shots)


def tally(shots: Sequence[Shot], name: str, rng: np.random.Generator) -> tuple[Dialogue, list[str | None]]:
    """Counts the frames that show `name` (of NAMES)."""
    seen = str(rng.choice(_STATES[name])) if name in _STATES else _mention(name, rng)
    words = f"Count every time {seen}." if name in _STATES else str(rng.choice(TALLY)).format(o=seen)
    return drills.tally(words, [name in names_in(shot) for shot in shots]), [name] * len(shots)


def held(shots: Sequence[Shot], rng: np.random.Generator) -> tuple[Dialogue, list[str | None]]:
    """An answer given at once and again whenever it changes, over unrelated frames; a frame that hides it leaves it as
    it was."""
    argument = str(rng.choice(_tellable(shots[0])))
    texts, before = [], ""
    for shot in shots:
        names = names_in(shot)
        answer = before if _HIDDEN_BY[argument] & names else _state(argument, names)
        texts.append("" if answer == before else answer)
        before = answer
    return standing("desk_held", _ask_state(argument, rng), texts), [_SEARCHED[argument]] * len(shots)


def same_view(shots: Sequence[Shot], rng: np.random.Generator) -> tuple[Dialogue, list[str | None]]:
    """The view alert over loose frames: "The view changed." where clip or room is another one than in the last frame
    that showed any."""
    texts, view = [], None
    for clip, t in shots:
        now = (clip, room_at(clip, t))
        if is_dark(clip, t) or is_covered(clip, t):
            now = view or now
        texts.append(SAID["view"] if view is not None and now != view else "")
        view = now
    return standing("desk_same_view", write(pick("desk_alert_view", rng, "train", "view"), rng), texts), ["view"] * len(
        shots
    )


def timed(clip: DeskClip, rng: np.random.Generator) -> Record:
    """Grounding made dense: the span of every darkness, cover and object, after it. A single event a clip teaches the
    copying of times too slowly."""
    asked = int(rng.integers(0, max(1, clip.seconds // 2)))
    spans = [*clip.dark, *clip.covered, *((thing.start, thing.end) for thing in clip.things if thing.kind == "object")]
    answers = tuple(
        Answer(
            span_text(visible_turn(start), visible_turn(end) - 1), st_time=round(start + 1, 2), end_time=round(end, 2)
        )
        for start, end in sorted(spans)
        if visible_turn(start) >= asked
    )
    question = Question(str(rng.choice(TIMED)), asked + 1)
    return Record("", "", "timed", "practice", (question,), answers, {"task": "timed", "argument": "desk thing"})


def ask_when(name: str, rng: np.random.Generator, past: bool = True) -> str:
    """ "When was somebody there?" in one of the training wordings of the backward grounding task, or else of the
    forward one."""
    slots = mentions(name.split(maxsplit=1)[0], rng) if name.endswith(" object") else {}
    return write(pick(f"desk_grounding_{'backward' if past else 'forward'}", rng, argument=name), rng, **slots)
