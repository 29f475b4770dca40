"""The part of the page in `ui/visitor` knows no Gradio, so it can be tested, and served, without it.

Run: python -m pytest tests/streamo_app/ui/visitor/test_no_gradio.py
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[4]
MODULES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for path in (ROOT / "streamo_app" / "ui" / "visitor").glob("*.py")
    if path.stem != "__init__"
)
PAGE = ("streamo_app.ui.page", "streamo_app.ui.serve", "streamo_app.ui.download", "streamo_app.ui.api")


def test_no_module_of_it_imports_gradio_or_the_page_directly_or_through_another_module():
    script = (
        "import importlib, sys\n"
        f"for module in {MODULES!r}:\n"
        "    importlib.import_module(module)\n"
        f"    wrong = [name for name in sys.modules if name.split('.')[0] == 'gradio' or name.startswith({PAGE!r})]\n"
        "    assert not wrong, f'{module} imports {wrong[:3]}'\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert len(MODULES) >= 12 and done.returncode == 0, done.stderr
