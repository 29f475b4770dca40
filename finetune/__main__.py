"""`python -m finetune COMMAND ...`: hands over to the module of the command, imported only then.

Bad input ends with exit code 2 and one line on stderr.
"""

import sys
from collections.abc import Sequence
from importlib import import_module

from streamo_app.config import Parser

COMMANDS = {
    "build": ("finetune.build", "raw records to dialogues"),
    "world render": ("finetune.world.render", "labelled synthetic clips"),
    "train": ("finetune.train", "train a model from a configuration"),
    "curves": ("finetune.training.curves", "draw the curve of a training"),
    "evaluate": ("finetune.evaluate", "stream a set of records through a model and score it"),
    "ablate": ("finetune.ablate", "the paper's ablations in miniature"),
    "bias": ("finetune.bias", "choose the bias of the response on validation records"),
    "bench-loss": ("finetune.loss_bench", "memory and time of the loss on supervised positions, against full logits"),
}
"""Command -> module with `add_arguments(parser)` and `run(args) -> exit code`, and what it does."""

USAGE = "usage: python -m finetune COMMAND ... (COMMAND --help tells more)\n\n" + "\n".join(
    f"  {command:13} {does}" for command, (_, does) in COMMANDS.items()
)


def main(argv: Sequence[str]) -> int:
    """Exit code of a command line without the program's name. Raises ValueError with one sentence for bad input."""
    if not argv or argv[0] in ("-h", "--help"):
        print(USAGE)
        return 0 if argv else 2
    for command, (module, does) in COMMANDS.items():
        words = command.split()
        if list(argv[: len(words)]) == words:
            program, rest = import_module(module), list(argv[len(words) :])
            parser = Parser(prog=f"python -m finetune {command}", description=f"{does[0].upper()}{does[1:]}.")
            program.add_arguments(parser)
            return program.run(parser.parse_args(rest))
    raise ValueError(f"{argv[0]!r} is not a command; take one of {', '.join(COMMANDS)}.")


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except ValueError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
