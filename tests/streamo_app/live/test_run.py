"""How a run ends: by itself, by its user, by a failure, or not at all because something hangs; and what is left of it.

Run: python -m pytest tests/streamo_app/live/test_run.py
"""

import logging
import os
import threading
from datetime import UTC, datetime, timedelta

import pytest

from streamo_app.events import Noticed
from streamo_app.live.run import MODEL_GONE
from streamo_app.live.session import Session
from streamo_app.live.snapshot import END, END_EARLY, STOPPED
from streamo_app.transcript.journal import read_journal
from streamo_app.transcript.transcript import Transcript
from streamo_app.video.source import SourceError
from tests.support.live import WAIT_S, LiveModel, LiveSource, echo, ended


def rows(session: Session) -> list[tuple]:
    return [(row.second, row.kind, row.text) for row in session.snapshot().rows]


def test_a_source_that_cannot_go_on_ends_the_run_with_its_sentence_after_what_it_gave(engine_of):
    session = Session(engine_of(LiveModel(echo)))
    session.start(
        LiveSource([0, 1, SourceError("Camera 0 was disconnected; plug it in and start again.")]), asks=[(0, "A")]
    )
    ended(session)
    assert rows(session)[1:] == [
        (0, "response", "A 0"),
        (1, "response", "A 1"),
        (2, "failed", "Camera 0 was disconnected; plug it in and start again."),
    ]
    shown = session.snapshot()
    assert (shown.status, shown.message) == ("failed", "Camera 0 was disconnected; plug it in and start again.")
    assert "was disconnected" not in session.export("srt") + session.export("jsonl")


def test_an_unexpected_error_of_a_source_is_one_sentence_to_the_user_and_a_traceback_in_the_log(engine_of, caplog):
    session = Session(engine_of(LiveModel()))
    session.start(LiveSource([0, ZeroDivisionError("secret detail")]))
    shown = ended(session).snapshot()
    assert shown.status == "failed" and shown.message.startswith(
        "Something went wrong while reading the video; start again"
    )
    assert "secret" not in shown.message and "ZeroDivisionError: secret detail" in caplog.text


def test_a_model_that_fails_ends_the_run_with_a_sentence_and_releases_the_source(engine_of):
    def broken(second, instructions):
        if second == 1:
            raise RuntimeError("no memory left on the card")
        return f"{second}"

    source = LiveSource([0, 1, 2, 3])
    session = Session(engine_of(LiveModel(broken)))
    session.start(source, asks=[(0, "A")])
    ended(session)
    assert rows(session) == [
        (0, "asked", "A"),
        (0, "response", "0"),
        (1, "failed", "The model failed at second 1: no memory left on the card."),
    ]
    assert source.closed.wait(WAIT_S) and source.left.wait(WAIT_S)


def test_an_engine_that_was_stopped_is_a_sentence_and_nothing_hangs(engine_of):
    engine = engine_of(LiveModel())
    session = Session(engine)
    session.start(LiveSource([0, engine.stop, 1, 2]))
    assert ended(session).snapshot().message == MODEL_GONE


def test_a_notice_is_shown_for_a_while_and_ends_nothing(engine_of):
    now = [0.0]
    source = LiveSource([0, Noticed(1, "Camera 0 was lost; reconnecting."), 4])
    session = Session(engine_of(LiveModel()), clock=lambda: now[0])
    session.start(source)
    shown = ended(session).snapshot()
    assert (shown.status, shown.message) == ("ended", "Camera 0 was lost; reconnecting.")
    assert (1, "notice", "Camera 0 was lost; reconnecting.") in rows(session) and rows(session)[-1] == (
        5,
        "ended",
        END,
    )
    now[0] = 10.0
    assert session.snapshot().message == "" and session.snapshot().seq == shown.seq + 1


def test_a_source_whose_last_word_is_a_notice_has_ended_early(engine_of):
    session = Session(engine_of(LiveModel()))
    session.start(LiveSource([0, Noticed(1, "'a.mp4' stops at 1.0 s of 9.0 s.")]))
    assert rows(ended(session))[-1] == (1, "ended", END_EARLY)


def test_stop_ends_the_run_keeps_the_words_and_may_be_called_again(engine_of):
    model = LiveModel(echo)
    reached, release = model.hold(1)
    session = Session(engine_of(model))
    session.stop()
    assert session.status == "idle"
    session.start(LiveSource([0, 1, 2]), asks=[(0, "A")])
    assert reached.wait(WAIT_S)
    session.stop(0.1)
    session.stop(0.1)
    release.set()
    assert rows(session) == [(0, "asked", "A"), (0, "response", "A 0"), (0, "ended", STOPPED)]
    assert session.status == "ended" and session.wait(0)


