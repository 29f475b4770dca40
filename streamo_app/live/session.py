"""One user's session: standing instructions (lanes), the transcript, and the stats that the page shows.

Not the model (`models/`), not the page (`ui/`), not the threads and the end of a run (`live/run.py`). A session has at
most one run under way; the lanes of a run count from 1.

Thread safety: `_lock` guards everything below and is held for microseconds, since the engine's thread takes it too
(`record`); it is never held while calling into the engine or finishing a run. `_control` keeps two `start` or `stop`
apart and is never taken by the engine's thread. A run records nothing after its last event, so a source or a model that
wakes up late changes nothing.
"""

import secrets
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from streamo_app.events import Decided, Ended, Event, Failed, LaneClosed, Noticed
from streamo_app.live.lanes import Lanes
from streamo_app.live.run import Run
from streamo_app.live.run_journal import JournalError, RunJournal
from streamo_app.live.snapshot import STOPPED, DecisionStats, Snapshot, newest_rows
from streamo_app.models.client import MAX_LANES, WATCHER, TurnRequest
from streamo_app.models.engine import Engine
from streamo_app.models.interface import ModelInfo
from streamo_app.transcript.journal import journal_paths
from streamo_app.transcript.transcript import Transcript
from streamo_app.video.source import Source
from streamo_app.video.turns import Turn

MAX_MODEL_FPS = 10
"""Frames per second that a model may be given: each costs it a vision encoding and a place in every lane's cache.
Sources can be sampled at more (`video/grid.py`)."""
NOTICE_S = 10.0
"""A notice stays this long in `Snapshot.message`; it stays in the rows for good."""


