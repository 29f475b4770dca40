"""What every test stands on: nothing leaves the machine, and a test that cannot run here says why (`-rs` prints it)."""

import os
import re
from pathlib import Path

import pytest

from tests.support.chromium import CHROMIUM

# Before any test module imports these libraries.
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Files whose every test is left out (-m "not slow and not browser") are not imported: they bring Gradio along."""
    if collection_path.suffix != ".py":
        return None
    mark = re.search(r"^pytestmark = pytest\.mark\.(\w+)$", collection_path.read_text(encoding="utf-8"), re.M)
    return True if mark and f"not {mark[1]}" in config.getoption("markexpr") else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    _long_files_first(items)
    skips = {"browser": _no_browser, "gpu": _no_gpu}
    for marker, reason_of in skips.items():
        marked = [item for item in items if item.get_closest_marker(marker)]
        reason = reason_of() if marked else None
        for item in marked:
            if reason:
                item.add_marker(pytest.mark.skip(reason=reason))


def _long_files_first(items: list[pytest.Item]) -> None:
    """Files are handed to worker processes in this order: a long one at the end would keep one of them busy alone."""
    marked = {name: {item.path for item in items if item.get_closest_marker(name)} for name in ("slow", "browser")}
    items.sort(key=lambda item: (item.path not in marked["slow"], item.path not in marked["browser"]))


def _no_browser() -> str | None:
    if not os.access(CHROMIUM, os.X_OK):
        return f"there is no Chromium at {CHROMIUM}; install one or set CHROMIUM to its path"
    return None


def _no_gpu() -> str | None:
    import torch

    return None if torch.cuda.is_available() else "torch sees no CUDA device"


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of the browser; tests that ask for it carry `@pytest.mark.browser`."""
    return str(CHROMIUM)


@pytest.fixture(scope="module")
def site(chromium, tmp_path_factory):
    """The page around a model that sees the lamp of its webcam's street; a module that wants another has its own
    `site`."""
    from tests.support.browser import running_site
    from tests.support.fakecam import Watched, street, write_camera
    from tests.support.lamp_model import LampModel

    clip = street()
    camera = write_camera(tmp_path_factory.mktemp("camera") / "street.y4m", clip)
    with running_site(Watched(LampModel(clip), clip), camera, chromium) as running:
        yield running


@pytest.fixture
def engine_of():
    """Starts an engine on a model and stops it after the test."""
    from streamo_app.models.engine import Engine

    started = []

    def start(model):
        started.append(Engine(model).start())
        return started[-1]

    yield start
    for engine in started:
        engine.stop()
