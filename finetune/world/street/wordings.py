"""How people ask: a small grammar of instructions for each task, part of it held out. Also the words of the answers.

`{c}` and `{o}` are filled in later (a colour, "a red car"). How patterns become forms, which of them are held out for
evaluation and how they are typed is the same for all worlds: `grammar.py`.

    phrase("alert_light", rng, c="green")    # "let me know once the traffic light goes green"
"""

from functools import lru_cache

import numpy as np

from finetune.world.grammar import TELL, UNSERVABLE, UPDATE, WHEN, Forms, expand, hold_out, one_of, words_of, write

_STREET = "(street|road)"

_PATTERNS = {
    "alert_light": (
        f"{TELL} {WHEN} the (light|traffic light) (turns|becomes|goes|changes to|switches to) {{c}}.",
        (
            "(Watch the light|Watch the traffic light) and (tell me|alert me|let me know) when it "
            "(turns|becomes|goes) {c}."
        ),
        "(Wait for|Watch for) the (light|traffic light) to (turn|become|go|change to) {c}.",
        f"{WHEN} the (light|traffic light) (turns|becomes|goes) {{c}}, (tell me|alert me|let me know).",
    ),
    "alert_object": (
        f"{TELL} {WHEN} {{o}} (appears|shows up|comes in|comes into view|passes|comes along|comes by).",
        f"{TELL} {WHEN} (you see|you notice|there is|you spot) {{o}}.",
        "(Watch for|Look out for|Wait for|Keep an eye out for) {o}(| and tell me| and alert me).",
        f"{WHEN} {{o}} (appears|comes in|shows up), (tell me|alert me|let me know).",
        "(I am waiting for|I am looking for) {o}.(| Tell me when you see it.| Let me know when it appears.)",
    ),
    "alert_object person": (
        f"{TELL} {WHEN} {{o}} (crosses|starts to cross|walks over|steps onto) the {_STREET}.",
        "(Watch for|Look out for|Wait for) {o} (crossing the street|crossing the road|on the crossing|on the road).",
    ),
    "alert_object car": (f"{TELL} {WHEN} {{o}} (drives by|drives past|comes down the street|comes down the road).",),
    "alert_object dog": (f"{TELL} {WHEN} {{o}} (runs by|runs past|comes running).",),
    "alert_object ball": (f"{TELL} {WHEN} {{o}} (rolls by|rolls past|comes rolling).",),
    "event_caption": (
        (
            "(Describe|Report|Caption|Summarise|Summarize|Write down) (each|every) event "
            "(when it ends|when it is over|once it is over|as soon as it ends|after it ends"
            "|when it has ended)."
        ),
        (
            "(Tell me|Say) what happened (when|once|after|each time) (an event|each event|something) "
            "(ends|is over|has ended)."
        ),
        (
            "(After|Once|When) (each event|every event|an event) (ends|is over|has ended), "
            "(describe it|tell me what happened|report it|write it down)."
        ),
        (
            "(Describe|Report|List) (all events|all the events|each event) "
            "(in the video|on the street|you see)(| when they end| one by one| once they are over)."
        ),
        (
            "(Wait until|Wait till) (an event|each event|something) (ends|is over), then "
            "(describe it|report it|tell me what happened)."
        ),
    ),
    "action_caption": (
        (
            "(Describe|Report|Tell me|Say) what "
            "(people and animals|people and dogs|persons and animals|people or animals) (do|are doing|did)."
        ),
        (
            "(Describe|Report|Caption) (each|every) action of "
            "(people and animals|a person or an animal|people and dogs|people or animals)"
            "(| when it ends| once it is over| as soon as it ends)."
        ),
        (
            "(Describe|Report|Caption|List) the (actions|movements) of "
            "(people and animals|people and dogs|living things|people or animals)(| one by one| as they end)."
        ),
        (
            "What (do|did) (people and animals|people and dogs|the people and animals) "
            "do?(| Describe each action.| Report each action.| Tell me after each action.)"
        ),
        (
            "(Watch|Follow) (the people and animals|people and animals|people and dogs) and "
            "(describe|report) (what they do|each action|every action)."
        ),
        (
            "(Ignore the cars|Never mind the cars), (describe|report) "
            "(what people and animals do|the people and animals|each action of people and animals)."
        ),
    ),
    "grounding": (
        "(When|At what time|In which seconds|From when to when) does {o} (pass|come by|go past|go by|pass by)?",
        (
            "(Find|Give me|State|Name|Give) the "
            "(time when|time at which|seconds in which|time span in which|times when) {o} "
            "(passes|comes by|goes past|is in view|goes by)."
        ),
        (
            "(When|From when to when|Between which seconds|During which seconds|In which seconds) is {o} "
            "(in view|there|on the street|in the picture|visible)?"
        ),
        (
            "(Find|Give me|State) the (start and end|time span|interval) of {o} "
            "(passing|going by|in the video|going past)."
        ),
    ),
    "grounding past": (
        "(When|At what time|In which seconds|From when to when) did {o} (pass|come by|go past|go by|pass by)?",
        (
            "(When|From when to when|Between which seconds|During which seconds|In which seconds) was {o} "
            "(in view|there|on the street|in the picture|visible)?"
        ),
        (
            "(Tell me|Say|Give me) the (time when|time at which|seconds in which|time span in which) {o} "
            "(passed|came by|went by|was in view)."
        ),
    ),
    "tsqa_light": (
        f"(What|Which) (colour|color) is the (light|traffic light)(| now| right now| at the moment)?{UPDATE}",
        f"(Which|What) light is (on|lit|shining)(| now| right now| at the moment)?{UPDATE}",
        (
            "Is the (light|traffic light) (red, yellow or green|green, yellow or red|red, green or yellow)"
            f"(| now| right now)?{UPDATE}"
        ),
        f"(Tell me|Say|Give me) the (colour|color) of the (light|traffic light)(| now).{UPDATE}",
        (
            "(What|Which) (colour|color) (does the light show|does the traffic light show"
            f"|do you see at the light)(| now)?{UPDATE}"
        ),
    ),
    "tsqa_crossing": (
        (
            "Is (anybody|anyone|somebody|someone|a person) (crossing|walking over|on) "
            f"the {_STREET}(| now| right now| at the moment)?{UPDATE}"
        ),
        (
            "Is there (anybody|anyone|somebody|someone|a person) "
            "(crossing the street|crossing the road|on the crossing|on the street|on the road)"
            f"(| now| right now)?{UPDATE}"
        ),
        (
            "(Do you|Can you) see (anybody|anyone|somebody|someone|a person) "
            f"(crossing|crossing the street|on the crossing)(| now)?{UPDATE}"
        ),
    ),
    "narration": (
        (
            "(Narrate|Comment on|Describe) (what you see|the video|the street|the scene|what happens"
            "|everything)(| live| as it happens| in real time| for me| all the time)."
        ),
        (
            "(Give|Give me) (a live|a running|a real time) (commentary|narration|description)"
            "(| of the street| of the scene| of the video| of what you see)."
        ),
        (
            "(Tell me|Say|Report) (everything that happens|everything you see|all that happens"
            "|what comes in) (as it happens|live|in real time|right away)."
        ),
        "(Keep talking|Keep telling me|Go on telling me) about (what you see|what happens|the street|the scene).",
        (
            "(Be|Act as|Play) (my eyes|the commentator|a commentator|a live reporter)"
            "(| for this street| for this scene| on this street)."
        ),
    ),
    "counting": (
        "Count (the|all|all the) cars(| that pass| that drive by| that go by| passing by| going by| on the road).",
        "Count (every|each) car (that passes|that drives by|that goes by|passing by|going by).",
        (
            "(Keep count of|Keep a count of|Keep counting) (the|all|all the) "
            "(cars|cars that pass|cars that drive by|passing cars)(| for me)."
        ),
        (
            "How many cars (pass|have passed|drive by|go by|went by|are passing)?(| Keep me updated."
            "| Update me when it changes.| Keep counting.| Count them.| Tell me after each one.)"
        ),
        (
            "(Tell me|Say|Give me) the (number|count) of (cars|passing cars)"
            "(| each time one has passed| whenever it changes| after each car| as they pass)."
        ),
        (
            "(Tell me|Say) how many cars (passed|have passed|went by)"
            "(| each time one has passed| whenever it changes| after each car)."
        ),
        "(Count|Number) the (passing cars|cars) (one by one|out loud|aloud|as they pass|for me).",
    ),
    "unservable": UNSERVABLE,
}
TASKS = tuple(task for task in _PATTERNS if " " not in task)
CANONICAL = (
    "Notify me when the light turns {c}.",
    "Notify me when {o} appears.",
    "Narrate what you see.",
    "Count the cars that pass.",
    "What colour is the light?",
    "What color is the light?",
    "Is anybody crossing the street?",
    "Describe each event when it ends.",
    "Describe what people and animals do.",
    "When does {o} pass?",
    "What will the weather be tomorrow?",
)
"""Forms that training always contains: the ones that the page suggests."""

