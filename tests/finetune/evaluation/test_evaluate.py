"""Streaming evaluation with a scripted model: what it is shown, what is scored, what is written."""

import json
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest

from finetune.__main__ import COMMANDS, main
from finetune.annotations import Answer, Question, Record, save_records
from finetune.evaluate import evaluate, make_jobs, prediction_lines, report
from finetune.evaluation.jobs import EvalJob, limit_per_video
from finetune.evaluation.report import print_report
from finetune.evaluation.rollout import WATCHING, Decision, roll_out
from finetune.metrics import Track, score
from streamo_app.models.loading import load_model, save_pretrained
from streamo_app.models.settings import Settings
from streamo_app.protocol import State
from streamo_app.video.turns import Turn, video_turns
from tests.support import tiny
from tests.support.script_model import P, ScriptedModel, bad_folder


def turns(*seconds, fps=1):
    return [Turn(second, tuple(np.full((4, 4, 3), second, np.uint8) for _ in range(fps)), 0.0) for second in seconds]


SILENT = Decision(State.SILENCE, "", P[State.SILENCE])


def said(words):
    return Decision(State.RESPONSE, words, P[State.RESPONSE])


def test_seconds_before_the_question_are_watched_and_the_lane_is_forked_at_it():
    model = ScriptedModel({"Q": {3: "Now."}})
    assert roll_out(model, turns(0, 1, 2, 3), [{2: ["Q"]}]) == [[WATCHING, WATCHING, SILENT, said("Now.")]]
    assert model.log == [
        ("open",),
        ("encode", 1),
        ("watch", 0, 0),
        ("encode", 1),
        ("watch", 1, 1),
        ("encode", 1),
        ("fork",),
        ("turn", 1, 2, 2, ("Q",)),
        ("encode", 1),
        ("turn", 1, 3, 3, ()),
    ]
    assert model.alive == set(), "every lane is dropped"


def test_records_of_one_video_share_its_pictures_and_the_watcher():
    model = ScriptedModel({"A": {0: "a"}, "B": {2: "b"}})
    first, second = roll_out(model, turns(0, 1, 2), [{0: ["A"]}, {1: ["B"], 2: ["C"]}])
    assert first == [said("a"), SILENT, SILENT]
    assert second == [WATCHING, SILENT, said("b")]
    assert [entry[0] for entry in model.log].count("encode") == 3
    assert [entry for entry in model.log if entry[0] == "watch"] == [("watch", 0, 0)], (
        "nobody forks the watcher after second 1"
    )
    assert ("turn", 2, 2, 2, ("C",)) in model.log, "a second question goes into the lane that is there"


def test_seconds_without_pictures_are_silent_and_their_question_waits():
    model = ScriptedModel({"Q": {4: "Here."}})
    assert roll_out(model, turns(1, 4), [{2: ["Q"]}]) == [[WATCHING] * 4 + [said("Here.")]]


def test_a_question_beyond_the_end_is_never_put():
    assert roll_out(ScriptedModel(), turns(0, 1), [{5: ["Q"]}]) == [[WATCHING, WATCHING]]


def test_lanes_are_dropped_when_the_model_fails():
    class Failing(ScriptedModel):
        def turn(self, *_):
            raise RuntimeError("out of memory")

    model = Failing()
    with pytest.raises(RuntimeError, match="out of memory"):
        roll_out(model, turns(0, 1), [{0: ["Q"]}, {1: ["Q"]}])
    assert model.alive == set()


