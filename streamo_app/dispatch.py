"""Programs with subcommands: what `python -m streamo_app` and `python -m finetune` share.

The module of a command is imported only when the command is given: torch and Gradio take seconds to import.
"""

import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module

from streamo_app.config import Parser


@dataclass(frozen=True)
class Command:
    module: str
    """A module with `add_arguments(parser)` and `run(args)`, which returns the exit status."""
    summary: str
    """What it does, without a full stop; for the list of commands and for its own `--help`."""
    arguments: str = ""
    """What it cannot do without, to show in the list: "SOURCE"."""


@dataclass(frozen=True)
class Program:
    name: str
    """As it is typed: "python -m finetune"."""
    commands: Mapping[str, Command]
    """By name; a name may be several words."""
    about: str = ""
    """Printed above the list of commands."""

    def run(self, argv: Sequence[str]) -> int:
        """Exit status of a command line without the program's name. Raises ValueError with one sentence for bad
        input."""
        if argv and argv[0] in ("-h", "--help"):
            print(self.usage())
            return 0
        for name, command in sorted(self.commands.items(), key=lambda item: -len(item[0].split())):
            words = name.split()
            if list(argv[: len(words)]) == words:
                summary = f"{command.summary[0].upper()}{command.summary[1:]}."
                parser = Parser(prog=f"{self.name} {name}", description=summary)
                module = import_module(command.module)
                module.add_arguments(parser)
                return module.run(parser.parse_args(argv[len(words) :]))
        mistake = f"{argv[0]!r} is not a command" if argv else "A command is missing"
        raise ValueError(f"{mistake}; take one of {', '.join(self._typed())}.")

    def usage(self) -> str:
        """The list of commands."""
        width = max(map(len, self._typed()))
        lines = [
            f"  {typed:{width}}  {command.summary}"
            for typed, command in zip(self._typed(), self.commands.values(), strict=True)
        ]
        return "\n".join(
            [
                *([self.about, ""] if self.about else []),
                f"usage: {self.name} COMMAND ...",
                "",
                *lines,
                "",
                f"{self.name} COMMAND --help lists the options of a command.",
            ]
        )

    def _typed(self) -> list[str]:
        return [f"{name} {command.arguments}".rstrip() for name, command in self.commands.items()]


def exit_status(work: Callable[[], int], *, name: str = "") -> int:
    """What `work` returns; 2, with one line on stderr, for a ValueError; 130 after Ctrl-C.

    `name` comes before the line: "streamo: There is no file ...". A KeyboardInterrupt may carry the number of another
    signal.
    """
    try:
        return work()
    except ValueError as error:
        line = " ".join(str(error).split())
        print(f"{name}: {line}" if name else line, file=sys.stderr)
        return 2
    except KeyboardInterrupt as stop:
        return 128 + (stop.args[0] if stop.args else signal.SIGINT)
    except BrokenPipeError:  # `| head`: whoever read us has enough
        return 0
