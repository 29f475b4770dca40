"""A webcam made of a rendered street: the file that Chromium plays as a camera, and which lamp is lit in a picture of
it.

Not a test. Chromium loops the file, so ground truth is read from the pictures that reached the server, never from a
clock.
"""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np

from finetune.world.street.draw import boxes, draw
from finetune.world.street.scene import LIGHTS, StreetClip, make_clip

FPS = 5
SECONDS = 26
GREEN_AT_S = 15.0
"""Late enough that an instruction has been typed by then, even on a busy machine."""


def street() -> StreetClip:
    """640 x 360 by day, the light on the left: red from the start, green from GREEN_AT_S on."""
    return replace(make_clip(1543, SECONDS, "test"), light=((0.0, "red"), (GREEN_AT_S, "green")))


def write_camera(path: Path, clip: StreetClip) -> Path:
    """A Y4M file of `clip`, looked at FPS times a second; uncompressed, so that the codec is Chromium's own."""
    width, height = clip.size
    with open(path, "wb") as file:
        file.write(f"YUV4MPEG2 W{width} H{height} F{FPS}:1 Ip A1:1 C420jpeg\n".encode())
        for frame in range(clip.seconds * FPS):
            file.write(b"FRAME\n" + cv2.cvtColor(draw(clip, frame / FPS), cv2.COLOR_RGB2YUV_I420).tobytes())
    return path


def lamp(image: np.ndarray, clip: StreetClip) -> str | None:
    """Colour of the lamp that is lit where `clip` has its lamps, None when none is (a mirrored picture, or no picture
    of it)."""
    height, width = image.shape[:2]
    for colour in LIGHTS:
        lit = replace(clip, light=((0.0, colour),))
        _, x0, y0, x1, y1 = boxes(lit, 0.0)[0]
        middle = image[int(y0 * height) : int(y1 * height) + 1, int(x0 * width) : int(x1 * width) + 1].reshape(-1, 3)
        if middle.max(axis=1).mean() > 180 and np.ptp(middle.mean(axis=0)) > 80:
            return colour
    return None


class Watched:
    """A streaming model that also writes down which lamp it was shown each second: the truth of a webcam test.
    Everything else is the model's own."""

    def __init__(self, model, clip: StreetClip):
        self._model, self._clip = model, clip
        self.info = model.info
        self._lamp: str | None = None
        self.seen: dict[int, str | None] = {}
        """Stream second -> lamp, of the run that came last."""

    def __getattr__(self, name: str):
        return getattr(self._model, name)

    def encode(self, images):
        self._lamp = lamp(images[-1], self._clip)
        return self._model.encode(images)

    def watch(self, lane, second, features):
        if self.seen and second < max(self.seen):
            self.seen = {}
        self.seen[second] = self._lamp
        self._model.watch(lane, second, features)

    def turned_green(self, after: int) -> int | None:
        """First second later than `after` that shows green where the one seen before showed red; None when there is
        none yet."""
        seconds = sorted(self.seen)
        for before, second in pairwise(seconds):
            if second > after and (self.seen[before], self.seen[second]) == ("red", "green"):
                return second
        return None