_PEOPLE = ("a person", "a person", "a person", "someone", "somebody", "a pedestrian")


def article(name: str) -> str:
    """ "red car" to "a red car"."""
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def mention(name: str, rng: np.random.Generator) -> str:
    """A name as an instruction mentions it: "a red car"; a person also as someone, somebody, a pedestrian."""
    return str(rng.choice(_PEOPLE)) if name == "person" else article(name)


def caption(thing) -> str:
    """What a thing does, in a sentence: "A red car drives from left to right."."""
    way = "from left to right" if thing.direction == "right" else "from right to left"
    deed = {"car": f"drives {way}", "person": "crosses the street", "dog": f"runs {way}", "ball": f"rolls {way}"}[
        thing.kind
    ]
    return f"{article(thing.name).capitalize()} {deed}."


def wordings(task: str, split: str = "train") -> tuple[str, ...]:
    """Forms of a task, in order: "train", "heldout" or "all". Tasks: TASKS, and "alert_object person" (car, dog, ball),
    "grounding past".

    Raises ValueError on an unknown task or split.
    """
    if task not in _PATTERNS or split not in ("train", "heldout", "all"):
        raise ValueError(
            f"There are no wordings {task!r} / {split!r}; tasks: {', '.join(_PATTERNS)}; splits: train, heldout, all."
        )
    train, held = _split()[task]
    return {"train": train, "heldout": held, "all": tuple(sorted((*train, *held)))}[split]


