"""Questions of a chain whose answer leaks from an earlier clip: they are found here and not scored.

A record knows its own clip alone. In a chain (`conditions.py`) an earlier clip may have shown what "When did a red car
pass?" asks for: a model that answers with that is right, but the record would call it wrong. Known for clips of our own
worlds only.
"""

from collections.abc import Mapping

from finetune.annotations import Record
from finetune.build import Dialogue
from finetune.world import worlds


def last_shown(record: Record) -> dict[str, int]:
    """Name of what the record's clip shows -> the last second of the clip that shows it; empty for a record that is not
    of our worlds."""
    world = record.source.removeprefix("streamo-")
    if world not in worlds.NAMES or not {"seed", "seconds"} <= record.extra.keys():
        return {}
    place = worlds.get(world)
    clip = place.make_clip(int(record.extra["seed"]), int(record.extra["seconds"]))
    return {name: turns[-1] for name, turns in place.happenings.present(clip).items() if turns}


def answered_before(gold: Dialogue, start: int, seen: Mapping[str, int], window: int) -> bool:
    """Whether a dialogue asks for the time of something that was `seen` before its video, at most `window` seconds
    before the question.

    `start`: second of the stream at which the video starts. `seen`: name -> last second of the stream that showed it.
    """
    last = seen.get(str(gold.meta.get("argument")))
    return "grounding" in gold.task and last is not None and start + (gold.asked or 0) - last <= window
