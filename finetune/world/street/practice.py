"""Training-only dialogues over loose frames: many small questions whose answers only the picture can give.

They teach a model to look, before and beside the tasks of `tasks.py`: a question a turn, a condition that stands for
several turns, an answer held until it changes. Frames are (clip, t) pairs in any order, so the past gives nothing away.
All in the streaming format.
"""

from collections.abc import Sequence

import numpy as np

from finetune.annotations import Answer, Question, Record
from finetune.build import Dialogue
from finetune.world import drills
from finetune.world.drills import SEE, TALLY, TIMED, standing, yes_no
from finetune.world.street.facts import facts_of
from finetune.world.street.scene import LIGHTS, NAMES, StreetClip, light_at, things_at
from finetune.world.street.wordings import article, caption, mention, phrase, pick, write
from streamo_app.protocol import span_text

Shot = tuple[StreetClip, float]
LIGHT_NAMES = tuple(f"{colour} light" for colour in LIGHTS)

_BEFORE = ("Did {o} pass?", "Was there {o} before?", "Did you just see {o}?")
_COUNT = ("How many cars are there?", "How many cars do you see?", "Count the cars in view.")
_NOW = ("What happens now?", "What do you see?", "Describe the scene.", "What is going on?")
_WHAT = ("What happened?", "What was there before?", "What did you just see?")
_PERSIST = (
    "Tell me every second when you see {o}.",
    "Keep telling me while you see {o}.",
    "Let me know every second when there is {o}.",
    "Say yes as long as you see {o}.",
)


def names_in(shot: Shot) -> set[str]:
    """Everything in view that an instruction can name, the lit lamp included."""
    clip, t = shot
    return {thing.name for thing in things_at(clip, t)} | {f"{light_at(clip, t)} light"}


def listing(shot: Shot) -> str:
    """What is in view, in words: captions of the things, cars first, or "Nothing."."""
    clip, t = shot
    order = ("car", "person", "dog", "ball")
    things = sorted(things_at(clip, t), key=lambda thing: (order.index(thing.kind), thing.direction, thing.colour))
    return " ".join(caption(thing) for thing in things[:2]) or "Nothing."


def confusable(name: str, rng: np.random.Generator) -> str:
    """Another name, mostly of the same kind: another car colour, another lamp."""
    kind = name.rsplit(maxsplit=1)[-1]
    same = [other for other in (*NAMES, *LIGHT_NAMES) if other != name and other.split()[-1] == kind]
    return str(rng.choice(same if same and rng.random() < 0.8 else [other for other in NAMES if other != name]))


def _question(shots: Sequence[Shot], i: int, rng: np.random.Generator) -> tuple[str, str, str | None]:
    """(instruction, answer, name that it is about) for shot i."""
    clip, t = shots[i]
    things = things_at(clip, t)
    kind = rng.choice(
        ["light", "count", "see", "cross", "before", "what", "now"], p=[0.14, 0.1, 0.32, 0.14, 0.1, 0.1, 0.1]
    )
    if kind == "light":
        return phrase("tsqa_light", rng), f"{light_at(clip, t).capitalize()}.", "light"
    if kind == "count":
        return str(rng.choice(_COUNT)), f"{sum(thing.kind == 'car' for thing in things)}.", "car"
    if kind == "cross":
        return phrase("tsqa_crossing", rng), yes_no(any(thing.kind == "person" for thing in things)), "person"
    if kind in ("see", "before") and (kind == "see" or i):
        have = sorted(names_in(shots[i if kind == "see" else i - 1]))
        positive = rng.random() < 0.5
        pool = [name for name in have if not name.endswith("light")] if rng.random() < 0.85 else have
        name = str(rng.choice(pool or have))
        if not positive:
            away = [other for other in (confusable(name, rng) for _ in range(8)) if other not in have]
            name = away[0] if away else str(rng.choice([other for other in NAMES if other not in have]))
        words = str(rng.choice(SEE if kind == "see" else _BEFORE)).format(o=article(name))
        return words, yes_no(name in have), name if kind == "see" else None
    if kind == "what" and i:
        return str(rng.choice(_WHAT)), listing(shots[i - 1]), None
    return str(rng.choice(_NOW)), listing((clip, t)), "thing"


