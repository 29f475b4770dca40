"""The engine that all visitors share, and replacing its model while they use it.

The new model is loaded beside the old one, so that nothing is lost if it fails to load; that takes the memory of both
for a while.

Thread safety: `_lock` guards the fields below; one thread ("loader") at a time loads. `move(engine)` brings the
sessions over, on that thread, before the old engine is stopped.
"""

import logging
import threading
import time
from collections.abc import Callable

from streamo_app.models.engine import Engine
from streamo_app.models.interface import StreamingModel

UNEXPECTED = "The model could not be loaded ({kind}); see the server's log."

log = logging.getLogger(__name__)


class ModelSwitch:
    """`engine` is the one in use; `stop` stops it if it was loaded here (the first one belongs to its creator)."""

    def __init__(self, engine: Engine, move: Callable[[Engine], None]):
        self.engine = engine
        self._first, self._move = engine, move
        self._name = self._stage = self._failure = ""
        self._since = 0.0
        self._loader: threading.Thread | None = None
        self._stopped = False
        self._lock = threading.Lock()

    def begin(self, name: str, load: Callable[[Callable[[str], None]], StreamingModel]) -> None:
        """Load a model in the background; `load` is given a function to report its stages to. Raises ValueError while
        another one is loading."""
        with self._lock:
            if self._loader is not None:
                raise ValueError(f"{self._name} is already loading; wait until it finishes.")
            self._name, self._stage, self._failure, self._since = name, "Starting", "", time.monotonic()
            self._loader = threading.Thread(target=self._run, args=(load,), name="loader", daemon=True)
            self._loader.start()

    def state(self) -> dict:
        """{"loading": name or "", "stage", "for_s", "failure"} as plain values; "failure" of the last attempt."""
        with self._lock:
            loading = self._loader is not None
            for_s = round(time.monotonic() - self._since) if loading else 0
            return {
                "loading": self._name if loading else "",
                "stage": self._stage if loading else "",
                "for_s": for_s,
                "failure": self._failure,
            }

    def stop(self) -> None:
        """A model that is still loading is discarded once it is loaded. Idempotent."""
        with self._lock:
            self._stopped = True
            engine = self.engine
        if engine is not self._first:
            engine.stop()

    def _set_stage(self, stage: str) -> None:
        with self._lock:
            self._stage = stage

    def _run(self, load: Callable[[Callable[[str], None]], StreamingModel]) -> None:
        failure = ""
        try:
            self._take_over(Engine(load(self._set_stage)))
        except ValueError as error:
            failure = " ".join(str(error).split())
        except Exception as error:
            log.exception("loading a model failed")
            failure = UNEXPECTED.format(kind=type(error).__name__)
        with self._lock:
            self._failure, self._loader = failure, None

    def _take_over(self, engine: Engine) -> None:
        with self._lock:
            if self._stopped:
                return
            old, self.engine = self.engine, engine.start()
        self._move(engine)
        old.stop()
