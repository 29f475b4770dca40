"""Configurations of training runs: what is read, what is refused, and in which words."""

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from finetune.config import load_config
from finetune.train import begin_run_folder
from finetune.training.run_record import stage_seed

YAML = """
name: small
out: model
window: 48
clips: {street: {48: 3}}
stages:
  - {name: look, kind: vision, steps: 10, lr: 1.0e-3}
  - {name: tasks, kind: dialogue, steps: 20, lr: 1.0e-3, seconds: [8, 16], mix: {task: 0.5, ask_each: 0.5}}
"""


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "config.yaml"
    file.write_text(YAML)
    return file


def test_a_file_becomes_a_frozen_configuration(path):
    config = load_config(path)
    assert [stage.name for stage in config.stages] == ["look", "tasks"]
    assert config.stages[1].seconds == (8, 16)
    assert config.clips == {"street": {48: 3}}


def test_a_saved_configuration_reads_back_the_same(path, tmp_path):
    config = load_config(path)
    config.save(tmp_path / "again.yaml")
    assert load_config(tmp_path / "again.yaml") == config


def test_a_key_can_be_changed_also_inside_a_stage(path):
    config = load_config(path, ["seed=7", "stages.1.steps=5"])
    assert config.seed == 7 and config.stages[1].steps == 5


def test_the_digest_knows_what_shapes_the_weights_and_nothing_else(path):
    config = load_config(path)
    assert replace(config, run_dir="elsewhere", workers=8).digest == config.digest
    assert replace(config, seed=2).digest != config.digest
    assert replace(config, first_clip=50).digest != config.digest
    for change in ({"aux_before": 0.5}, {"sections": (2,) * 16}):
        assert replace(config, stages=(config.stages[0], replace(config.stages[1], **change))).digest != config.digest


def test_a_stage_may_turn_to_fresh_material_which_those_after_it_keep(path):
    fresh = {"seed": 11, "first_clip": 50, "clips": {"street": {60: 2}}}
    stages = [{"name": name, "kind": "vision", "steps": 1, "lr": 1e-3} for name in ("a", "b", "c", "d")]
    stages[1]["fresh"], stages[3]["fresh"] = fresh, {"seed": 12}
    config = load_config(path, [f"stages={yaml.safe_dump(stages, default_flow_style=True)}", "seed=3"])
    assert [(part.number, part.first, part.seed, part.first_clip, part.clips) for part in config.parts] == [
        (0, 0, 3, 0, {"street": {48: 3}}),
        (1, 1, 11, 50, {"street": {60: 2}}),
        (2, 3, 12, 0, {"street": {48: 3}}),  # what it does not name is the run's own
    ]
    assert [config.part(index).number for index in range(4)] == [0, 1, 1, 2]
    assert [stage_seed(config, index) for index in range(4)] == [3000, 11000, 11001, 12000]
    other = replace(
        config, stages=(config.stages[0], replace(config.stages[1], fresh=fresh | {"seed": 13}), *config.stages[2:])
    )
    assert other.digest != config.digest


@pytest.mark.parametrize(
    ("fresh", "said"),
    [
        (
            {"steps": 3},
            "stages.1.fresh: unknown key 'steps'; known are clips, first_clip, seed, stills, two_fps",
        ),
        (
            {"clips": {"street": {"48": 3}}},
            "stages.1.fresh.clips is {'street': {'48': 3}}; {world: {seconds: number}} is wanted",
        ),
        ({"clips": {"street": 3}}, "stages.1.fresh.clips is {'street': 3}; {world: {seconds: number}} is wanted"),
        ({"clips": {"street": {12: 3}}}, "stage 'tasks' wants 16 s of street, but its longest clip has 12 s"),
    ],
)
def test_fresh_material_that_a_stage_cannot_use_is_refused(path, fresh, said):
    with pytest.raises(ValueError, match=re.escape(said)):
        load_config(path, [f"stages.1.fresh={yaml.safe_dump(fresh, default_flow_style=True)}"])


@pytest.mark.parametrize(
    ("name", "record"),
    [("streamo-tiny", "assets/streamo-tiny/training.json"), ("streamo-tiny-short", "assets/results/short.json")],
)
def test_a_configuration_has_the_digest_that_its_record_carries(name, record):
    made = json.loads(Path(record).read_text())["config"]
    assert load_config(f"finetune/configs/{name}.yaml").digest == made


