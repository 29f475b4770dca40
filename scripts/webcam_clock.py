"""One clock for a clip and for the stream that a webcam makes of it. Numbers and colours only: no browser, no model.

The camera file starts with a leader: flat frames whose colour says how far it has come. When such a frame arrives, it
tells how long a frame takes from the file to the server; from then on the arrival of any frame tells which second of
the clip it shows. The leader is shown again when the camera starts over, which tells how far the camera has drifted by
then.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from itertools import product
from math import floor
from statistics import median

import numpy as np

from finetune.evaluation.rollout import WATCHING, Decision

TICK_S = 0.12
"""The leader's colour changes this often: about once per frame of the slowest clip."""
LEVELS = (0, 85, 170, 255)
"""Far enough apart for any codec and for a mistaken range of brightness."""
COLOURS = tuple(colour for colour in product(LEVELS, repeat=3) if max(colour) - min(colour) > LEVELS[1])
"""RGB of each tick. No greys: a camera that is covered is nearly one."""
LEADER_S = TICK_S * len(COLOURS)
"""5 s: a browser needs 1 to 3 of them to open the camera."""
FLAT = 8.0
"""Standard deviation of a colour in one frame, of 255, below which it counts as flat; codecs leave 2, scenes have 20
and more."""


def leader_colour(at_s: float) -> tuple[int, int, int]:
    """RGB of the leader `at_s` seconds after its start, 0 <= at_s < LEADER_S."""
    return COLOURS[min(len(COLOURS) - 1, int((at_s + 1e-9) / TICK_S))]


def leader_time(image: np.ndarray) -> float | None:
    """Second of the leader, the middle of its tick, that an (H, W, 3) uint8 RGB frame shows; None when it shows
    something else."""
    height, width = image.shape[:2]
    # The middle: what a browser crops or pads lies at the edges.
    middle = (
        image[height // 4 : height - height // 4, width // 4 : width - width // 4].reshape(-1, 3).astype(np.float32)
    )
    if middle.std(axis=0).max() > FLAT:
        return None
    distance = np.abs(np.array(COLOURS) - middle.mean(axis=0)).max(axis=1)
    nearest = int(distance.argmin())
    return (nearest + 0.5) * TICK_S if distance[nearest] < LEVELS[1] / 2 else None


def delay(frames: Sequence[tuple[float, float]]) -> float:
    """Median of arrival minus second of the camera file, over (arrival, second) of at least one frame of the leader."""
    return median(arrived - shown for arrived, shown in frames)


def stream_shift(arrivals: Sequence[float], delay_s: float, fps: int, turns: int) -> float:
    """Stream time minus clip time in seconds, as the turns see it; may be negative.

    arrivals: when each frame of the clip reached the stream, in order, on the clock of `delay_s`; the first starts
    second 0. Each of the `fps` grid points of the first `turns` seconds shows the newest frame, which may have
    waited: the median over them.
    """
    points = [second + k / fps for second in range(max(1, turns)) for k in range(fps)]
    newest = (arrivals[bisect_right(arrivals, arrivals[0] + point) - 1] for point in points)
    return median(point - (arrived - delay_s - LEADER_S) for point, arrived in zip(points, newest, strict=True))


def whole(shift_s: float) -> int:
    """Turns between clip and stream: the nearest whole number, a half goes up."""
    return floor(shift_s + 0.5)


def on_clip(said: Mapping[int, Decision], shift_s: float, turns: int) -> list[Decision]:
    """A lane's decisions by stream second, as one for each turn of the clip; silence where there is none."""
    return [said.get(turn + whole(shift_s), WATCHING) for turn in range(turns)]


def unseen(seconds: set[int], shift_s: float, turns: int) -> list[int]:
    """Turns of the clip at whose stream second nothing was decided in any lane; `seconds` are those decided."""
    return [turn for turn in range(turns) if turn + whole(shift_s) not in seconds]
