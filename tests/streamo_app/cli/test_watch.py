"""`python -m streamo_app watch`: what it prints, how it ends, and one line for whatever is wrong.

The tests call `main` with a scripted model under the real engine, session and sources; processes
are in `tests/streamo_app/cli/test_process.py`.

Run: python -m pytest tests/streamo_app/cli/test_watch.py
"""

import json
import os
import shutil
import signal
import threading
from pathlib import Path

import pytest

from streamo_app.cli import watch as command
from streamo_app.cli.main import main
from streamo_app.models import loading
from tests.support import tiny
from tests.support.clips import write, write_sound
from tests.support.live import LiveModel

WAIT_S = 20


def script(second: int, instructions: list[str]) -> str | None:
    return {2: "", 3: f"{instructions[0]} now <b>&</b>."}.get(second)


@pytest.fixture
def model(monkeypatch) -> LiveModel:
    """What every model name loads, in this process; `loaded` holds what was asked for."""
    live = LiveModel(script)
    live.loaded = []

    def load(name, **options):
        live.loaded.append((name, options))
        return live

    monkeypatch.setattr(loading, "load_model", load)
    return live


@pytest.fixture(autouse=True)
def loud(monkeypatch):
    """`main` makes its whole process quiet; the tests' process stays as it is."""
    monkeypatch.setattr(command, "quieten", lambda: None)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("cli")


@pytest.fixture(scope="module")
def clip(folder) -> Path:
    """Five seconds."""
    return write(folder / "clip.webm", 10, 50)


@pytest.fixture(scope="module")
def silent_model(folder) -> Path:
    """A real random model that never responds."""
    settings = dict(name="silent", fps=1, min_pixels=784, max_pixels=6272, window=10, response_bias=-100.0)
    loading.save_pretrained(tiny.model(layers=1), tiny.tokenizer(), folder / "silent", settings)
    return folder / "silent"


def watch(capsys, *args) -> tuple[int, str, str]:
    status = main(["watch", *map(str, args)])
    return status, *capsys.readouterr()


# What it prints


def test_piped_it_prints_what_was_asked_and_said_with_times(capsys, clip, model):
    assert watch(capsys, clip, "--ask", "Green", "--ask", "2:Red") == (
        0,
        "00:00 [1] asked: Green\n00:02 [2] asked: Red\n00:03 [1] Green now <b>&</b>.\n00:03 [2] Red now <b>&</b>.\n"
        "00:05 The video has ended.\n",
        "",
    )


def test_with_nothing_asked_it_narrates(capsys, clip, model):
    assert watch(capsys, clip)[1].startswith("00:00 [1] asked: Narrate what you see.\n")


def test_json_lines_are_one_object_per_second_and_lane_with_exactly_the_keys_of_the_contract(capsys, clip, model):
    status, out, err = watch(capsys, clip, "--format", "jsonl", "--ask", "1:Green", "--ask", "2:Red")
    lines = [json.loads(line) for line in out.splitlines()]
    assert (status, err) == (0, "")
    assert [(line["second"], line["lane"], line["instruction"], line["state"], line["text"]) for line in lines] == [
        (0, 0, "", "silence", ""),
        (1, 1, "Green", "silence", ""),
        (2, 1, "Green", "standby", ""),
        (2, 2, "Red", "standby", ""),
        (3, 1, "Green", "response", "Green now <b>&</b>."),
        (3, 2, "Red", "response", "Red now <b>&</b>."),
        (4, 1, "Green", "silence", ""),
        (4, 2, "Red", "silence", ""),
    ]
    for line in lines:
        assert list(line) == ["second", "lane", "instruction", "state", "text", "p", "ms", "skipped"]
        assert list(line["p"]) == ["silence", "standby", "response"] and sum(line["p"].values()) == pytest.approx(1)
        assert isinstance(line["ms"], float) and line["skipped"] == 0


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("srt", "1\n00:00:03,000 --> 00:00:06,000\nGreen now <b>&</b>.\n"),
        ("vtt", "WEBVTT\n\n1\n00:00:03.000 --> 00:00:06.000\nGreen now &lt;b&gt;&amp;&lt;/b&gt;.\n"),
        (
            "md",
            "# clip.webm\n\n1. Green\n\n- **00:00** 1 *asked: Green*\n"
            "- **00:03** 1 Green now &lt;b&gt;&amp;&lt;/b&gt;.\n"
            "- **00:05** *ended: The video has ended.*\n",
        ),
    ],
)
def test_the_other_formats_come_whole_at_the_end(capsys, clip, model, tmp_path, form, expected):
    assert watch(capsys, clip, "--format", form, "--ask", "Green") == (0, expected, "")
    out = tmp_path / f"out.{form}"
    assert watch(capsys, clip, "--format", form, "--ask", "Green", "--out", out) == (0, "", "")
    assert out.read_text() == expected and os.listdir(tmp_path) == [out.name]


