"""The progress of a run: what it shows, what it estimates, what its curve holds after a kill, and what the run has
cost.

Run: python -m pytest tests/finetune/training/test_progress.py
"""

import io
import json
import time

import pytest
import torch
import transformers
from rich.console import Console

from finetune.config import Stage, TrainConfig
from finetune.training.disk_space import check_disk_space, required_bytes
from finetune.training.progress import StageProgress, costs, later_seconds, read_curve, words
from finetune.training.run_record import RunStats, device_name, training_record

LOOK = Stage("look", "vision", 20, 1e-3, batch=100)
TALK = Stage("talk", "dialogue", 40, 1e-3, tokens=1000, seconds=(8, 10))
LONG = Stage("long", "dialogue", 10, 1e-3, tokens=2000, seconds=(8, 10))
CONFIG = TrainConfig(
    "small",
    "out",
    seed=3,
    window=10,
    stills={"street": 60, "desk": 40},
    clips={"street": {10: 4}, "desk": {20: 2}},
    two_fps=4,
    min_pixels=784,
    max_pixels=1960,
    stages=(LOOK, TALK),
)


def console(terminal=False):
    return Console(file=io.StringIO(), force_terminal=terminal, width=100, legacy_windows=False)


def progress(path, index=1, start=0, **kwargs):
    return StageProgress(
        path,
        (LOOK, TALK, LONG),
        index,
        start,
        kwargs.pop("main", True),
        console=kwargs.pop("console", None) or console(),
        **kwargs,
    )


def test_a_line_of_the_curve_is_the_mean_since_the_line_before_with_tokens_summed_and_the_rate_as_it_is(tmp_path):
    with progress(tmp_path / "curve.jsonl") as shown:
        for step in range(20):
            shown.step(
                step,
                {"loss": float(step), "lr": 0.001 * (step + 1), "tokens": 7}
                | ({"response": 1.0} if step == 12 else {}),
            )
    first, second = read_curve(tmp_path / "curve.jsonl")
    assert (first["stage"], first["step"], first["loss"], first["tokens"]) == ("talk", 10, 4.5, 70)
    assert (second["step"], second["loss"], second["tokens"], second["response"]) == (20, 14.5, 140, 1.0)
    assert (
        second["lr"] == pytest.approx(0.02) and "response" not in first and 0 <= first["seconds"] <= second["seconds"]
    )


def test_a_loss_that_is_not_a_number_is_null_and_the_last_step_has_a_line(tmp_path):
    with progress(tmp_path / "curve.jsonl", index=2) as shown:
        for step in range(10):
            shown.step(step, {"loss": float("nan")})
    assert [(line["step"], line["loss"]) for line in read_curve(tmp_path / "curve.jsonl")] == [(10, None)]


def test_a_resumed_stage_drops_the_lines_it_will_write_again_and_goes_on_counting(tmp_path):
    path = tmp_path / "curve.jsonl"
    lines = [{"stage": "look", "step": 20, "seconds": 9.0}] + [
        {"stage": "talk", "step": step, "seconds": step / 10} for step in (10, 20, 30)
    ]
    path.write_text(
        "".join(json.dumps(line) + "\n" for line in lines) + '{"stage": "talk", "st'
    )  # cut short by the kill
    with progress(path, start=20, spent={"seconds": 100.0, "tokens": 500}) as shown:
        assert read_curve(path) == lines[:3]
        for step in range(20, 30):
            shown.step(step, {"loss": 1.0, "tokens": 5})
    assert [(line["stage"], line["step"]) for line in read_curve(path)] == [
        ("look", 20),
        ("talk", 10),
        ("talk", 20),
        ("talk", 30),
    ]
    last = read_curve(path)[-1]
    assert last["tokens"] == 550 and 100 <= last["seconds"] < 101


def test_a_line_is_the_same_when_a_kill_came_between_it_and_the_line_before(tmp_path):
    with progress(tmp_path / "whole.jsonl") as shown:
        for step in range(20):
            shown.step(step, {"loss": step**2 / 7})
    with progress(tmp_path / "killed.jsonl") as shown:
        for step in range(17):
            shown.step(step, {"loss": step**2 / 7})
            if step == 13:
                spent = json.loads(json.dumps(shown.spent()))
    with progress(tmp_path / "killed.jsonl", start=14, spent=spent) as shown:
        for step in range(14, 20):
            shown.step(step, {"loss": step**2 / 7})
    whole, killed = (
        [(line["step"], line["loss"]) for line in read_curve(tmp_path / f"{name}.jsonl")]
        for name in ("whole", "killed")
    )
    assert whole == killed and len(whole) == 2


def test_only_the_main_process_writes_and_shows(tmp_path):
    screen = console()
    with progress(tmp_path / "curve.jsonl", console=screen, main=False) as shown:
        for step in range(40):
            shown.step(step, {"loss": 1.0, "tokens": 2})
    assert shown.tokens == 80 and screen.file.getvalue() == "" and not (tmp_path / "curve.jsonl").exists()


