"""Live conditions of an evaluation: a clock that starts late, an endless stream, several biases in one pass."""

import json
import math
from functools import partial

import numpy as np
import pytest

from finetune.__main__ import main
from finetune.annotations import Answer, Question, Record, save_records
from finetune.bias import best, reports
from finetune.evaluate import compare_with_fresh, evaluate, report
from finetune.evaluation.conditions import Conditions
from finetune.evaluation.jobs import make_jobs, select_records
from finetune.evaluation.rollout import WATCHING, Decision, roll_out
from streamo_app.models import streaming
from streamo_app.models.loading import save_pretrained
from streamo_app.models.settings import Settings
from streamo_app.protocol import State
from streamo_app.video.turns import Turn
from tests.support import clips, streams, tiny
from tests.support.script_model import P, ScriptedModel

SILENT = Decision(State.SILENCE, "", P[State.SILENCE])


def said(words):
    return Decision(State.RESPONSE, words, P[State.RESPONSE])


def turns(*seconds):
    return [Turn(second, (np.full((4, 4, 3), second, np.uint8),), 0.0) for second in seconds]


def shown(model, *kinds):
    return [entry for entry in model.log if entry[0] in kinds]


def test_the_model_is_told_the_seconds_of_the_stream_and_decides_by_those_of_the_video():
    model = ScriptedModel({"Q": {102: "Now."}})
    assert roll_out(model, turns(0, 1, 2), [{1: ["Q"]}], clock=100) == [[WATCHING, SILENT, said("Now.")]]
    assert shown(model, "watch", "turn") == [("watch", 100, 0), ("turn", 1, 101, 1, ("Q",)), ("turn", 1, 102, 2, ())]


def test_a_watcher_that_is_handed_over_sees_the_whole_video_and_lives_on():
    model = ScriptedModel()
    watcher = model.open_lane()
    roll_out(model, turns(0, 1), [{0: ["Q"]}], clock=7, watcher=watcher)
    assert shown(model, "watch") == [("watch", 7, 0), ("watch", 8, 1)]
    assert model.alive == {watcher.number}, "the lane ends with its video"


def test_several_biases_are_streamed_in_one_pass_with_a_past_of_its_own_from_where_they_disagree():
    model = ScriptedModel({"A": {1: "a"}})
    assert roll_out(model, turns(0, 1), [{0: ["A"]}, {1: ["B"]}], (0.0, 6.0)) == [
        [SILENT, said("a")],
        [WATCHING, SILENT],
        [said("Eager."), said("a")],
        [WATCHING, said("Eager.")],
    ]
    assert len(shown(model, "encode")) == 2 and len(shown(model, "fork")) == 4 and model.alive == set()


def test_biases_share_a_lane_for_as_long_as_they_decide_alike():
    model = ScriptedModel({"A": {1: "a"}})
    low, high = roll_out(
        model, turns(0, 1, 2), [{0: ["A"]}], (-0.5, 1.0)
    )  # a scripted lane says 0.8, 0.1, 0.1 or 0.1, 0.2, 0.7
    assert low == [SILENT, said("a"), SILENT]
    assert [(d.state, d.text) for d in high] == [(d.state, d.text) for d in low]
    assert {entry[1] for entry in shown(model, "turn")} == {1} and model.alive == set(), "lane 0 is the watcher"
    total = 0.8 + 0.1 + 0.1 * math.e**1.5
    assert high[0].p == pytest.approx((0.8 / total, 0.1 / total, 0.1 * math.e**1.5 / total)), "1.5 more for a response"


@pytest.fixture
def short_replies(monkeypatch):
    monkeypatch.setattr(streaming, "MAX_NEW_TOKENS", 2)  # random weights never end a reply


