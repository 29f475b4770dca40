"""A session watches a source with the real engine and a scripted model: what was seen, asked, said and skipped.

Run: python -m pytest tests/streamo_app/live/test_session.py
"""

import threading

import pytest

from streamo_app.config import AppConfig
from streamo_app.events import Asked, Decided, Ended, Speaking
from streamo_app.live.session import Session
from streamo_app.live.snapshot import END
from streamo_app.models.client import MAX_LANES
from streamo_app.video.source import FileSource
from tests.support.clips import write
from tests.support.live import WAIT_S, LiveModel, LiveSource, echo, ended


def rows(session: Session) -> list[tuple]:
    return [(row.second, row.lane, row.kind, row.text) for row in session.snapshot().rows]


def decided(session: Session) -> list[tuple]:
    return [(event.second, event.lane, event.skipped) for event in session.transcript.decisions()]


# A file


def test_a_file_is_watched_to_its_end_second_by_second_and_none_is_skipped(engine_of, tmp_path):
    model = LiveModel(lambda second, instructions: {1: "", 2: "Number two."}.get(second))
    session = Session(engine_of(model))
    session.start(FileSource(write(tmp_path / "clip.webm", 10, 50)), asks=[(0, "Say two.")])
    ended(session)
    assert decided(session) == [(second, 1, 0) for second in range(5)]
    assert rows(session) == [(0, 1, "asked", "Say two."), (2, 1, "response", "Number two."), (5, 0, "ended", END)]
    shown = session.snapshot()
    assert (shown.status, shown.source, shown.second, shown.decided, shown.skipped, shown.lag_s) == (
        "ended",
        "clip.webm",
        4,
        5,
        0,
        None,
    )
    assert [cell.state for cell in shown.lanes[0].cells] == ["silence", "standby", "response", "silence", "silence"]


def test_a_slow_model_never_makes_a_pulled_file_skip(engine_of):
    model = LiveModel()
    reached, release = model.hold(0)
    source = LiveSource([0, 1, 2, 3, 4])
    session = Session(engine_of(model))
    session.start(source)
    assert reached.wait(WAIT_S)
    release.set()
    assert decided(ended(session)) == [(second, 0, 0) for second in range(5)]


def test_two_images_a_second_reach_the_model_together(engine_of):
    model = LiveModel(fps=2)
    session = Session(engine_of(model))
    session.start(LiveSource([0.0, 0.5, 1.0, 1.5, 2.0], fps=2))
    ended(session)
    assert model.seen == [(0, 1), (2, 3), (4, 4)] and session.snapshot().fps == 2


# Asking


def test_what_was_asked_before_the_start_is_asked_at_turn_0(engine_of):
    session = Session(engine_of(LiveModel(echo)))
    assert (session.ask("  First. "), session.ask("Second.")) == (1, 2)
    waiting = session.snapshot()
    assert waiting.status == "idle" and [(lane.lane, lane.instruction, lane.state) for lane in waiting.lanes] == [
        (1, "First.", None),
        (2, "Second.", None),
    ]
    session.start(LiveSource([0]), asks=[(0, "Third.")])
    assert rows(ended(session))[:3] == [
        (0, lane, "asked", text) for lane, text in ((1, "First."), (2, "Second."), (3, "Third."))
    ]


def test_an_instruction_for_a_later_second_joins_that_turn_or_the_first_one_sent_after_it(engine_of):
    session = Session(engine_of(LiveModel()))
    session.start(LiveSource([0, 1, 2, 5, 6]), asks=[(3, "At three."), (0, "At once."), (6, "At six.")])
    ended(session)
    assert [(row[0], row[1], row[3]) for row in rows(session) if row[2] == "asked"] == [
        (0, 2, "At once."),
        (5, 1, "At three."),
        (6, 3, "At six."),
    ]
    assert [lane.instruction for lane in session.snapshot().lanes] == ["At three.", "At once.", "At six."]


def test_an_instruction_typed_while_a_second_is_decided_joins_the_next_turn(engine_of):
    model = LiveModel()
    reached, release = model.hold(0)
    session = Session(engine_of(model))
    session.start(LiveSource([0, reached, 1, 2], live=True), asks=[(0, "Old.")])
    assert reached.wait(WAIT_S)
    assert session.ask("New.") == 2
    assert session.snapshot().lanes[1].state is None
    release.set()
    asked = [row for row in rows(ended(session)) if row[2] == "asked"]
    assert asked[0] == (0, 1, "asked", "Old.") and asked[1][0] in (1, 2) and asked[1][1:] == (2, "asked", "New.")


