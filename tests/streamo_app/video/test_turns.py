"""Frames become turns of as many images as the model takes a second.

Run: python -m pytest tests/streamo_app/video/test_turns.py
"""

import pytest

from streamo_app.events import Frame
from streamo_app.video.turns import Turns
from tests.support.live import picture


def frames(*seconds: float, fps: int = 1) -> list[Frame]:
    return [Frame(second, picture(round(second * fps)), captured_at=second) for second in seconds]


def turns(fps: int, *seconds: float) -> list[tuple]:
    grouped, made = Turns(fps), []
    for frame in frames(*seconds, fps=fps):
        made += grouped.add(frame)
    made += grouped.flush()
    return [(turn.second, [int(image[0, 0, 0]) for image in turn.images]) for turn in made]


def test_at_one_image_a_second_each_frame_is_a_turn():
    assert turns(1, 0.0, 1.0, 4.0) == [(0, [0]), (1, [1]), (4, [4])]


def test_at_two_images_a_second_two_frames_are_a_turn():
    assert turns(2, 0.0, 0.5, 1.0, 1.5) == [(0, [0, 1]), (1, [2, 3])]


def test_a_turn_is_there_as_soon_as_its_last_image_is():
    grouped = Turns(2)
    assert [[turn.second for turn in grouped.add(frame)] for frame in frames(0.0, 0.5, 1.0, 1.5)] == [[], [0], [], [1]]


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        ((0.0, 0.5, 1.0, 2.0, 2.5), [(0, [0, 1]), (1, [2, 2]), (2, [4, 5])]),  # the second image of turn 1 is missing
        (
            (0.0, 0.5, 1.5, 2.0, 2.5),
            [(0, [0, 1]), (1, [1, 3]), (2, [4, 5])],
        ),  # the first one: what was on screen before
        ((3.5, 4.0), [(3, [7, 7]), (4, [8, 8])]),  # nothing before, and an odd end
    ],
)
def test_a_missing_image_repeats_the_one_before(seconds, expected):
    assert turns(2, *seconds) == expected


def test_thirds_of_a_second_fall_into_their_places_at_any_hour():
    assert turns(3, 86399 + 1 / 3, 86399 + 2 / 3, 86400.0) == [(86399, [126, 126, 127]), (86400, [128, 128, 128])]