def test_in_a_file_there_are_plain_lines_now_and_then_and_one_at_the_end(tmp_path):
    screen = console()
    with progress(tmp_path / "curve.jsonl", console=screen, every_s=1000) as shown:
        for step in range(40):
            shown.step(step, {"text": 0.5, "loss": 1.25})
    lines = screen.file.getvalue().splitlines()
    assert len(lines) == 2 and "\x1b" not in screen.file.getvalue()
    assert lines[0].startswith("talk 1/40: about ") and lines[1].startswith(
        "talk 40/40: about 0 s left; whole run: about "
    )
    assert lines[1].endswith("; loss 1.250 text 0.500")


def test_a_terminal_has_a_bar_for_the_stage_and_one_for_the_whole_run(tmp_path):
    screen = console(terminal=True)
    with progress(tmp_path / "curve.jsonl", console=screen) as shown:
        for step in range(40):
            shown.step(step, {"loss": 1.25})
    text = screen.file.getvalue()
    assert "40/40" in text and "60/70" in text and "about 0 s left" in text and "loss 1.250" in text
    assert text.count("\x1b[?25l") == text.count("\x1b[?25h") == 1  # the cursor comes back


def test_the_time_left_of_the_run_scales_a_measured_kind_and_borrows_the_pace_for_one_that_was_not():
    assert costs([{"stage": "look", "step": 20, "seconds": 40.0}], [LOOK]) == {"vision": 40 / (20 * 100)}
    # 2 s a step of 1000 tokens are 4 s a step of 2000.
    assert later_seconds((LOOK, TALK, LONG), 1, 2.0, {}) == (40.0, True)
    assert later_seconds((LOOK, TALK, LONG), 0, 0.5, {}) == (25.0, False)
    assert later_seconds((TALK, LOOK), 0, 0.5, {"vision": 0.01}) == (20.0, True)
    assert later_seconds((LOOK, TALK), 1, 0.5, {}) == (0, True)


def test_times_are_told_in_words():
    assert [words(s) for s in (0.2, 45, 59.7, 700, 3599, 3900)] == [
        "0 s",
        "45 s",
        "1 min",
        "12 min",
        "1 h 00 min",
        "1 h 05 min",
    ]


def test_the_time_of_a_stage_adds_up_over_restarts_and_is_noted_while_it_runs(tmp_path):
    path = tmp_path / "times.json"
    path.write_text(json.dumps({"seconds": {"0_look": 50.0}, "tokens": {}}))
    stats = RunStats(path)
    with pytest.raises(KeyboardInterrupt), stats.running("0_look", every_s=0.01):
        began = time.monotonic()
        while json.loads(path.read_text())["seconds"]["0_look"] == 50.0 and time.monotonic() < began + 5:
            time.sleep(0.01)
        assert json.loads(path.read_text())["seconds"]["0_look"] > 50  # nobody said that it ends: a kill may come now
        raise KeyboardInterrupt
    stats.count("0_look", 123)
    again = RunStats(path)
    assert 50 < again.seconds["0_look"] < 56 and again.tokens == {"0_look": 123}


def test_the_record_beside_the_weights_says_what_made_them(tmp_path):
    stats = RunStats(tmp_path / "times.json")
    stats.seconds = {"setup": 5.0, "0_look": 60.0, "1_talk": 100.0}
    stats.count("0_look", 999)
    record = training_record(CONFIG, stats, processes=2, precision="float32")
    assert record == {
        "name": "small", "config": CONFIG.digest, "seed": 3, "seconds": 165.0, "setup_seconds": 5.0,
        "stages": [
            {"name": "look", "kind": "vision", "steps": 20, "seed": 3000, "seconds": 60.0, "tokens": 999},
            {"name": "talk", "kind": "dialogue", "steps": 40, "seed": 3001, "seconds": 100.0, "tokens": None},
        ],
        "processes": 2, "threads": torch.get_num_threads(), "device": device_name(), "precision": "float32",
        "torch": torch.__version__, "transformers": transformers.__version__,
    }  # fmt: skip
    assert device_name()


def test_the_room_a_run_needs_is_counted_from_bytes_per_frame():
    # One clip of each world has two frames a second: 10 + 3 x 10 and 2 x 20 + 20 more. 10 patches have 32 bytes of
    # labels, twice.
    stills, frames, labels = 100, (4 + 1) * 10 + (2 + 1) * 20, 100 * 10 * 32 * 2
    assert required_bytes(CONFIG, still=5, frame=7, features=11) == stills * (5 + 11) + frames * (7 + 11) + labels
    # 1960 pixels are 10 patches of 128 float16 numbers.
    assert required_bytes(CONFIG, still=0, frame=0) == (stills + frames) * 10 * 128 * 2 + labels
    # The weights of two stages, and three checkpoints of three times the weights.
    assert required_bytes(CONFIG, weights=1000, still=0, frame=0, features=0) == 11 * 1000 + labels


def test_a_disk_that_would_fill_up_is_refused_in_one_sentence_and_what_the_run_holds_already_counts(tmp_path):
    (tmp_path / "clips").mkdir()
    (tmp_path / "clips" / "a.npz").write_bytes(bytes(1_000_000))
    check_disk_space(tmp_path, 3_000_000, free=1_002_000_000)
    with pytest.raises(
        ValueError, match=r"needs 2\.4 GB more and 1 GB is to stay free, but its disk has 3\.3 GB; make room"
    ):
        check_disk_space(tmp_path, 2_401_000_000, free=3_300_000_000)
