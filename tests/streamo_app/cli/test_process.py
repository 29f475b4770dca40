"""`python -m streamo_app` as a process of its own: signals, pipes, and a stderr that only we write to.

Run: python -m pytest tests/streamo_app/cli/test_process.py
"""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from streamo_app.models.loading import save_pretrained
from tests.support import tiny
from tests.support.clips import write

ROOT = Path(__file__).resolve().parents[3]
WAIT_S = 120
"""A process that hangs fails instead; on a busy machine importing torch alone takes long."""

LIGHT = """
import sys, types
from tests.support.live import LiveModel
loading = sys.modules["streamo_app.models.loading"] = types.ModuleType("streamo_app.models.loading")
loading.load_model = lambda name, **options: LiveModel()
from streamo_app.cli.main import main
sys.exit(main())
"""
"""The program with a scripted model, which spares a process the seconds that torch takes to load."""


def process(*args, light: bool = False, stdout=subprocess.PIPE) -> subprocess.Popen:
    command = [sys.executable, *(["-c", LIGHT] if light else ["-m", "streamo_app"]), *map(str, args)]
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, cwd=ROOT, env=env, stdout=stdout, stderr=subprocess.PIPE, text=True)


@pytest.mark.slow
def test_a_real_process_stops_on_ctrl_c_without_a_traceback(tmp_path):
    settings = dict(name="silent", fps=1, min_pixels=784, max_pixels=6272, window=10, response_bias=-100.0)
    save_pretrained(tiny.model(layers=1), tiny.tokenizer(), tmp_path / "silent", settings)
    minutes = write(tmp_path / "minutes.webm", 1, 240)
    watching = process("watch", minutes, "--model", tmp_path / "silent", "--realtime", "--format", "jsonl")
    first = json.loads(watching.stdout.readline())
    watching.send_signal(signal.SIGINT)
    out, err = watching.communicate(timeout=WAIT_S)
    assert (watching.returncode, err) == (130, "") and first["second"] == 0
    assert all(json.loads(line) for line in out.splitlines())


def test_whoever_reads_only_the_first_lines_gets_no_traceback(tmp_path):
    clip = write(tmp_path / "clip.webm", 10, 50)
    watching = process("watch", clip, "--format", "jsonl", light=True)
    watching.stdout.readline()
    watching.stdout.close()
    assert (watching.wait(WAIT_S), watching.stderr.read()) == (0, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, a disk that is always full")
@pytest.mark.parametrize("form", ["live", "jsonl", "srt"])
def test_a_full_disk_behind_stdout_is_one_line(tmp_path, form):
    clip = write(tmp_path / "clip.webm", 10, 50)
    with open("/dev/full", "w") as full:
        watching = process("watch", clip, "--format", form, light=True, stdout=full)
        err = watching.communicate(timeout=WAIT_S)[1]
    assert (watching.returncode, err) == (
        2,
        "streamo: The output cannot be written (No space left on device); choose another place for it with --out.\n",
    )


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        (
            "camera:63",
            "There is no camera 63 on this machine, or another program is using it; plug it in or choose another "
            "source.",
        ),
        (
            "http://user:secret@127.0.0.1:9/a.mp4",
            "http://127.0.0.1:9/a.mp4 delivers no video; check the address and that the stream is on.",
        ),
    ],
)
def test_a_camera_or_url_that_is_not_there_is_one_line_and_nothing_of_opencv_or_ffmpeg(source, sentence):
    watching = process("watch", source, light=True)
    out, err = watching.communicate(timeout=WAIT_S)
    assert (watching.returncode, out, err) == (2, "", f"streamo: {sentence}\n")
