"""A run that its user pauses: a live stream goes on and does not count as skipped, a file waits; and files that start
later.

Run: python -m pytest tests/streamo_app/live/test_pause.py
"""

import queue
import threading

import pytest

from streamo_app.events import Decided
from streamo_app.live.run import Pause
from streamo_app.live.session import Session
from streamo_app.video.source import FileSource, PlayerSource
from tests.support.clips import read_barcode, write
from tests.support.live import WAIT_S, LiveModel, LiveSource, ended


def decided(session: Session) -> list[tuple]:
    return [(event.second, event.skipped) for event in session.transcript.decisions()]


def test_seconds_that_went_by_in_a_pause_are_taken_once_and_never_more_than_the_gap():
    now = [100.0]
    pause = Pause(lambda: now[0])
    for held, at in ((True, 101.0), (True, 102.0), (False, 104.4), (False, 109.0)):
        now[0] = at
        pause.hold(held)
    assert (pause.take(2), pause.take(9), pause.seconds) == (2, 0, 2)
    pause.hold(True)
    now[0] += 3.4
    pause.hold(False)
    assert (pause.take(9), pause.seconds) == (4, 6), "3.4 s of pause may cover the starts of four seconds"


def test_a_live_stream_is_not_looked_at_while_it_is_held_and_goes_on_in_the_same_lanes_with_the_time_counted_as_paused(
    engine_of,
):
    now, done = [0.0], {second: threading.Event() for second in (0, 1, 5)}
    session = Session(
        engine_of(LiveModel()),
        clock=lambda: now[0],
    )
    session.subscribe(lambda event: isinstance(event, Decided) and done[event.second].set())

    def hold(held, at):
        def happens():
            now[0] = at
            session.pause(held)

        return happens

    source = LiveSource([0, done[0], 1, done[1], hold(True, 2.0), 2, 3, 4, hold(False, 5.0), 5], live=True)
    session.start(source, asks=[(0, "A")])
    ended(session)
    assert decided(session) == [(0, 0), (1, 0), (5, 0)]
    shown = session.snapshot()
    assert (shown.paused, shown.paused_s, shown.skipped) == (False, 3, 0)
    assert [lane.lane for lane in shown.lanes] == [1] and source.held == [True, False]
    assert (5, "notice", "Paused for 3 s before this.") in [(row.second, row.kind, row.text) for row in shown.rows]


@pytest.mark.slow
def test_while_held_no_lag_is_claimed_and_stop_still_ends_it(engine_of):
    go_on = threading.Event()
    session = Session(engine_of(LiveModel()), clock=lambda: 7.0)
    session.start(LiveSource([0, go_on], live=True))
    session.pause()
    held = session.snapshot()
    assert held.paused and held.lag_s is None and held.status == "running"
    session.stop()
    go_on.set()
    assert session.snapshot().status == "ended" and not session.snapshot().paused


def test_there_is_nothing_to_pause_before_a_start(engine_of):
    with pytest.raises(ValueError, match=r"^Nothing is running; press Start first.$"):
        Session(engine_of(LiveModel())).pause()


def test_a_pulled_file_waits_while_it_is_held(tmp_path):
    source, got = FileSource(write(tmp_path / "clip.webm", 10, 40)), queue.Queue()

    def read():
        for frame in source.frames(1, threading.Event()):
            got.put(frame.second)
            if frame.second == 1:
                source.hold(True)
        got.put("end")

    threading.Thread(target=read, daemon=True).start()
    assert [got.get(timeout=WAIT_S) for _ in range(2)] == [0, 1]
    with pytest.raises(queue.Empty):
        got.get(timeout=0.3)
    source.hold(False)
    assert [got.get(timeout=WAIT_S) for _ in range(3)] == [2, 3, "end"]


@pytest.mark.slow
def test_a_file_on_the_wall_clock_loses_no_second_to_a_pause(tmp_path):
    source = FileSource(write(tmp_path / "clip.webm", 10, 40), realtime=True)
    seconds, timer = [], threading.Timer(1.3, source.hold, (False,))
    for frame in source.frames(1, threading.Event()):
        seconds.append(frame.second)
        if frame.second == 1:
            source.hold(True)
            timer.start()
    assert seconds == [0, 1, 2, 3]


@pytest.mark.parametrize("fps", [1, 2])
def test_a_file_begins_at_the_second_that_holds_the_place_asked_for(tmp_path, fps):
    clip = write(tmp_path / "clip.webm", 10, 60)
    frames = list(FileSource(clip, start_s=3.7).frames(fps, threading.Event()))
    assert (frames[0].second, read_barcode(frames[0].image)) == (3, 30) and frames[-1].second == 6 - 1 / fps


def test_a_player_that_starts_at_a_place_is_watched_from_there_and_not_from_the_beginning(tmp_path):
    source, got = PlayerSource(write(tmp_path / "clip.webm", 10, 60), start_s=1.2), queue.Queue()
    thread = threading.Thread(
        target=lambda: [got.put(frame.second) for frame in source.frames(1, threading.Event())], daemon=True
    )
    thread.start()
    source.at(1.2)
    assert got.get(timeout=WAIT_S) == 1
    source.at(1.9, ended=True)
    thread.join(WAIT_S)
    assert got.empty()
