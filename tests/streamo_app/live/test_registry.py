"""Who is here: seats, unguessable ids, and pages that went away.

Run: python -m pytest tests/streamo_app/live/test_registry.py
"""

import pytest

from streamo_app.live.registry import LEFT_GRACE_S, SILENT_GRACE_S, Sessions
from streamo_app.models.engine import Engine
from streamo_app.transcript.journal import journal_paths
from tests.support.live import LiveModel, LiveSource

WAIT_S = 20
MINE, THEIRS = "m" * 32, "t" * 32


@pytest.fixture
def engine():
    engine = Engine(LiveModel()).start()
    yield engine
    engine.stop()


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def registry():
    """Makes registries on a clock of their own and stops them after the test."""
    made = []

    def make(**options) -> tuple[Sessions, Clock]:
        clock = Clock()
        made.append(Sessions(clock=clock, **options))
        return made[-1], clock

    yield make
    for sessions in made:
        sessions.stop()


def test_ids_cannot_be_guessed_and_lead_to_their_own_session_only(registry, engine):
    sessions, _ = registry()
    made = [sessions.create(engine) for _ in range(8)]
    assert len({session.id for session in made}) == 8 and min(len(session.id) for session in made) == 32
    assert all(sessions.get(session.id) is session for session in made)
    assert [sessions.get(wrong) for wrong in (None, "", "x", made[0].id[:-1])] == [None] * 4


def test_a_user_too_many_reads_that_the_seats_are_taken_and_gets_one_that_is_given_back(registry, engine):
    sessions, _ = registry(seats=2)
    first = sessions.create(engine)
    sessions.create(engine)
    with pytest.raises(ValueError, match=r"^All 2 seats are taken; try again in a minute.$"):
        sessions.create(engine)
    sessions.end(first.id)
    sessions.end(first.id)
    assert sessions.create(engine) and len(sessions) == 2


def test_a_page_that_left_is_ended_after_its_grace_unless_it_comes_back(registry, engine):
    sessions, clock = registry()
    gone, back = sessions.create(engine), sessions.create(engine)
    for session in (gone, back):
        sessions.left(session.id)
    clock.now = LEFT_GRACE_S - 0.1
    assert sessions.reap() == []
    sessions.seen(back.id)
    clock.now = LEFT_GRACE_S
    assert sessions.reap() == [gone.id]
    assert sessions.get(gone.id) is None and sessions.get(back.id) is back


def test_a_page_that_says_nothing_is_ended_later(registry, engine):
    sessions, clock = registry()
    quiet, ticking = sessions.create(engine), sessions.create(engine)
    clock.now = SILENT_GRACE_S - 0.1
    sessions.seen(ticking.id)
    assert sessions.reap() == []
    clock.now = SILENT_GRACE_S
    assert sessions.reap() == [quiet.id]


def test_ending_stops_the_run(registry, engine):
    sessions, clock = registry()
    session = sessions.create(engine)
    source = LiveSource(range(10**9))
    session.start(source)
    sessions.left(session.id)
    clock.now = LEFT_GRACE_S
    sessions.reap()
    assert session.status == "ended" and source.left.wait(WAIT_S)


def test_stop_ends_everybody_may_be_called_again_and_takes_nobody_in(registry, engine):
    sessions, _ = registry()
    made = [sessions.create(engine) for _ in range(3)]
    for session in made:
        session.start(LiveSource(range(10**9)))
    sessions.stop()
    sessions.stop()
    assert [session.status for session in made] == ["ended"] * 3 and len(sessions) == 0
    with pytest.raises(ValueError, match="shutting down"):
        sessions.create(engine)


@pytest.mark.parametrize("keep", [True, False])
def test_journals_stay_for_their_owner_or_go_with_the_session(registry, engine, tmp_path, keep):
    sessions, _ = registry(journal_dir=tmp_path, keep_journals=keep)
    session = sessions.create(engine, MINE)
    session.start(LiveSource([0]))
    assert session.wait(WAIT_S)
    sessions.end(session.id)
    assert bool(journal_paths(sessions.folder(MINE), session.id)) is keep and bool(list(tmp_path.iterdir())) is keep
    assert sessions.reopen(engine, session.id, THEIRS) is None and sessions.reopen(engine, session.id) is None
    again = sessions.reopen(engine, session.id, MINE)
    assert (again is not None) is keep
    if again:
        assert again.id == session.id and again.snapshot().decided == 1 and sessions.get(session.id) is again


@pytest.mark.parametrize("nobody", ["", "short", "../" * 8, "x" * 31 + "/"])
def test_for_what_is_no_owner_nothing_is_kept(registry, engine, tmp_path, nobody):
    sessions, _ = registry(journal_dir=tmp_path)
    session = sessions.create(engine, nobody)
    session.start(LiveSource([0]))
    assert session.wait(WAIT_S) and session.journal_path is None and not list(tmp_path.iterdir())


@pytest.mark.parametrize("wrong", [None, "", "../../etc/passwd", "*", "x" * 32, "a/b"])
def test_nothing_is_opened_again_for_an_id_that_was_never_given_out(registry, engine, tmp_path, wrong):
    (tmp_path / "passwd-0001.jsonl").write_text('{"journal": 1}\n')
    sessions, _ = registry(journal_dir=tmp_path)
    assert sessions.reopen(engine, wrong, MINE) is None and len(sessions) == 0
