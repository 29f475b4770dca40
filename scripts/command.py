"""How every script here ends as a command: bad input is one line on stderr and exit status 2."""

import sys
from collections.abc import Callable
from typing import NoReturn


def exit_with(main: Callable[[], int]) -> NoReturn:
    """Leaves the process with the status that `main()` returns, or with 2 where it raises ValueError."""
    try:
        sys.exit(main())
    except ValueError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
