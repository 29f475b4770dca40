"""The wheel without the checkout: it serves the page and runs `streamo` from an empty folder.

The wheel is built from a copy of the sources and installed into a new virtual environment. Torch and the other
libraries are not installed again: a .pth file there names the site-packages of the environment that runs the tests, so
this needs no network.   python -m pytest tests/test_installed.py
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import urllib.request
import venv
import zipfile
from pathlib import Path

import pytest

from tests.support.ports import free_port

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[1]
PARTS = ("pyproject.toml", "setup.py", "README.md", "LICENSE", "requirements.txt", "streamo_app", "finetune", "assets")
WAIT_S = 180
NOTE_MODULES = """
import atexit, os, sys

def note():
    with open(os.environ["MODULES"], "w") as file:
        for module in list(sys.modules.values()):
            print(getattr(module, "__file__", None) or "", file=file)

if "MODULES" in os.environ:
    atexit.register(note)
"""
"""A sitecustomize that writes the files of all imported modules when a process ends."""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    source = tmp_path_factory.mktemp("source")
    for part in PARTS:
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, source / part, ignore=shutil.ignore_patterns("__pycache__", "*.pyi"))
        else:
            shutil.copy(ROOT / part, source)
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "-w", source / "dist", source]
    subprocess.run(command, check=True, capture_output=True, timeout=WAIT_S)
    return next((source / "dist").glob("streamo-*.whl"))


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory) -> Path:
    """The `bin` of an environment that has the wheel, and the libraries of this one."""
    home = tmp_path_factory.mktemp("installed")
    venv.create(home)
    site = Path(sysconfig.get_path("purelib", "venv", vars={"base": str(home)}))
    (site / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")
    (site / "sitecustomize.py").write_text(NOTE_MODULES)
    pip = [sys.executable, "-m", "pip", "--python", home / "bin" / "python"]
    command = [*pip, "install", "--no-deps", "--no-index", "--ignore-installed", wheel]
    subprocess.run(command, check=True, capture_output=True, timeout=WAIT_S)
    return home / "bin"


@pytest.fixture
def empty(tmp_path) -> Path:
    (tmp_path / "empty").mkdir()
    return tmp_path / "empty"


@pytest.fixture
def environment(tmp_path) -> dict[str, str]:
    inherited = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "SPACE_ID")}
    return {**inherited, "HF_HUB_OFFLINE": "1", "XDG_DATA_HOME": str(tmp_path), "MODULES": str(tmp_path / "modules")}


def check_modules(environment: dict[str, str], home: Path) -> None:
    """Ours were imported from `home`, and nothing came from the checkout but the libraries of its environment."""
    noted = Path(environment["MODULES"]).read_text().splitlines()
    files = [Path(line).resolve() for line in noted if os.path.isabs(line)]  # torch names files that there are not
    libraries = Path(sys.prefix).resolve()
    ours = [path for path in files if {"streamo_app", "finetune"} & set(path.parts)]
    assert ours and all(path.is_relative_to(home.resolve()) for path in ours)
    assert not [path for path in files if path.is_relative_to(ROOT) and not path.is_relative_to(libraries)]


def test_every_file_that_is_no_module_travels_in_the_wheel(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    static = {f"streamo_app/ui/static/{path.name}" for path in (ROOT / "streamo_app/ui/static").rglob("*.*")}
    configs = {f"finetune/configs/{path.name}" for path in (ROOT / "finetune" / "configs").iterdir()}
    assets = {
        f"streamo_app/{path.relative_to(ROOT)}"
        for folder in ("clips", "streamo-tiny")
        for path in (ROOT / "assets" / folder).iterdir()
    }
    assert static and configs and assets and static | configs | assets <= set(names)
    assert not [name for name in names if name.startswith(("tests", "scripts", "assets", "docs"))]


def test_streamo_watch_answers_from_an_empty_folder(installed, empty, environment):
    clip = next(installed.parent.rglob("streamo_app/assets/clips/midday.webm"))
    command = [installed / "streamo", "watch", clip, "--ask", "Notify me when the light turns green."]
    done = subprocess.run(
        [*command, "--format", "jsonl"],
        cwd=empty,
        env=environment,
        capture_output=True,
        text=True,
        timeout=WAIT_S,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    responses = [line["second"] for line in lines if line["state"] == "response"]
    assert responses[:2] == [3, 20]  # it turns green at 2.4 and 19.2 s
    check_modules(environment, installed.parent)
    assert not list(empty.iterdir())


def test_streamo_app_serves_the_page_from_an_empty_folder(installed, empty, environment):
    port = free_port()
    command = [installed / "streamo", "app", "--port", str(port)]
    process = subprocess.Popen(
        command, cwd=empty, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout.readline() == f"Streamo on http://127.0.0.1:{port}\n"
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=60) as page:
            assert b'"title":"Streamo"' in page.read()
        process.send_signal(signal.SIGTERM)
        assert (process.wait(60), process.stderr.read()) == (0, "")
    finally:
        process.kill()
        process.wait()
    check_modules(environment, installed.parent)


@pytest.mark.parametrize(
    ("words", "status", "sentence"),
    [
        (["streamo", "sessions"], 0, "No sessions are kept on this machine"),
        (["streamo", "bench", "--seconds", "0"], 2, "measures nothing"),
        (["python", "-m", "streamo_app", "--help"], 0, "watch SOURCE"),
        (["python", "-m", "finetune", "train", "streamo-tiny", "--set", "batch=ten"], 2, "batch"),
    ],
)
def test_the_other_commands_run_from_an_empty_folder(installed, empty, environment, words, status, sentence):
    command = [installed / words[0], *words[1:]]
    done = subprocess.run(
        command, cwd=empty, env=environment, capture_output=True, text=True, timeout=WAIT_S, check=False
    )
    assert done.returncode == status and sentence in done.stdout + done.stderr, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    check_modules(environment, installed.parent)
