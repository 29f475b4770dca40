"""The README's promises that can be checked without keeping them: its paths exist, its commands parse, its tree is the
tree.

Every command goes through the parser that would run it, which is stopped before anything is loaded.   python -m pytest
tests/test_readme.py
"""

import argparse
import importlib
import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from streamo_app.cli import watch
from streamo_app.config import AppConfig, Parser

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGE = re.sub(r"\A---\n.*?^---\n+", "", README, flags=re.S | re.M)
"""Without the settings of a Space at its head (tests/streamo_app/ui/test_space.py)."""
MADE_BY_COMMANDS = ("runs/", ".venv/", "path/to/", "~/")
"""Where a path of the README is no file of the repository."""
FIRST_SCREEN_LINES = 30


OTHERS = "".join(
    path.read_text(encoding="utf-8")
    for path in (*sorted((ROOT / "docs").glob("*.md")), ROOT / "assets" / "streamo-tiny" / "README.md")
)
"""The reports and the model card."""


def blocks(language: str, text: str = README) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.M | re.S)


def commands(text: str = README) -> list[list[str]]:
    """Every command of the ```bash blocks as words, without comments."""
    lines = "\n".join(blocks("bash", text)).replace("\\\n", " ").splitlines()
    return [words for line in lines if (words := shlex.split(line, comments=True))]


def tree() -> dict[str, str]:
    """Path -> its comment, of the file tree: two spaces of indent a level, several names on a line, a comment after two
    spaces."""
    listing = next(block for block in blocks("text") if block.startswith("app.py"))
    found, folders = {}, []
    for line in listing.splitlines():
        indent, names, comment = re.fullmatch(r"( *)(\S+(?: \S+)*)(?: {2,}(.*))?", line).groups()
        folders = folders[: len(indent) // 2]
        for name in names.split():
            found["".join(folders) + name] = comment or ""
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
            done = subprocess.run(["make", "--dry-run", *rest], cwd=ROOT, capture_output=True, text=True)
            assert done.returncode == 0 and "Nothing to be done" not in done.stdout, (
                done.stdout + done.stderr
            )  # `tests` is a folder
        case ["source", ".venv/bin/activate"]:
            pass
        case ["python", "app.py", *rest]:
            AppConfig.from_args(rest, environ={})
        case ["python", "-m", "streamo_app", "watch", *rest]:
            parser = Parser()
            watch.add_arguments(parser)
            watch.checked(parser.parse_args(rest))
        case ["python", "-m", module, *rest]:
            parsed(main_of(module), rest)
        case _:
            raise AssertionError(f"{shlex.join(words)}: say in this test how such a command is checked")


@pytest.mark.parametrize("words", commands() + commands(OTHERS), ids=lambda words: shlex.join(words)[:70])
def test_every_command_is_understood_by_the_program_that_it_starts(words):
    check(words)


def test_every_change_of_a_training_configuration_is_one_that_it_has():
    from finetune.config import load_config

    trained = [
        words for words in commands() if ["finetune", "train"] in (words[at : at + 2] for at in range(len(words)))
    ]
    assert trained
    for words in trained:
        rest = words[words.index("train") + 1 :]
        changes = [rest[at + 1] for at, word in enumerate(rest) if word == "--set"]
        load_config(ROOT / rest[0], changes)
    for change in re.findall(r"`--set (\S+=\S+)`", README):
        load_config(ROOT / "finetune/configs/streamo-tiny.yaml", [change])


def test_every_path_that_it_names_exists():
    words = [word for line in commands() for word in line] + re.findall(r"`([^`\n ]+)`", README)
    links = re.findall(r"\]\(([^)\s]+)\)", README)
    named = [word for word in words if re.fullmatch(r"[\w.~-]+(/[\w.-]+)+/?", word)] + [
        link for link in links if "://" not in link and not link.startswith("#")
    ]
    assert links and named
    assert not [path for path in named if not path.startswith(MADE_BY_COMMANDS) and not (ROOT / path).exists()]


def test_every_link_to_a_part_of_it_leads_to_a_heading():
    headings = {
        re.sub(r"[^\w -]", "", line.lstrip("# ")).lower().replace(" ", "-")
        for line in README.splitlines()
        if line.startswith("#")
    }
    links = re.findall(r"\]\(#([^)\s]+)\)", README)
    assert links and not set(links) - headings


def test_every_file_of_its_tree_exists_and_no_source_file_is_missing_there():
    listed = tree()
    assert not [path for path in listed if not (ROOT / path).exists()]
    sources = {
        str(path.relative_to(ROOT))
        for package in ("streamo_app", "finetune")
        for path in (ROOT / package).rglob("*.py")
    }
    assert sorted(path for path in sources - set(listed) if not path.endswith("__init__.py")) == []


@pytest.mark.parametrize(
    "module, argv",
    [
        ("app", []),
        ("streamo_app", ["watch", "clip"]),
        ("streamo_app", ["sessions"]),
        ("streamo_app", ["bench"]),
        ("finetune", ["build", "raw", "out"]),
        ("finetune", ["world", "render", "out", "--world", "street", "--count", "1"]),
        ("finetune", ["train", "config"]),
        ("finetune", ["curves", "run"]),
        ("finetune", ["evaluate", "--model", "m", "--data", "d"]),
        ("finetune", ["bias", "--model", "m", "--data", "d"]),
        ("finetune", ["bench-loss"]),
        ("finetune", ["ablate"]),
    ],
)
def test_every_option_of_a_command_is_told_and_so_wanted_by_somebody(module, argv):
    options = set(parsed(main_of(module), argv)._option_string_actions) - {"-h", "--help"}
    assert not [option for option in sorted(options) if not re.search(rf"{option}\b(?!-)", README)]


def test_the_first_screen_is_a_sentence_a_picture_and_the_two_commands():
    first = PAGE.splitlines()[:FIRST_SCREEN_LINES]
    assert first[0] == "# Streamo"
    places = [
        next(at for at, line in enumerate(first) if line.startswith(start))
        for start in ("Streamo ", "![", "make demo", "make test", "**What it needs", "**How long")
    ]
    assert places == sorted(places)


@pytest.mark.parametrize("page", ["README.md", "docs", "assets"])
def test_nothing_is_left_to_fill_in(page):
    path = ROOT / page
    pages = [path] if path.is_file() else sorted(path.rglob("*.md"))
    left = [
        f"{page.relative_to(ROOT)} line {number}"
        for page in pages
        for number, line in enumerate(page.read_text().splitlines(), 1)
        if "TODO" in line
    ]
    assert not left
