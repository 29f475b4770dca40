"""A clip in front of the page's webcam: the camera file that Chromium plays, and a visit in which instructions are
typed at their second.

Not the alignment (`webcam_clock.py`), not the scores (`webcam_path.py`). The leader's frames are read and held back
between page and server, so that the stream begins with the clip, as it does from a file; all others take the product's
own way.
"""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from playwright.sync_api import Page

from finetune.evaluation.rollout import Decision
from scripts.webcam_clock import LEADER_S, delay, leader_colour, leader_time, stream_shift, whole
from streamo_app.protocol import State
from streamo_app.ui.visitor.visitor import Visitor
from streamo_app.video.file import VideoReader
from tests.support.browser import START, STOP, Site, ask, choose, wait_for

NEAR_S = 1.0
"""A frame counts as one of the leader only this close to where the camera should be: a clip may show a flat colour
too."""
AHEAD_S = 0.5
"""An instruction is typed this long before its turn is sent: in the middle of the second in which it joins that turn
and no other."""
LEADER_FRAMES = 2
"""With fewer the clock's error is unknown, and the next showing is waited for."""
DRIFT_S = 10.0
"""A starved camera falls behind by up to this much, and its leader must still be recognised when it comes again."""
TAIL_S = 0.7
"""How much of the leader's second showing is watched, to measure the drift."""
PATIENCE_S = 6.0
"""How long to wait for the decision of the last second, on a machine that lags."""
START_PATIENCE_S = 30.0
"""How long to wait for the first frame of the clip, beyond one whole showing of it."""


def write_camera(video: Path, camera: Path) -> float:
    """Writes a Y4M file of the leader and then `video`, frame by frame at its own rate; returns the seconds of video in
    it.

    Raises ValueError (SourceError) for a video that cannot be read.
    """
    pictures = VideoReader(video)
    with av.open(str(video)) as file:
        rate = Fraction(file.streams.video[0].average_rate or 10).limit_denominator(1000)
    try:
        height, width = (side - side % 2 for side in pictures.image_at(0.0).shape[:2])
        with camera.open("wb") as out:
            out.write(f"YUV4MPEG2 W{width} H{height} F{rate.numerator}:{rate.denominator} Ip A1:1 C420jpeg\n".encode())

            def write(image: np.ndarray) -> None:
                out.write(
                    b"FRAME\n"
                    + cv2.cvtColor(np.ascontiguousarray(image[:height, :width]), cv2.COLOR_RGB2YUV_I420).tobytes()
                )

            # Whole frames, or the clip would start a part of one late.
            for number in range(leader_frames(rate)):
                write(np.full((height, width, 3), leader_colour(float(number / rate)), np.uint8))
            number = 0
            while (image := pictures.image_at(float(number / rate))) is not None:
                write(image)
                number += 1
    finally:
        pictures.close()
    return float(number / rate)


def leader_frames(rate: Fraction) -> int:
    return round(LEADER_S * rate)


class Gate:
    """In place of `Visitor.frame`: holds the leader back, passes the clip on, and notes when its frames came.

    The clip is passed on from its start only: a page that was not ready by then gets the next showing.
    Thread safety: called by one web thread at a time; others only read, and lists only grow once the clip is passed on.
    """

    def __init__(self, visitor: Visitor, clip_s: float):
        self._visitor, self._push, self._clip_s = visitor, visitor.frame, clip_s
        self.leader: list[tuple[float, float]] = []
        """(arrival, second of the camera file) of the leader's frames before the clip."""
        self.again: list[tuple[float, float]] = []
        """The same after the clip; the file's seconds go on."""
        self.arrivals: list[float] = []
        """When each frame of the clip came, `time.monotonic()`."""
        self.size = (0, 0)
        """Height and width of the frames as they arrive."""
        visitor.frame = self

    def __call__(self, image: np.ndarray) -> None:
        at, shown, self.size = time.monotonic(), leader_time(image), image.shape[:2]
        if not self.arrivals:
            if shown is not None and (not self.leader or abs(at - shown - delay(self.leader)) < NEAR_S):
                self.leader = [*self.leader, (at, shown)]
                return
            if len(self.leader) < LEADER_FRAMES or self._visitor.session.status != "running":
                self.leader = []  # the middle of the clip, or the start of one that nobody would see
                return
        cycle = LEADER_S + self._clip_s
        if shown is not None and self.arrivals and -NEAR_S < at - shown - cycle - delay(self.leader) < DRIFT_S:
            self.again.append((at, shown + cycle))
        elif not self.again:
            self.arrivals.append(at)
            self._push(image)

    @property
    def position(self) -> float:
        """Second of the clip that is in front of the camera now. Only after a frame of the leader came."""
        return time.monotonic() - delay(self.leader) - LEADER_S


