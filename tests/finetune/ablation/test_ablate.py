"""The ablation: which runs there are, what each is trained with, what is measured, and what is written.

Run: python -m pytest tests/finetune/ablation/test_ablate.py
"""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
import yaml

from finetune.__main__ import main
from finetune.ablation import report
from finetune.ablation.findings import sentences
from finetune.ablation.material import TwoStates, without_standby
from finetune.ablation.measures import answered, blind_baselines, measures, spread, two_states, under_way
from finetune.ablation.plan import Plan, Variant, load_plan, variants
from finetune.ablation.tables import Summary, percent, tables
from finetune.ablation.training import loss_counts, loss_options
from finetune.ablation.variant import Task, best_bias, load_results
from finetune.build import Dialogue, DialogueTurn
from finetune.config import Stage
from finetune.data.encode import Corruptions, SequenceEncoder
from finetune.loss import streaming_loss
from finetune.metrics import Track
from streamo_app.protocol import State

CONFIG = "finetune/configs/ablate.yaml"
STAGE = Stage("run", "dialogue", 8, 1e-3)
PLAN = Plan(warmup=STAGE, run=STAGE, budgets=(2, 4, 8), seeds=(1, 2))
LETTERS = {".": State.SILENCE, "s": State.STANDBY, "R": State.RESPONSE}


def said(states, words="word"):
    return [(LETTERS[letter], words if letter == "R" else "") for letter in states]


def track(gold, predicted, task="event_caption", asked=0):
    return Track(task, asked, said(gold), said(predicted))


def result(variant="focal", seed=1, budget=8, f1=0.5, biased=None, **more):
    row = dict.fromkeys(("balanced", "responds", "rec", "ssr", "crr", "miou"), 0.4) | {"f1": f1} | more
    made = {"variant": variant, "seed": seed, "budget": budget, "plain": row}
    return made if biased is None else made | {"bias": 0.5, "biased": row | {"f1": biased}}


# What is run.


def test_three_losses_at_all_budgets_the_rest_at_the_largest_and_no_run_twice():
    made = {variant.name: variant for variant in variants(PLAN)}
    assert list(made) == [
        "ce",
        "scale",
        "focal",
        "two-states",
        "gamma0-alpha",
        "gamma1-alpha",
        "gamma3-alpha",
        "gamma1",
        "gamma2",
        "gamma3",
    ]
    assert all(made[name].budgets == (2, 4, 8) and made[name].biased for name in ("ce", "scale", "focal"))
    assert all(
        variant.budgets == (8,) and not variant.biased
        for name, variant in made.items()
        if name not in ("ce", "scale", "focal")
    )
    assert (made["focal"].gamma, made["focal"].alpha, made["two-states"].states) == (2, True, 2)


def test_the_shipped_plan_has_three_seeds_three_budgets_and_the_papers_weights():
    plan = load_plan(CONFIG)
    assert (plan.seeds, len(plan.budgets), plan.fixed_weights, plan.gammas) == (
        (1, 2, 3),
        3,
        (0.3, 1.3, 2.0),
        (0, 1, 2, 3),
    )
    assert plan.run.steps == plan.largest and plan.run.flat == 1.0 and plan.warmup.loss == "ce"
    assert {task for task, share in plan.run.tasks.items() if share} == set(plan.tasks)


def test_the_smoke_plan_changes_what_it_names_and_keeps_the_rest():
    plan, small = load_plan(CONFIG), load_plan(CONFIG, smoke=True)
    assert len(small.seeds) == 1 and small.largest < plan.largest and small.warmup.steps < plan.warmup.steps
    assert (small.warmup.mix, small.model, small.gammas) == (plan.warmup.mix, plan.model, plan.gammas)


def test_more_seeds_or_gammas_keep_finished_results_and_anything_else_does_not():
    assert replace(PLAN, seeds=(1, 2, 3), gammas=(2,)).digest() == PLAN.digest()
    assert replace(PLAN, clips=301).digest() != PLAN.digest() != PLAN.digest(b"other weights")