def write_video(path, seconds, fps=10):
    """Each second has its own grey: 20 x second."""
    out = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"VP80"), fps, (64, 48))
    for i in range(seconds * fps):
        out.write(np.full((48, 64, 3), 20 * (i // fps), np.uint8))
    out.release()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two clips of 6 s and a data file of five records, of which two cannot be run."""
    folder = tmp_path_factory.mktemp("data")
    write_video(folder / "a.webm", 6)
    write_video(folder / "b.webm", 6)
    (folder / "broken.webm").write_bytes(b"no video at all")

    def record(video, question, time, *answers, task="alert_object", argument=None):
        items = tuple(Answer(content, time=at) for content, at in answers)
        return Record(
            video, video, "alert", "test", (Question(question, time),), items, {"task": task, "argument": argument}
        )

    save_records(
        [
            record("a.webm", "Red?", 2, ("A red car.", 4), argument="red car"),
            record("missing.webm", "Red?", 1),
            record("b.webm", "Count.", 1, ("1", 2), ("2", 5), task="counting"),
            record("broken.webm", "Red?", 1),
            record("a.webm", "Blue?", 2, ("A blue car.", 6), argument="blue car"),
        ],
        folder / "records.json",
    )
    return folder


SCRIPT = {"Red?": {3: "A red car."}, "Blue?": {4: "A car."}, "Count.": {1: "1", 3: "2"}}


def test_pictures_reach_the_model_at_their_seconds(folder):
    greys = [
        (turn.second, round(float(turn.images[0].mean()) / 20), len(turn.images))
        for turn in video_turns(folder / "a.webm", 2)
    ]
    assert greys == [(second, second, 2) for second in range(6)]


def test_a_set_is_streamed_and_scored(folder):
    jobs, rejected = make_jobs(folder / "records.json")
    assert [(job.video.name, [index for index, _ in job.records]) for job in jobs] == [
        ("a.webm", [0, 4]),
        ("b.webm", [2]),
        ("broken.webm", [3]),
    ]
    assert (
        len(rejected) == 1
        and rejected[0].startswith("record 1: there is no video")
        and rejected[0].endswith("missing.webm")
    )

    outcome = evaluate(jobs, partial(ScriptedModel, SCRIPT))
    assert [item.record for item in outcome.streamed] == [0, 2, 4]
    assert (
        len(outcome.rejected) == 1
        and outcome.rejected[0].startswith("record 3: ")
        and "broken.webm" in outcome.rejected[0]
    )
    result = report(outcome)
    alert, counting = result["tasks"]["alert_object"], result["tasks"]["counting"]
    # expected at turns 3 and 5, predicted at 3 and 4: both hits, one exact, one with exact-match text
    assert (alert["f1"], alert["f1_exact"], alert["content"], alert["heeds"], alert["heed_pairs"]) == (
        1.0,
        0.5,
        0.5,
        0.0,
        1,
    )
    # expected at turns 1 and 4, predicted at 1 and 3; the count is wrong at turn 3 only, of turns 1 to 5
    assert (counting["f1"], counting["f1_exact"], counting["held"]) == (1.0, 0.5, 0.8)
    assert (result["records"], result["seconds"]) == (3, 12)


def test_the_minimal_pair_is_right_when_each_fires_on_its_own_car(folder):
    jobs, _ = make_jobs(folder / "records.json")
    outcome = evaluate(jobs, partial(ScriptedModel, SCRIPT | {"Blue?": {5: "A blue car."}}))
    assert report(outcome)["heeds"] == 1.0


def test_predictions_have_a_line_for_every_turn_with_the_index_in_the_file(folder):
    jobs, _ = make_jobs(folder / "records.json")
    lines = [json.loads(line) for line in prediction_lines(evaluate(jobs, partial(ScriptedModel, SCRIPT)))]
    assert [(line["record"], line["second"]) for line in lines] == [
        (record, second) for record in (0, 2, 4) for second in range(6)
    ]
    assert lines[0] == {
        "record": 0,
        "second": 0,
        "state": "silence",
        "text": "",
        "p": {"silence": 1.0, "standby": 0.0, "response": 0.0},
    }
    assert lines[3] == {
        "record": 0,
        "second": 3,
        "state": "response",
        "text": "A red car.",
        "p": {"silence": 0.1, "standby": 0.2, "response": 0.7},
    }


def test_a_limit_per_video_takes_other_records_from_video_to_video():
    records = [tuple((10 * video + place, None) for place in range(5)) for video in range(3)]
    jobs = limit_per_video([EvalJob(Path(f"{video}.webm"), kept) for video, kept in enumerate(records)], 2)
    assert [[index for index, _ in job.records] for job in jobs] == [[0, 1], [12, 13], [20, 24]]
    assert limit_per_video(jobs, 9) == jobs


def test_the_bias_reaches_the_model(folder):
    jobs, _ = make_jobs(folder / "records.json", limit=1)
    [streamed] = evaluate(jobs, ScriptedModel, bias=6.0).streamed
    assert [decision.text for decision in streamed.decisions] == ["", *["Eager."] * 5]


def test_several_processes_give_what_one_gives(folder):
    jobs, _ = make_jobs(folder / "records.json")
    ticks = []
    many = evaluate(jobs, partial(ScriptedModel, SCRIPT), workers=2, done=lambda: ticks.append(1))
    one = evaluate(jobs, partial(ScriptedModel, SCRIPT))
    assert many.streamed == one.streamed and many.rejected == one.rejected and len(ticks) == 3


@pytest.mark.parametrize("workers", [1, 2])
def test_a_model_that_cannot_be_loaded_is_told_and_not_taken_for_a_bad_video(folder, workers):
    jobs, _ = make_jobs(folder / "records.json")
    with pytest.raises(ValueError, match="There is no model here"):
        evaluate(jobs, bad_folder, workers=workers)


def test_what_the_model_raises_is_not_taken_for_a_bad_video(folder):
    class Confused(ScriptedModel):
        def encode(self, images):
            raise ValueError("a bug")

    with pytest.raises(ValueError, match="a bug"):
        evaluate(make_jobs(folder / "records.json")[0], Confused)


def test_a_record_whose_gold_cannot_be_built_is_told(folder, tmp_path):
    late = Record("a.webm", "a.webm", "alert", "t", (Question("Q", 1),), (Answer("A", time=60),))
    save_records([late], tmp_path / "late.json")
    jobs, _ = make_jobs(tmp_path / "late.json", folder)
    assert evaluate(jobs, ScriptedModel).rejected == [
        "record 0: answer 0: rejected, it is due at 60 but the video has 6 seconds; no answer can be given"
    ]


def test_a_set_with_nothing_to_run_is_refused(folder, tmp_path):
    save_records([Record("x.webm", "x.webm", "alert", "t", (Question("Q", 1),), ())], tmp_path / "none.json")
    with pytest.raises(ValueError, match="no record that can be run \\(record 0: there is no video"):
        make_jobs(tmp_path / "none.json")


def test_the_table_shows_every_task_the_blind_baselines_and_the_speed(folder, capsys):
    outcome = evaluate(make_jobs(folder / "records.json")[0], partial(ScriptedModel, SCRIPT))
    print_report(report(outcome) | {"bias": 0.5})
    out = capsys.readouterr().out
    text = " ".join(out.split())
    assert max(map(len, out.splitlines())) <= 80 and "…" not in out, "it fits a terminal"
    for word in (
        "alert_object",
        "counting",
        "mean over tasks",
        "exact",
        "latest",
        "pairs",
        "every 2 s",
        "always",
        "never",
        "bias +0.5",
        "1 left out",
    ):
        assert word in text, word


def test_the_table_shows_both_worlds_and_the_quiet_minutes_with_every_column_filled(capsys):
    words = [(State.RESPONSE, "From 1s to 2s.")] + [(State.SILENCE, "")] * 59
    still = [(State.SILENCE, "")] * 60
    names = ("desk_grounding_backward", "tsqa_light")
    tracks = [Track(name, 0, words, words, "v", "a") for name in names] + [
        Track(name, 0, still, words, "v", "b") for name in names
    ]
    print_report(score(tracks) | {"records": 4, "rejected": 0, "seconds": 60, "ms_per_second": 1.0, "bias": 0.0})
    out = capsys.readouterr().out
    text = " ".join(out.split())
    assert max(map(len, out.splitlines())) <= 80 and "…" not in out
    # one expected; over two records of a minute 60 at the fixed interval and 120 turns: 2 / (1 + 60) and 2 / (1 + 120)
    assert "tsqa_light 2 1 0.67 0.67 0.03 0.03 0.02 0.02 0.00 0.00" in text, (
        "every F1 stands next to those of the blind baselines, within a second and exact"
    )
    assert "mean of desk 2 1 0.67" in text and "mean of street 2 1 0.67" in text and "mean over tasks 4 2 0.67" in text
    assert "5.00 false positives per 5 minutes where nothing asked for happens (2.0 minutes)" in text


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["evaluate"], "--model, --data"),
        (["evaluate", "--model", "m", "--data", "nowhere.json"], "nowhere.json does not exist"),
        (["evaluate", "--model", "m", "--data", "x", "--fps", "0"], "whole numbers of at least 1"),
        (
            ["evaluate", "--model", "m", "--data", "x", "--json", "no/such/folder.json"],
            "The folder no/such does not exist",
        ),
        (["build", "nowhere.json", "out.jsonl"], "nowhere.json does not exist"),
        (["bild"], "'bild' is not a command"),
        (["world"], "'world' is not a command"),
    ],
)
def test_bad_input_is_one_sentence(arguments, message):
    with pytest.raises(ValueError, match=message) as refused:
        main(arguments)
    assert "\n" not in str(refused.value)


def test_without_a_command_the_commands_are_listed(capsys):
    assert main([]) == 2 and main(["--help"]) == 0
    listed = capsys.readouterr().out
    assert all(command in listed for command in COMMANDS)


def test_the_command_streams_a_real_model_folder_and_writes_what_it_prints(folder, tmp_path, capsys):
    save_pretrained(
        tiny.model(layers=1, hidden=64), tiny.tokenizer(), tmp_path / "model", Settings(name="tiny", window=20)
    )
    files = [str(tmp_path / name) for name in ("scores.json", "predictions.jsonl")]
    data = str(folder / "records.json")
    arguments = [
        "evaluate",
        "--model",
        str(tmp_path / "model"),
        "--data",
        data,
        "--workers",
        "1",
        "--json",
        files[0],
        "--predictions",
        files[1],
    ]
    assert main(arguments) == 0
    printed = capsys.readouterr()
    assert "alert_object" in printed.out and "missing.webm" in printed.err and "broken.webm" in printed.err
    scores = json.loads((tmp_path / "scores.json").read_text())
    assert (scores["records"], scores["rejected"], scores["seconds"], scores["bias"]) == (3, 2, 12, 0.0)
    assert set(scores["tasks"]) == {"alert_object", "counting"}
    lines = [json.loads(line) for line in (tmp_path / "predictions.jsonl").read_text().splitlines()]
    assert len(lines) == 3 * 6
    assert all(sum(line["p"].values()) == pytest.approx(1, abs=1e-4) for line in lines)


@pytest.mark.slow
def test_a_strong_bias_makes_a_real_model_answer_each_second_or_never(folder, tmp_path):
    save_pretrained(tiny.model(layers=1, hidden=64), tiny.tokenizer(), tmp_path, Settings(name="tiny"))
    jobs, _ = make_jobs(folder / "records.json", limit=1)
    load = partial(load_model, str(tmp_path), device="cpu")
    states = [[d.state for d in evaluate(jobs, load, bias=bias).streamed[0].decisions] for bias in (60.0, -60.0)]
    assert states[0] == [State.SILENCE, *[State.RESPONSE] * 5], "asked at turn 1"
    assert State.RESPONSE not in states[1]