def test_a_follow_up_continues_its_lane(engine_of):
    model = LiveModel(lambda second, instructions: " ".join(instructions))
    reached, release = model.hold(0)
    session = Session(engine_of(model))
    session.start(LiveSource([0, reached, 5], live=True), asks=[(0, "A"), (0, "B")])
    assert reached.wait(WAIT_S)
    assert session.ask("C", lane=1) == 1
    release.set()
    assert (5, 1, "response", "A C") in rows(ended(session)) and (5, 2, "response", "B") in rows(session)
    assert session.snapshot().lanes[0].follow_ups == ("C",)
    assert [row.follow_up for row in session.snapshot().rows if row.text == "C"] == [True]


def test_the_page_can_be_started_with_as_many_lanes_as_the_engine_opens_and_no_more():
    assert AppConfig(max_lanes=MAX_LANES).max_lanes == AppConfig().max_lanes == MAX_LANES
    with pytest.raises(ValueError, match="choose 1 to 8"):
        AppConfig(max_lanes=MAX_LANES + 1)


def test_at_most_eight_lanes_are_open_and_a_removed_one_makes_room(engine_of):
    session = Session(engine_of(LiveModel()))
    for number in range(MAX_LANES):
        session.ask(f"Number {number}.")
    with pytest.raises(ValueError, match=r"^At most 8 instructions at a time; remove one first.$"):
        session.ask("One too many.")
    session.remove_lane(3)
    assert session.ask("Now there is room.") == 9
    with pytest.raises(ValueError, match="8 instructions at a time"):
        session.start(LiveSource([0]), asks=[(0, "One too many.")])
    assert session.status == "idle"
    session.start(LiveSource([0]))
    assert [lane.lane for lane in ended(session).snapshot().lanes] == list(range(1, 9))


@pytest.mark.parametrize(
    ("text", "sentence"), [(" \n\t", "The instruction is empty"), ("x" * 10_000, "has 10000 characters; at most 4000")]
)
def test_an_impossible_instruction_is_refused_with_a_sentence_and_changes_nothing(engine_of, text, sentence):
    session = Session(engine_of(LiveModel()))
    for attempt in (lambda: session.ask(text), lambda: session.start(LiveSource([0]), asks=[(0, text)])):
        with pytest.raises(ValueError, match=sentence):
            attempt()
    assert session.status == "idle" and session.snapshot().lanes == ()


def test_an_instruction_for_a_second_that_never_came_is_a_notice(engine_of):
    session = Session(engine_of(LiveModel()))
    session.start(LiveSource([0, 1]), asks=[(60, "Much later.")])
    assert (2, 0, "notice", "The run ended before this could be asked (due at second 60): Much later.") in rows(
        ended(session)
    )


def test_a_removed_lane_falls_silent_and_takes_no_follow_up_while_the_others_go_on(engine_of):
    model = LiveModel(echo)
    reached, release = model.hold(1)
    session = Session(engine_of(model))
    session.start(LiveSource([0, 1, 2, 3]), asks=[(0, "A"), (0, "B")])
    assert reached.wait(WAIT_S)
    session.remove_lane(1)
    session.remove_lane(1)
    with pytest.raises(ValueError, match="Instruction 1 is no longer open"):
        session.ask("Still there?", lane=1)
    release.set()
    said = {lane: [row[0] for row in rows(ended(session)) if row[1:3] == (lane, "response")] for lane in (1, 2)}
    assert said == {1: [0], 2: [0, 1, 2, 3]}
    assert [lane.open for lane in session.snapshot().lanes] == [False, True]


def test_a_lane_removed_while_the_turn_that_opens_it_is_being_sent_is_never_open_in_the_model(engine_of, monkeypatch):
    model = LiveModel(echo)
    session = Session(engine_of(model))
    prepare = session.request

    def removed_meanwhile(turn, skipped):
        request = prepare(turn, skipped)
        session.remove_lane(1)
        return request

    monkeypatch.setattr(session, "request", removed_meanwhile)
    session.start(LiveSource([0, 1]), asks=[(0, "A"), (0, "B")])
    assert {row[1] for row in rows(ended(session))} == {0, 2}
    assert set(session.stats()["lanes"]) == {0, 2}


def test_every_listener_gets_every_event_in_order_until_it_unsubscribes(engine_of):
    session = Session(engine_of(LiveModel(echo)))
    first, second = [], []
    unsubscribe, _ = session.subscribe(first.append), session.subscribe(second.append)
    session.start(LiveSource([0]), asks=[(0, "A")])
    ended(session)
    assert [type(event) for event in first] == [Asked, Speaking, Decided, Ended] and second == first
    unsubscribe()
    unsubscribe()
    session.start(LiveSource([1]), asks=[(0, "B")])
    ended(session)
    assert len(first) == 4 and [type(event) for event in second[4:]] == [Asked, Speaking, Decided, Ended]


