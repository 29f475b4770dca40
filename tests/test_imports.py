"""The walls of the house, read from the source: which file may import which, who spells the wire format, how long a
file may be.

Run: python -m pytest tests/test_imports.py
"""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("streamo_app", "finetune")
SOURCES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py")) + sorted(ROOT.glob("app.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))

LEVELS = {
    "protocol": 0,
    "events": 1,
    "config": 1,
    "models": 2,
    "video": 2,
    "transcript": 2,
    "sound": 2,
    "session": 3,
    "ui": 5,
}
"""Imports go down only; what is not named here (cli, bench, __main__) stands beside the session, under the page."""
BESIDE_SESSION = 4

HEAVY = ("torch", "gradio", "cv2", "transformers", "accelerate", "sounddevice", "playwright", "matplotlib")
LIGHT_MODULES = (
    "streamo_app", "streamo_app.protocol", "streamo_app.events", "streamo_app.transcript.transcript", "streamo_app.models", "streamo_app.models.interface",
    "finetune", "finetune.metrics", "finetune.annotations", "finetune.build",
)  # fmt: skip
DISTRIBUTIONS = {"cv2": "opencv-python-headless", "PIL": "pillow", "yaml": "pyyaml"}


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def imports(path: Path) -> list[str]:
    """Every module that `path` imports anywhere, functions included; relative imports do not occur in this project."""
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name(path)} line {node.lineno}: write the whole module name"
            found += [node.module] + [f"{node.module}.{alias.name}" for alias in node.names]
    return found


def room(module: str) -> str:
    """streamo_app.models.wire -> models; streamo_app.video.file -> video: a file split off another shares its room."""
    part = module.split(".")[1]
    return part if part.startswith("__") else part.split("_")[0]


def level(module: str) -> int:
    return LEVELS.get(room(module), BESIDE_SESSION)


def test_imports_inside_streamo_app_go_down_only():
    wrong = []
    for path in (ROOT / "streamo_app").rglob("*.py"):
        here = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        if path.name == "__init__.py" and path.parent.name == "streamo_app":
            assert not [m for m in imports(path) if m.startswith("streamo_app")], (
                "streamo_app/__init__.py imports nothing of ours"
            )
            continue
        for module in imports(path):
            if module.startswith("streamo_app.") and level(module) >= level(here) and room(module) != room(here):
                if not (level(here) == level(module) == BESIDE_SESSION):
                    wrong.append(f"{here} imports {module}")
    assert not wrong


def test_streamo_app_never_imports_finetune_and_nobody_imports_the_page_file():
    for path in SOURCES + TESTS:
        tops = {module.split(".")[0] for module in imports(path)}
        if "streamo_app" in path.parts or path.name == "app.py":
            assert "finetune" not in tops, name(path)
        if "tests" not in path.parts:
            assert "app" not in tops, name(path)


def test_gradio_is_imported_by_the_page_alone():
    allowed = {path for path in SOURCES if "ui" in path.parts or path.name == "app.py"}
    assert not [
        name(path)
        for path in SOURCES
        if path not in allowed and any(m.split(".")[0] == "gradio" for m in imports(path))
    ]


def test_nothing_imports_torchvision():
    assert not [name(path) for path in SOURCES + TESTS if any(m.split(".")[0] == "torchvision" for m in imports(path))]


def test_every_library_that_the_source_imports_is_in_requirements_txt():
    declared = {
        re.split(r"[=<>\s]", line)[0].lower()
        for line in (ROOT / "requirements.txt").read_text().splitlines()
        if line and line[0] != "#"
    }
    known = set(sys.stdlib_module_names) | set(PACKAGES)
    tops = {module.split(".")[0] for path in SOURCES for module in imports(path)} - known
    assert {DISTRIBUTIONS.get(top, top).lower() for top in tops} <= declared


def test_pure_modules_leave_the_heavy_libraries_out():
    script = (
        "import importlib, sys\n"
        f"for module in {LIGHT_MODULES!r}:\n"
        "    importlib.import_module(module)\n"
        f"    heavy = sorted(set({HEAVY!r}) & set(sys.modules))\n"
        "    assert not heavy, f'{module} imports {heavy}'\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("module", ["streamo_app.video.source", "streamo_app.audio.chime"])
def test_the_edges_of_the_machine_import_without_a_model_or_a_sound_card(module):
    script = f"import sys, {module}; print(sorted({{'torch', 'gradio', 'sounddevice'}} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout.strip()) == (0, "[]"), done.stderr


def test_only_the_protocol_spells_a_state_token():
    literal = re.compile(r"</(Silence|Standby|Response)>")
    assert [name(path) for path in SOURCES if literal.search(path.read_text())] == ["streamo_app/protocol.py"]


def test_only_the_protocol_builds_a_time_tag():
    built = re.compile(r"<(\{[^{}]*\}|%d|%s)s-")
    assert [name(path) for path in SOURCES if built.search(path.read_text())] == ["streamo_app/protocol.py"]


def test_no_source_file_is_longer_than_300_lines():
    pages = [
        path for package in PACKAGES for kind in ("js", "css", "html") for path in (ROOT / package).rglob(f"*.{kind}")
    ]
    lengths = {name(path): len(path.read_text().splitlines()) for path in SOURCES + TESTS + pages}
    assert not {path: lines for path, lines in lengths.items() if lines > 300}


def test_nothing_is_called_at_import():
    """A bare call at the top of a file configures, downloads or seeds something for whoever imports it."""
    calls = []
    for path in SOURCES:
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.Expr) and not isinstance(node.value, ast.Constant):
                calls.append(f"{name(path)} line {node.lineno}")
    assert not calls