def ask_each(shots: Sequence[Shot], rng: np.random.Generator, share: float = 0.85) -> tuple[Dialogue, list[str | None]]:
    """`drills.ask_each` with the questions of the street."""
    return drills.ask_each("ask_each", _question, shots, rng, share)


def persist(shots: Sequence[Shot], name: str, rng: np.random.Generator) -> tuple[Dialogue, list[str | None]]:
    """One instruction that holds for every second in which `name` is in view: "Yes." then, silence else."""
    words = str(rng.choice(_PERSIST)).format(o=article(name))
    return standing("persist", words, ["Yes." if name in names_in(shot) else "" for shot in shots]), [name] * len(shots)


def onset(shots: Sequence[Shot], name: str, rng: np.random.Generator) -> tuple[Dialogue, list[str | None]]:
    """The alert over loose frames: a response where `name` is in view and was not the frame before (nor at the
    question)."""
    lamp = name.endswith(" light")
    words = (
        phrase("alert_light", rng, c=name.split(maxsplit=1)[0])
        if lamp
        else phrase("alert_object", rng, o=article(name))
    )
    text = f"The light turned {name.split(maxsplit=1)[0]}." if lamp else f"{article(name).capitalize()} appears."
    seen = [name in names_in(shot) for shot in shots]
    return standing("onset", words, [text if i and seen[i] and not seen[i - 1] else "" for i in range(len(shots))]), [
        name
    ] * len(shots)


def tally(shots: Sequence[Shot], name: str, rng: np.random.Generator) -> tuple[Dialogue, list[str | None]]:
    """Counts the frames that show `name`."""
    words = str(rng.choice(TALLY)).format(o=article(name))
    return drills.tally(words, [name in names_in(shot) for shot in shots]), [name] * len(shots)


def held(shots: Sequence[Shot], rng: np.random.Generator) -> tuple[Dialogue, list[str | None]]:
    """An answer given at once and again whenever it changes, over unrelated frames."""
    kind = str(rng.choice(["light", "cross", "count"]))
    words = {
        "light": phrase("tsqa_light", rng),
        "cross": phrase("tsqa_crossing", rng),
        "count": str(rng.choice(_COUNT)),
    }[kind]
    texts, before = [], None
    for clip, t in shots:
        things = things_at(clip, t)
        answer = {
            "light": f"{light_at(clip, t).capitalize()}.",
            "cross": yes_no(any(thing.kind == "person" for thing in things)),
            "count": f"{sum(thing.kind == 'car' for thing in things)}.",
        }[kind]
        texts.append("" if answer == before else answer)
        before = answer
    return standing("held", words, texts), [{"light": "light", "cross": "person", "count": "car"}[kind]] * len(shots)


def timed(clip: StreetClip, rng: np.random.Generator) -> Record:
    """Grounding made dense: the span of every event, after it. A single named event a clip teaches the copying of times
    too slowly."""
    facts = facts_of(clip)
    asked = int(rng.integers(0, max(1, clip.seconds // 2)))
    answers = []
    for thing in clip.things:
        shown = facts.shown(thing)
        if shown.start >= asked:
            content = span_text(shown.start, shown.stop - 1)
            answers.append(Answer(content, st_time=round(thing.start + 1, 2), end_time=round(thing.end, 2)))
    question = Question(str(rng.choice(TIMED)), asked + 1)
    return Record("", "", "timed", "practice", (question,), tuple(answers), {"task": "timed", "argument": "thing"})


def ask_when(name: str, rng: np.random.Generator, past: bool = True) -> str:
    """ "When did a red car pass?" in one of the training wordings of the backward grounding task, or else of the
    forward one."""
    return write(pick("grounding", rng, special="past" if past else ""), rng, o=mention(name, rng))
