"""The rules of the architecture, read from the source: which folder may import which, who spells the wire format, how
long a file may be.

Run: python -m pytest tests/test_imports.py
"""

import ast
import functools
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from scripts.import_graph import Graph, circle, folder, folder_arrows, imported_names, module_graph

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("streamo_app", "finetune")
SOURCES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py")) + sorted(ROOT.glob("app.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
SCRIPTS = sorted((ROOT / "scripts").rglob("*.py"))

FLOORS = (
    ("streamo_app.protocol",),
    ("streamo_app.config",),
    (
        "streamo_app.colours",
        "streamo_app.dispatch",
        "streamo_app.events",
        "streamo_app.files",
        "streamo_app.memory",
        "streamo_app.scratch",
    ),
    ("streamo_app.models", "streamo_app.video", "streamo_app.transcript", "streamo_app.audio"),
    ("streamo_app.captions", "streamo_app.live"),
    ("streamo_app.bench", "streamo_app.ui.visitor"),
    ("streamo_app.ui.api",),
    ("streamo_app.ui",),
    ("streamo_app.cli",),
    ("streamo_app.__main__",),
    ("finetune.annotations", "finetune.metrics", "finetune.settings"),
    ("finetune.build",),
    ("finetune.labels", "finetune.world"),
    ("finetune.loss", "finetune.model"),
    ("finetune.config",),
    ("finetune.data",),
    ("finetune.evaluation", "finetune.training"),
    ("finetune.train", "finetune.evaluate", "finetune.loss_bench"),
    ("finetune.bias",),
    ("finetune.ablation",),
    ("finetune.ablate",),
    ("finetune.__main__",),
)
"""From the ground up: a folder imports from floors below its own, and from itself."""
INNER = {"finetune.world.street": "finetune.world", "finetune.world.desk": "finetune.world"}
"""Folders that share the floor of the one around them, which both serves them and joins them."""

HEAVY = ("torch", "gradio", "cv2", "transformers", "accelerate", "sounddevice", "playwright", "matplotlib")
LIGHT_MODULES = (
    "streamo_app",
    "streamo_app.protocol",
    "streamo_app.events",
    "streamo_app.transcript.transcript",
    "streamo_app.models",
    "streamo_app.models.interface",
    "finetune",
    "finetune.metrics",
    "finetune.annotations",
    "finetune.build",
)
DISTRIBUTIONS = {"cv2": "opencv-python-headless", "PIL": "pillow", "yaml": "pyyaml", "starlette": "fastapi"}
"""Where the name of a library is not that of what brings it."""
LONGEST_FILE = 400


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@functools.cache
def graph() -> Graph:
    return module_graph(ROOT)


@functools.cache
def arrows() -> Counter[tuple[str, str]]:
    return folder_arrows(graph(), ROOT)


@functools.cache
def libraries(path: Path) -> set[str]:
    return {module.split(".")[0] for module in imported_names(path)}


def test_every_folder_has_a_floor_and_imports_go_down_only():
    floor = {place: number for number, places in enumerate(FLOORS) for place in places}
    floor |= {inner: floor[outer] for inner, outer in INNER.items()}
    folders = {folder(module, ROOT) for module in graph()} - set(PACKAGES)
    assert folders == set(floor)
    up = [
        f"{here} -> {there}"
        for here, there in arrows()
        if floor[there] >= floor[here] and INNER.get(here, here) != INNER.get(there, there)
    ]
    assert not up


def test_no_module_imports_itself_in_a_circle():
    assert not circle(graph())


def test_streets_and_rooms_do_not_know_each_other():
    streets, rooms = "finetune.world.street", "finetune.world.desk"
    assert (streets, rooms) not in arrows() and (rooms, streets) not in arrows()


def test_package_files_are_empty():
    filled = [path for path in SOURCES if path.name == "__init__.py" and len(ast.parse(path.read_text()).body) > 1]
    assert not [name(path) for path in filled]


def test_streamo_app_never_imports_finetune_and_nobody_imports_the_page_file():
    for path in SOURCES + TESTS + SCRIPTS:
        tops = libraries(path)
        if path.is_relative_to(ROOT / "streamo_app") or path.name == "app.py":
            assert "finetune" not in tops, name(path)
        if path.relative_to(ROOT).parts[0] != "tests":
            assert "app" not in tops, name(path)


def test_gradio_is_imported_by_the_page_alone_and_not_by_what_serves_a_visitor():
    page, visitor = ROOT / "streamo_app" / "ui", ROOT / "streamo_app" / "ui" / "visitor"
    others = [path for path in SOURCES if not path.is_relative_to(page) or path.is_relative_to(visitor)]
    assert not [name(path) for path in others if "gradio" in libraries(path)]


def test_nothing_imports_torchvision():
    assert not [name(path) for path in SOURCES + TESTS + SCRIPTS if "torchvision" in libraries(path)]


def test_every_library_that_the_source_imports_is_in_requirements_txt():
    lines = [line for line in (ROOT / "requirements.txt").read_text().splitlines() if line and line[0] not in "#-"]
    declared = {re.split(r"[=<>\[\s]", line)[0].lower() for line in lines}
    tops = {top for path in SOURCES for top in libraries(path)} - set(sys.stdlib_module_names) - set(PACKAGES)
    assert {DISTRIBUTIONS.get(top, top).lower() for top in tops} <= declared


def test_pure_modules_leave_the_heavy_libraries_out():
    script = (
        "import importlib, sys\n"
        f"for module in {LIGHT_MODULES!r}:\n"
        "    importlib.import_module(module)\n"
        f"    heavy = sorted(set({HEAVY!r}) & set(sys.modules))\n"
        "    assert not heavy, f'{module} imports {heavy}'\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("module", ["streamo_app.video.source", "streamo_app.audio.chime"])
def test_the_edges_of_the_machine_import_without_a_model_or_a_sound_card(module):
    script = f"import sys, {module}; print(sorted({{'torch', 'gradio', 'sounddevice'}} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "[]"), done.stderr


def test_only_the_protocol_spells_a_state_token():
    literal = re.compile(r"</(Silence|Standby|Response)>")
    assert [name(path) for path in SOURCES if literal.search(path.read_text())] == ["streamo_app/protocol.py"]


def test_only_the_protocol_builds_a_time_tag():
    built = re.compile(r"<(\{[^{}]*\}|%d|%s)s-")
    assert [name(path) for path in SOURCES if built.search(path.read_text())] == ["streamo_app/protocol.py"]


def test_no_file_is_longer_than_a_reader_holds():
    pages = [
        path for package in PACKAGES for kind in ("js", "css", "html") for path in (ROOT / package).rglob(f"*.{kind}")
    ]
    lengths = {name(path): len(path.read_text().splitlines()) for path in SOURCES + TESTS + SCRIPTS + pages}
    assert not {path: lines for path, lines in lengths.items() if lines > LONGEST_FILE}


def test_nothing_is_called_at_import():
    """A bare call at the top of a file configures, downloads or seeds something for whoever imports it."""
    calls = []
    for path in SOURCES:
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.Expr) and not isinstance(node.value, ast.Constant):
                calls.append(f"{name(path)} line {node.lineno}")
    assert not calls
