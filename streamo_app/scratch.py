"""Private folders for what a session needs on disk for a while: a recorded webcam video, a video with captions. Deleted
with the session.

One folder per process, readable by its user only, locked while the process lives: what a killed process left is deleted
by the next one.
"""

import fcntl
import os
import shutil
import tempfile
import threading
from pathlib import Path

PREFIX = "streamo-videos-"


class Scratch:
    """Thread-safe. Nothing is on disk before the first `folder`; `close` deletes everything."""

    def __init__(self, parent: Path | None = None):
        self._parent = parent or Path(tempfile.gettempdir())
        self._root: Path | None = None
        self._lock: int | None = None
        self._guard = threading.Lock()

    def folder(self) -> Path:
        """A new empty folder, readable by its user only. Raises OSError."""
        with self._guard:
            if self._root is None:
                sweep(self._parent)
                self._root = Path(tempfile.mkdtemp(prefix=PREFIX, dir=self._parent))
                self._lock = os.open(self._root / "lock", os.O_CREAT | os.O_RDWR, 0o600)
                fcntl.flock(self._lock, fcntl.LOCK_EX)
            return Path(tempfile.mkdtemp(dir=self._root))

    def close(self) -> None:
        """Idempotent."""
        with self._guard:
            root, lock = self._root, self._lock
            self._root = self._lock = None
            if root is not None:
                shutil.rmtree(root, ignore_errors=True)
            if lock is not None:
                os.close(lock)


def sweep(parent: Path) -> None:
    """Delete the folders of processes that have ended. One that is just being created has no lock file yet and is left
    alone."""
    for root in parent.glob(f"{PREFIX}*"):
        try:
            handle = os.open(root / "lock", os.O_RDWR)
        except OSError:
            continue
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(root, ignore_errors=True)
        except OSError:
            pass
        finally:
            os.close(handle)
