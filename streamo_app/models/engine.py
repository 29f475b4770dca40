"""One thread owns the model; everybody else hands it seconds and gets events back.

Each user is a `Client`. The thread advances the work of all clients in turn (`client_work.py`), one step each and at
most one forward pass a step, so that a long reply of one user never blocks another. Not here: clocks, skipping,
transcripts (`live/`).

**Thread safety.** `Engine._changed` (one condition, one lock for all clients) guards every field of every `Client`,
and `Engine._served` and `_stopping`. A `ClientWork`, its lanes and the model are touched by the engine thread alone. No
lock is held during a forward or while a sink is called, so a sink may call any method of its client; it must not block.
Cancelling and dropping are numbers, not timing: a drop remembers how many seconds had been submitted, and what belongs
to an older second is discarded when it arrives. A sink call that has begun when `cancel` or `drop_lane` is called may
still end after it; none begins later.
"""

import logging
import threading
from collections.abc import Callable

from streamo_app.events import Event
from streamo_app.models.client import Client
from streamo_app.models.client_work import ClientWork
from streamo_app.models.interface import ModelInfo, StreamingModel

log = logging.getLogger(__name__)


class Engine:
    """Owns `model`. `start` it once, `stop` it once; clients may come and go in between."""

    def __init__(self, model: StreamingModel):
        self._model: StreamingModel | None = model
        """None once the engine has stopped: the weights go, whoever still holds it."""
        self.info: ModelInfo = model.info
        self._changed = threading.Condition(threading.RLock())
        self._served: list[ClientWork] = []
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)

    def start(self) -> "Engine":
        self._thread.start()
        return self

    def stop(self, timeout_s: float = 2.0) -> None:
        """End the thread after the forward under way and release every client. Idempotent."""
        with self._changed:
            self._stopping = True
            for work in self._served:
                work.client.cancel()
            self._changed.notify_all()
        if self._thread.ident is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout_s)
            if self._thread.is_alive():
                log.warning("the engine is still inside a forward pass after %.1f s; it ends with it", timeout_s)

    def client(self, sink: Callable[[Event], None], window: int | None = None) -> Client:
        """A new user whose lanes keep `window` seconds (None: the checkpoint's own). `sink` gets Asked, Speaking,
        Decided and Failed on the engine thread and must not block."""
        client = Client(self._changed, sink, window)
        with self._changed:
            if self._stopping or self._model is None:
                raise RuntimeError("The engine has been stopped.")
            self._served.append(ClientWork(self._model, client))
        return client

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._stopping or any(work.client.wants() for work in self._served))
                served, stopping = list(self._served), self._stopping
            for work in served:
                if not work.step():
                    with self._changed:
                        self._served.remove(work)
            if stopping:
                self._model = None
                return
