"""What the instructions of all worlds have in common: how a pattern becomes forms, which forms are held out, how a form
is typed.

`(a|b|)` in a pattern is a choice, `{o}` a slot that is filled in later. A pattern expands to its forms, written with a
capital and a full stop. About one form in seven is held out for evaluation, chosen by hash, never a canonical one and
never the only one with some word: a tiny vocabulary cannot guess unseen words, new sentences of known ones it should
understand.
"""

import hashlib
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import product

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

Split = dict[str, tuple[tuple[str, ...], tuple[str, ...]]]
"""Task -> (train forms, held-out forms), each in order."""


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


def hold_out(every: Mapping[str, Iterable[str]], trained: Collection[str], words: Iterable[str] = ()) -> Split:
    """Divide the forms of each task into those for training and those held out.

    `trained` are forms never to be held out: the canonical ones, and those that another world trains. `words` are known
    from elsewhere.
    """
    trained = frozenset(trained)
    forms_of = {task: sorted(set(forms)) for task, forms in every.items()}
    held = {
        task: [form for form in forms if form not in trained and _is_held_out(form)] for task, forms in forms_of.items()
    }
    known = {
        word for task, forms in forms_of.items() for form in set(forms) - set(held[task]) for word in words_of(form)
    } | set(words)
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
