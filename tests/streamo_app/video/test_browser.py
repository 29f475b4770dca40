"""Browser frames on the grid of wall time: newest wins, drops counted, one image for each grid point.

Time is a number that the test moves; the source reads it through its clock. Run: python -m pytest
tests/streamo_app/video/test_browser.py
"""

import threading

import numpy as np
import pytest

from streamo_app.events import Frame, Noticed
from streamo_app.video.source import BrowserSource


def gray(level):
    return np.full((4, 6, 3), level, np.uint8)


class Clock:
    now = 50.0

    def __call__(self):
        return self.now


@pytest.fixture
def live():
    clock = Clock()
    source = BrowserSource(clock=clock)
    return clock, source, source.frames(1, threading.Event())


def level(frame):
    return int(frame.image[0, 0, 0])


def test_second_0_is_the_first_push_and_each_grid_point_gets_the_newest_picture(live):
    clock, source, frames = live
    source.push(gray(1))
    assert (first := next(frames)).second == 0 and level(first) == 1 and first.captured_at == 50.0
    for now, picture in ((50.5, 2), (50.9, 3), (51.0, 4)):
        clock.now = now
        source.push(gray(picture))
    second = next(frames)
    assert (second.second, level(second), second.captured_at) == (1, 4, 51.0)
    assert source.dropped == 2
    assert source.last_push == 51.0


def test_a_picture_is_shown_again_while_it_is_fresh(live):
    clock, source, frames = live
    source.push(gray(1))
    next(frames)
    clock.now = 51.2
    assert (again := next(frames)).second == 1 and level(again) == 1
    assert source.dropped == 0


def test_a_late_consumer_gets_the_newest_second_and_the_missed_ones_are_passed_over(live):
    clock, source, frames = live
    source.push(gray(1))
    next(frames)
    clock.now = 57.3
    source.push(gray(9))
    assert (late := next(frames)).second == 7 and level(late) == 9


def test_two_images_a_second_fall_on_halves():
    clock, stop = Clock(), threading.Event()
    source = BrowserSource(clock=clock)
    frames = source.frames(2, stop)
    seconds = []
    for now in (50.0, 50.5, 51.1, 51.5):
        clock.now = now
        source.push(gray(1))
        seconds.append(next(frames).second)
    assert seconds == [0, 0.5, 1, 1.5]


def test_a_stalled_stream_says_so_once_shows_nothing_old_and_goes_on_at_the_right_second(live):
    clock, source, frames = live
    source.push(gray(1))
    next(frames)
    clock.now = 53.5
    notice = next(frames)
    assert isinstance(notice, Noticed) and notice.second == 3 and "No new frame" in notice.message
    clock.now = 60.2
    source.push(gray(2))
    after = next(frames)
    assert isinstance(after, Frame) and (after.second, level(after)) == (10, 2)


def test_a_stamp_given_with_the_push_is_kept(live):
    _, source, frames = live
    source.push(gray(1), at=49.9)
    assert next(frames).captured_at == 49.9


@pytest.mark.parametrize(
    "bad",
    [
        None,
        [1, 2],
        np.zeros((4, 6), np.uint8),
        np.zeros((4, 6, 4), np.uint8),
        np.zeros((4, 6, 3), np.float32),
        np.zeros((0, 6, 3), np.uint8),
    ],
)
def test_what_is_no_picture_is_refused_and_the_stream_goes_on(live, bad):
    _, source, frames = live
    with pytest.raises(ValueError, match="uint8 RGB"):
        source.push(bad)
    source.push(gray(5))
    assert level(next(frames)) == 5


@pytest.mark.parametrize("end", ["stop", "close"])
@pytest.mark.parametrize("pushed", [True, False])
def test_stop_and_close_end_a_waiting_stream(end, pushed):
    source, stop = BrowserSource(clock=Clock()), threading.Event()
    if pushed:
        source.push(gray(1))
    thread = threading.Thread(target=lambda: list(source.frames(1, stop)), daemon=True)
    thread.start()
    stop.set() if end == "stop" else (source.close(), source.close())
    thread.join(2)
    assert not thread.is_alive()
    source.push(gray(2))  # a page that has not heard yet does no harm


def test_pushes_from_another_thread_reach_the_stream_by_the_real_clock():
    source, stop = BrowserSource(), threading.Event()
    pusher = threading.Thread(target=lambda: [source.push(gray(n)) for n in range(200)], daemon=True)
    pusher.start()
    frame = next(source.frames(1, stop))
    pusher.join(5)
    assert frame.second == 0
    source.close()
