"""Real runs of an ablation, two steps long: the common start, equal data, results that are not made twice.

Run: python -m pytest tests/finetune/ablation/test_ablate_run.py
"""

import json
from dataclasses import replace

import pytest
import torch

from finetune.__main__ import main
from finetune.ablation import training
from finetune.ablation.material import AblationMaterial
from finetune.ablation.plan import Plan, Variant
from finetune.ablation.variant import Task, VariantRunner, state_logits, warm_up
from finetune.config import Stage
from finetune.data import stills
from finetune.world.street.scene import make_clip
from streamo_app.models import streaming

pytestmark = pytest.mark.slow

PRACTICE = {"ask_each": 0.6, "persist": 0.4}
STAGE = Stage("warmup", "dialogue", 1, 1e-3, 1e-3, tokens=200, practice_seconds=(2, 3), mix=PRACTICE, loss="ce")
PLAN = Plan(
    warmup=STAGE,
    run=replace(
        STAGE,
        name="run",
        steps=2,
        tokens=400,
        seconds=(8, 8),
        mix={"task": 0.7, "ask_each": 0.3},
        flat=1.0,
        loss="focal",
    ),
    budgets=(1, 2),
    seeds=(1,),
    stills=200,
    clips=2,
    clip_seconds=12,
    validation_clips=1,
    test_clips=1,
    held_out_seconds=10,
    tasks=("alert_light", "counting", "event_caption"),
    model={"hidden": 48, "layers": 4, "heads": 3, "kv_heads": 1, "mlp": 64},
    biases=(-1.0, 1.0, 0.5),
)
CE = Variant("ce", "ce", budgets=(1, 2), biased=True)
FOCAL = Variant("focal", "focal", 2.0, True, budgets=(2,))
TWO = Variant("two-states", "focal", 2.0, True, states=2, budgets=(2,))


class Inline:
    """A pool that is this process: starting others takes longer than their work."""

    def __init__(self, workers, initializer=None, initargs=()):
        if initializer:
            initializer(*initargs)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def map(self, function, items, chunksize=1):
        return map(function, items)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ablation")
    (folder / "results").mkdir()
    threads = torch.get_num_threads()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stills, "pool", Inline)
        patch.setattr(streaming, "MAX_NEW_TOKENS", 4)  # what has learnt nothing never ends its replies
        material = AblationMaterial(PLAN, folder)
        material.prepare(1)
        warm_up(material, lambda steps: None)
        yield folder
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def runner(folder):
    return VariantRunner(PLAN, folder)


def do(runner, variant, seed=1):
    ticks = []
    return runner.run(Task(variant, seed), ticks.append), sum(ticks)


def test_a_run_leaves_a_result_for_each_budget_and_goes_on_where_one_is_missing(runner, folder):
    task = Task(CE, 1)
    units = task.units(runner.results)
    new, ticks = do(runner, CE)
    assert [result["budget"] for result in new] == [1, 2] and ticks == units
    assert json.loads(task.path(runner.results, 2).read_text()) == new[1]
    task.path(runner.results, 2).unlink()
    again, _ = do(runner, CE)
    assert [result["budget"] for result in again] == [2]
    assert {key: value for key, value in again[0].items() if key != "cpu_s"} == {
        key: value for key, value in new[1].items() if key != "cpu_s"
    }


def test_every_variant_sees_the_same_rows_and_another_seed_sees_others(runner):
    focal, two, other = (do(runner, variant, seed)[0][-1] for variant, seed in ((FOCAL, 1), (TWO, 1), (FOCAL, 2)))
    silence, standby, response = focal["states"]
    assert focal["tokens"] == two["tokens"] != other["tokens"]
    assert two["states"] == [silence + standby, 0, response]
    assert two["plain"]["ssr"] is None and "biased" not in two


