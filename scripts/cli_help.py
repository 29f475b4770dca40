"""Writes docs/cli.md: the --help of every command, so that what is documented is what there is.

python -m scripts.cli_help
"""

import contextlib
import importlib
import io
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from finetune.__main__ import COMMANDS as FINETUNE
from streamo_app.cli.main import COMMANDS as STREAMO
from streamo_app.config import Parser
from streamo_app.dispatch import exit_status

DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "cli.md"
COLUMNS = "100"

COMMANDS = [
    ("python", "app.py"),
    *(("python", "-m", "streamo_app", *name.split()) for name in STREAMO if name != "app"),  # it is app.py
    *(("python", "-m", "finetune", *name.split()) for name in FINETUNE),
]
HEAD = """# Command line

Written by `python -m scripts.cli_help`. In an installed package, `python -m streamo_app` is `streamo` and
`python app.py` is `streamo app`.

Exit status: 0; 2 with one line on stderr for invalid input; 130 after Ctrl-C, 143 after SIGTERM. An interrupted `watch`
keeps its output.
"""


def help_of(command: Sequence[str]) -> str:
    """What `command --help` prints, in lines of at most COLUMNS characters."""
    _, *words = command
    module, rest = (f"{words[1]}.__main__", words[2:]) if words[0] == "-m" else ("app", [])
    main = importlib.import_module(module).main
    printed, before = io.StringIO(), os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = COLUMNS
    try:
        with contextlib.redirect_stdout(printed), contextlib.suppress(SystemExit):
            main([*rest, "--help"])
    finally:
        os.environ.pop("COLUMNS")
        if before is not None:
            os.environ["COLUMNS"] = before
    return "\n".join(line.rstrip() for line in printed.getvalue().splitlines())


def document() -> str:
    parts = [f"## `{shlex.join(command)}`\n\n```text\n{help_of(command)}\n```\n" for command in COMMANDS]
    return "\n".join([HEAD, *parts])


def main(argv: list[str]) -> int:
    Parser(prog="python -m scripts.cli_help", description="Write docs/cli.md.").parse_args(argv)
    DOCUMENT.write_text(document(), encoding="utf-8")
    print(f"wrote {DOCUMENT}")
    return 0


if __name__ == "__main__":
    sys.exit(exit_status(lambda: main(sys.argv[1:])))
