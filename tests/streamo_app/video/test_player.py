"""A file clocked by the page's player: seconds appear as the player passes them, and the decided second is a frontier.

Run: python -m pytest tests/streamo_app/video/test_player.py
"""

import queue
import threading

import pytest

from streamo_app.video.source import PlayerSource, SourceError
from tests.support.clips import read_barcode, write


class Watch:
    """A player under test: `frames` runs on a thread and hands over (second, frame number); the clock stands unless it
    is moved."""

    def __init__(self, path, fps=1):
        self.now = 0.0
        self.source = PlayerSource(path, clock=lambda: self.now)
        self.stop = threading.Event()
        self.seen = queue.Queue()
        self.thread = threading.Thread(target=self._run, args=(fps,), daemon=True)
        self.thread.start()

    def _run(self, fps):
        for frame in self.source.frames(fps, self.stop):
            self.seen.put((frame.second, read_barcode(frame.image)))
        self.seen.put("end")

    def play(self, *positions):
        for position in positions:
            self.now += 0.5
            self.source.at(position)

    def take(self, count):
        return [self.seen.get(timeout=5) for _ in range(count)]

    def finish(self):
        """Everything up to the end of the stream, once the player reported the end."""
        rest = []
        while (item := self.seen.get(timeout=5)) != "end":
            rest.append(item)
        return rest


@pytest.fixture
def clip(tmp_path):
    return write(tmp_path / "clip.webm", 10, 600)


def test_seconds_come_as_the_player_passes_them_and_the_last_report_ends_the_stream(clip):
    watch = Watch(clip)
    watch.play(0.3)
    assert watch.take(1) == [(0, 0)]
    watch.play(0.8, 1.3)
    assert watch.take(1) == [(1, 10)]
    watch.source.at(2.1, ended=True)
    assert watch.take(1) == [(2, 20)]
    assert watch.finish() == []


def test_two_images_a_second_come_in_order_from_one_report(clip):
    watch = Watch(clip, fps=2)
    watch.play(0.4)
    assert watch.take(1) == [(0, 0)]
    watch.play(1.1)
    assert watch.take(2) == [(0.5, 5), (1, 10)]
    watch.source.close()


def test_seeking_back_is_reviewing_and_nothing_is_decided_twice(clip):
    watch = Watch(clip)
    watch.play(0, 1, 2)
    while watch.take(1) != [(2, 20)]:
        pass
    watch.play(0.5, 1.5, 2.5, 3.2)
    watch.source.at(3.2, ended=True)
    assert watch.finish() == [(3, 30)]


def test_seeking_forward_skips_to_the_start_of_the_new_second(clip):
    watch = Watch(clip, fps=2)
    watch.play(0.2)
    assert watch.take(1) == [(0, 0)]
    watch.play(40.7)
    assert watch.take(2) == [(40, 400), (40.5, 405)]
    watch.source.at(41, ended=True)
    assert watch.finish() == [(41, 410)]


def test_a_second_that_a_late_report_ran_past_is_not_lost(clip):
    watch = Watch(clip)
    watch.play(0.2)
    assert watch.take(1) == [(0, 0)]
    watch.now += 2.2
    watch.source.at(2.4)
    assert watch.take(2) == [(1, 10), (2, 20)]
    watch.source.close()


def test_a_consumer_slower_than_the_player_gets_the_newest_second(clip):
    now = [0.0]
    source = PlayerSource(clip, clock=lambda: now[0])
    source.at(0)
    frames = source.frames(1, threading.Event())
    assert next(frames).second == 0
    for half in range(1, 20):
        now[0] = half / 2
        source.at(half / 2)
    late = next(frames)
    assert (late.second, read_barcode(late.image), late.captured_at) == (9, 90, 9.5)
    source.close()
    assert list(frames) == []


def test_a_paused_player_yields_nothing_new(clip):
    now = [0.0]
    source = PlayerSource(clip, clock=lambda: now[0])
    source.at(4.2, paused=True)
    frames = source.frames(1, threading.Event())
    assert next(frames).second == 4
    now[0] = 100.0
    source.at(4.2, paused=True)
    source.at(4.3, paused=True, ended=True)
    assert list(frames) == []


def test_the_end_of_the_file_ends_the_stream_and_tells_its_length(clip):
    source = PlayerSource(clip)
    source.at(59.9)
    frames = source.frames(1, threading.Event())
    assert next(frames).second == 59
    source.at(60, ended=True)
    assert list(frames) == []
    assert source.duration_s == pytest.approx(60, abs=0.001)


@pytest.mark.parametrize("end", ["stop", "close"])
def test_stop_and_close_end_a_stream_that_waits_for_its_player(clip, end):
    watch = Watch(clip)
    watch.play(0)
    assert watch.take(1) == [(0, 0)]
    watch.stop.set() if end == "stop" else (watch.source.close(), watch.source.close())
    watch.thread.join(2)
    assert not watch.thread.is_alive()


def test_what_is_no_position_and_what_is_no_video_is_refused(clip, tmp_path):
    source = PlayerSource(clip)
    for position in (-1, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="not a position"):
            source.at(position)
    with pytest.raises(SourceError, match="There is no file"):
        PlayerSource(tmp_path / "absent.mp4")
