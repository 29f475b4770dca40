"""`app.py` as a process: one line when it cannot start, one line when it runs, a clean end on a signal.

python -m pytest tests/streamo_app/ui/test_app.py
"""

import importlib.util
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from streamo_app.models.loading import save_pretrained
from streamo_app.models.settings import Settings
from streamo_app.ui.app import main
from tests.support import tiny
from tests.support.ports import free_port

ROOT = Path(__file__).resolve().parents[3]
ENVIRONMENT = {**os.environ, "HF_HUB_OFFLINE": "1"}


def app(*arguments: str) -> list[str]:
    return [sys.executable, str(ROOT / "app.py"), *arguments]


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["--port", "99999"], "port is 99999"),
        (["--colour", "red"], "unrecognized arguments: --colour red"),
        (["--auth", "bob"], "USER:PASSWORD"),
    ],
)
def test_a_bad_command_line_is_exit_code_2_and_one_line(arguments, words):
    done = subprocess.run(app(*arguments), capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 2 and done.stdout == ""
    assert words in done.stderr and len(done.stderr.splitlines()) == 1


def test_mcp_without_its_package_is_said_before_anything_is_loaded(monkeypatch, capsys):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert main(["--mcp", "--port", str(free_port())]) == 2
    assert capsys.readouterr().err == 'streamo: --mcp needs the mcp package; pip install "mcp<2", or leave --mcp out.\n'


def test_a_port_that_is_taken_is_said_before_anything_is_loaded():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = subprocess.run(
            app("--port", str(taken.getsockname()[1])), capture_output=True, text=True, timeout=120, check=False
        )
    assert done.returncode == 2
    assert "choose another with --port" in done.stderr and len(done.stderr.splitlines()) == 1


@pytest.mark.slow
def test_a_folder_without_a_model_is_exit_code_2_and_one_line(tmp_path):
    done = subprocess.run(
        app("--model", str(tmp_path), "--port", str(free_port())),
        capture_output=True,
        text=True,
        timeout=120,
        env=ENVIRONMENT,
        check=False,
    )
    assert done.returncode == 2 and str(tmp_path) in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_says_where_it_is_serves_the_page_and_ends_cleanly_on_a_signal(number, tmp_path):
    save_pretrained(tiny.model(layers=2), tiny.tokenizer(), tmp_path / "model", Settings(name="tiny"))
    port = free_port()
    environment = {**ENVIRONMENT, "XDG_DATA_HOME": str(tmp_path)}
    process = subprocess.Popen(
        app("--model", str(tmp_path / "model"), "--port", str(port)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )
    try:
        assert process.stdout.readline() == f"Streamo on http://127.0.0.1:{port}\n"
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=60) as page:
            assert b'"title":"Streamo"' in page.read()
        process.send_signal(number)
        out, complaints = process.communicate(timeout=60)
        assert (process.returncode, out, complaints) == (0, "", "")
    finally:
        process.kill()
        process.wait()