@pytest.mark.parametrize(
    "changed, complaint",
    [
        ({"budgets": [4, 2]}, "rising"),
        ({"tasks": ["juggling"]}, "tasks.0 is .juggling.; one of alert_light, "),
        ({"clips": 0}, "clips is 0; a number >= 1 is wanted."),
        ({"colour": "red"}, "unknown key 'colour'"),
        ({"run": {"lr": 1e-3, "speed": 9}}, "run: unknown key 'speed'"),
        ({"run": {"lr": 1e-3, "seconds": [10, 90]}}, "90"),
        ({"warmup": {}}, "warmup: .*steps"),
        ({"warmup": 3}, "warmup is 3; a mapping is wanted."),
        ({"budgets": []}, r"budgets is \[\]; a list of at least 1 is wanted."),
        ({"budgets": ["two"]}, "budgets.0 is 'two'; a whole number is wanted."),
        ({"budgets": 2}, "budgets is 2; a list is wanted."),
        ({"seeds": [True]}, "seeds.0 is True; a whole number is wanted."),
        ({"stills": "many"}, "stills is 'many'; a whole number is wanted."),
        ({"wordings": "test"}, "wordings is 'test'; train or heldout is wanted."),
        ({"fixed_weights": [1, 2]}, r"fixed_weights is \[1, 2\]; a list of 3 numbers is wanted."),
        ({"biases": [1, -1, 0.5]}, "biases are"),
        ({"gammas": [-1]}, "gammas.0 is -1; a number >= 0 is wanted."),
        ({"tasks": 3}, "tasks is 3; a list is wanted."),
        ({"smoke": 3}, "smoke is 3; a mapping is wanted."),
    ],
)
def test_a_plan_that_cannot_be_run_is_one_sentence(tmp_path, changed, complaint):
    path = tmp_path / "plan.yaml"
    path.write_text(yaml.safe_dump({"warmup": {"steps": 1, "lr": 1e-3}, "run": {"lr": 1e-3}, "budgets": [2]} | changed))
    with pytest.raises(ValueError, match=complaint):
        load_plan(path)


@pytest.mark.parametrize("text, complaint", [("[1, 2", "not YAML"), ("- 1", "mapping"), ("", "mapping")])
def test_a_file_that_is_no_plan_is_one_sentence(tmp_path, text, complaint):
    (tmp_path / "plan.yaml").write_text(text)
    with pytest.raises(ValueError, match=complaint):
        load_plan(tmp_path / "plan.yaml")


def test_a_finished_budget_is_not_run_again(tmp_path):
    task = Task(Variant("ce", "ce", budgets=(2, 4, 8), biased=True), 1)
    assert task.missing(tmp_path) == [2, 4, 8]
    task.path(tmp_path, 2).write_text("{}")
    task.path(tmp_path, 8).write_text("{}")
    assert task.missing(tmp_path) == [4]
    task.path(tmp_path, 4).write_text("{}")
    assert (task.missing(tmp_path), task.units(tmp_path)) == ([], 0)


def test_results_come_back_in_the_order_of_their_tasks(tmp_path):
    (tmp_path / "results").mkdir()
    tasks = [Task(Variant("ce", "ce", budgets=(2, 4)), seed) for seed in (1, 2)]
    for task, budget in ((tasks[1], 2), (tasks[0], 4)):
        task.path(tmp_path / "results", budget).write_text(json.dumps({"seed": task.seed, "budget": budget}))
    assert load_results(tmp_path, tasks) == [{"seed": 1, "budget": 4}, {"seed": 2, "budget": 2}]


# What it is trained with.

COUNTS = torch.tensor([60, 10, 20, 200])
"""Silence, standby, response, all labels."""


def loss_of(variant, counts=COUNTS):
    """The variant's loss of one label of each state at p = 0.5 (ids 0, 1, 2)."""
    logits = torch.tensor([[0.5, 0.3, 0.2], [0.3, 0.5, 0.2], [0.3, 0.2, 0.5]], dtype=torch.float64).log()
    totals = loss_counts(counts, variant)
    losses = [
        streaming_loss(
            row[None],
            torch.tensor([label]),
            (0, 1, 2),
            kind=variant.kind,
            state_counts=totals[:3],
            num_items=1,
            **loss_options(variant, PLAN),
        )
        for label, row in enumerate(logits)
    ]
    return [round(loss.item() / math.log(2), 4) for loss in losses]


def test_each_variant_weighs_the_three_states_as_its_equation_says():
    made = {variant.name: variant for variant in variants(PLAN)}
    assert loss_of(made["ce"]) == [1, 1, 1]
    assert loss_of(made["scale"]) == [0.3, 1.3, 2.0]
    assert loss_of(made["gamma2"]) == [0.25, 0.25, 0.25]
    assert loss_of(made["gamma0-alpha"]) == [0.5, 3.0, 1.5]  # 90 labels / (3 x 60, 10, 20)
    assert loss_of(made["focal"]) == [0.125, 0.75, 0.375]


