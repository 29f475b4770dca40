"""Both worlds through the one interface that training sees."""

import ast
from pathlib import Path

import numpy as np
import pytest

from finetune.data.patch_labels import CLASSES, named
from finetune.world import worlds
from finetune.world.desk import scene


@pytest.fixture(params=worlds.NAMES)
def world(request) -> worlds.World:
    return worlds.get(request.param)


def test_a_world_that_there_is_not_is_refused():
    with pytest.raises(ValueError, match=r"There is no world 'moon'; take street, desk\."):
        worlds.get("moon")


def test_a_world_has_its_own_name_and_is_made_once(world):
    assert worlds.get(world.name) is world


def worlds_imported_by(path: Path) -> set[str]:
    modules = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            modules |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return {
        name for name in worlds.NAMES if any(f"{module}.".startswith(f"finetune.world.{name}.") for module in modules)
    }


def test_a_world_imports_nothing_of_another_and_few_modules_know_both():
    home = Path(worlds.__file__).parent
    for name in worlds.NAMES:
        for path in (home / name).glob("*.py"):
            assert worlds_imported_by(path) <= {name}, f"{name}/{path.name} imports another world"
    assert {path.name for path in home.glob("*.py") if worlds_imported_by(path)} == {"worlds.py", "render.py"}


def test_every_name_of_an_alert_can_be_seen_and_has_a_share(world):
    assert len(world.alertable) == len(set(world.alertable)) == len(world.alertable_shares)
    assert sum(world.alertable_shares) == pytest.approx(1) and min(world.alertable_shares) > 0
    assert all(len(named(name)) == 1 for name in world.alertable)


def test_what_is_searched_for_and_what_comes_in_pairs_are_tasks_of_that_world(world):
    assert {*world.searched, *world.tasks.PAIRED} <= set(world.tasks.TASKS)
    assert all(named(name) for name in world.searched.values())


@pytest.mark.parametrize(
    ("name", "task", "argument", "others"),
    [
        (
            "street",
            "alert_object",
            "dog",
            {"person", "ball"} | {f"{c} car" for c in ("red", "blue", "green", "yellow", "white", "black")},
        ),
        (
            "street",
            "grounding_forward",
            "red car",
            {"person", "dog", "ball"} | {f"{c} car" for c in ("blue", "green", "yellow", "white", "black")},
        ),
        ("desk", "desk_alert_lights", "lights off", {"lights on"}),
        ("desk", "desk_alert_person", "person leaves", {"person comes"}),
        ("desk", "desk_counting", "view", {"lights off", "person", "object"}),
    ],
)
def test_a_rival_is_another_argument_of_the_same_task(name, task, argument, others):
    rng = np.random.default_rng(0)
    assert {worlds.get(name).tasks.rival(task, argument, rng) for _ in range(30)} <= others


def test_loose_shots_can_be_drawn_and_labelled(world):
    rng = np.random.default_rng(0)
    shots = [shot for _ in range(4) for shot in world.loose(rng)]
    for clip, t in shots:
        assert 0 <= t < clip.seconds and min(clip.size) >= 240
        assert all(label in CLASSES for label, *_ in world.boxes(clip, t))
        assert world.practice.names_in((clip, t)) <= set(world.alertable)
    clip, t = shots[0]
    assert world.draw(clip, t, (96, 64)).shape == (64, 96, 3)


def test_loose_desk_shots_show_what_goes_on_more_often_than_any_second_does():
    rng = np.random.default_rng(0)
    shots = [shot for _ in range(40) for shot in worlds.get("desk").loose(rng)]
    assert len(shots) == 40 * scene.SHOTS_PER_CLIP
    names = [worlds.get("desk").practice.names_in(shot) for shot in shots]
    assert sum(bool(found - {"person"}) for found in names) > 0.3 * len(shots)  # of all seconds, less than a quarter


def test_the_rival_of_a_lamp_is_a_lamp_and_of_a_car_no_lamp():
    street, rng = worlds.get("street"), np.random.default_rng(0)
    assert {street.tasks.rival("alert_light", "red light", rng) for _ in range(40)} == {"yellow light", "green light"}
    assert not [
        name
        for name in (street.tasks.rival("alert_object", "red car", rng) for _ in range(200))
        if name.endswith(" light")
    ]
