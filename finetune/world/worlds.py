"""The worlds that a model is trained on, behind one interface: what `data/sampler.py` and the banks of pictures need of
each.

world = get("street")
clip = world.make_clip(7, 30)
world.draw(clip, 4.0), world.boxes(clip, 4.0), world.tasks.record(clip, "counting", rng)
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np

Shot = tuple[Any, float]
"""(clip, second) of one picture."""


@dataclass(frozen=True)
class World:
    """One world. Its clips have `seed`, `seconds` and `size`; its modules have the same functions as the street's."""

    name: str
    make_clip: Callable[..., Any]
    draw: Callable[..., np.ndarray]
    boxes: Callable[..., list]
    tasks: ModuleType
    practice: ModuleType
    happenings: ModuleType
    """What is new and what is there on each turn."""
    loose: Callable[[np.random.Generator], list[Shot]]
    """Some single pictures to practise on."""
    alertable: tuple[str, ...]
    """Names that practice alerts are about."""
    alertable_shares: tuple[float, ...]
    searched: dict[str, str]
    """Task -> what the picture is searched for where the instruction names nothing."""


NAMES = ("street", "desk")


@cache
def get(name: str) -> World:
    """The world of that name. Raises ValueError on an unknown one."""
    if name not in NAMES:
        raise ValueError(f"There is no world {name!r}; take {', '.join(NAMES)}.")
    return _street() if name == "street" else _desk()


def _street() -> World:
    from finetune.world.street import happenings, practice, scene, tasks
    from finetune.world.street.draw import boxes, draw

    names = (*scene.NAMES, *practice.LIGHT_NAMES)
    cars, others, lights = len(scene.CAR_COLOURS), len(scene.NAMES) - len(scene.CAR_COLOURS), len(practice.LIGHT_NAMES)
    return World(
        name="street",
        make_clip=scene.make_clip,
        draw=draw,
        boxes=boxes,
        tasks=tasks,
        practice=practice,
        happenings=happenings,
        loose=lambda rng: [(scene.make_still(rng), 0.0)],
        alertable=names,
        alertable_shares=(*[0.55 / cars] * cars, *[0.25 / others] * others, *[0.2 / lights] * lights),
        searched={
            "event_caption": "thing",
            "action_caption": "person",
            "narration": "thing",
            "counting": "car",
            "tsqa_crossing": "person",
            "tsqa_light": "light",
        },
    )


def _desk() -> World:
    from finetune.world.desk import happenings, practice, scene, tasks
    from finetune.world.desk.draw import boxes, draw

    names = practice.NAMES
    return World(
        name="desk",
        make_clip=scene.make_clip,
        draw=draw,
        boxes=boxes,
        tasks=tasks,
        practice=practice,
        happenings=happenings,
        loose=scene.make_shots,
        alertable=names,
        alertable_shares=tuple(1 / len(names) for _ in names),
        searched={
            "desk_event_caption": "desk thing",
            "desk_action_caption": "person",
            "desk_narration": "desk thing",
        },
    )