def test_the_tower_is_the_base_models_and_learns_nothing(folder):
    material = AblationMaterial(PLAN, folder)
    started, fresh = torch.load(folder / "warm.pt")["model"], material.model()
    tower = [name for name in started if "visual" in name and "merger" not in name]
    assert tower and all(torch.equal(started[name], fresh.state_dict()[name]) for name in tower)
    assert not [name for name, parameter in fresh.named_parameters() if name in tower and parameter.requires_grad]
    assert any(not torch.equal(started[name], fresh.state_dict()[name]) for name in started if "merger" in name)


def test_a_killed_warm_up_goes_on_from_its_checkpoint_to_the_same_weights(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(training, "SAVE_EVERY", 1)
    material, stage, kept = AblationMaterial(PLAN, folder), replace(PLAN.warmup, steps=3), tmp_path / "warming.pt"

    def go(kept=None):
        return training.train(material, stage, training.WARMUP, PLAN.seed, kept=kept)

    *_, (whole, all_done) = go()
    killed = go(kept)
    next(killed)
    next(killed)
    killed.close()
    (rest, last), *more = go(kept)
    assert (last.steps, last.tokens, last.states, last.loss) == (
        3,
        all_done.tokens,
        all_done.states,
        all_done.loss,
    ) and not more
    assert all(torch.equal(a, b) for a, b in zip(whole.state_dict().values(), rest.state_dict().values(), strict=True))


def test_held_out_clips_are_of_their_own_split_and_hold_the_tasks_that_are_trained(runner):
    video = runner.test[0]
    assert make_clip(0, 10, "test") != make_clip(0, 10, "val") != make_clip(0, 10)
    assert len(video.frames) == 10 and {record.task for record in video.records} <= set(PLAN.tasks)
    assert [len(dialogue.turns) for dialogue in video.dialogues] == [10] * len(video.records)


def test_the_state_logits_are_those_of_every_turn_on_the_gold_past(runner):
    dialogues, logits = state_logits(runner.material, runner.material.model(), runner.validation)
    assert len(dialogues) == len(logits) > 0 and all(values.shape == (10, 3) for values in logits)


SMALLEST = """
base: streamo-tiny
model: {hidden: 48, layers: 4, heads: 3, kv_heads: 1, mlp: 64}
seeds: [1]
stills: 200
clips: 2
clip_seconds: 12
validation_clips: 1
test_clips: 1
held_out_seconds: 8
tasks: [alert_light, counting, event_caption, grounding_forward]
budgets: [1]
gammas: [2]
biases: [-1, 1, 1]
warmup: {steps: 1, lr: 1.0e-3, tokens: 200, practice_seconds: [2, 3], mix: {ask_each: 0.6, persist: 0.4}}
run: {lr: 1.0e-3, tokens: 300, seconds: [8, 8], practice_seconds: [2, 3], mix: {task: 0.7, ask_each: 0.3}}
"""


def test_the_command_renders_warms_up_runs_every_variant_in_worker_processes_and_writes_the_report(tmp_path, capfd):
    (tmp_path / "small.yaml").write_text(SMALLEST)
    command = [
        "ablate",
        "--config",
        str(tmp_path / "small.yaml"),
        "--out",
        str(tmp_path / "docs"),
        "--run",
        str(tmp_path / "run"),
        "--workers",
        "2",
    ]
    threads = torch.get_num_threads()
    try:
        assert main(command) == 0
    finally:
        torch.set_num_threads(threads)
    made = sorted((tmp_path / "run").glob("*/results/*.json"))
    assert [path.name for path in made] == [
        "ce-1-1.json",
        "focal-1-1.json",
        "gamma2-1-1.json",
        "scale-1-1.json",
        "two-states-1-1.json",
    ]
    assert sorted(path.name for path in (tmp_path / "docs").iterdir()) == [
        "ablation.json",
        "ablation.md",
        "ablation.png",
    ]
    document = json.loads((tmp_path / "docs" / "ablation.json").read_text())
    assert (document["finished"], document["planned"], document["workers"]) == (5, 5, 2) and document["minutes"] > 0
    assert "runs to go" in capfd.readouterr().err

    before = [path.stat().st_mtime_ns for path in made]
    assert main([*command, "--report"]) == 0
    assert [path.stat().st_mtime_ns for path in made] == before
