"""`python -m finetune COMMAND ...`: hands over to the module of the command, imported only then.

Invalid input prints one line to stderr and exits with status 2.
"""

import sys
from collections.abc import Sequence

from streamo_app.dispatch import Command, Program, exit_status

COMMANDS = {
    "build": Command("finetune.build", "raw records to dialogues"),
    "world render": Command("finetune.world.render", "labelled synthetic clips"),
    "train": Command("finetune.train", "train a model from a configuration"),
    "curves": Command("finetune.training.curves", "draw the curve of a training"),
    "evaluate": Command("finetune.evaluate", "stream a set of records through a model and score it"),
    "ablate": Command("finetune.ablate", "the paper's ablations in miniature"),
    "bias": Command("finetune.bias", "choose the bias of the response on validation records"),
    "bench-loss": Command(
        "finetune.loss_bench", "memory and time of the loss on supervised positions, against full logits"
    ),
}
PROGRAM = Program("python -m finetune", COMMANDS)


def main(argv: Sequence[str]) -> int:
    """Exit status of a command line without the program's name. Raises ValueError with one sentence for bad input."""
    if not argv:
        print(PROGRAM.usage())
        return 2
    return PROGRAM.run(argv)


if __name__ == "__main__":
    sys.exit(exit_status(lambda: main(sys.argv[1:])))
