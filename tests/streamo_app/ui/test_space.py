"""A Hugging Face Space: the head of README.md says what it installs, and `app.py` behaves as a guest among strangers
there.

Run: python -m pytest tests/streamo_app/ui/test_space.py
"""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
import yaml
from gradio_client import Client, handle_file

from streamo_app.config import AppConfig
from tests.support.ports import free_port

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[3]
SPACE = {
    "SYSTEM": "spaces",
    "SPACE_ID": "someone/streamo",
    "SPACE_HOST": "someone-streamo.hf.space",
    "SPACE_AUTHOR_NAME": "someone",
    "SPACE_REPO_NAME": "streamo",
    "GRADIO_SERVER_NAME": "0.0.0.0",
    "GRADIO_SSR_MODE": "true",
    "GRADIO_ALLOW_FLAGGING": "never",
    "HF_HUB_OFFLINE": "1",
}


@pytest.fixture(scope="module")
def head() -> dict:
    return yaml.safe_load(re.match(r"---\n(.*?)\n---\n", (ROOT / "README.md").read_text(encoding="utf-8"), re.S)[1])


def test_the_head_of_the_readme_names_what_is_there(head):
    assert head["sdk"] == "gradio" and (ROOT / head["app_file"]).is_file()
    assert head["license"] == "apache-2.0" and "Apache License" in (ROOT / "LICENSE").read_text()
    assert len(head["short_description"]) <= 60 and len(head["title"]) <= 30
    assert {head["colorFrom"], head["colorTo"]} <= {
        "red",
        "yellow",
        "green",
        "blue",
        "indigo",
        "purple",
        "pink",
        "gray",
    }
    assert (
        re.fullmatch(r"\d+\.\d+", head["python_version"])
        and f">={head['python_version']}" in (ROOT / "pyproject.toml").read_text()
    )


def test_the_gradio_that_a_space_brings_is_the_one_that_requirements_pin(head):
    assert f"gradio=={head['sdk_version']} " in (ROOT / "requirements.txt").read_text()


def test_the_packages_of_the_system_are_those_that_a_library_cannot_bring(head):
    assert (ROOT / "packages.txt").read_text().split() == [
        "libportaudio2"
    ]  # sounddevice; OpenCV's headless wheel links nothing else


def test_a_space_has_limits_that_can_be_changed():
    config = AppConfig.from_args([], {"SPACE_ID": "someone/streamo"})
    assert (config.host, config.keep_journals, config.run_limit_s, config.on_space) == ("0.0.0.0", False, 1800, True)
    assert not (config.camera_allowed or config.urls_allowed or config.models_allowed)
    assert AppConfig.from_args(["--run-minutes", "0"], {"SPACE_ID": "someone/streamo"}).run_limit_s is None
    assert (
        AppConfig.from_args(["--run-minutes", "90"], {}).run_limit_s == 5400
        and AppConfig.from_args([], {}).run_limit_s is None
    )
    with pytest.raises(ValueError, match="--run-minutes is -1"):
        AppConfig.from_args(["--run-minutes", "-1"], {})


@pytest.fixture(scope="module")
def space(tmp_path_factory):
    """`app.py` as a Space starts it, but for the port."""
    home, port = tmp_path_factory.mktemp("space"), free_port()
    environment = {
        **os.environ,
        **SPACE,
        "TMPDIR": str(home),
        "GRADIO_SERVER_PORT": str(port),
        "HOME": str(home),
        "XDG_DATA_HOME": str(home / "data"),
    }
    with open(home / "log", "w") as log:
        process = subprocess.Popen(
            [sys.executable, str(ROOT / "app.py"), "--port", str(port)],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env=environment,
        )
    try:
        # Gradio has a word of its own there before ours
        assert any(line.startswith("Streamo on http") for line in process.stdout), (home / "log").read_text()
        yield f"http://127.0.0.1:{port}", home
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()


def test_the_built_in_model_answers_there_and_nothing_of_the_server_is_offered(space):
    url, home = space
    config = httpx.get(f"{url}/config").json()
    tabs = next(
        part["props"]["html_template"] for part in config["components"] if part["props"].get("elem_id") == "tabs"
    )
    assert re.findall(r'value="(\w+)"', tabs) == ["samples", "upload", "webcam"]
    live = next(
        part["props"]["props"]["settings"] for part in config["components"] if part["props"].get("elem_id") == "live"
    )
    assert live["voice"] == {"machine": False, "chime": False}
    said = list(
        Client(url, verbose=False).submit(
            handle_file(ROOT / "assets/clips/midday.webm"), "Notify me when the light turns green.", api_name="/watch"
        )
    )
    assert [one["second"] for one in said if one["state"] == "response"][:2] == [
        3,
        20,
    ]  # it turns green at 2.4 and 19.2 s
    assert not list(home.rglob("*.journal")) and not (home / "data").exists()


@pytest.mark.browser
def test_the_page_of_a_space_runs_a_clip_and_keeps_nothing_of_a_visitor_who_left(space, chromium):
    from playwright.sync_api import expect, sync_playwright

    from tests.support.browser import FLAGS, PATIENCE_MS, START, STOP, cells, wait_for

    url, home = space
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        expect.set_options(timeout=PATIENCE_MS)
        page = browser.new_context().new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.goto(url)
        page.wait_for_selector(START)
        page.click("#go")
        page.wait_for_selector(STOP)
        wait_for(page, lambda: cells(page) >= 2, "two decided seconds")
        kept = wait_for(
            page,
            lambda: [path for path in (home / "streamo-journals").rglob("*") if path.is_file()],
            "a journal while it runs",
        )
        page.close()
        deadline = browser.new_context().new_page()
        wait_for(deadline, lambda: not any(path.exists() for path in kept), "the journal to go with its visitor")
        browser.close()
