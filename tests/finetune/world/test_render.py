"""Rendered clips: real WebM files that show what `draw` draws, with their records beside them.

Run: python -m pytest tests/finetune/world/test_render.py
"""

import json

import cv2
import numpy as np
import pytest

from finetune.annotations import load_records
from finetune.world.degrade import VP8
from finetune.world.desk import scene as desk
from finetune.world.desk.draw import draw as desk_draw
from finetune.world.render import FPS_CHOICES, clip_fps, clip_pairs, main, plan, render_clip
from finetune.world.street.draw import draw
from finetune.world.street.scene import make_clip


def frames_of(path) -> tuple[list[np.ndarray], list[float]]:
    """RGB frames and their times in seconds."""
    video, images, times = cv2.VideoCapture(str(path)), [], []
    while True:
        good, image = video.read()
        if not good:
            return images, times
        images.append(cv2.cvtColor(image, cv2.COLOR_BGR2RGB))
        times.append(video.get(cv2.CAP_PROP_POS_MSEC) / 1000)


@pytest.mark.parametrize("fps", [8.0, 12.5])
def test_a_video_shows_what_is_drawn_when_it_is_drawn(tmp_path, fps):
    clip = make_clip(11, 5, "test")
    render_clip(clip, tmp_path / "clip.webm", fps)
    images, times = frames_of(tmp_path / "clip.webm")
    assert len(images) == round(5 * fps) and images[0].shape == (clip.size[1], clip.size[0], 3)
    for k in range(0, len(images), 7):
        assert times[k] == pytest.approx(k / fps, abs=0.002)
        assert np.abs(images[k].astype(int) - draw(clip, k / fps)).mean() < 8
    assert [path.name for path in tmp_path.iterdir()] == ["clip.webm"]


def test_one_seed_gives_the_same_bytes_however_busy_the_machine_is(tmp_path):
    assert int(VP8["cpu-used"]) < 0  # above 0 the encoder goes by the clock, which a test cannot hold still
    for name in ("one.webm", "two.webm"):
        render_clip(make_clip(11, 5, "test"), tmp_path / name)
    assert (tmp_path / "one.webm").read_bytes() == (tmp_path / "two.webm").read_bytes()


@pytest.mark.slow
def test_rendering_writes_clips_and_records_that_belong_together(tmp_path, capsys):
    assert (
        main(
            [
                str(tmp_path),
                "--world",
                "street",
                "--count",
                "2",
                "--seed",
                "3",
                "--seconds",
                "8",
                "--paraphrases",
                "heldout",
            ]
        )
        == 0
    )
    records, rejected = load_records(tmp_path / "records.json")
    assert rejected == [] and len({record.task for record in records}) >= 8
    assert {record.video_path for record in records} == {"street-3-0000.webm", "street-3-0001.webm"}
    for record in records:
        assert (tmp_path / record.video_path).is_file() and record.extra["seconds"] == 8
    assert f"2 clips and {len(records)} records" in capsys.readouterr().out
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {
        "street-3-0000.webm",
        "street-3-0001.webm",
        "records.json",
        "pairs.json",
    }  # nothing half-written is left


@pytest.mark.slow
def test_a_room_is_rendered_as_a_street_is(tmp_path):
    assert main([str(tmp_path), "--world", "desk", "--count", "1", "--seed", "3", "--seconds", "8"]) == 0
    records, rejected = load_records(tmp_path / "records.json")
    assert rejected == [] and {record.source for record in records} == {"streamo-desk"}
    assert {path.name for path in tmp_path.iterdir()} == {"desk-3-0000.webm", "records.json", "pairs.json"}
    (clip,) = plan(1, 3, 8, "desk")
    images, _ = frames_of(tmp_path / "desk-3-0000.webm")
    assert len(images) == round(8 * clip_fps(clip)) and np.abs(images[0].astype(int) - desk_draw(clip, 0.0)).mean() < 12


def test_the_same_seed_plans_the_same_clips_and_a_larger_count_begins_with_them():
    assert plan(3, 5) == plan(5, 5)[:3]
    assert plan(3, 5) != plan(3, 6)
    assert plan(2, 5, 30, "desk") == plan(3, 5, 30, "desk")[:2]
    assert all(20 <= clip.seconds <= 90 and clip_fps(clip) in FPS_CHOICES for clip in plan(30, 5))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--world", "moon", "--count", "1"], "There is no world 'moon'; take street, desk."),
        (["--world", "street", "--count", "0"], "--count is 0; ask for at least one clip."),
        (["--world", "street", "--count", "1", "--seed", "-4"], "--seed is -4; take 0 or a positive number."),
        (["--world", "street", "--count", "1", "--seconds", "2"], "--seconds is 2; a clip is 5 to 3600 s long."),
        (
            ["--world", "street", "--count", "some"],
            "argument --count: invalid int value: 'some' (see python -m finetune world render --help)",
        ),
        (
            ["--world", "street"],
            "the following arguments are required: --count (see python -m finetune world render --help)",
        ),
    ],
)
def test_bad_arguments_end_with_2_and_one_sentence(tmp_path, capsys, arguments, sentence):
    assert main([str(tmp_path / "out"), *arguments]) == 2
    assert capsys.readouterr().err == sentence + "\n"
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_written_is_refused(tmp_path, capsys):
    (tmp_path / "file").write_text("not a folder")
    assert main([str(tmp_path / "file" / "out"), "--world", "street", "--count", "1"]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"Nothing can be written to {tmp_path / 'file' / 'out'} (") and error.count("\n") == 1


def test_records_are_plain_json_of_the_public_schema(tmp_path, capsys):
    assert main([str(tmp_path), "--world", "street", "--count", "1", "--seconds", "6"]) == 0
    first = json.loads((tmp_path / "records.json").read_text())[0]
    assert {"video_name", "video_path", "task_type", "source", "question", "response"} <= set(first)
    assert set(first["question"][0]) == {"content", "time"}


def test_a_pair_of_alerts_differs_in_what_it_names_alone_and_the_first_of_it_comes():
    pairs = [item for seed in range(8) for item in clip_pairs(make_clip(seed, 40, "test"), f"{seed}.webm", "heldout")]
    assert pairs
    for one, other in zip(pairs[::2], pairs[1::2], strict=True):
        assert one.answers and one.video_path == other.video_path and one.extra["task"] == other.extra["task"]
        assert one.questions[0].time == other.questions[0].time
        names = one.extra["argument"], other.extra["argument"]
        assert names[0] != names[1]
        words = [item.questions[0].content.split() for item in (one, other)]
        assert abs(len(words[0]) - len(words[1])) <= 2  # "someone", "a red car"
        assert words[0][:2] == words[1][:2]  # the same wording around the name


def test_pairs_of_a_room_name_the_other_half_of_a_change_or_another_colour():
    pairs = [item for seed in range(30) for item in clip_pairs(desk.make_clip(seed, 40, "test"), f"{seed}.webm")]
    assert {item.task for item in pairs} == {
        "desk_alert_lights",
        "desk_alert_cover",
        "desk_alert_person",
        "desk_alert_colour",
    }
    for one, other in zip(pairs[::2], pairs[1::2], strict=True):
        assert one.answers and one.task == other.task and one.questions[0].time == other.questions[0].time
        assert (
            one.extra["argument"] != other.extra["argument"] and one.questions[0].content != other.questions[0].content
        )