@dataclass
class VisitResult:
    """Timing and decisions of one visit."""

    shift_s: float
    """Stream time minus clip time."""
    drift_s: float | None
    """How much later the camera was at the clip's end than at its start; None when the leader was not seen again."""
    spread_s: float
    """Between the earliest and the latest frame of the leader: twice the largest possible error of the shift."""
    pictures: int
    size: tuple[int, int]
    decisions: dict[str, dict[int, Decision]] = field(default_factory=dict)
    """Instruction -> stream second -> decision."""
    asked: dict[str, int] = field(default_factory=dict)
    """Instruction -> stream second of its first decision."""
    seconds: set[int] = field(default_factory=set)
    """Stream seconds decided in any lane."""
    lag_s: float | None = None
    ms_p50: float | None = None
    ms_p95: float | None = None


class Visit:
    """One page with its lanes and its stream, driven by `step` from one loop."""

    def __init__(self, site: Site, page: Page, clip_s: float, turns: int, instructions: Sequence[tuple[int, str]]):
        """`instructions`: (turn of the clip, text), at most 8."""
        self.page, self._clip_s, self._turns, self._fps = page, clip_s, turns, site.model.info.fps
        self._waiting, self._asked = sorted(instructions), 0
        choose(page, "webcam")
        wait_for(page, lambda: page.evaluate("sessionStorage.getItem('streamo')"), "the page's seat")
        self._visitor = site.visitors.find(page.evaluate("sessionStorage.getItem('streamo')"))
        self._gate = Gate(self._visitor, clip_s)
        while self._waiting and self._waiting[0][0] == 0:
            self._type()
        wait_for(
            page, lambda: len(self._visitor.session.snapshot().lanes) == self._asked, "the instructions of the start"
        )
        self._lag: float | None = None
        self._begun = time.monotonic()

    def start(self) -> None:
        self.page.click(START)

    def step(self) -> bool:
        """Types the instructions whose time has come; False when the clip is over and its last second decided. Raises
        ValueError when the clip never comes."""
        gate = self._gate
        if not gate.arrivals:
            patience = LEADER_S + self._clip_s + START_PATIENCE_S
            if time.monotonic() - self._begun > patience:
                says = self.page.inner_text("#message") or "nothing"
                raise ValueError(
                    f"The clip's start did not come through the webcam within {patience:.0f} s; the page says: {says}"
                )
            return True
        now = time.monotonic() - gate.arrivals[0]
        shift = stream_shift(gate.arrivals, delay(gate.leader), self._fps, int(now))
        while self._waiting and now >= self._waiting[0][0] + whole(shift) + (self._fps - 1) / self._fps - AHEAD_S:
            self._type()
        shown = self._visitor.session.snapshot()
        self._lag = max((lag for lag in (self._lag, shown.lag_s) if lag is not None), default=None)
        decided = shown.second >= self._turns - 1 + whole(shift)
        return gate.position < self._clip_s + TAIL_S + (0.0 if decided else PATIENCE_S)

    def finish(self) -> VisitResult:
        """Stops the stream and reads the page's JSON Lines export."""
        gate, session = self._gate, self._visitor.session
        self.page.click(STOP)
        wait_for(self.page, lambda: session.status != "running", "the stream to stop")
        shown = session.snapshot()
        before = delay(gate.leader)
        drift = delay(gate.again) - before if gate.again else None
        middle = before + (drift or 0.0) / 2
        off = [at - shown for at, shown in gate.leader]
        shift = stream_shift(gate.arrivals, middle, self._fps, self._turns)
        result = VisitResult(
            shift,
            drift,
            max(off) - min(off),
            len(gate.arrivals),
            gate.size,
            lag_s=self._lag,
            ms_p50=shown.ms_p50,
            ms_p95=shown.ms_p95,
        )
        for line in map(json.loads, session.export("jsonl").splitlines()):
            result.seconds.add(line["second"])
            decision = Decision(
                State(line["state"]),
                line["text"],
                tuple(line["p"][name] for name in ("silence", "standby", "response")),
            )
            result.decisions.setdefault(line["instruction"], {})[line["second"]] = decision
        result.asked = {text: min(seconds) for text, seconds in result.decisions.items()}
        return result

    def _type(self) -> None:
        """Types the next instruction as a user would; the page takes it while the server still answers the last."""
        ask(self.page, self._waiting.pop(0)[1])
        self._asked += 1
