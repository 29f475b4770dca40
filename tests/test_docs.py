"""The promises of README and docs that can be checked without keeping them: paths exist, links lead somewhere, commands
parse, the tree is the tree.

Every command goes through the parser that would run it, which is stopped before anything is loaded.

Run: python -m pytest tests/test_docs.py
"""

import argparse
import ast
import importlib
import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from scripts.cli_help import COMMANDS, DOCUMENT, document
from streamo_app.cli import watch
from streamo_app.config import AppConfig, Parser

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BODY = re.sub(r"\A---\n.*?^---\n+", "", README, flags=re.S | re.M)
"""Without the settings of a Space at its head (tests/streamo_app/ui/test_space.py)."""
MADE_BY_COMMANDS = ("runs/", ".venv/", "path/to/", "~/")
"""Where a path of the docs is no file of the repository."""
FIRST_SCREEN_LINES = 30
README_BYTES = 9000

PAGES = sorted(
    [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md"), *(ROOT / "assets").rglob("*.md")]
)
"""All that people read; CHANGELOG.md names what is gone, too."""


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def blocks(language: str, text: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.M | re.S)


def commands(text: str) -> list[list[str]]:
    """Every command of the ```bash blocks as words, without comments."""
    typed = re.sub(r"( - <<'EOF')\n.*?^EOF$", r"\1", "\n".join(blocks("bash", text)), flags=re.M | re.S)
    lines = typed.replace("\\\n", " ").splitlines()
    return [words for line in lines if (words := shlex.split(line, comments=True))]


ALL_COMMANDS = list({shlex.join(words): words for page in PAGES for words in commands(page.read_text())}.values())


def tree() -> dict[str, str]:
    """Path -> its comment, of the file tree in docs/architecture.md: two spaces of indent a level, several names on a
    line, a comment after two spaces."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    listing = next(block for block in blocks("text", text) if block.startswith("app.py"))
    found: dict[str, str] = {}
    folders: list[str] = []
    for line in listing.splitlines():
        indent, names, comment = re.fullmatch(r"( *)(\S+(?: \S+)*)(?: {2,}(.*))?", line).groups()
        folders = folders[: len(indent) // 2]
        for one in names.split():
            found["".join(folders) + one] = comment or ""
        folders.append(names)
    return found


class Parsed(Exception):
    """A command line was understood, by the parser in `args[0]`; ends the program there."""


def parsed(main: Callable, argv: list[str]) -> argparse.ArgumentParser:
    """The parser that takes `argv`, stopped before the program does anything with it."""
    real = argparse.ArgumentParser.parse_args

    def parse_args(parser, args=None, namespace=None):
        real(parser, args, namespace)
        raise Parsed(parser)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(Parsed) as caught:
        patch.setattr(Parser, "parse_args", parse_args)
        main(argv)
    return caught.value.args[0]


def main_of(module: str) -> Callable:
    return importlib.import_module(f"{module}.__main__" if module in ("streamo_app", "finetune") else module).main


def launched(words: list[str]) -> list[str]:
    """`torchrun` and `accelerate launch` through their own parsers: what they would start, as a `python` command."""
    if words[0] == "torchrun":
        from torch.distributed.run import get_args_parser

        args = get_args_parser().parse_args(words[1:])
    else:
        from accelerate.commands.launch import launch_command_parser

        assert words[1] == "launch"
        args = launch_command_parser().parse_args(words[2:])
    return ["python", *(["-m"] if args.module else []), args.training_script, *args.training_script_args]


def check(words: list[str]) -> None:
    """Raises where a command is not one that works."""
    if words[0] in ("torchrun", "accelerate"):
        words = launched(words)
    match words:
        case ["make", *rest]:
            done = subprocess.run(["make", "--dry-run", *rest], cwd=ROOT, capture_output=True, text=True, check=False)
            assert done.returncode == 0 and "Nothing to be done" not in done.stdout, (
                done.stdout + done.stderr
            )  # `tests` is a folder
        case ["source", ".venv/bin/activate"] | [*_, "python", "-", "<<EOF"]:
            pass  # what such a program imports has a test of its own
        case ["python", "app.py", *rest]:
            AppConfig.from_args(rest, environ={})
        case ["python", "-m", "streamo_app", "watch", *rest] | ["streamo", "watch", *rest]:
            parser = Parser()
            watch.add_arguments(parser)
            watch.checked(parser.parse_args(rest))
        case ["streamo", "app", *rest]:
            AppConfig.from_args(rest, environ={})
        case ["pip", "install", "."] | [".venv/bin/pre-commit", "install"]:
            pass
        case [".venv/bin/python", "-m", "pytest", *rest]:
            assert all((ROOT / word).exists() for word in rest if word.startswith("tests/"))
        case ["python", "-m", module, *rest]:
            parsed(main_of(module), rest)
        case _:
            raise AssertionError(f"{shlex.join(words)}: say in this test how such a command is checked")


@pytest.mark.parametrize("words", ALL_COMMANDS, ids=lambda words: shlex.join(words)[:70])
def test_every_command_is_understood_by_the_program_that_it_starts(words):
    check(words)


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_program_that_is_typed_in_imports_what_there_is(page):
    for program in re.findall(r"^.* - <<'EOF'\n(.*?)^EOF$", page.read_text(encoding="utf-8"), re.M | re.S):
        imports = [node for node in ast.parse(program).body if isinstance(node, ast.ImportFrom)]
        for node in imports:
            module = importlib.import_module(node.module)
            assert not [alias.name for alias in node.names if not hasattr(module, alias.name)]


def test_every_change_of_a_training_configuration_is_one_that_it_has():
    from finetune.config import load_config

    trained = [
        words for words in ALL_COMMANDS if ["finetune", "train"] in (words[at : at + 2] for at in range(len(words)))
    ]
    assert trained
    for words in trained:
        rest = words[words.index("train") + 1 :]
        changes = [rest[at + 1] for at, word in enumerate(rest) if word == "--set"]
        load_config(ROOT / rest[0], changes)
    text = (ROOT / "docs" / "training.md").read_text()
    for change in re.findall(r"`--set (\S+=\S+)`", text):
        load_config(ROOT / "finetune/configs/streamo-tiny.yaml", [change])


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_path_that_it_names_exists(page):
    text = page.read_text(encoding="utf-8")
    words = [word for line in commands(text) for word in line] + re.findall(r"`([^`\n ]+)`", text)
    named = [word for word in words if re.fullmatch(r"[\w.~-]+(/[\w.-]+)+/?", word)]
    packages = (ROOT, ROOT / "streamo_app", ROOT / "finetune", page.parent)
    missing = [
        path
        for path in named
        if not path.startswith(MADE_BY_COMMANDS) and not any((place / path).exists() for place in packages)
    ]
    assert [path for path in missing if not is_hub_id(path)] == []


def is_hub_id(path: str) -> bool:
    return path.count("/") == 1 and "." not in path and not (ROOT / path).parent.exists()


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_leads_to_a_file_or_a_heading(page):
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if "://" in link:
            continue
        path, _, heading = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        if heading:
            assert heading in headings(target), link


def headings(page: Path) -> set[str]:
    lines = (line for line in page.read_text(encoding="utf-8").splitlines() if line.startswith("#"))
    return {re.sub(r"[^\w -]", "", line.lstrip("# ")).lower().replace(" ", "-") for line in lines}


def test_every_place_of_the_tree_exists_and_no_package_is_missing_there():
    listed = tree()
    assert not [path for path in listed if not (ROOT / path).exists()]
    packages = {
        f"{path.parent.relative_to(ROOT)}/"
        for package in ("streamo_app", "finetune")
        for path in (ROOT / package).rglob("*.py")
    }
    files = {name(path) for package in ("streamo_app", "finetune") for path in (ROOT / package).glob("[!_]*.py")}
    assert packages | files <= set(listed)


def test_the_help_of_every_command_is_what_docs_cli_md_shows():
    shown, made = DOCUMENT.read_text(encoding="utf-8").split(), document().split()
    assert shown == made, "docs/cli.md is out of date: python -m scripts.cli_help"


def test_every_command_has_its_help_there():
    for command in COMMANDS:
        assert f"## `{shlex.join(command)}" in DOCUMENT.read_text(encoding="utf-8")


def test_the_first_screen_is_a_sentence_a_picture_and_the_two_commands():
    first = BODY.splitlines()[:FIRST_SCREEN_LINES]
    assert first[0] == "# Streamo"
    places = [
        next(at for at, line in enumerate(first) if line.startswith(start))
        for start in ("Streamo ", "![", "make demo", "make test", "**What it needs", "**How long")
    ]
    assert places == sorted(places)


def test_the_readme_is_one_page():
    assert len(README.encode()) <= README_BYTES


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_nothing_is_left_to_fill_in(page):
    assert "TODO" not in page.read_text(encoding="utf-8")