@pytest.mark.parametrize("deaf", [False, True])
def test_stop_comes_back_from_a_source_that_hangs_and_what_it_brings_later_is_ignored(engine_of, deaf, caplog):
    stuck, wake = threading.Event(), threading.Event()
    source = LiveSource([0, stuck.set, wake, 1, 2], deaf=deaf)
    model = LiveModel(echo)
    session = Session(engine_of(model))
    session.start(source, asks=[(0, "A")])
    assert stuck.wait(WAIT_S)
    with caplog.at_level(logging.WARNING):
        session.stop(0.2)
    assert session.status == "ended" and "gather" in caplog.text and "did not end in time" in caplog.text
    before = session.snapshot()
    wake.set()
    assert source.left.wait(WAIT_S)
    assert session.snapshot() == before and (1,) not in model.seen


def test_stop_comes_back_from_a_model_that_hangs_and_what_it_says_later_is_ignored(engine_of):
    model = LiveModel(echo)
    reached, release = model.hold(0)
    engine = engine_of(model)
    session = Session(engine)
    session.start(LiveSource([0, 1]), asks=[(0, "A")])
    assert reached.wait(WAIT_S)
    session.stop(0.2)
    before = session.snapshot()
    release.set()
    other = Session(engine)
    other.start(LiveSource([5]))
    ended(other)
    assert session.snapshot() == before and before.status == "ended" and before.decided == 0


def test_every_lane_of_a_run_that_is_over_is_given_back_to_the_model(engine_of):
    model = LiveModel()
    session = Session(engine_of(model))
    session.start(LiveSource([0, 1]), asks=[(0, "A"), (0, "B")])
    ended(session)
    session.start(LiveSource([0]))
    ended(session)
    session.stop()
    session._engine.stop(WAIT_S)
    assert model.open_lanes == 0


def test_a_second_start_ends_the_first_run_and_counts_lanes_and_keys_from_1(engine_of):
    forever = threading.Event()
    first = LiveSource([0, forever], title="first")
    session = Session(engine_of(LiveModel(echo)))
    session.start(first, asks=[(0, "A"), (0, "B")])
    seq = session.snapshot().seq
    forever.set()
    session.start(LiveSource([7], title="second"), asks=[(0, "C")])
    assert first.closed.is_set()
    shown = ended(session).snapshot()
    assert (shown.run, shown.source, [lane.instruction for lane in shown.lanes]) == (2, "second", ["C"])
    assert [(row.key, row.kind, row.text) for row in shown.rows] == [
        (1, "asked", "C"),
        (2, "response", "C 7"),
        (3, "ended", END),
    ]
    assert all(row.seq > seq for row in shown.rows)


def test_what_is_typed_after_the_end_waits_for_the_next_start(engine_of):
    session = Session(engine_of(LiveModel(echo)))
    session.start(LiveSource([0]), asks=[(0, "A")])
    assert ended(session).ask("B") == 2
    assert [(lane.instruction, lane.state) for lane in session.snapshot().lanes] == [("A", "response"), ("B", None)]
    with pytest.raises(ValueError, match="Instruction 1 is no longer open"):
        session.ask("More.", lane=1)
    session.ask("And C.", lane=2)
    session.start(LiveSource([3]))
    ended(session)
    assert rows(session)[:2] == [(3, "asked", "B"), (3, "asked", "And C.")]


def test_two_sessions_on_one_engine_never_mix(engine_of):
    engine = engine_of(LiveModel(lambda second, instructions: " ".join(instructions)))
    one, two = Session(engine), Session(engine)
    one.start(LiveSource(range(40), title="one"), asks=[(0, "red")])
    two.start(LiveSource(range(40), title="two"), asks=[(0, "blue"), (10, "green")])
    said = {
        session: {row.text for row in ended(session).snapshot().rows if row.kind == "response"}
        for session in (one, two)
    }
    assert said == {one: {"red"}, two: {"blue", "green"}}
    assert [one.snapshot().decided, two.snapshot().decided] == [40, 40] and one.id != two.id


def test_a_snapshot_after_a_sequence_number_holds_only_the_rows_changed_since(engine_of):
    model = LiveModel(echo)
    reached, release = model.hold(1)
    session = Session(engine_of(model))
    session.start(LiveSource([0, 1]), asks=[(0, "A")])
    assert reached.wait(WAIT_S)
    before = session.snapshot()
    assert session.snapshot(after=before.seq).rows == ()
    release.set()
    assert [row.kind for row in ended(session).snapshot(after=before.seq).rows] == ["response", "ended"]


def test_five_hundred_rows_at_most_are_shown_and_all_are_exported(engine_of):
    session = Session(engine_of(LiveModel(echo)))
    session.start(LiveSource(range(520)), asks=[(0, "A")])
    shown = ended(session).snapshot()
    assert len(shown.rows) == 500 and shown.rows[-1].text == END and shown.rows[-2].text == "A 519"
    assert session.export("srt").count("-->") == 520


