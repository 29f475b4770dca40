"""What a second costs as the stream grows: one cache, against re-sending the truncated dialogue. Measurement only;
`bench/report.py` prints it.

Both sides run the same weights, the same attention and the same preprocessing, on the same frames and the same
dialogue. Re-sending does each second what the paper's release does: encode every frame of the window again, prefill
the whole dialogue, then one more forward that decodes what follows the state token. Decisions of the timed lane are
limited to silence and standby, so that what is timed is a silent second.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import median

import numpy as np
import torch

from streamo_app.memory import rss_bytes
from streamo_app.models.cache import LaneCache
from streamo_app.models.streaming import TransformersModel
from streamo_app.protocol import State

INSTRUCTION = "Notify me when the light turns green."
NEVER_SPEAK = -1000.0
"""Talkativeness of the timed lane."""
WIDTH, HEIGHT = 640, 360
FRAMES = 30
"""Different frames, shown in turn: their content does not change the cost."""


@dataclass(frozen=True)
class Measurement:
    """One second; milliseconds of wall time, and of the calling thread's own CPU time for the lane (steadier on a busy
    machine)."""

    second: int
    encode_ms: float
    watcher_ms: float
    lane_ms: float
    lane_cpu_ms: float
    tokens: int
    cache_bytes: int
    rss_bytes: int | None


@dataclass(frozen=True)
class Resent:
    """One second by re-sending; `p` is what the lane's own decision is compared with."""

    second: int
    ms: float
    tokens: int
    frames: int
    p: tuple[float, float, float]


def frame_at(second: int) -> np.ndarray:
    """(360, 640, 3) uint8: sky, road and a few moving boxes."""
    image = np.empty((HEIGHT, WIDTH, 3), np.uint8)
    image[:] = np.linspace(190, 70, HEIGHT, dtype=np.uint8)[:, None, None]
    for k, color in enumerate(((200, 30, 30), (30, 60, 200), (230, 200, 40))):
        left, top = (second * (17 + 11 * k) + 150 * k) % (WIDTH - 90), 200 + 40 * k
        image[top : top + 36, left : left + 80] = color
    return image


class Growth:
    """A watcher and one lane, second by second; `resend` may be asked between two of them."""

    def __init__(self, model: TransformersModel):
        self.model = model
        self.frames = [frame_at(second) for second in range(FRAMES)]
        self.replies: dict[int, State] = {}
        self.p = (1.0, 0.0, 0.0)

    def run(self, seconds: int) -> Iterator[Measurement]:
        watcher = self.model.open_lane()
        self.lane = self.model.fork(watcher)
        for second in range(seconds):
            images = [self.frames[second % FRAMES]] * self.model.info.fps
            features, encode_ms = self._timed(lambda images=images: self.model.encode(images))
            _, watcher_ms = self._timed(
                lambda second=second, features=features: self.model.watch(watcher, second, features)
            )
            asked = (INSTRUCTION,) if second == 0 else ()
            cpu = time.thread_time()
            steps, lane_ms = self._timed(
                lambda second=second, features=features, asked=asked: list(
                    self.model.turn(self.lane, second, features, asked, NEVER_SPEAK)
                )
            )
            cpu_ms = (time.thread_time() - cpu) * 1000
            self.replies[second], self.p = steps[0].state, steps[0].p
            self.replies.pop(second - self.model.info.window, None)
            yield Measurement(
                second, encode_ms, watcher_ms, lane_ms, cpu_ms, self.lane.tokens, self.lane.cache_bytes, rss_bytes()
            )

    def resend(self) -> Resent:
        """The lane's last second, by sending its whole window again."""
        return self._timed(self._resend)[0]

    @torch.inference_mode()
    def _resend(self) -> Resent:
        started = time.perf_counter()
        model, turns = self.model, self.lane.turns
        images = [self.frames[turn.second % FRAMES] for turn in turns for _ in range(model.info.fps)]
        features = model.encode(images)
        each = [model.family.visual_tokens(features.grids[0])] * model.info.fps
        ids = model.wire.system()
        for n, turn in enumerate(turns):
            ids += model.wire.user_turn(turn.second, each, (self.lane.pinned if n == 0 else ()) + turn.instructions)
            if turn is not turns[-1]:
                ids += model.wire.reply(self.replies[turn.second]) + model.wire.close()
        cache = LaneCache(len(self.lane.cache.layers), capacity=len(ids) + 1)
        hidden, position = self._prefill(ids, features, cache)
        p = model.decide(hidden, NEVER_SPEAK)
        self._prefill(model.wire.reply(self.replies[turns[-1].second]), None, cache, position)
        return Resent(turns[-1].second, (time.perf_counter() - started) * 1000, len(ids), len(images), p)

    def _prefill(self, ids, features, cache, start: int = 0):
        positions, after = self.model.family.positions(ids, start, features.grids if features else ())
        mask = None if start == 0 else self.model.mask(len(ids), cache.tokens + len(ids))
        hidden = self.model.family.hidden(self.model.model, ids, features, positions, cache, mask)[0, -1]
        float(hidden[0])  # on CUDA, wait for it
        return hidden, after

    def _timed(self, work: Callable):
        started = time.perf_counter()
        result = work()
        if self.model.info.device.startswith("cuda"):
            torch.cuda.synchronize()
        return result, (time.perf_counter() - started) * 1000


def around(samples: list[Measurement], second: int) -> list[Measurement]:
    """The seconds that stand for `second`: whole eviction blocks before it, so that the saw-tooth of the cache does not
    matter."""
    width = min(50, max(5, second // 5))
    return [sample for sample in samples if second - width <= sample.second < second]


def summary(samples: list[Measurement], second: int) -> dict:
    """Medians of the seconds around `second`."""
    near = around(samples, second)
    return {
        "second": second,
        "tokens": int(median(sample.tokens for sample in near)),
        "cache_mb": round(near[-1].cache_bytes / 1e6, 2),
        "rss_mb": round(near[-1].rss_bytes / 1e6, 1) if near[-1].rss_bytes else None,
        **{
            name: round(median(getattr(sample, name) for sample in near), 2)
            for name in ("encode_ms", "watcher_ms", "lane_ms", "lane_cpu_ms")
        },
    }
