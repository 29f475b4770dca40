"""The worlds that a model is trained on, behind one interface: what samplers, renderers and caches of frames need of
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

from finetune.annotations import Record

Shot = tuple[Any, float]
"""(clip, second) of one frame."""


@dataclass(frozen=True)
class World:
    """One world. Its clips have `seed`, `seconds` and `size`; its modules have the same functions as those of the other
    worlds."""

    name: str
    make_clip: Callable[..., Any]
    draw: Callable[..., np.ndarray]
    boxes: Callable[..., list]
    tasks: ModuleType
    practice: ModuleType
    happenings: ModuleType
    """What sets in and what is present on each turn."""
    loose: Callable[[np.random.Generator], list[Shot]]
    """Some single frames to practise on."""
    alertable: tuple[str, ...]
    """Names that practice alerts are about."""
    alertable_shares: tuple[float, ...]
    searched: dict[str, str]
    """Task -> what the picture is searched for where the instruction names nothing."""

    def records(
        self, clip: Any, rng: np.random.Generator, paraphrases: str = "train", video_path: str = ""
    ) -> list[Record]:
        """A record for each task that fits a clip of this world. `paraphrases`: "train" or "heldout" wordings;
        `video_path` as the record names it."""
        made = (self.tasks.record(clip, task, rng, paraphrases, video_path=video_path) for task in self.tasks.TASKS)
        return [item for item in made if item is not None]


NAMES = ("street", "desk")


@cache
def get(name: str) -> World:
    """The world of that name. Raises ValueError on an unknown one."""
    if name not in NAMES:
        raise ValueError(f"There is no world {name!r}; take {', '.join(NAMES)}.")
    return _street() if name == "street" else _desk()


def _street() -> World:
    from finetune.world.street import draw, happenings, practice, scene, tasks

    lights = practice.LIGHT_NAMES
    cars, others = len(scene.CAR_COLOURS), len(scene.NAMES) - len(scene.CAR_COLOURS)
    return World(
        "street",
        **_modules(scene, draw, tasks, practice, happenings),
        loose=lambda rng: [(scene.make_still(rng), 0.0)],
        alertable=(*scene.NAMES, *lights),
        alertable_shares=(*[0.55 / cars] * cars, *[0.25 / others] * others, *[0.2 / len(lights)] * len(lights)),
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
    from finetune.world.desk import draw, happenings, practice, scene, tasks

    return World(
        "desk",
        **_modules(scene, draw, tasks, practice, happenings),
        loose=scene.make_shots,
        alertable=practice.NAMES,
        alertable_shares=tuple(1 / len(practice.NAMES) for _ in practice.NAMES),
        searched={
            "desk_event_caption": "desk thing",
            "desk_action_caption": "person",
            "desk_narration": "desk thing",
        },
    )


def _modules(
    scene: ModuleType, draw: ModuleType, tasks: ModuleType, practice: ModuleType, happenings: ModuleType
) -> dict[str, Any]:
    """What every world's modules call the same."""
    return {
        "make_clip": scene.make_clip,
        "draw": draw.draw,
        "boxes": draw.boxes,
        "tasks": tasks,
        "practice": practice,
        "happenings": happenings,
    }
