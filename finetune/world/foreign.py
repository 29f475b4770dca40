"""Instructions that belong to the other world: on a street, an alert for a covered camera; at a desk, one for a red
car. The right answer is silence."""

from dataclasses import replace

import numpy as np

from finetune.annotations import Record
from finetune.world import worlds

_ASKED = {
    # Not colours: a red car is a red object. Not people, dogs or balls: either world may show one.
    "street": ("desk", ("desk_alert_lights", "desk_alert_cover", "desk_alert_view"), ()),
    "desk": ("street", ("alert_light", "alert_object"), ("person", "dog", "ball")),
}
_TRIES = 40


def record(world: str, clip, rng: np.random.Generator) -> Record:
    """A question of the other world over a clip of `world`, without answers. Raises ValueError on an unknown world."""
    if world not in _ASKED:
        raise ValueError(f"There is no world {world!r}; take {', '.join(_ASKED)}.")
    other, tasks, never = _ASKED[world]
    place = worlds.get(other)
    for _ in range(_TRIES):
        theirs = place.make_clip(int(rng.integers(1 << 30)), max(20, min(clip.seconds, 60)))
        found = place.tasks.record(theirs, str(rng.choice(tasks)), rng)
        if found is not None and found.extra["argument"] not in never:
            turn = int(rng.integers(0, max(1, int(clip.seconds * 0.6))))
            question = replace(found.questions[0], time=turn + 1)
            return replace(
                found, questions=(question,), answers=(), extra=found.extra | {"task": "foreign", "argument": None}
            )
    raise ValueError(f"No clip of {_TRIES} of the world {other!r} has one of {', '.join(tasks)}.")
