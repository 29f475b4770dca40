"""Streamo in the terminal: `streamo COMMAND` once it is installed, `python -m streamo_app COMMAND` in a checkout.

    python -m streamo_app watch clip.webm --ask "Notify me when the light turns green." --ask "10:How many cars so far?"
    python -m streamo_app watch camera:0 --format jsonl
    python -m streamo_app sessions
    python -m streamo_app bench
    python -m streamo_app app

Exit status: 0; 2 with one line on stderr for invalid input (a video cut short is watched as far as it goes); 130 after
Ctrl-C and 143 after a kill, with the output so far kept.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from streamo_app.dispatch import Command, Program, exit_status

COMMANDS = {
    "watch": Command("streamo_app.cli.watch", "watch a video, a camera or a stream, and speak when needed", "SOURCE"),
    "sessions": Command(
        "streamo_app.cli.sessions", "list the sessions kept on this machine, or show, export, delete one"
    ),
    "bench": Command("streamo_app.cli.bench", "measure what streaming costs on this machine"),
    "app": Command("streamo_app.ui.app", "serve the page in the browser"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status of a command line (without the program's name)."""
    installed = Path(sys.argv[0]).stem == "streamo"
    program = Program("streamo" if installed else "python -m streamo_app", COMMANDS, about=(__doc__ or "").strip())
    return exit_status(lambda: program.run(sys.argv[1:] if argv is None else argv), name="streamo")
