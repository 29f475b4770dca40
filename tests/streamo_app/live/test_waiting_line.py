"""All seats taken, and runs that last too long: places in line, seats that fall idle, a warning before the end.

Run: python -m pytest tests/streamo_app/live/test_waiting_line.py
"""

import threading

import pytest

from streamo_app.config import AppConfig
from streamo_app.live.registry import IDLE_S, NoSeat, RunLimit, Sessions, duration
from streamo_app.live.waiting_line import PATIENCE_S, WaitingLine
from streamo_app.models.engine import Engine
from streamo_app.ui.visitor.samples import load_clips
from streamo_app.ui.visitor.visitors import Visitors
from tests.support.live import LiveModel, LiveSource, ended

waiting = threading.Event()
"""What a source that goes on waits for."""


WARNING = "Runs are limited to 30 minutes here; this one ends in a minute. Your transcript is kept; you can save it."
REACHED = "Runs are limited to 30 minutes here so others can use it. Your transcript is kept; save it or press Start."


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def engine():
    engine = Engine(LiveModel()).start()
    yield engine
    engine.stop()


def test_first_come_first_served_and_who_asks_no_more_loses_their_place():
    clock = Clock()
    line = WaitingLine(clock)
    assert [line.place(who) for who in ("ana", "bob", "cleo", "bob")] == [1, 2, 3, 2]
    clock.now += PATIENCE_S - 1
    assert line.place("cleo") == 3
    clock.now += 2
    assert (line.place("cleo"), len(line)) == (1, 1)
    line.leave("cleo")
    assert line.place("bob") == 1


def test_seats_go_to_those_who_wait_in_their_order(engine):
    visitors = Visitors(engine, AppConfig(seats=1), load_clips())
    try:
        visitors.open_tab("", "first", "a" * 32)
        for page, place in (("second", "number 1 of 1"), ("third", "number 2 of 2"), ("second", "number 1 of 2")):
            with pytest.raises(
                NoSeat, match=f"The one seat is taken. You are {place} waiting; this page will connect automatically."
            ):
                visitors.open_tab("", page, "")
        visitors.sessions.end(visitors.open_tab("", "first", "a" * 32).session.id)
        with pytest.raises(NoSeat, match="others are waiting"):
            visitors.guest()
        with pytest.raises(NoSeat, match="number 2 of 2"):
            visitors.open_tab("", "third", "")
        assert visitors.open_tab("", "second", "").session.status == "idle"
        visitors.left("third")
        with pytest.raises(NoSeat, match="number 1 of 1"):
            visitors.open_tab("", "fourth", "")
    finally:
        visitors.stop()


def test_a_seat_where_nothing_runs_is_given_on_after_a_while_but_only_to_someone_who_waits(engine):
    clock = Clock()
    sessions = Sessions(seats=2, clock=clock)
    try:
        busy, idle = sessions.create(engine), sessions.create(engine)
        busy.start(LiveSource([0, lambda: waiting.wait(20)]))
        clock.now += IDLE_S - 1
        sessions.note_busy()
        assert not sessions.make_room()
        clock.now += 2
        sessions.note_busy()
        assert sessions.get(idle.id) and sessions.make_room()
        assert sessions.get(idle.id) is None and sessions.get(busy.id) is busy
        assert sessions.make_room() and sessions.get(busy.id) is busy  # there is a free one now
    finally:
        waiting.set()
        sessions.stop()


@pytest.mark.slow
def test_a_long_run_is_warned_once_and_ends_with_a_sentence_and_the_next_one_starts_over(engine):
    clock = Clock()
    sessions = Sessions(run_limit_s=1800, clock=clock)
    limit = RunLimit(1800)
    try:
        session = sessions.create(engine)
        for _ in range(2):
            waiting.clear()
            session.start(LiveSource([0, lambda: waiting.wait(20)]))
            began = session.run.began_at
            limit.enforce(session, began + 1700)
            assert [row.text for row in session.snapshot().rows if row.kind == "notice"] == []
            limit.enforce(session, began + 1741)
            limit.enforce(session, began + 1750)
            assert [row.text for row in session.snapshot().rows if row.kind == "notice"] == [WARNING]
            limit.enforce(session, began + 1801)
            waiting.set()
            rows = ended(session).snapshot().rows
            assert (session.status, rows[-1].kind, rows[-1].text) == (
                "ended",
                "ended",
                REACHED,
            )
            limit.enforce(session, began + 1900)
    finally:
        sessions.stop()
    assert [duration(seconds) for seconds in (5400, 1800, 90, 60, 59, 30, 0.2)] == [
        "90 minutes",
        "30 minutes",
        "2 minutes",
        "a minute",
        "a minute",
        "30 seconds",
        "1 seconds",
    ]
