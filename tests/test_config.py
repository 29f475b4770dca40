"""Configurations of training runs: what is read, what is refused, and in which words."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from finetune.config import load_config

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


@pytest.mark.parametrize(("name", "record"), [("streamo-tiny", "assets/streamo-tiny/training.json"), ("streamo-tiny-short", "docs/short.json")])
def test_a_configuration_has_the_digest_that_its_record_carries(name, record):
    made = json.loads(Path(record).read_text())["config"]
    assert load_config(f"finetune/configs/{name}.yaml").digest == made


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (["seed"], "has no '='"),
        (["stages.9.steps=1"], "no 'stages.9.steps'"),
        (["colour=red"], "unknown key 'colour'"),
        (["window=60"], "the longest street clip has 48 s"),
        (["stages.0.kind=sound"], "take vision or dialogue"),
        (["stages.0.steps=0"], "steps >= 1"),
        (["stages.1.name=look"], r"two stages have one name \(look, look\)"),
        (["stills=4000"], "stills are {world: number}"),
        (["clips={48: 3}"], "clips {world: {seconds: number}}"),
        (["clips={street: {}}"], "clips {world: {seconds: number}}"),
        (["clips=[48]"], "clips {world: {seconds: number}}"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(path, changes, said):
    with pytest.raises(ValueError, match=said):
        load_config(path, changes)


def test_a_missing_file_is_said_so(tmp_path):
    with pytest.raises(ValueError, match="There is no configuration"):
        load_config(tmp_path / "none.yaml")
