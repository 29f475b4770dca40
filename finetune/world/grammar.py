"""What the instructions of all worlds have in common: how a pattern becomes forms, which forms are held out, how a form
is typed.

`(a|b|)` in a pattern is a choice, `{o}` a slot that is filled in later. A pattern expands to its forms, written with a
capital and a full stop. About one form in seven is held out for evaluation, chosen by hash, never a canonical one and
never the only one with some word: a tiny vocabulary cannot guess unseen words, new sentences of known ones it should
understand.
"""

import hashlib
import re
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from itertools import product
from typing import TypeVar

import numpy as np

HELD_OUT_SHARE = 0.15
_HELD_OUT_PAIRS = (
    ("ping me", "the moment"),
    ("say so", "as soon as"),
    ("switches to", "whenever"),
    ("shows up", "once"),
)
"""Combinations of words kept for evaluation whatever the hash says."""

TELL = "(Notify me|Tell me|Let me know|Alert me|Ping me|Say so|Give me a sign|Warn me)"
WHEN = "(when|as soon as|once|the moment|whenever)"
UPDATE = "(| Keep me updated.| Update me when it changes.| Tell me whenever it changes.| And keep me posted.)"

_UNKNOWN = "(a cat|a bus|a truck|a train|a horse|a bird|a cow|a sheep|a robot|a tractor|a chicken|a motorcycle)"
"""What no world shows."""
UNSERVABLE = (
    (
        "(What will the weather be|What is the weather|How is the weather)"
        "(| tomorrow| tonight| next week| in Paris| in London)."
    ),
    "Will it (rain|snow|be sunny|be warm) (tomorrow|tonight|next week|in Paris)?",
    "(What is|Tell me|Name) the capital of (France|Italy|Japan|Spain|Germany|Brazil|Egypt|Canada|Peru).",
    "(What is|How much is|Calculate) (two|three|seven|twenty) (plus|minus|times|divided by) (two|five|eight).",
    (
        "(Write|Write me|Tell me|Read me) a (poem|joke|story|song|letter|essay|riddle)"
        "(| about love| about the sea| about a king| for my mother)."
    ),
    "(Play|Play me|Put on|Sing) (some music|a song|some jazz|my favourite song|the radio).",
    "(Who is|What is the name of|Do you know) (that person|this man|that woman|the driver|the man on the street).",
    (
        "(What do you hear|Do you hear music|Do you hear a siren|Is there a sound|Is somebody talking"
        "|What are they saying)."
    ),
    (
        "(Translate this into|Say hello in|Say good morning in|Say thank you in|Translate hello into) "
        "(French|German|Spanish|Chinese|Japanese|Italian)."
    ),
    (
        "(Order|Buy|Book|Find) (a pizza|a flight to Paris|a hotel in London|a taxi|two tickets"
        "|a table for two)(| tonight| tomorrow| for me)."
    ),
    "(Call|Send a message to|Write an email to) (my mother|the police|my friend|my boss|a doctor)(| now| tomorrow).",
    (
        "(What time is it|What day is it|How old are you|What is your name|Who made you|How are you"
        "|Who is the president|Who won the game)."
    ),
    (
        "(How do I|Can you) (bake bread|cook rice|fix a bike|learn French|make coffee|lose weight"
        "|open the door|turn on the radio)?"
    ),
    (
        "(Explain|Tell me about|What is) (gravity|the moon|history|philosophy|the stock market|a black hole"
        "|the meaning of life)."
    ),
    "(Recommend|Name|Find me) a good (book|film|restaurant|song|hotel|doctor)(| in Paris| for tonight| about love).",
    (
        "(Tell me|Notify me|Let me know|Alert me) when "
        "(a cat|a bus|a truck|a train|a horse|a plane|a bird|a bicycle|a boat|an elephant) "
        "(appears|comes in|passes|shows up)."
    ),
    f"(Say so|Ping me|Let me know) (as soon as|the moment) {_UNKNOWN} (appears|comes by).",
    f"(Do you see|Is there|Can you see) {_UNKNOWN}?",
    f"When does {_UNKNOWN} (pass|come by)?",
    f"(Watch for|Look out for|Wait for|I am looking for) {_UNKNOWN}.",
    "(What|Which) (colour|color) is (the sky|the house|the roof|the door|the wall|the floor)?",
    "How many (birds|trees|windows|houses|cats|buses|trains|bicycles) (are there|do you see|pass)?",
    "Count the (birds|trees|windows|houses|cats|buses|trains|bicycles).",
    "(What is|Read|Tell me) the (licence plate|license plate|number plate|number) of the (car|bus|truck).",
    "(What is|Read|Tell me) the (name of the shop|name of the street|text on the sign).",
)
"""Instructions that neither world can serve: about what no camera shows, or what neither world has."""
UNSERVABLE_REPLY = "I can't tell that."
"""To all of them, at once."""