def test_alpha_of_two_states_is_that_of_two_states():
    two = Variant("two-states", "focal", 0.0, True, states=2)
    silence, _, response = loss_of(two, torch.tensor([60, 0, 20, 200]))
    assert (silence, response) == (round(80 / (2 * 60), 4), 80 / (2 * 20))


def test_with_two_states_standby_is_silence_in_the_labels_in_the_past_and_in_the_gold(monkeypatch):
    turns = tuple(
        DialogueTurn(i, (), LETTERS[letter], "word" if letter == "R" else "") for i, letter in enumerate(".ssR.")
    )
    dialogue = Dialogue("", "counting", turns)
    assert [turn.state for turn in without_standby(dialogue).turns] == [LETTERS[letter] for letter in "...R."]
    made = {}
    monkeypatch.setattr(
        SequenceEncoder,
        "encode",
        lambda self, dialogue, frames, corruptions, practice: made.update(dialogue=dialogue, corruptions=corruptions),
    )
    TwoStates.encode(object.__new__(TwoStates), dialogue, None, Corruptions(gold=dialogue, wrong={1}))
    assert made["dialogue"] == made["corruptions"].gold == without_standby(dialogue) and made["corruptions"].wrong == {
        1
    }


# What is measured.


def test_ssr_is_the_mean_of_the_seconds_inside_and_outside_that_are_told_by_standby():
    assert under_way([track("..ss....", "..ss....")]) == 1
    assert under_way([track("..ssR...", "...sR..s")]) == (1 / 2 + 5 / 6) / 2
    assert under_way([track("..ssR...", "........")]) == under_way([track("..ssR...", "ssssssss")]) == 0.5
    assert under_way([track("..R.", "..R.", task="alert_light")]) is None


def test_ssr_begins_with_the_question():
    assert under_way([track("ssss.s..", "....ss..", asked=4)]) == (1 + 2 / 3) / 2


def test_crr_is_the_mean_of_silence_before_the_first_answer_and_an_answer_after_it():
    assert answered([track("....R...", "....R...")]) == 1
    assert (
        answered([track("....R...", "...R....")]) == answered([track("....R...", ".....R..")]) == 1
    )  # a second early or late
    assert answered([track("....R...", ".......R")]) == (1 + 1 / 2) / 2  # of seconds 6 and 7
    assert answered([track("....R...", ".R......")]) == (1 / 3 + 1) / 2  # second 0 of 0, 1, 2
    assert answered([track("....R...", "........")]) == answered([track("....R...", "RRRRRRRR")]) == 0.5


def test_crr_ends_with_the_second_before_the_next_answer_and_leaves_out_what_is_answered_at_once():
    assert answered([track("...R..R...", "...R......")]) == answered([track("...R..R...", "...RRRRRRR")]) == 1
    assert answered([track("R....R..", "R....R..", task="tsqa_light")]) is None


def test_rec_is_the_number_held_second_by_second():
    gold = [
        (LETTERS[letter], words) for letter, words in (*[(".", "")] * 2, ("R", "1."), (".", ""), ("R", "2."), (".", ""))
    ]
    late = [*gold[:4], (State.SILENCE, ""), (State.RESPONSE, "2.")]
    assert measures([Track("counting", 0, gold, late)])["rec"] == 3 / 4
    assert measures([track("..R.", "..R.", task="alert_light")])["rec"] is None


def test_two_states_are_compared_on_responding_alone():
    one = track(".ssR.", "...R.")
    assert measures([one])["balanced"] == (1 + 0 + 1) / 3
    assert measures([one])["responds"] == measures([two_states(one)])["balanced"] == 1


def test_blind_baselines_score_what_they_score():
    found = blind_baselines([track("....R...", "........"), track("...ssR..", "........")])
    assert (found["silence"]["f1"], found["silence"]["ssr"], found["silence"]["crr"]) == (0, 0.5, 0.5)
    assert found["always answering"]["f1"] == 2 * 2 / (2 + 16)


def test_a_spread_is_over_what_is_known():
    assert spread([0.2, None, 0.4]) == {"mean": pytest.approx(0.3), "min": 0.2, "max": 0.4, "n": 2}
    assert spread([None]) is None


def test_the_bias_is_the_one_that_makes_the_gold_past_right_and_the_least_of_several():
    turns = tuple(
        DialogueTurn(i, ("Watch.",) if i == 0 else (), LETTERS[letter], "word" if letter == "R" else "")
        for i, letter in enumerate("....R....R....")
    )
    logits = np.zeros((14, 3))
    logits[:, 0], logits[:, 1] = 1.0, -9.0
    logits[[4, 9], 2] = 0.2  # silence wins by 0.8 where an answer is due, by 1 elsewhere
    assert best_bias([Dialogue("", "alert_light", turns)], [logits], (-4.0, 4.0, 0.1)) == 0.9
    assert best_bias([Dialogue("", "alert_light", turns)], [logits + np.array([0, 0, 0.9])], (-4.0, 4.0, 0.1)) == 0