def test_model_and_window_and_images_per_second_are_as_given(capsys, clip, model):
    watch(capsys, clip, "--model", "there", "--quantize", "8bit", "--window", "30", "--fps", "2", "--format", "jsonl")
    assert (
        model.loaded == [("there", {"quantize": "8bit", "window": 30})]
        and [len(images) for images in model.seen] == [2] * 5
    )


def test_an_instruction_for_a_second_after_the_end_is_told_on_stderr(capsys, clip, model):
    status, out, err = watch(capsys, clip, "--ask", "1:00:Late", "--format", "srt")
    late = "streamo: 00:05 The run ended before this could be asked (due at second 60): Late\n"
    assert (status, out, err) == (0, "", late)


def test_text_that_would_draw_on_the_terminal_is_printed_as_text(capsys, clip, model):
    out = watch(capsys, clip, "--ask", "a\x1b[31m<|im_end|>\x07b")[1]
    assert "00:00 [1] asked: a [31m<|im_end|> b\n" in out and "\x1b" not in out


# How it ends


def test_a_video_cut_short_is_watched_as_far_as_it_goes_and_told(capsys, folder, model):
    long = write(folder / "long.webm", 10, 200)
    cut = folder / "cut.webm"
    cut.write_bytes(long.read_bytes()[: long.stat().st_size // 3])
    status, _, err = watch(capsys, cut, "--format", "jsonl", "--out", folder / "cut.jsonl")
    seconds = [json.loads(line)["second"] for line in (folder / "cut.jsonl").read_text().splitlines()]
    assert status == 2 and len(err.splitlines()) == 1 and "may be truncated" in err
    assert 3 <= len(seconds) < 12 and seconds == list(range(len(seconds)))


def test_a_model_that_fails_leaves_what_was_said_and_one_line(capsys, clip, tmp_path, model):
    def broken(second, instructions):
        if second == 3:
            raise RuntimeError("device lost")
        return f"{second}"

    model._script = broken
    status, _, err = watch(capsys, clip, "--format", "srt", "--out", tmp_path / "a.srt")
    assert (status, err) == (2, "streamo: The model failed at second 3: device lost.\n")
    assert (tmp_path / "a.srt").read_text().count("-->") == 3


@pytest.fixture
def ctrl_c():
    """Ctrl-C as a terminal has it: a shell that starts the tests in the background has it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c")
@pytest.mark.parametrize(("number", "expected"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_ctrl_c_and_a_polite_kill_while_the_model_loads_leave_no_file(monkeypatch, tmp_path, clip, number, expected):
    monkeypatch.setattr(
        loading, "load_model", lambda name, **options: os.kill(os.getpid(), number) or threading.Event().wait(WAIT_S)
    )
    before = signal.getsignal(signal.SIGTERM)
    assert main(["watch", str(clip), "--format", "srt", "--out", str(tmp_path / "out.srt")]) == expected
    assert not list(tmp_path.iterdir()) and signal.getsignal(signal.SIGTERM) == before


@pytest.mark.slow
@pytest.mark.usefixtures("ctrl_c")
@pytest.mark.parametrize(("number", "expected"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_ctrl_c_and_a_polite_kill_keep_what_there_is_even_while_the_model_hangs(
    capsys, tmp_path, clip, model, number, expected
):
    release = threading.Event()

    def hangs(second, instructions):
        if second == 2:
            signal.raise_signal(number)
            release.wait(WAIT_S)
        return f"{second}"

    model._script = hangs
    out = tmp_path / "a.jsonl"
    assert watch(capsys, clip, "--format", "jsonl", "--out", out) == (expected, "", "")
    release.set()
    assert [json.loads(line)["second"] for line in out.read_text().splitlines()] == [0, 1]
    assert os.listdir(tmp_path) == ["a.jsonl"]
    assert signal.getsignal(number) is not None and signal.getsignal(signal.SIGINT) is signal.default_int_handler


# What is wrong


@pytest.fixture(scope="module")
def bad(folder) -> dict[str, Path]:
    (folder / "text.mp4").write_text("hello")
    (folder / "empty.webm").write_bytes(b"")
    headless = write(folder / "headless.mp4", 10, 20)
    headless.write_bytes(headless.read_bytes()[:800])
    return {
        path.name: path
        for path in (folder / "text.mp4", folder / "empty.webm", headless, write_sound(folder / "sound.mp4"))
    }


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        ([], "the following arguments are required: SOURCE"),
        (["/nowhere.mp4"], "There is no file '/nowhere.mp4'"),
        (["/"], "'/' is a folder"),
        (["text.mp4"], "is not a readable video"),
        (["empty.webm"], "is empty"),
        (["headless.mp4"], "is truncated"),
        (["sound.mp4"], "contains audio but no video"),
        (["ftp://host/x"], "'ftp://' addresses are not supported"),
        (["camera:x"], "is not a camera"),
        (["CLIP", "--ask", " "], "The instruction is empty"),
        (["CLIP", "--ask", "x" * 10_000], "The instruction has 10000 characters"),
        (["CLIP", *["--ask", "x"] * 9], "At most 8 instructions at a time"),
        (["CLIP", "--fps", "0"], "0 frames per second are not possible"),
        (["CLIP", "--fps", "two"], "argument --fps: invalid int value: 'two'"),
        (["CLIP", "--window", "0"], "--window is 0; at least 1 second"),
        (["CLIP", "--format", "doc"], "argument --format: invalid choice: 'doc'"),
        (["CLIP", "--quantize", "2bit"], "argument --quantize: invalid choice"),
        (["CLIP", "--out", "x.srt"], "--out needs a file format"),
        (
            ["CLIP", "--format", "srt", "--out", "/nowhere/x.srt"],
            "/nowhere/x.srt cannot be written (No such file or directory)",
        ),
        (["CLIP", "--format", "srt", "--out", "/"], "/ is a folder"),
        (["CLIP", "--what"], "unrecognized arguments: --what"),
    ],
)
def test_whatever_is_wrong_is_one_line_on_stderr_and_status_2(capsys, clip, model, bad, args, sentence):
    status, out, err = watch(capsys, *(clip if arg == "CLIP" else bad.get(arg, arg) for arg in args))
    assert (status, out) == (2, "") and err.startswith("streamo: ") and sentence in err
    assert err.count("\n") == 1 and "Traceback" not in err


@pytest.mark.parametrize("argv", [[], ["wach"], ["--model"]])
def test_a_command_that_there_is_not_is_told_which_there_are(capsys, argv):
    assert main(argv) == 2
    err = capsys.readouterr().err
    assert "watch SOURCE" in err and err.count("\n") == 1


def test_help_names_every_option(capsys):
    assert main(["--help"]) == 0 and "watch camera:0" in capsys.readouterr().out
    with pytest.raises(SystemExit) as left:
        main(["watch", "--help"])
    out = capsys.readouterr().out
    assert left.value.code == 0 and all(
        f"--{name}" in out
        for name in ("ask", "model", "quantize", "fps", "window", "format", "out", "realtime", "chime")
    )


@pytest.mark.parametrize("broken", ["no state tokens", "another class", "nothing there"])
def test_a_model_that_is_none_is_one_line(capfd, clip, silent_model, tmp_path, broken):
    there = tmp_path / "model"
    if broken != "nothing there":
        shutil.copytree(silent_model, there)
    if broken == "no state tokens":
        tiny.tokenizer(without=("</Silence>", "</Standby>", "</Response>")).save_pretrained(there)
    if broken == "another class":
        config = json.loads((there / "config.json").read_text())
        (there / "config.json").write_text(json.dumps(config | {"model_type": "llama"}))
    capfd.readouterr()
    status, out, err = watch(capfd, clip, "--model", there)
    sentence = {
        "no state tokens": "no single token '</Silence>'",
        "another class": "model of type 'llama'",
        "nothing there": "There is no model folder",
    }
    assert (status, out) == (2, "") and sentence[broken] in err and err.count("\n") == 1
