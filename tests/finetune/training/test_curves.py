"""The curve of a run as numbers and as a figure.

Run: python -m pytest tests/finetune/training/test_curves.py
"""

import gzip
import json
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from finetune.__main__ import main
from finetune.training.curves import figure, read_stages, smooth, write_curves

ROOT = Path(__file__).resolve().parents[3]
LINES = [
    {
        "stage": "look",
        "step": 10,
        "seconds": 5.0,
        "tokens": 240,
        "lr": 0.001,
        "loss": 0.5,
        "cars": 0.2,
        "lights": 0.4,
        "colour": 9.0,
    },
    {
        "stage": "look",
        "step": 20,
        "seconds": 9.0,
        "tokens": 480,
        "lr": 0.0005,
        "loss": 0.25,
        "cars": 0.4,
        "lights": 0.6,
    },
    {
        "stage": "talk",
        "step": 10,
        "seconds": 7.0,
        "tokens": 900,
        "lr": 0.002,
        "loss": 2.0,
        "aux": 0.1,
        "silence": 0.9,
        "text": 0.3,
    },
    {
        "stage": "talk",
        "step": 20,
        "seconds": 14.0,
        "tokens": 1800,
        "lr": 0.002,
        "loss": 1.0,
        "aux": 0.1,
        "silence": 1.0,
        "response": 0.5,
        "text": 0.6,
    },
]


def made(folder):
    folder.mkdir()
    (folder / "curve.jsonl").write_text("".join(json.dumps(line) + "\n" for line in LINES))
    (folder / "config.yaml").write_text("name: small\nseed: 1\n")
    return folder


@pytest.mark.slow
def test_every_stage_has_a_list_per_number_as_long_as_its_steps(tmp_path):
    numbers, picture = write_curves(made(tmp_path / "run"), tmp_path / "docs")
    read = json.loads(numbers.read_text())
    look, talk = read["stages"]
    assert read["name"] == "small" and [look["name"], talk["name"]] == ["look", "talk"]
    assert talk == {
        "name": "talk", "steps": [10, 20], "loss": [2.0, 1.0], "aux": [0.1, 0.1], "learning_rate": [0.002, 0.002],
        "silence": [0.9, 1.0], "standby": [None, None], "response": [None, 0.5], "text": [0.3, 0.6],
        "seconds": [7.0, 14.0], "tokens": [900, 1800],
    }  # fmt: skip
    assert look["cars"] == [0.2, 0.4] and look["silence"] == [None, None]
    assert sorted(path.name for path in (tmp_path / "docs").iterdir()) == ["curves.json", "curves.png"]
    with Image.open(picture) as image:
        assert image.format == "PNG" and image.size == (1500, 975)


def test_the_curves_of_the_shipped_weights_end_where_their_record_says():
    with gzip.open(ROOT / "assets" / "results" / "curves.json.gz") as file:
        curves = json.load(file)["stages"]
    record = json.loads((ROOT / "assets" / "streamo-tiny" / "training.json").read_text())["stages"]
    assert [(stage["name"], stage["steps"][-1], stage["tokens"][-1]) for stage in curves] == [
        (stage["name"], stage["steps"], stage["tokens"]) for stage in record
    ]


def test_a_name_that_is_wider_than_its_stage_stands_upright():
    unknown: dict = {key: [None] for key in ("aux", "silence", "standby", "response", "text")}
    stages = [
        {"name": name, "steps": [steps], "loss": [1.0], **unknown}
        for name, steps in (("tasks", 900), ("look_again", 20))
    ]
    assert [text.get_rotation() for text in figure(stages, "small").axes[0].texts] == [0, 90]


def test_stages_stand_side_by_side_with_their_names_raw_points_faint_and_the_smoothed_line_over_them(tmp_path):
    losses, right = figure(read_stages(made(tmp_path / "run")), "small").axes
    assert [text.get_text() for text in losses.texts] == ["look", "talk"]
    marks = [line.get_xdata() for line in right.lines if list(line.get_ydata()) == [0, 1]]
    assert marks == [[20, 20]]
    drawn = {line.get_label(): list(line.get_xdata()) for line in right.lines if not line.get_label().startswith("_")}
    assert drawn == {
        "silence": [30, 40],
        "response": [40],
        "words of the reply": [30, 40],
        "what a patch shows (F1)": [10, 20],
    }
    faint = [list(line.get_ydata()) for line in right.lines if line.get_alpha() == 0.3]
    assert faint == [pytest.approx([0.3, 0.5]), [0.9, 1.0], [0.5], [0.3, 0.6]]
    assert {text.get_text() for text in losses.get_legend().get_texts()} == {"loss", "match loss"}


def test_a_smoothed_point_is_the_mean_of_as_many_neighbours_on_either_side():
    assert smooth([0.0, 3.0, 6.0, 0.0], reach=1) == [0.0, 3.0, 3.0, 0.0]
    assert smooth([5.0, 4.0, 3.0, 2.0, 1.0]) == [5.0, 4.0, 3.0, 2.0, 1.0]  # no lag behind a slope
    assert smooth([]) == []


def test_steps_done_again_after_a_kill_replace_those_of_before(tmp_path):
    lines = [("look", 10, 3.0), ("look", 20, 2.0), ("look", 10, 2.5), ("look", 20, 1.5), ("talk", 10, 9.0)]
    (tmp_path / "curve.jsonl").write_text(
        "".join(json.dumps({"stage": a, "step": b, "loss": c}) + "\n" for a, b, c in lines)
    )
    assert [(stage["steps"], stage["loss"]) for stage in read_stages(tmp_path)] == [
        ([10, 20], [2.5, 1.5]),
        ([10], [9.0]),
    ]


def test_a_curve_of_before_rates_and_tokens_were_kept_is_drawn_too(tmp_path):
    (tmp_path / "curve.jsonl").write_text('{"stage": "look", "step": 25, "seconds": 1.5, "cars": 0.5}\n')
    (stage,) = read_stages(tmp_path)
    assert stage["tokens"] == stage["learning_rate"] == stage["loss"] == [None]
    assert write_curves(tmp_path, tmp_path)[1].exists()


@pytest.mark.slow
def test_the_command_writes_into_the_run_or_into_a_folder(tmp_path, capsys):
    run = made(tmp_path / "run")
    assert main(["curves", str(run)]) == 0 and (run / "curves.png").exists()
    assert (
        main(["curves", str(run), "--out", str(tmp_path / "a" / "b")]) == 0
        and (tmp_path / "a" / "b" / "curves.json").exists()
    )
    assert capsys.readouterr().out.splitlines()[0] == f"Wrote {run / 'curves.json'} and {run / 'curves.png'}"


def test_a_folder_without_a_curve_is_one_sentence(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "finetune", "curves", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (
        2,
        f"There is no curve.jsonl in {tmp_path}; name the run_dir of a training.\n",
    )
    (tmp_path / "curve.jsonl").write_text("")
    with pytest.raises(ValueError, match="has no lines yet"):
        read_stages(tmp_path)