def test_the_record_of_the_shipped_weights_has_the_stages_and_seeds_of_their_configuration():
    record = json.loads(Path("assets/streamo-tiny/training.json").read_text())["stages"]
    config = load_config("finetune/configs/streamo-tiny.yaml")
    assert [(stage["name"], stage["steps"], stage["seed"]) for stage in record] == [
        (stage.name, stage.steps, stage_seed(config, index)) for index, stage in enumerate(config.stages)
    ]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (["seed"], "has no '='"),
        (["stages.9.steps=1"], "no 'stages.9.steps'"),
        (["stages.-1.steps=1"], "no 'stages.-1.steps'"),
        (["stages.٠.steps=1"], "no 'stages.٠.steps'"),
        (["colour=red"], "unknown key 'colour'"),
        (["window=60"], "the longest street clip has 48 s"),
        (["stages.0.kind=sound"], "stages.0.kind is 'sound'; vision or dialogue is wanted"),
        (["stages.0.steps=0"], "stages.0.steps is 0; a number >= 1 is wanted"),
        (["stages.1.name=look"], r"two stages have one name \(look, look\)"),
        (["stills=4000"], "stills is 4000; {world: number} is wanted"),
        (["clips={48: 3}"], re.escape("clips is {48: 3}; {world: {seconds: number}} is wanted")),
        (["clips={street: {}}"], re.escape("clips is {'street': {}}; {world: {seconds: number}} is wanted")),
        (["clips=[48]"], re.escape("clips is [48]; {world: {seconds: number}} is wanted")),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(path, changes, said):
    with pytest.raises(ValueError, match=said):
        load_config(path, changes)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("stages.0.batch=ten", "stages.0.batch is 'ten'; a whole number is wanted."),
        ("stages.0.batch=true", "stages.0.batch is True; a whole number is wanted."),
        ("stages.0.batch='8'", "stages.0.batch is '8'; a whole number is wanted."),
        ("window=48.0", "window is 48.0; a whole number is wanted."),
        ("seed=x", "seed is 'x'; a whole number is wanted."),
        ("seed=-1", "seed is -1; a number >= 0 is wanted."),
        ("workers=-1", "workers is -1; a number >= 0 is wanted."),
        ("stages.1.lr=fast", "stages.1.lr is 'fast'; a number is wanted."),
        ("stages.1.lr=yes", "stages.1.lr is True; a number is wanted."),
        ("stages.1.lr=.inf", "stages.1.lr is inf; a number is wanted."),
        ("stages.1.lr=0", "stages.1.lr is 0; a number > 0 is wanted."),
        ("stages.1.flat=1.5", "stages.1.flat is 1.5; a number <= 1 is wanted."),
        ("stages.1.seconds=16", "stages.1.seconds is 16; a list is wanted."),
        ("stages.1.seconds=[8]", "stages.1.seconds is [8]; a list of 2 numbers is wanted."),
        ("stages.1.seconds=[8, 9, 10]", "stages.1.seconds is [8, 9, 10]; a list of 2 numbers is wanted."),
        ("stages.1.seconds=[16, 8]", "stage 'tasks' has seconds [16, 8]; write the smaller number first."),
        ("stages.1.mix.task=-1", "stages.1.mix.task is -1; a number >= 0 is wanted."),
        ("stages.1.mix={task: 0}", "stage 'tasks' has nothing in mix; give one of task,"),
        ("stages.1.mix={jam: 1}", "stages.1.mix: unknown key 'jam'; known are task, timed,"),
        ("stages.1.worlds={moon: 1}", "stages.1.worlds: unknown key 'moon'; known are street, desk."),
        ("stages.1.tasks={alert_lihgt: 1}", "stages.1.tasks: unknown key 'alert_lihgt'; known are alert_light,"),
        ("stages.1.loss=mse", "stages.1.loss is 'mse'; focal, scale or ce is wanted."),
        ("stages.1.sections=[4, 0]", "stages.1.sections.1 is 0; a number >= 1 is wanted."),
        ("stages.1.fresh=[1]", "stages.1.fresh is [1]; a mapping is wanted."),
        ("stages.1.speed=9", "stages.1: unknown key 'speed'; known are aux_before,"),
        ("precision=bf8", "precision is 'bf8'; auto, bf16 or float32 is wanted."),
        ("model={depth: 3}", "model: unknown key 'depth'; known are hidden,"),
        ("model={hidden: wide}", "model.hidden is 'wide'; a whole number is wanted."),
        ("clips.street.48=many", "clips is {'street': {48: 'many'}}; {world: {seconds: number}} is wanted."),
        ("name=", "name is ''; text is wanted."),
        ("stages=3", "stages is 3; a list is wanted."),
        ("stages=[3]", "stages.0 is 3; a mapping is wanted."),
        ("stages=[{name: look}]", "stages.0: kind is missing."),
        ("min_pixels=20000", "min_pixels is 20000, more than max_pixels, which is 18816."),
    ],
)
def test_every_mistake_is_one_sentence_with_the_file_and_the_key(path, change, said):
    with pytest.raises(ValueError, match=re.escape(f"{path}: {said}")) as refused:
        load_config(path, [change])
    assert "\n" not in str(refused.value) and str(refused.value).endswith(".")


@pytest.mark.slow
def test_a_mistake_ends_the_command_with_status_2_before_anything_is_written(path, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "finetune", "train", path, "--set", "stages.0.batch=ten"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (2, f"{path}: stages.0.batch is 'ten'; a whole number is wanted.\n")
    assert [file.name for file in tmp_path.iterdir()] == ["config.yaml"]


def test_a_run_folder_that_cannot_be_made_is_one_sentence(path, tmp_path):
    (tmp_path / "taken").write_text("a file")
    config = load_config(path, [f"run_dir={tmp_path / 'taken' / 'run'}"])
    with pytest.raises(ValueError, match=r"taken/run cannot be written \(Not a directory\); choose another"):
        begin_run_folder(Path(config.run_dir), config)


def test_a_changed_key_is_read_as_its_field_wants_it(path):
    config = load_config(path, ["stages.0.lr=1e-3", "stages.1.lr=2.5E-04", "name=5", "init=yes", "clips.street.48=7"])
    assert (config.stages[0].lr, config.stages[1].lr) == (0.001, 0.00025)
    assert (config.name, config.init, config.clips) == ("5", "yes", {"street": {48: 7}})


def test_a_number_without_a_dot_in_the_file_is_a_number(path):
    path.write_text(YAML.replace("1.0e-3", "1e-3"))
    assert [stage.lr for stage in load_config(path).stages] == [0.001, 0.001]


def test_a_missing_file_is_said_so(tmp_path):
    with pytest.raises(ValueError, match="There is no configuration"):
        load_config(tmp_path / "none.yaml")
