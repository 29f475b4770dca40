"""Questions that an endless stream has already answered are not scored: the record knows its own clip alone."""

import numpy as np
import pytest

from finetune.annotations import Answer, Question, Record, save_records
from finetune.build import Dialogue, DialogueTurn
from finetune.evaluate import evaluate
from finetune.evaluation.chain_leaks import answered_before, last_shown
from finetune.evaluation.conditions import Conditions
from finetune.evaluation.jobs import make_jobs
from finetune.evaluation.report import print_difference
from finetune.world import worlds
from streamo_app.protocol import State
from tests.support import clips
from tests.support.script_model import ScriptedModel


def record(world="street", seed=3, seconds=40):
    clip = worlds.get(world).make_clip(seed, seconds)
    return clip, worlds.get(world).tasks.record(
        clip, "unservable" if world == "street" else "desk_unservable", np.random.default_rng(0)
    )


@pytest.mark.parametrize("world", worlds.NAMES)
def test_what_a_clip_shows_last_is_read_from_its_seed(world):
    clip, made = record(world)
    shown = last_shown(made)
    assert shown
    for name, second in shown.items():
        turns = worlds.get(world).happenings.present(clip)[name]
        assert second == max(turns) < clip.seconds


def test_nothing_is_known_of_footage_that_is_of_no_world_of_ours():
    real = Record("a", "a.webm", "grounding", "somebody", (Question("When?", 1),), (), {"argument": "red car"})
    assert last_shown(real) == {}


def question(task="grounding_forward", argument="red car", asked=5):
    turns = tuple(
        DialogueTurn(second, ("When?",) if second == asked else (), State.SILENCE, "") for second in range(10)
    )
    return Dialogue("a.webm", task, turns, {"argument": argument})


@pytest.mark.parametrize(
    ("gold", "seen", "answered"),
    [
        (question(), {"red car": 990}, True),  # asked in second 1005, 15 s later
        (question(), {"red car": 885}, True),  # 120 s: the first of the window
        (question(), {"red car": 884}, False),
        (question(), {"blue car": 990}, False),
        (question("grounding_backward"), {"red car": 990}, True),
        (question("alert_object"), {"red car": 990}, False),  # an alert is about what comes
        (question(argument=None), {"red car": 990}, False),
    ],
)
def test_a_question_for_a_time_is_answered_by_what_was_seen_within_the_window(gold, seen, answered):
    assert answered_before(gold, 1000, seen, window=120) is answered


def test_a_chain_leaves_such_questions_out_and_says_how_many(tmp_path, capsys):
    clip, first = record()
    argument = max(last_shown(first), key=last_shown(first).get)  # the last thing that it shows
    for name in "ab":
        clips.write(tmp_path / f"{name}.webm", 5, 5 * clip.seconds)
    asking = (Question(f"When does {argument} pass?", 2),)
    first = Record(
        "a",
        "a.webm",
        "unservable",
        first.source,
        (Question("Is it cold?", 2),),
        (Answer("No idea.", time=2),),
        first.extra,
    )
    second = Record("b", "b.webm", "grounding", "somebody", asking, (), {"task": "grounding", "argument": argument})
    other = Record("b", "b.webm", "grounding", "somebody", asking, (), {"task": "grounding", "argument": "elephant"})
    save_records([first, second, other], tmp_path / "records.json")
    jobs = make_jobs(tmp_path / "records.json")[0]
    outcome = evaluate(jobs, ScriptedModel, conditions=Conditions(chain=True))
    assert [item.record for item in outcome.streamed] == [0, 2] and outcome.answered_before == 1
    assert len(evaluate(jobs, ScriptedModel).streamed) == 3, "a fresh stream has shown nothing before"

    macro = {"f1": 1.0, "f1_exact": 1.0}
    print_difference({"records": 2, "too_early": 1, "answered_before": 1, "macro": macro}, "one endless stream")
    line = (
        "one endless stream: 2 records (1 start too early; 1 ask for what the stream has just shown), "
        "mean F1 1.000 (exact 1.000)"
    )
    assert capsys.readouterr().out.strip() == line