Forms = tuple[tuple[str, ...], tuple[str, ...]]
"""(train forms, held-out forms) of one task, each in order."""
_Key = TypeVar("_Key", bound=Hashable)


def expand(pattern: str) -> list[str]:
    """Forms of a pattern: every choice taken, the first letter large, a question mark where the sentence asks."""
    parts = [part.split("|") for part in re.split(r"[()]", pattern)]  # outside parentheses there is no |
    forms = []
    for choice in product(*parts):
        line = "".join(choice)
        line = line[0].upper() + line[1:]
        forms.append(
            line[:-1] + "?"
            if line.endswith(".") and re.match(_ASKS, line) and line.count(".") == 1 and "?" not in line
            else line
        )
    return forms


_ASKS = r"(What|When (does|did)|Which|Who|How|Is |Do |Does |Can |At what|From when|Between which|During which|In which)"


def words_of(form: str) -> set[str]:
    """Words of a form, lower case, slots left out."""
    return set(re.findall(r"[a-z']+", re.sub(r"\{.\}", " ", form).lower()))


def hold_out(every: Mapping[_Key, Iterable[str]], trained: Collection[str]) -> dict[_Key, Forms]:
    """Divide the forms of each task into those for training and those held out.

    `trained` are forms never to be held out, the canonical ones. The choice goes by a form's own hash, so that a
    sentence that two worlds have is on the same side in both.
    """
    trained = frozenset(trained)
    forms_of = {task: sorted(set(forms)) for task, forms in every.items()}
    held = {
        task: [form for form in forms if form not in trained and _is_held_out(form)] for task, forms in forms_of.items()
    }
    known = {
        word for task, forms in forms_of.items() for form in set(forms) - set(held[task]) for word in words_of(form)
    }
    split = {}
    for task, forms in forms_of.items():
        away = tuple(form for form in held[task] if words_of(form) <= known)
        split[task] = (tuple(form for form in forms if form not in set(away)), away)
    return split


def _is_held_out(form: str) -> bool:
    low = form.lower()
    if any(one in low and other in low for one, other in _HELD_OUT_PAIRS):
        return True
    return int.from_bytes(hashlib.sha256(low.encode()).digest()[:4], "big") / 2**32 < HELD_OUT_SHARE


def one_of(forms: Sequence[str], canonical: Sequence[str], rng: np.random.Generator) -> str:
    """One of the forms; one time in five a canonical one where there is any (what the page suggests must work)."""
    usual = [form for form in canonical if form in forms]
    if usual and rng.random() < 0.2:
        return usual[int(rng.integers(len(usual)))]
    return forms[int(rng.integers(len(forms)))]


def write(form: str, rng: np.random.Generator, **args: str) -> str:
    """A form with its slots filled, in somebody's typing: as it stands, without the full stop, in lower case, with
    "please"."""
    line = form.format(**args)
    style = rng.random()
    if style < 0.1 and line.endswith(".") and line.count(".") == 1 and "?" not in line:
        line = f"{line[:-1]}, please." if rng.random() < 0.5 else f"Please {line[0].lower()}{line[1:]}"
    if rng.random() < 0.15:
        line = line.lower()
    if rng.random() < 0.2:
        line = line.rstrip(".?")
    return line