class Session:
    """Thread-safe. Everything but `start`, `stop` and `wait` returns at once."""

    def __init__(
        self,
        engine: Engine,
        *,
        session_id: str | None = None,
        journal_dir: Path | None = None,
        max_lanes: int = MAX_LANES,
        clock: Callable[[], float] = time.monotonic,
    ):
        """`clock` has the epoch of `Frame.captured_at`. `journal_dir` None keeps nothing on disk."""
        self.id = session_id or secrets.token_urlsafe(24)
        self.status = "idle"
        """idle | running | ended | failed"""
        self.transcript = Transcript()
        self._engine, self._journal_dir, self._clock = engine, journal_dir, clock
        self._fps, self._window = engine.info.fps, engine.info.window
        self._lanes = Lanes(max_lanes)
        self._decisions = DecisionStats()
        self._journal = RunJournal({})
        """Of the run shown."""
        self._run: Run | None = None
        """The one under way, or the last one; None once another was opened from disk."""
        self._runs = 0
        self._listeners: dict[object, Callable[[Event], object]] = {}
        self._failure = ""
        self._notice: tuple[str, float] | None = None
        self._lock, self._control = threading.Lock(), threading.Lock()

    @property
    def info(self) -> ModelInfo:
        """Of the model that decides."""
        return self._engine.info

    def subscribe(self, listener: Callable[[Event], object]) -> Callable[[], None]:
        """`listener` gets every event from now on, in order, the last one of a run `Ended` or `Failed`, until the
        function returned here is called. It is called under the session's lock, so it must only put the event somewhere
        and never call the session."""
        key = object()
        with self._lock:
            self._listeners[key] = listener

        def unsubscribe() -> None:
            with self._lock:
                self._listeners.pop(key, None)

        return unsubscribe

    def start(
        self,
        source: Source,
        *,
        fps: int | None = None,
        window: int | None = None,
        asks: Sequence[tuple[int, str]] = (),
        no_new_lanes: bool = False,
        keep_lanes: bool = False,
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        """Watch `source`; a run under way is ended first. `asks`: (turn, text); lanes count what was typed before, then
        these in order. `fps`, `window` (seconds a lane keeps): None is the checkpoint's own. `no_new_lanes`: no lane
        will be opened beyond these, which saves the watcher's share of every second after the last. `keep_lanes`: the
        instructions still open in the last run are asked again. `metadata` goes into `header`.

        Raises ValueError (one sentence), leaving everything as it was: a bad instruction, more than `max_lanes`, an
        impossible fps."""
        fps = self.info.fps if fps is None else fps
        if not 1 <= fps <= MAX_MODEL_FPS:
            raise ValueError(f"{fps} frames per second are not possible; choose 1 to {MAX_MODEL_FPS}.")
        if window is not None and window < 1:
            raise ValueError(f"A window of {window} s holds nothing; choose at least 1.")
        with self._control:
            with self._lock:
                asks = self._lanes.check(asks, keep_lanes=keep_lanes)
            self._halt(2.0)
            run = Run(source, fps, self._engine, self, window=window, clock=self._clock)
            with self._lock:
                self._window = window or self.info.window
                self._lanes.begin(asks, no_new_lanes=no_new_lanes, keep_lanes=keep_lanes)
                self._begin(run, RunJournal.of_run(source, self.info.name, fps, metadata or {}))
            run.start(self.id[:6])

    def ask(self, text: str, lane: int | None = None) -> int:
        """A new instruction, or a follow-up in `lane`; joins the next turn not yet sent. Returns the lane. When nothing
        is running it is kept for turn 0 of the next start, which may renumber it.

        Raises ValueError (one sentence for the user): empty, too long, a lane that is not open, too many open lanes."""
        with self._lock:
            if lane is None:
                lane = self._lanes.ask(text)
            else:
                self._lanes.follow(lane, text)
            self.transcript.seq += 1
            return lane

    def remove_lane(self, lane: int) -> None:
        """End a lane, cutting what it is saying; no other lane is touched. Removing twice is harmless."""
        with self._lock:
            if not self._lanes.remove(lane):
                return
            self.transcript.seq += 1
            run = self._run if self.status == "running" else None
            if run and lane in self.transcript.lanes:
                self._record(LaneClosed(self._decisions.second, lane))
        if run:
            run.drop_lane(lane)

    def mute(self, lane: int, muted: bool) -> None:
        """Hide a lane's rows, or show them again. Raises ValueError for a lane that is not there."""
        with self._lock:
            self._lanes.mute(lane, muted)
            self.transcript.seq += 1

    def talk(self, lane: int, bias: float) -> None:
        """Shift a lane's response logit from the next turn on, 0 = the checkpoint's own. Raises ValueError as `mute`,
        or beyond +-20."""
        with self._lock:
            self._lanes.talk(lane, bias)
            self.transcript.seq += 1

    def pause(self, held: bool = True) -> None:
        """Stop deciding, or with `held` False go on, in the same lanes; see `Run.hold`. Raises ValueError when nothing
        is running."""
        with self._lock:
            run = self._run if self.status == "running" else None
            self.transcript.seq += 1
        if run is None:
            raise ValueError("Nothing is running; press Start first.")
        run.hold(held)

    def use(self, engine: Engine, reason: str) -> None:
        """Decide with another model from the next start on; a run under way ends with `reason`, one sentence for the
        user."""
        with self._control:
            self._halt(2.0, reason)
            self._engine = engine

    def stop(self, timeout_s: float = 2.0, reason: str = STOPPED) -> None:
        """End the run under way, with `reason` for the user. Idempotent; back within `timeout_s` even when the source
        or the model hangs."""
        deadline = time.monotonic() + timeout_s
        if self._control.acquire(timeout=timeout_s):
            try:
                self._halt(deadline - time.monotonic(), reason)
            finally:
                self._control.release()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Until the run is over; True when there is none under way."""
        with self._lock:
            run = self._run
        return run is None or run.over.wait(timeout_s)

    @property
    def run(self) -> Run | None:
        """The one under way, or the last one."""
        return self._run

    @property
    def header(self) -> Mapping[str, object]:
        """Of the run shown: source, kind, model, fps, started (ISO, UTC), and the metadata given to `start`; empty
        before the first."""
        return self._journal.header

    @property
    def journal_path(self) -> Path | None:
        """Where the run shown is kept on disk, if it is."""
        return self._journal.path

    def reopen(self, path: Path | None = None) -> bool:
        """Show the run of a journal, without `path` the newest of this id, as after a restart of the process. False
        when there is none.

        Raises ValueError (one sentence) for a journal that cannot be read, or while a run is under way."""
        if path is None:
            paths = journal_paths(self._journal_dir, self.id) if self._journal_dir else []
            if not paths:
                return False
            path = paths[-1]
        journal, events = RunJournal.read(path)
        transcript = Transcript(str(journal.header.get("source", "")))
        for event in events:
            transcript.add(event)
        with self._control, self._lock:
            if self.status == "running":
                raise ValueError("Stop the run under way first, then open another session.")
            transcript.seq = max(transcript.seq, self.transcript.seq + 1)
            self.transcript, self._journal, self._run = transcript, journal, None
            self.status, self._failure, self._notice = "ended", "", None
            self._runs, self._decisions = self._runs + 1, DecisionStats()
            self._lanes.restore(events)
            for decided in transcript.decisions():
                self._decisions.add(decided)
        return True

    def snapshot(self, after: int = 0) -> Snapshot:
        """What to draw now. `after`: `seq` of the snapshot drawn last, to get only the rows changed since."""
        with self._lock:
            if self._notice and self._clock() - self._notice[1] >= NOTICE_S:
                self._notice = None
                self.transcript.seq += 1
            run, running = self._run, self.status == "running"
            return Snapshot(
                seq=self.transcript.seq,
                status=self.status,
                message=self._failure or (self._notice[0] if self._notice else ""),
                source=self.transcript.title,
                fps=self._fps,
                lanes=self._lanes.views(self.transcript),
                rows=newest_rows(self.transcript, after, self._lanes.muted()),
                run=self._runs,
                window=self._window,
                **self._decisions.summary(),
                **(run.stats(self._decisions.second, running=running) if run else {"lag_s": None, "dropped": 0}),
            )

    def copy(self) -> Transcript:
        """What there is so far, to be read at leisure."""
        with self._lock:
            return self.transcript.copy()

    def export(self, form: str) -> str:
        """The transcript as "srt", "vtt", "jsonl" or "md"; while running, what there is so far."""
        return self.copy().export(form)

    def stats(self) -> dict:
        """Of the run under way, or of the last one: {"lanes": {lane: {"kv_tokens", "kv_bytes", "forwards"}}}."""
        run = self._run
        return run.lane_stats() if run else {"lanes": {}}

    def request(self, turn: Turn, skipped: int) -> TurnRequest:
        """For the run (`RunOwner`)."""
        with self._lock:
            return self._lanes.request(turn, skipped)

    def record(self, event: Event) -> None:
        """For the run (`RunOwner`)."""
        with self._lock:
            if isinstance(event, Ended | Failed):
                self._end(event)
                return
            lane = getattr(event, "lane", WATCHER)
            if lane != WATCHER and not self._lanes.is_open(lane):
                return  # removed while this was on its way
            if isinstance(event, Decided):
                self._decisions.add(event)
            self._record(event)

    def _begin(self, run: Run, journal: RunJournal) -> None:
        self.transcript = Transcript(run.source.title, self.transcript.seq + 1)
        self._run, self._runs, self._fps, self._decisions = run, self._runs + 1, run.fps, DecisionStats()
        self.status, self._failure, self._notice, self._journal = "running", "", None, journal
        if self._journal_dir:
            try:
                journal.create(self._journal_dir, self.id)
            except JournalError as error:
                self._record(Noticed(0, str(error)))

    def _halt(self, timeout_s: float, reason: str = STOPPED) -> None:
        deadline = time.monotonic() + timeout_s
        run = self._run
        if run is not None:
            run.finish(Ended(self._decisions.second, reason))
            run.join(deadline)

    def _end(self, event: Ended | Failed) -> None:
        for ask in self._lanes.end():
            if isinstance(event, Ended):  # a failure is said in one sentence
                due = f" (due at second {ask.turn})" if ask.turn else ""
                self._record(Noticed(event.second, f"The run ended before this could be asked{due}: {ask.text}"))
        self._record(event)
        self.status = "failed" if isinstance(event, Failed) else "ended"
        self._failure = event.message if isinstance(event, Failed) else ""
        self._journal.close()

    def _record(self, event: Event) -> None:
        self.transcript.add(event)
        if isinstance(event, Noticed):
            self._notice = (event.message, self._clock())
        unsaved: JournalError | None = None
        try:
            self._journal.write(event)
        except JournalError as error:
            unsaved = error
        for listener in self._listeners.values():
            listener(event)
        if unsaved:
            self._record(Noticed(event.second, str(unsaved)))
