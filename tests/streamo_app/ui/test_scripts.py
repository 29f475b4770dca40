"""The page's modules fit together: each imports what others export, nothing is left over, no imports go in a circle.

python -m pytest tests/streamo_app/ui/test_scripts.py
"""

import re
import shutil
import subprocess
from graphlib import TopologicalSorter

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from streamo_app.ui.scripts import STATIC, js_on_load, scripts_path, scripts_route

ENTRY = "page.js"
MODULES = {path.name: path.read_text(encoding="utf-8") for path in STATIC.glob("*.js") if path.name != "js_on_load.js"}
IMPORT = re.compile(r'^import \{([^}]*)\} from\s+"\./(\w+\.js)";$', re.M)
EXPORT = re.compile(r"^export (?:async )?(?:function|const) ([\w$]+)", re.M)
PARAMETERS_AND_LOCALS = re.compile(r"\b(?:function|const|let) (\w+)|[,{(]\s*(\w+)(?= =|[,)}])")
COMMENTS_AND_TEXTS = re.compile(r"""//.*$|/\*.*?\*/|"[^"]*"|'[^']*'|^export .*? [\w$]+""", re.M)


def imports(script: str) -> dict[str, list[str]]:
    """Name of a module -> the names that `script` imports of it."""
    return {module: re.findall(r"[\w$]+", names) for names, module in IMPORT.findall(script)}


def code(script: str) -> str:
    return COMMENTS_AND_TEXTS.sub("", IMPORT.sub("", script))


def mentions(script: str, name: str) -> bool:
    """Whether `name` stands there by itself: not as a property, a key, a tag, or the $ of a template."""
    return bool(re.search(rf"(?<![\w$</])(?<!(?<!\.)\.){re.escape(name)}(?![\w{{:/])", script))


EXPORTS = {name: EXPORT.findall(script) for name, script in MODULES.items()}
IMPORTS = {name: imports(script) for name, script in MODULES.items()}


def test_imports_exports_and_mentions_are_found():
    script = 'import { $, make } from "./dom.js";\nimport { a,\n  b } from\n  "./x.js";\nexport async function go(a) {'
    assert imports(script) == {"dom.js": ["$", "make"], "x.js": ["a", "b"]}
    assert EXPORT.findall(f"{script}\nexport const $ = 1;\nconst c = 3;") == ["go", "$"]
    assert mentions("f(...at(1))", "at") and mentions("each($)", "$")
    assert not any(mentions(text, "at") for text in ("list.at(1)", "found?.at", "{ at: 1 }", "what"))
    assert not mentions("`${x}`", "$")


@pytest.mark.parametrize("name", sorted(MODULES))
def test_a_module_imports_what_others_export_and_uses_it(name):
    assert len(re.findall(r"^import\b", MODULES[name], re.M)) == len(IMPORTS[name]), "an import of another form"
    for module, names in IMPORTS[name].items():
        assert module in MODULES and module != name
        assert set(names) <= set(EXPORTS[module])
        assert [one for one in names if not mentions(code(MODULES[name]), one)] == [], "imported and not used"


@pytest.mark.parametrize("name", sorted(MODULES))
def test_a_module_mentions_nothing_of_another_that_it_does_not_import(name):
    """The browser would only say so when it comes to that line."""
    script = code(MODULES[name])
    own = {one for found in PARAMETERS_AND_LOCALS.findall(script) for one in found} | set(EXPORTS[name])
    imported = {one for names in IMPORTS[name].values() for one in names}
    others = {one for module, names in EXPORTS.items() if module != ENTRY for one in names} - own - imported
    assert [one for one in others if mentions(script, one)] == []


def test_every_module_is_reached_from_the_entry_and_every_export_is_used():
    reached, ahead = set(), [ENTRY]
    while ahead:
        name = ahead.pop()
        if name not in reached:
            reached.add(name)
            ahead += IMPORTS[name]
    assert reached == set(MODULES)
    used = {(module, one) for of_module in IMPORTS.values() for module, names in of_module.items() for one in names}
    exported = {(module, one) for module, names in EXPORTS.items() for one in names}
    assert exported - used == {(ENTRY, "start")}


def test_imports_go_in_no_circle():
    list(TopologicalSorter(IMPORTS).static_order())


def test_gradio_starts_the_entry_and_finds_the_name_of_its_event():
    assert f"/{ENTRY}`" in js_on_load() and "page.start(" in js_on_load()
    assert '"act"' in js_on_load(), "Gradio looks for the names of custom events in this text"


@pytest.mark.skipif(not shutil.which("node"), reason="there is no node to link the modules; the browser tests do")
def test_all_modules_parse_and_link_without_a_page(tmp_path):
    for name, script in MODULES.items():
        (tmp_path / name).write_text(script, encoding="utf-8")
    (tmp_path / "package.json").write_text('{"type": "module"}')
    link = ["node", "--eval", f"import('./{ENTRY}').then((page) => console.log(typeof page.start))"]
    done = subprocess.run(link, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == "function\n", done.stderr


@pytest.mark.parametrize("root_path", ["", "/streamo"])
def test_modules_are_served_as_javascript_also_behind_a_proxy_with_a_prefix(root_path):
    client = TestClient(FastAPI(routes=[scripts_route()]), root_path=root_path)
    for name, script in MODULES.items():
        reply = client.get(f"/{scripts_path()}/{name}")
        assert reply.status_code == 200 and reply.text == script
        assert reply.headers["content-type"] == "text/javascript; charset=utf-8"
    for other in (
        "streamo-static/0123456789abcdef/page.js",
        f"{scripts_path()}/page.py",
        f"{scripts_path()}/../page.py",
    ):
        assert client.get(f"/{other}").status_code == 404


def test_the_address_of_the_modules_follows_their_content(monkeypatch):
    before = scripts_path()
    assert scripts_path() == before
    changed = {name: script.encode() + b"\n// changed" for name, script in MODULES.items()}
    monkeypatch.setattr("streamo_app.ui.scripts.modules", lambda: changed)
    assert scripts_path() != before
