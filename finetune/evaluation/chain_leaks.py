"""What an endless stream of clips has just shown, where that is known: then "When does a red car pass?" asks for that
one as well.

A record knows its own clip alone. In a chain (`conditions.py`) the clip before may have shown the same thing: a model
that answers with that is right, and the record would call it wrong. Such a question is not scored.
"""

from collections.abc import Mapping

from finetune.annotations import Record
from finetune.build import Dialogue
from finetune.world import worlds


def last_shown(record: Record) -> dict[str, int]:
    """What the record's clip shows, by name -> the last of its seconds that does; empty where the record is of no world
    of ours."""
    world = record.source.removeprefix("streamo-")
    if world not in worlds.NAMES or not {"seed", "seconds"} <= record.extra.keys():
        return {}
    place = worlds.get(world)
    clip = place.make_clip(int(record.extra["seed"]), int(record.extra["seconds"]))
    return {name: turns[-1] for name, turns in place.happenings.there(clip).items() if turns}


def answered_before(gold: Dialogue, start: int, seen: Mapping[str, int], window: int) -> bool:
    """Whether a dialogue asks for a time of what was `seen` before its video, at most `window` seconds before the
    question.

    `start`: second of the stream at which the video starts. `seen`: name -> last second of the stream that showed it.
    """
    last = seen.get(str(gold.meta.get("argument")))
    return "grounding" in gold.task and last is not None and start + (gold.asked or 0) - last <= window