# What is written.


def test_a_number_is_the_mean_and_half_the_range_of_the_seeds():
    assert percent({"mean": 0.41, "min": 0.36, "max": 0.44, "n": 3}) == "41.0 ±4.0"
    assert percent({"mean": 0.41, "min": 0.41, "max": 0.41, "n": 1}) == percent(0.41) == "41.0"
    assert percent(None) == "n/a"


def test_the_first_table_stands_beside_the_papers():
    results = [
        result(loss, seed, rec=rec) for loss, rec in (("ce", 0.1), ("scale", 0.2), ("focal", 0.3)) for seed in (1, 2)
    ]
    rows = tables(Summary(results), {}, PLAN)[0].rows
    assert rows[2] == ("focal + alpha", "ours", "30.0 ±0.0", "40.0 ±0.0", "40.0 ±0.0")
    assert rows[3] == ("cross entropy", "paper, Qwen2.5-VL-3B", "6.45", "20.99", "41.67")


def test_sentences_tell_the_order_and_whether_it_is_the_papers():
    results = [result("ce", s, f1=0.1 + s / 100, biased=0.4) for s in (1, 2)]
    results += [result("scale", s, f1=0.3 + s / 10, biased=0.3) for s in (1, 2)] + [
        result("focal", s, f1=0.4 + s / 10, biased=0.2) for s in (1, 2)
    ]
    lines = sentences(Summary(results), PLAN)
    assert (
        "Timing F1 after 8 steps: focal + alpha 55.0 ±5.0 > Loss Scale 45.0 ±5.0 (ranges overlap) "
        "> cross entropy 11.5 ±0.5 (the paper's order)." in lines
    )
    assert any(
        line.startswith("Timing F1 after 8 steps with the chosen bias: cross entropy")
        and line.endswith("(not the paper's order).")
        for line in lines
    )
    assert not [line for line in lines if "4 steps" in line]  # not run


ABOUT = {"command": "c", "machine": "m", "cores": 2, "workers": 2, "config": "abc", "minutes": 3.0, "core_minutes": 5.0}


@pytest.mark.slow
def test_the_files_hold_every_number_and_what_is_written_by_hand_stays(tmp_path):
    results = [
        result(variant.name, seed, budget, biased=0.6)
        for variant in variants(PLAN)
        for seed in (1, 2)
        for budget in variant.budgets
    ]
    gold = blind_baselines([track("....R...", "........")])
    report.write(tmp_path, PLAN, results, gold, ABOUT)
    page = tmp_path / "ablation.md"
    page.write_text(page.read_text() + f"\n{report.KEPT_FROM}\n\nThe threshold is most of it.\n")
    report.write(tmp_path, PLAN, results, gold, ABOUT)
    assert page.read_text().count("The threshold is most of it.") == 1 and "## What we saw" in page.read_text()
    numbers = json.loads((tmp_path / "ablation.json").read_text())
    assert numbers["runs"] == results and numbers["machine"] == "m"
    assert numbers["summary"]["focal"]["8"]["plain"]["f1"] == {"mean": 0.5, "min": 0.5, "max": 0.5, "n": 2}
    assert (tmp_path / "ablation.png").read_bytes().startswith(b"\x89PNG")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ablation.json", "ablation.md", "ablation.png"]


@pytest.mark.slow
def test_a_report_of_few_runs_leaves_gaps_and_no_error(tmp_path):
    report.write(tmp_path, PLAN, [result("ce", budget=2)], blind_baselines([track("....R...", "........")]), ABOUT)
    assert "n/a" in (tmp_path / "ablation.md").read_text()


@pytest.mark.parametrize(
    "argv, complaint",
    [
        (["--config", "nowhere.yaml"], "nowhere.yaml"),
        (["--smoke", "--out", "docs"], "docs"),
        (["--workers", "-1"], "--workers"),
    ],
)
def test_bad_options_are_one_sentence(argv, complaint):
    with pytest.raises(ValueError, match=complaint):
        main(["ablate", *argv])


def test_a_report_without_a_finished_run_says_so(tmp_path):
    with pytest.raises(ValueError, match="No run"):
        main(["ablate", "--report", "--run", str(tmp_path / "run"), "--out", str(tmp_path / "out")])
