"""The whole pipeline under load, through the engine: a video file as fast as possible, and several users in real time.
`bench/report.py` shows the result.

Lanes are filled to their window first; decisions are the model's own, so that replies are decoded as they come.
"""

import threading
import time
from collections import Counter
from pathlib import Path
from statistics import median

import cv2

from streamo_app.bench.growth import FRAMES, HEIGHT, WIDTH, frame_at
from streamo_app.events import Decided, Event, Failed, Frame
from streamo_app.models.client import Ask, Client, TurnRequest
from streamo_app.models.engine import Engine
from streamo_app.models.streaming import TransformersModel
from streamo_app.protocol import State
from streamo_app.video.source import open_source

CLIP_FPS = 25
ASKS = ("Notify me when the light turns green.", "How many cars have passed so far?")
STEP_TIMEOUT_S = 600.0
"""Longer than any second can take; only a dead engine reaches it."""


class User:
    """A client of the engine with `lanes` instructions and its own clock; notes when each second was decided."""

    def __init__(self, engine: Engine, lanes: int, watch: bool = True):
        self.client: Client = engine.client(self._sink)
        self.lanes, self.watch, self.second = lanes, watch, 0
        self.decided: Counter = Counter()
        self.done_at: dict[int, float] = {}
        self.responses = 0
        self.failure = ""

    def _sink(self, event: Event) -> None:
        if isinstance(event, Failed):
            self.failure = event.message
        if isinstance(event, Decided):
            self.responses += event.state is State.RESPONSE
            self.decided[event.second] += 1
            if self.decided[event.second] == self.lanes:
                self.done_at[event.second] = time.perf_counter()

    def send(self, images) -> None:
        """Next second; waits for the slot. Raises ValueError when the engine has given this user up."""
        asks = tuple(Ask(n + 1, ASKS[n % len(ASKS)]) for n in range(self.lanes)) if self.second == 0 else ()
        if not self.client.submit(TurnRequest(self.second, tuple(images), asks, watch=self.watch), STEP_TIMEOUT_S):
            raise ValueError(self.failure or "The engine does not answer.")
        self.second += 1

    def fill(self, seconds: int, fps: int) -> None:
        for _ in range(seconds):
            self.send([frame_at(self.second % FRAMES)] * fps)
        self.client.wait_idle(STEP_TIMEOUT_S)


def write_clip(path: Path, seconds: int) -> None:
    """A 640x360 video file that moves."""
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*"mp4v"), CLIP_FPS, (WIDTH, HEIGHT))
    for n in range(seconds * CLIP_FPS):
        writer.write(frame_at(n)[:, :, ::-1])
    writer.release()


def file_speed(model: TransformersModel, clip: Path) -> dict:
    """Seconds of video per second for one lane at full window, as `watch` runs a file: decoding, vision, lane and
    replies; no watcher, for nothing more will be asked."""
    engine = Engine(model).start()
    try:
        user = User(engine, lanes=1, watch=False)
        user.fill(model.info.window, model.info.fps)
        user.responses, first, source = 0, user.second, open_source(clip)
        started, gathered = time.perf_counter(), []
        for frame in source.frames(model.info.fps, threading.Event()):
            gathered += [frame.image] if isinstance(frame, Frame) else []
            if len(gathered) == model.info.fps:
                user.send(gathered)
                gathered = []
        user.client.wait_idle(STEP_TIMEOUT_S)
        took = time.perf_counter() - started
        seconds = user.second - first
        return {
            "seconds": seconds,
            "took_s": round(took, 2),
            "video_s_per_s": round(seconds / took, 1),
            "responses": user.responses,
        }
    finally:
        engine.stop()


def real_time(model: TransformersModel, users: int, lanes: int, seconds: int) -> dict:
    """`users` with `lanes` each, all at full window, each getting a second of stream every second; a second that finds
    its user busy is skipped."""
    engine = Engine(model).start()
    try:
        everyone = [User(engine, lanes) for _ in range(users)]
        for user in everyone:
            user.fill(model.info.window, model.info.fps)
            user.responses = 0
        due: dict[tuple[int, int], float] = {}
        skipped, never = 0, threading.Event()
        started = time.perf_counter()
        for n in range(seconds):
            for k, user in enumerate(everyone):
                at = started + n + k / users  # users do not start on the same tick
                never.wait(max(0.0, at - time.perf_counter()))
                if user.client.idle():
                    due[k, user.second] = at
                    user.send([frame_at(user.second % FRAMES)] * model.info.fps)
                else:
                    skipped += 1
                    user.second += 1
        for user in everyone:
            user.client.wait_idle(STEP_TIMEOUT_S)
        latencies = sorted((everyone[k].done_at[second] - at) * 1000 for (k, second), at in due.items())
        return {
            "users": users,
            "lanes": lanes,
            "seconds": seconds,
            "skipped": skipped,
            "latency_ms_p50": round(median(latencies), 1),
            "latency_ms_p95": round(latencies[max(0, int(len(latencies) * 0.95) - 1)], 1),
            "latency_ms_max": round(latencies[-1], 1),
            "responses": sum(user.responses for user in everyone),
        }
    finally:
        engine.stop()