def test_a_muted_lane_runs_unseen(engine_of):
    session = Session(engine_of(LiveModel(echo)))
    session.start(LiveSource([0, 1]), asks=[(0, "A"), (0, "B")])
    ended(session).mute(1, True)
    assert {row[1] for row in rows(session)} == {2, 0}
    assert len(session.snapshot().lanes[0].cells) == 2 and session.snapshot().lanes[0].muted
    session.mute(1, False)
    assert {row[1] for row in rows(session)} == {1, 2, 0}
    with pytest.raises(ValueError, match="no instruction 9"):
        session.mute(9, True)


def test_talkativeness_reaches_the_model_with_the_next_turn(engine_of):
    model = LiveModel()
    reached, release = model.hold(0)
    session = Session(engine_of(model))
    session.start(LiveSource([0, reached, release, 4], live=True), asks=[(0, "A")])
    assert reached.wait(WAIT_S)
    session.talk(1, 2.5)
    release.set()
    ended(session)
    assert model.talked == {0: 0.0, 4: 2.5} and session.snapshot().lanes[0].talkativeness == 2.5
    with pytest.raises(ValueError, match="talkativeness of nan"):
        session.talk(1, float("nan"))


def test_what_stood_stands_again_as_talkative_and_as_muted_with_the_number_it_had(engine_of):
    model = LiveModel(lambda second, instructions: " ".join(instructions))
    session = Session(engine_of(model))
    session.start(LiveSource([0]), asks=[(0, "Removed."), (0, "Stands."), (0, "Quiet.")])
    ended(session).remove_lane(1)
    session.mute(3, True)
    session.talk(2, -1.5)
    waiting = session.ask("New.")
    session.ask("And shorter.", waiting)
    session.start(LiveSource([0]), keep_lanes=True)
    shown = ended(session).snapshot()
    assert [(lane.lane, lane.instruction, lane.muted, lane.talkativeness, lane.follow_ups) for lane in shown.lanes] == [
        (1, "Stands.", False, -1.5, ()),
        (2, "Quiet.", True, 0.0, ()),
        (3, "New.", False, 0.0, ("And shorter.",)),
    ]
    assert [row.text for row in shown.rows if row.kind == "response"] == ["Stands.", "New. And shorter."]
    session.start(LiveSource([0]))
    assert ended(session).snapshot().lanes == (), "without `keep_lanes` a run begins with what was typed for it alone"


# Live


def test_a_live_stream_skips_what_the_model_is_too_slow_for_and_counts_it_for_all_lanes_alike(engine_of):
    model = LiveModel(echo)
    reached, release = model.hold(0)
    source = LiveSource([0, reached, 1, 2, 3, 4, release.set, 5], live=True)
    # Second 5 may replace second 4 or follow it, as fast as the engine wakes up; what was skipped adds up either way.
    session = Session(engine_of(model))
    session.start(source, asks=[(0, "A"), (0, "B")])
    ended(session)
    for lane in (1, 2):
        mine = [(second, skipped) for second, number, skipped in decided(session) if number == lane]
        assert mine in ([(0, 0), (4, 3), (5, 0)], [(0, 0), (5, 4)])
    assert session.snapshot().skipped + session.snapshot().decided == 6


def test_seconds_without_a_picture_count_as_skipped_but_not_those_before_the_first(engine_of):
    session = Session(engine_of(LiveModel()))
    session.start(LiveSource([7, 8, 12]))
    assert decided(ended(session)) == [(7, 0, 0), (8, 0, 0), (12, 0, 3)]


def test_lag_is_the_age_of_the_pictures_decided_on_and_grows_while_the_model_hangs(engine_of):
    now = [100.5]
    model = LiveModel()
    (first, go_on), (second, release) = model.hold(100), model.hold(101)
    session = Session(engine_of(model), clock=lambda: now[0])
    next_second = threading.Event()
    session.start(LiveSource([100, next_second, 101], live=True))
    assert first.wait(WAIT_S) and session.snapshot().lag_s == 0.5
    now[0] = 100.75
    go_on.set()
    next_second.set()
    assert second.wait(WAIT_S) and session.snapshot().lag_s == 0.75
    now[0] = 104.0
    assert session.snapshot().lag_s == 3.0
    release.set()
    assert ended(session).snapshot().lag_s is None


def test_a_run_started_with_no_new_lanes_takes_no_new_instruction_but_lets_its_later_ones_join(engine_of):
    refused = []

    def type_one_more():
        with pytest.raises(ValueError, match="takes no new instructions"):
            session.ask("Balls?")
        refused.append(True)

    session = Session(engine_of(LiveModel(echo)))
    session.start(LiveSource([0, 1, type_one_more, 2, 3]), asks=[(0, "Cars?"), (2, "Dogs?")], no_new_lanes=True)
    ended(session)
    assert refused
    assert [(row.second, row.text) for row in session.snapshot().rows if row.kind == "asked"] == [
        (0, "Cars?"),
        (2, "Dogs?"),
    ]
    assert session.ask("Balls?") > 2  # for the next run
