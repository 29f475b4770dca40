"""Output files: checked before a long run (`writable`), and complete or not there (`atomic_write`); and where the files
that come with Streamo are (`assets_dir`)."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def atomic_write(path: str | Path, mode: int | None = None) -> Iterator[Path]:
    """A temporary path in the folder of `path`, renamed to `path` at the end; an error leaves what was there before.

        with atomic_write("curves.png") as tmp:
            figure.savefig(tmp)

    It has the suffix of `path`, for writers that go by it, and is this process's alone. `mode`: permissions that the
    file has from the moment it is created, such as 0o600 for a secret.
    """
    path = Path(path)
    tmp = path.with_name(f".{path.stem}.part{os.getpid()}{path.suffix}")
    try:
        if mode is not None:
            tmp.unlink(missing_ok=True)  # left by a killed process, with whatever permissions
            os.close(os.open(tmp, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode))
        yield tmp
        os.replace(tmp, path)
    finally:
        tmp.unlink(missing_ok=True)


def write_bytes(path: Path, data: bytes, mode: int | None = None) -> None:
    """Bytes, complete or not there; `mode` as for `atomic_write`."""
    with atomic_write(path, mode) as tmp:
        tmp.write_bytes(data)


def write_json(path: Path, value: dict) -> None:
    """JSON of a mapping, complete or not there. Raises ValueError on numbers that are not finite."""
    with atomic_write(path) as tmp:
        tmp.write_text(json.dumps(value, indent=1, allow_nan=False) + "\n")


def writable(path: str | Path) -> Path:
    """`path` itself. Raises ValueError where its folder does not exist or it is a folder."""
    path = Path(path)
    if path.is_dir():
        raise ValueError(f"{path} is a folder; name a file to write.")
    if not path.parent.is_dir():
        raise ValueError(f"The folder {path.parent} does not exist; create it, or write elsewhere.")
    return path


def assets_dir() -> Path:
    """The folder of the built-in model and the sample clips: `assets/` of a checkout, or its copy when installed."""
    installed = Path(__file__).parent / "assets"
    return installed if installed.is_dir() else Path(__file__).parents[1] / "assets"
