"""The alignment of `scripts.webcam_path`, by hand-made arrivals: which second of a clip a second of the stream shows.
No browser, no model."""

from fractions import Fraction

import cv2
import numpy as np
import pytest

from finetune.build import Dialogue
from finetune.evaluation.rollout import WATCHING, Decision
from scripts.webcam_clock import (
    COLOURS,
    LEADER_S,
    TICK_S,
    delay,
    leader_colour,
    leader_time,
    on_clip,
    stream_shift,
    unseen,
    whole,
)
from scripts.webcam_path import TypedInstruction, visits
from scripts.webcam_visit import Gate, leader_frames, write_camera
from streamo_app.protocol import State
from tests.support.clips import read_barcode, write

SAID = Decision(State.RESPONSE, "Now.", (0.0, 0.0, 1.0))


def flat(colour, height=36, width=64) -> np.ndarray:
    return np.full((height, width, 3), colour, np.uint8)


def through_camera(image: np.ndarray) -> np.ndarray:
    """As it reaches the server: YUV in the file, JPEG on the way."""
    yuv = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2YUV_I420), cv2.COLOR_YUV2BGR_I420)
    return cv2.cvtColor(
        cv2.imdecode(cv2.imencode(".jpg", yuv, [cv2.IMWRITE_JPEG_QUALITY, 60])[1], cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB
    )


@pytest.mark.parametrize("tick", range(len(COLOURS)))
def test_every_tick_of_the_leader_is_read_back_from_what_a_camera_makes_of_it(tick):
    image = through_camera(flat(leader_colour(tick * TICK_S)))
    assert leader_time(image) == pytest.approx((tick + 0.5) * TICK_S)


def test_a_padded_frame_of_the_leader_is_read_by_its_middle():
    image = np.zeros((48, 64, 3), np.uint8)
    image[6:42] = leader_colour(1.0)
    assert leader_time(image) == pytest.approx(1.0, abs=TICK_S)


@pytest.mark.parametrize(
    "image",
    [
        flat(0),
        flat((9, 12, 20)),
        flat(128),
        flat(255),
        np.random.default_rng(1).integers(0, 256, (36, 64, 3), np.uint8),
    ],
)
def test_the_dark_a_wall_and_a_scene_are_no_leader(image):
    assert leader_time(image) is None


def test_the_delay_is_the_middle_of_what_the_leader_shows_whatever_one_late_frame_says():
    assert delay([(100.2, 0.1), (100.7, 0.5), (101.0, 0.9), (103.9, 1.4)]) == pytest.approx(100.15)


def test_a_stream_that_starts_with_the_clip_runs_late_by_the_wait_of_its_frames():
    # The camera started at 50 and a picture needs 0.3 s: the clip starts at 50.3 + LEADER_S by arrival. Pictures every
    # half second, the first 0.1 s into the clip: stream second 0 shows 0.1 s of the clip, and so on; no picture waits,
    # since they come at the grid points.
    start = 50.3 + LEADER_S
    arrivals = [start + 0.1 + 0.5 * number for number in range(20)]
    assert stream_shift(arrivals, 50.3, 1, 8) == pytest.approx(-0.1)
    assert stream_shift(arrivals, 50.3, 2, 8) == pytest.approx(-0.1)
    # Pictures that come 0.2 s before each grid point have waited 0.2 s when the turn takes them.
    arrivals = [start, *(start + 0.8 + number for number in range(20))]
    assert stream_shift(arrivals, 50.3, 1, 9) == pytest.approx(0.2)


def test_a_stream_that_met_the_clip_late_is_behind_it():
    arrivals = [7.0 + LEADER_S + 1.7 + 0.25 * number for number in range(40)]
    shift = stream_shift(arrivals, 7.0, 2, 6)
    assert shift == pytest.approx(-1.7)
    assert whole(shift) == -2


@pytest.mark.parametrize("shift, turns", [(0.0, 0), (0.49, 0), (0.5, 1), (-0.5, 0), (-0.51, -1), (2.4, 2)])
def test_turns_shift_by_the_nearest_whole_second(shift, turns):
    assert whole(shift) == turns


def test_decisions_go_to_the_turn_of_the_clip_that_they_were_about_and_gaps_are_silence():
    said = {1: SAID, 2: WATCHING, 4: SAID}
    assert on_clip(said, 1.2, 4) == [SAID, WATCHING, WATCHING, SAID]
    assert on_clip(said, 0.1, 3) == [WATCHING, SAID, WATCHING]
    assert on_clip(said, -1.0, 4) == [WATCHING, WATCHING, SAID, WATCHING]


def test_a_second_counts_as_skipped_when_no_lane_decided_it():
    assert unseen({0, 1, 3, 5}, 0.2, 5) == [2, 4]
    assert unseen({2, 3, 4, 5}, 2.0, 5) == [4]


class FakeVisitor:
    """Takes frames, as `ui.visitor.visitor.Visitor` does."""

    def __init__(self):
        self.taken = []
        self.session = self
        self.status = "running"

    def frame(self, image):
        self.taken.append(int(image[0, 0, 0]))


@pytest.fixture
def show(monkeypatch):
    """Shows a camera file of the leader and 4 s of a clip to a visitor: `show(gate, from second, to second)`, 4 frames
    per second, 0.3 s late."""

    def pictures(gate: Gate, first: float, last: float) -> None:
        for number in range(round((last - first) * 4)):
            at = first + number / 4
            monkeypatch.setattr("scripts.webcam_visit.time.monotonic", lambda at=at: at + 0.3)
            now = at % (LEADER_S + 4)
            scene = np.random.default_rng(0).integers(0, 256, (36, 64, 3), np.uint8)
            scene[0, 0] = int(now - LEADER_S) if now >= LEADER_S else 0
            gate(flat(leader_colour(now)) if now < LEADER_S else scene)

    return pictures


def test_the_gate_keeps_the_leader_back_passes_the_clip_once_and_sees_the_camera_start_over(show):
    visitor = FakeVisitor()
    gate = Gate(visitor, 4.0)
    show(gate, 1.0, 12.0)
    assert visitor.taken == sorted([0] * 4 + [1] * 4 + [2] * 4 + [3] * 4)[: len(visitor.taken)] and len(
        visitor.taken
    ) in (
        15,
        16,
    )
    assert delay(gate.leader) == pytest.approx(0.3, abs=TICK_S / 2)
    assert delay(gate.again) == pytest.approx(0.3, abs=TICK_S / 2)
    assert stream_shift(gate.arrivals, 0.3, 2, 3) == pytest.approx(0.0, abs=0.25)


@pytest.mark.parametrize("ready_at", [6.0, 5.5])
def test_a_page_that_is_ready_too_late_gets_the_next_showing_from_its_start(show, ready_at):
    visitor = FakeVisitor()
    gate = Gate(visitor, 4.0)
    visitor.status = "idle"
    show(gate, 4.0, ready_at)
    visitor.status = "running"
    show(gate, ready_at, 9.0)
    assert visitor.taken == []
    show(gate, 9.0, 15.5)
    assert visitor.taken[0] == 0
    assert gate.arrivals[0] == pytest.approx(2 * LEADER_S + 4 + 0.3, abs=0.26)


def test_the_camera_file_is_the_leader_and_then_the_clip_at_the_clips_own_rate(tmp_path):
    seconds = write_camera(write(tmp_path / "clip.mp4", 12.5, 30), tmp_path / "camera.y4m")
    assert seconds == pytest.approx(30 / 12.5)
    header, *frames = (tmp_path / "camera.y4m").read_bytes().split(b"FRAME\n")
    assert header == b"YUV4MPEG2 W96 H64 F25:2 Ip A1:1 C420jpeg\n"
    pictures = [
        cv2.cvtColor(np.frombuffer(frame, np.uint8).reshape(96, 96), cv2.COLOR_YUV2RGB_I420) for frame in frames
    ]
    leader = leader_frames(Fraction(25, 2))
    assert leader == 63
    assert [leader_time(picture) for picture in pictures[:leader]] == pytest.approx(
        [number / 12.5 for number in range(leader)], abs=TICK_S
    )
    assert [read_barcode(picture) for picture in pictures[leader:]] == list(range(30))


def test_lanes_are_dealt_evenly_and_never_two_of_the_same_words_at_a_time():
    gold = Dialogue("clip.webm", "alert", ())
    different = [TypedInstruction(number, 0, f"Instruction {number}", gold) for number in range(11)]
    assert sorted(len(visit) for visit in visits(different)) == [5, 6]
    twins = [
        TypedInstruction(0, 0, "The same", gold),
        TypedInstruction(1, 5, "The same", gold),
        TypedInstruction(2, 0, "Another", gold),
    ]
    assert [[item.record for item in visit] for visit in visits(twins)] == [[0, 2], [1]]