def test_the_journal_of_each_run_holds_what_the_transcript_held_and_is_opened_again_after_a_restart(
    engine_of, tmp_path
):
    engine = engine_of(LiveModel(echo))
    session = Session(engine, journal_dir=tmp_path / "new")
    for text in ("A", "B"):
        session.start(LiveSource([0, 1], title="clip.webm"), asks=[(0, text)], metadata={"clip": text})
        ended(session)
        assert Transcript.from_journal(session.journal_path).export("jsonl") == session.export("jsonl")
    header, _ = read_journal(session.journal_path)
    assert datetime.now(UTC) - datetime.fromisoformat(header.pop("started")) < timedelta(seconds=60)
    assert header == {"journal": 1, "source": "clip.webm", "kind": "file", "model": "scripted", "fps": 1, "clip": "B"}
    assert session.id not in str(session.journal_path)
    again = Session(engine, session_id=session.id, journal_dir=tmp_path / "new")
    assert again.reopen() and not Session(engine, journal_dir=tmp_path / "new").reopen()
    assert again.export("md") == session.export("md")
    assert [(lane.instruction, lane.open, len(lane.cells)) for lane in again.snapshot().lanes] == [("B", True, 2)]
    assert (again.snapshot().status, again.snapshot().decided) == ("ended", 2)
    assert again.header["clip"] == "B"


def test_a_run_that_a_kill_cut_off_says_so_when_it_is_opened_again(engine_of, tmp_path):
    session = Session(engine_of(LiveModel(echo)), journal_dir=tmp_path)
    session.start(LiveSource([0, 1]), asks=[(0, "A")])
    path = ended(session).journal_path
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))
    assert session.reopen()
    assert rows(session)[-2:] == [
        (1, "response", "A 1"),
        (1, "ended", "The server stopped here; press Start to watch again."),
    ]


def test_an_older_run_takes_the_place_of_the_one_shown_but_not_of_one_under_way(engine_of, tmp_path):
    session, hold = Session(engine_of(LiveModel(echo)), journal_dir=tmp_path), threading.Event()
    session.start(LiveSource([0, 1]), asks=[(0, "A")])
    first, run = ended(session).journal_path, session.snapshot().run
    session.start(LiveSource([0, hold]), asks=[(0, "B")])
    with pytest.raises(ValueError, match=r"^Stop the run under way first"):
        session.reopen(first)
    hold.set()
    session.stop()
    session.ask("Waits.")
    before = session.snapshot()
    assert session.reopen(first)
    shown = session.snapshot()
    assert (
        [lane.instruction for lane in shown.lanes] == ["A"] and shown.run > before.run > run and shown.seq > before.seq
    )
    session.start(LiveSource([0]), asks=[(0, "C")])
    assert (0, "response", "C 0") in rows(ended(session)) and not any("Waits." in text for _, _, text in rows(session))


def test_a_run_opened_again_shows_its_follow_ups_and_removed_lanes_and_no_dropped_frames_of_another(
    engine_of, tmp_path
):
    model = LiveModel(lambda second, instructions: " ".join(instructions))
    reached, release = model.hold(0)
    session = Session(engine_of(model), journal_dir=tmp_path)
    session.start(LiveSource([0, release, 1, 2]), asks=[(1, "Later."), (0, "At once.")])
    assert reached.wait(WAIT_S)
    session.ask("And shorter.", lane=2)
    session.remove_lane(2)
    session.ask("More.", lane=1)
    release.set()
    first = ended(session).journal_path
    source = LiveSource([0])
    source.dropped = 3
    session.start(source)
    assert ended(session).snapshot().dropped == 3 and session.stats()["lanes"]
    assert session.reopen(first)
    shown = session.snapshot()
    assert [(lane.lane, lane.instruction, lane.follow_ups, lane.open) for lane in shown.lanes] == [
        (1, "Later.", ("More.",), True),
        (2, "At once.", (), False),
    ]
    assert (shown.dropped, shown.lag_s, session.stats(), session.wait(0)) == (0, None, {"lanes": {}}, True)


def test_a_journal_that_cannot_be_made_is_a_notice_and_the_run_goes_on(engine_of, tmp_path):
    (tmp_path / "file").write_text("in the way")
    session = Session(engine_of(LiveModel(echo)), journal_dir=tmp_path / "file")
    session.start(LiveSource([0]), asks=[(0, "A")])
    assert rows(ended(session))[0][1] == "notice" and "The transcript is not being saved" in rows(session)[0][2]
    assert rows(session)[-2:] == [(0, "response", "A 0"), (1, "ended", END)]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full here")
def test_a_disk_that_fills_up_is_one_notice_and_the_run_goes_on(engine_of, tmp_path):
    session = Session(engine_of(LiveModel(echo)), journal_dir=tmp_path)
    full = threading.Event()

    def fill() -> None:
        session._journal._journal._file = open("/dev/full", "w")  # noqa: SIM115 - the journal closes it
        full.set()

    session.start(LiveSource([fill, 0, 1]), asks=[(0, "A")])
    notices = [text for _, kind, text in rows(ended(session)) if kind == "notice"]
    assert full.is_set() and notices == [
        "The transcript is not being saved (No space left on device); export it before you leave."
    ]
    assert (1, "response", "A 1") in rows(session)