def phrase(task: str, rng: np.random.Generator, paraphrases: str = "train", **args: str) -> str:
    """An instruction for `task`, as somebody might type it; `c` is a colour ("green"), `o` a thing with its article ("a
    red car").

    One time in five it is the canonical form when training (what the page suggests must work). Raises ValueError as
    `wordings`.
    """
    return write(pick(task, rng, paraphrases, kind_of(args.get("o", ""))), rng, **args)


def pick(task: str, rng: np.random.Generator, paraphrases: str = "train", special: str = "") -> str:
    """A form of `task`, its slots not filled; `special` opens further ones: person, car, dog or ball for an alert, past
    for grounding."""
    forms = wordings(task, paraphrases)
    special = f"{task} {special}"
    if special in _PATTERNS and rng.random() < (0.5 if special.endswith("past") else 0.25):
        forms = wordings(special, paraphrases)
    return one_of(forms, CANONICAL, rng)


def kind_of(o: str) -> str:
    """Kind of thing that a mention is about: "a red car" is a car, "someone" a person."""
    return "person" if o in _PEOPLE else o.rsplit(maxsplit=1)[-1] if o else ""


@lru_cache(maxsize=1)
def _split() -> dict[str, Forms]:
    """Task -> (train forms, held-out forms)."""
    return hold_out(
        {task: [form for pattern in patterns for form in expand(pattern)] for task, patterns in _PATTERNS.items()},
        CANONICAL,
    )


__all__ = [
    "CANONICAL",
    "TASKS",
    "article",
    "caption",
    "kind_of",
    "mention",
    "phrase",
    "pick",
    "wordings",
    "words_of",
    "write",
]
