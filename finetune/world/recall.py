"""Practice in looking back: over stills, when was this or that in view? Many questions per dialogue, each about one
stretch of turns before it.

Whole clips ask at most one such question, which teaches it too slowly: the question comes after the frames, so the
model has to keep what each frame showed, and when, for whatever may be asked.
"""

from collections.abc import Callable, Sequence

import numpy as np

from finetune.build import Dialogue, DialogueTurn
from finetune.world import worlds
from streamo_app.protocol import State, span_text

_NEVER_SHARE = 0.3
"""How often the question is about something that was not there so far: silence, as in the task, whether it asks for the
past or for what comes."""


def recall(
    world: str, shots: Sequence[worlds.Shot], rng: np.random.Generator, share: float = 0.6
) -> tuple[Dialogue, list[None]]:
    """The dialogue, asking on `share` of the turns from the third on, and what each picture is searched for: nothing,
    it is asked later."""
    place = worlds.get(world)
    inside = [place.practice.names_in(shot) for shot in shots]
    names = [name for name in place.alertable if not name.endswith(" light")]
    turns = []
    for i in range(len(shots)):
        turn = DialogueTurn(i, (), State.SILENCE, "")
        if i > 1 and rng.random() < share:
            turn = _asked(place.practice.ask_when, i, inside, names, rng) or turn
        turns.append(turn)
    return Dialogue("", "grounding_practice", tuple(turns)), [None] * len(shots)


def _asked(
    ask_when: Callable[..., str], i: int, inside: list[set[str]], names: list[str], rng: np.random.Generator
) -> DialogueTurn | None:
    """Turn i with a question about a name that one stretch of turns before it showed, or that none did."""
    stretches = {name: _stretches(name, inside[: i + 1]) for name in names}
    once = [name for name in names if len(stretches[name]) == 1 and stretches[name][0][1] < i]
    never = [name for name in names if not stretches[name]]
    if never and (not once or rng.random() < _NEVER_SHARE):
        name = str(rng.choice(never))
        to_come = any(name in later for later in inside[i + 1 :])  # asked to report it, one would have to when it comes
        return DialogueTurn(i, (ask_when(name, rng, past=to_come or rng.random() < 0.5),), State.SILENCE, "")
    if not once:
        return None
    name = str(rng.choice(once))
    return DialogueTurn(i, (ask_when(name, rng),), State.RESPONSE, span_text(*stretches[name][0]))


def _stretches(name: str, inside: list[set[str]]) -> list[tuple[int, int]]:
    """(first, last) turn of each stretch that shows the name."""
    found: list[tuple[int, int]] = []
    for i, names in enumerate(inside):
        if name in names:
            if found and found[-1][1] == i - 1:
                found[-1] = (found[-1][0], i)
            else:
                found.append((i, i))
    return found
