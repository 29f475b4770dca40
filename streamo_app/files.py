"""Files that are whole or not there: written beside, then renamed."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def atomic_write(path: str | Path) -> Iterator[Path]:
    """A place to write to beside `path`, which takes that name at the end; an error leaves what was there before.

        with whole("curves.png") as beside:
            figure.savefig(beside)

    The place ends like `path`, for writers that go by the ending, and is of this process alone.
    """
    path = Path(path)
    beside = path.with_name(f".{path.stem}.part{os.getpid()}{path.suffix}")
    try:
        yield beside
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def write_json(path: Path, value: dict) -> None:
    """JSON of a mapping, whole or not there. Raises ValueError on numbers that are not finite."""
    with atomic_write(path) as beside:
        beside.write_text(json.dumps(value, indent=1, allow_nan=False) + "\n")