def test_what_biases_share_is_what_a_real_model_says_to_each_alone(short_replies):
    model = streams.streaming(tiny.model(layers=1), window=4)
    video, asks = [Turn(i, (tiny.picture(i),), 0.0) for i in range(6)], [{1: ["A"]}, {2: ["B"], 4: ["C"]}]
    biases = (-4.0, -1.0, 0.5, 1.0, 4.0)
    together = roll_out(model, video, asks, biases)
    assert len({tuple(decision.state for decision in track) for track in together[::2]}) > 1, "they part at some second"
    for at, bias in enumerate(biases):
        for shared, alone in zip(together[2 * at : 2 * at + 2], roll_out(model, video, asks, (bias,)), strict=True):
            assert [(d.state, d.text) for d in shared] == [(d.state, d.text) for d in alone]
            assert [d.p for d in shared] == [pytest.approx(d.p, abs=1e-6) for d in alone]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Three clips of 4 s, one that cannot be read, and a data file: on each clip one who asks at turn 1 and is answered
    at turn 2."""
    folder = tmp_path_factory.mktemp("data")
    for name in "abc":
        clips.write(folder / f"{name}.webm", 5, 20)
    (folder / "broken.webm").write_bytes(b"no video at all")

    def record(name, question, task, *answers):
        items = tuple(Answer(text, time=3) for text in answers)
        return Record(name, f"{name}.webm", task, "test", (Question(question, 2),), items, {"task": task})

    save_records(
        [
            record("a", "Red?", "alert", "Red."),
            record("broken", "Red?", "alert", "Red."),
            record("b", "When?", "grounding", "From 1s to 3s."),
            record("c", "Red?", "alert", "Red."),
            record("c", "Blue?", "alert"),
        ],
        folder / "records.json",
    )
    return folder


CHAIN = Conditions(chain=True)


def jobs_of(folder):
    return make_jobs(folder / "records.json")[0]


class Recorded(ScriptedModel):
    """Handed out by `load` and kept, to see what it was shown."""

    def __call__(self):
        return self


def test_with_a_late_clock_the_spans_of_the_gold_are_on_the_streams_clock(folder):
    at = partial(evaluate, jobs_of(folder), conditions=Conditions(clock=80_000))
    right = report(at(partial(ScriptedModel, {"Red?": {80_002: "Red."}, "When?": {80_002: "From 80001s to 80003s."}})))
    assert (right["macro"]["f1"], right["macro"]["content"], right["macro"]["miou"]) == (1, 1, 1)
    stale = report(at(partial(ScriptedModel, {"When?": {80_002: "From 1s to 3s."}})))
    assert (stale["tasks"]["grounding"]["content"], stale["tasks"]["grounding"]["miou"]) == (0, 0)


def test_a_chain_is_one_stream_with_one_watcher_and_a_clock_that_runs_on(folder):
    model = Recorded({"Red?": {2: "Red.", 10: "Red."}, "When?": {6: "From 5s to 7s."}})
    outcome = evaluate(jobs_of(folder), model, conditions=CHAIN)
    assert len(shown(model, "open")) == 1
    assert [entry[1] for entry in shown(model, "watch")] == list(range(12)), (
        "the video that cannot be read takes no second"
    )
    assert [(item.record, item.start) for item in outcome.streamed] == [(0, 0), (2, 4), (3, 8), (4, 8)]
    assert [entry[2] for entry in shown(model, "turn") if entry[4]] == [1, 5, 9, 9], "asked at turn 1 of each video"
    assert model.alive == set()
    result = report(outcome)
    assert (result["macro"]["f1"], result["macro"]["miou"], result["seconds"], result["rejected"]) == (1, 1, 12, 1)


def test_the_clock_of_a_chain_may_start_late_too(folder):
    outcome = evaluate(jobs_of(folder), ScriptedModel, conditions=Conditions(chain=True, clock=500, since=4))
    assert [(item.record, item.start) for item in outcome.streamed] == [(2, 504), (3, 508), (4, 508)], (
        "`since` counts from the chain's start"
    )


def test_what_starts_too_early_in_a_chain_is_watched_and_not_asked(folder):
    model = Recorded()
    outcome = evaluate(jobs_of(folder), model, conditions=Conditions(chain=True, since=5))
    assert [item.record for item in outcome.streamed] == [3, 4] and outcome.too_early == 2
    assert len(shown(model, "fork")) == 2 and len(shown(model, "watch")) == 12


def test_the_watcher_of_a_chain_is_dropped_when_the_model_fails(folder):
    class Failing(Recorded):
        def turn(self, *_):
            raise RuntimeError("out of memory")

    model = Failing()
    with pytest.raises(RuntimeError, match="out of memory"):
        evaluate(jobs_of(folder), model, conditions=CHAIN)
    assert model.alive == set()


@pytest.mark.slow
def test_several_processes_have_a_chain_each_and_always_the_same_videos(folder):
    outcome = evaluate(jobs_of(folder), ScriptedModel, conditions=CHAIN, workers=2)
    # a and b for the first process; broken and c for the second
    assert [(item.record, item.start) for item in outcome.streamed] == [(0, 0), (2, 4), (3, 0), (4, 0)]


def test_the_same_records_afresh_are_what_a_chain_is_compared_with(folder):
    load = partial(
        ScriptedModel, {"Red?": {2: "Red."}, "When?": {2: "From 1s to 3s."}}
    )  # knows nothing of later seconds
    late = evaluate(jobs_of(folder), load, conditions=Conditions(chain=True, since=4))
    same = select_records(jobs_of(folder), {item.record for item in late.streamed})
    assert [[index for index, _ in job.records] for job in same] == [[2], [3, 4]]
    compared = compare_with_fresh(report(late), report(evaluate(same, load)))
    assert compared["fresh"]["records"] == 3
    assert compared["difference"] == {"f1": -1, "f1_exact": -1}


def test_reports_of_several_biases_are_those_of_streaming_each_alone(folder):
    load = partial(ScriptedModel, {"Red?": {2: "Red."}})
    together = reports(evaluate(jobs_of(folder), load, bias=(0.0, 6.0)))
    assert list(together) == [0.0, 6.0]
    for bias, row in together.items():
        alone = report(evaluate(jobs_of(folder), load, bias=bias))
        assert {k: v for k, v in row.items() if k != "ms_per_second"} == {
            k: v for k, v in alone.items() if k != "ms_per_second"
        }
    # at 0: 2 of 2 alerts, no grounding; at 6 a response at turns 1, 2 and 3 of all four: F1 2 * 2 / (2 + 9) and 2 * 1 /
    # (1 + 3)
    assert together[0.0]["macro"]["f1"] == 0.5
    assert together[6.0]["macro"]["f1"] == pytest.approx((4 / 11 + 2 / 4) / 2)
    assert (together[0.0]["quiet_false_per_5min"], together[6.0]["quiet_false_per_5min"]) == (0, 3 / (3 / 60) * 5)
    assert best(together) == 0.0


def test_the_best_bias_has_the_highest_mean_f1_and_of_equal_ones_the_least():
    rows = {bias: {"macro": {"f1": value}} for bias, value in {-1.0: 0.9, 0.5: 0.9, 1.0: 0.2, 2.0: None}.items()}
    assert best(rows) == 0.5
    with pytest.raises(ValueError, match="No response is expected"):
        best({2.0: rows[2.0]})


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--clock", "-1"], "--clock and --from must be whole seconds of at least 0"),
        (["--from", "3000"], "give --chain too"),
        (["--against-fresh"], "--against-fresh compares with fresh streams"),
        (
            ["--chain", "--from", "3000", "--workers", "1"],
            "starts 3000 s into its stream .12 s of video over processes: 1",
        ),
    ],
)
def test_conditions_that_make_no_sense_are_one_sentence(folder, model_folder, arguments, message):
    with pytest.raises(ValueError, match=message) as refused:
        main(["evaluate", "--model", model_folder, "--data", str(folder / "records.json"), *arguments])
    assert "\n" not in str(refused.value)


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("model")
    save_pretrained(tiny.model(layers=1, hidden=64), tiny.tokenizer(), path, Settings(name="tiny", window=5))
    return str(path)


def test_the_command_prints_the_score_of_a_chain_and_of_fresh_streams_and_the_difference(
    folder, model_folder, short_replies, tmp_path, capsys
):
    arguments = ["--chain", "--from", "4", "--clock", "80000", "--fps", "2", "--against-fresh", "--workers", "1"]
    arguments += ["--json", str(tmp_path / "scores.json")]
    assert main(["evaluate", "--model", model_folder, "--data", str(folder / "records.json"), *arguments]) == 0
    line = capsys.readouterr().out.strip().splitlines()[-1]
    start = (
        "clock from 80000, 2 frames per second, one endless stream, second 4 and later: "
        "3 records (1 start too early), mean F1 "
    )
    assert line.startswith(start) and "; fresh streams " in line and "; difference " in line
    scores = json.loads((tmp_path / "scores.json").read_text())
    assert scores["conditions"] == {"fps": 2, "clock": 80_000, "chain": True, "since": 4}
    assert scores["starts"] == {"2": 80_004, "3": 80_008, "4": 80_008}
    assert (scores["records"], scores["fresh"]["records"]) == (3, 3)
    assert scores["difference"]["f1"] == pytest.approx(scores["macro"]["f1"] - scores["fresh"]["macro"]["f1"])


def test_the_command_prints_a_row_per_bias_and_the_best(folder, model_folder, short_replies, tmp_path, capsys):
    arguments = ["--biases", "-60", "60", "0", "--workers", "1", "--json", str(tmp_path / "bias.json")]
    assert main(["bias", "--model", model_folder, "--data", str(folder / "records.json"), *arguments]) == 0
    out = capsys.readouterr().out
    written = json.loads((tmp_path / "bias.json").read_text())
    assert list(written["biases"]) == ["-60", "0", "60"]
    assert (written["biases"]["-60"]["macro"]["f1"], written["biases"]["-60"]["quiet_false_per_5min"]) == (0, 0)
    assert written["biases"]["60"]["macro"]["recall"] == 1
    assert f"best: {written['best']:+g} on top of the model's own bias" in out


@pytest.mark.parametrize("number", ["nan", "inf", "-101"])
def test_a_bias_that_is_no_number_or_too_large_is_refused(folder, model_folder, number):
    with pytest.raises(ValueError, match="--biases must be numbers from -100 to 100"):
        main(["bias", "--model", model_folder, "--data", str(folder / "records.json"), "--biases", number])
