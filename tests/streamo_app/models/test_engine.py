"""The engine: who gets the next forward, what reaches whom, and that nobody waits for ever. No clocks: events decide
when to look."""

import threading

import pytest

from streamo_app.events import Asked, Decided, Failed, Speaking
from streamo_app.models.client import MAX_LANES, Ask, TurnRequest
from streamo_app.models.engine import Engine
from streamo_app.protocol import State
from tests.support import tiny
from tests.support.scripted import SILENT, SPEAKING, ScriptedModel, image
from tests.support.streams import streaming

LONG = 10.0
"""Seconds after which a test has failed; nothing here takes a tenth of one."""
A, B = 1, 2


class User:
    """A client that collects its events and submits seconds one after the other, each when the one before is taken."""

    def __init__(self, engine: Engine, user: int, on_event=lambda user, event: None):
        self.number, self.events, self.on_event = user, [], on_event
        self.client = engine.client(self._sink)

    def _sink(self, event):
        self.events.append(event)
        self.on_event(self, event)

    def send(self, second: int, *asks: tuple[int, str], **kwargs) -> bool:
        return self.client.submit(
            TurnRequest(second, image(self.number), tuple(Ask(*ask) for ask in asks), **kwargs), LONG
        )

    def run(self, *seconds: tuple) -> list:
        for second, *asks in seconds:
            assert self.send(second, *asks)
        assert self.client.wait_idle(LONG)
        return self.events


@pytest.fixture
def started():
    engines = []

    def start(model) -> Engine:
        engines.append(Engine(model))
        return engines[-1].start()

    yield start
    for engine in engines:
        engine.stop()
        assert not engine._thread.is_alive()


def decided(events, lane=None):
    return [(e.second, e.lane, e.text) for e in events if isinstance(e, Decided) and lane in (None, e.lane)]


def test_before_the_first_instruction_each_second_is_one_silence_of_the_watcher(started):
    user = User(started(ScriptedModel()), A)
    events = user.run((0,), (1,))
    assert [(e.second, e.lane, e.state, e.p) for e in events] == [
        (s, 0, State.SILENCE, (1.0, 0.0, 0.0)) for s in (0, 1)
    ]


def test_an_instruction_opens_a_lane_that_has_seen_what_the_watcher_saw_before(started):
    model = ScriptedModel({(A, 3): ["Green.", "Now."]})
    user = User(started(model), A)
    events = user.run((0,), (2,), (3, (1, "Light?")), (4,))
    assert [type(e) for e in events] == [Decided, Decided, Asked, Speaking, Decided, Decided]
    assert events[2:5] == [
        Asked(3, 1, "Light?"),
        Speaking(3, 1, "Green.", SPEAKING),
        Decided(3, 1, State.RESPONSE, "Green. Now.", SPEAKING, events[4].ms),
    ]
    assert decided(events)[-1] == (4, 1, "") and events[-1].p == SILENT
    watcher, lane = model.lanes
    assert (watcher.seen, lane.seen, lane.asked) == ([0, 2, 3, 4], [0, 2, 3, 4], ["Light?"])


def test_a_follow_up_goes_to_its_open_lane(started):
    model = ScriptedModel()
    events = User(started(model), A).run((0, (1, "Cars?"), (2, "Dogs?")), (1, (1, "Red ones.")))
    assert [(e.lane, e.text, e.follow_up) for e in events if isinstance(e, Asked)] == [
        (1, "Cars?", False),
        (2, "Dogs?", False),
        (1, "Red ones.", True),
    ]
    assert [lane.asked for lane in model.lanes] == [[], ["Cars?", "Red ones."], ["Dogs?"]]


def test_skipped_seconds_and_talkativeness_arrive(started):
    model = ScriptedModel()
    user = User(started(model), A)
    user.send(7, (1, "Cars?"), (2, "Dogs?"), talkativeness={2: 1.5}, skipped=3)
    user.client.wait_idle(LONG)
    assert [e.skipped for e in user.events if isinstance(e, Decided)] == [3, 3]
    assert [lane.talkativeness for lane in model.lanes[1:]] == [0.0, 1.5]


def test_all_lanes_decide_before_one_speaks_its_second_word(started):
    model = ScriptedModel({(A, 0): ["a", "b", "c"]})
    User(started(model), A).run((0, (1, "Cars?"), (2, "Dogs?")))
    whats = [what for _, what in model.passes]
    assert whats == [
        "encode",
        "watch",
        "decide 0",
        "decide 0",
        "word 1",
        "word 1",
        "word 2",
        "word 2",
        "word 3",
        "word 3",
    ]


def test_a_long_reply_of_one_user_never_blocks_another():
    model = ScriptedModel({(A, 0): ["word"] * 1000})
    engine, finished = Engine(model), threading.Event()

    def next_second(user, event):
        if not isinstance(event, Decided):
            return
        if event.second < 9:
            user.send(event.second + 1)
        else:
            engine.stop()  # on the engine's own thread: until this one woke up, the slow reply could come to its end
            finished.set()

    slow, quick = User(engine, A), User(engine, B, next_second)
    slow.send(0, (1, "Tell all."))
    quick.send(0)
    engine.start()
    assert finished.wait(LONG)
    done_when_quick_ended = model.passes.index(
        (B, "watch"), [i for i, p in enumerate(model.passes) if p == (B, "encode")][9]
    )
    engine.stop()
    between = [user for user, _ in model.passes[:done_when_quick_ended]]
    assert between.count(B) >= 19 and abs(between.count(A) - between.count(B)) <= 2, "one forward each, in turn"
    assert decided(quick.events) == [(s, 0, "") for s in range(10)] and not decided(slow.events)


def test_the_slot_is_one_second_wide():
    engine = Engine(ScriptedModel())
    user = User(engine, A)
    assert user.client.idle()
    assert user.send(0) and not user.client.idle()
    assert not user.client.submit(TurnRequest(1, image(A)), timeout_s=0.01), "the engine has not taken the first"
    engine.start()
    assert user.send(1) and user.client.wait_idle(LONG)
    assert [second for second, *_ in decided(user.events)] == [0, 1]
    engine.stop()


def test_cancelling_in_the_middle_of_a_reply_ends_it_and_nobody_else(started):
    model = ScriptedModel({(A, 0): ["word"] * 50, (B, 0): ["fine"] * 50})
    engine = started(model)
    gone = User(engine, A, lambda user, event: user.client.cancel() if isinstance(event, Speaking) else None)
    other = User(engine, B)
    assert gone.send(0, (1, "Tell all."))
    other.run((0, (1, "And you?")), (1,))
    assert [type(e) for e in gone.events] == [Asked, Speaking], "nothing after the cancel"
    assert gone.client.idle() and not gone.client.submit(TurnRequest(1, image(A)))
    gone.client.cancel()
    assert decided(other.events) == [(0, 1, " ".join(["fine"] * 50)), (1, 1, "")]
    assert len(model.dropped) == 2 and model.lanes[1].cut


def test_a_result_that_arrives_after_the_cancel_is_discarded(started):
    inside, go_on = threading.Event(), threading.Event()

    def block(user, what):
        if what == "decide 0":
            inside.set()
            go_on.wait(LONG)

    user = User(started(ScriptedModel({(A, 0): ["late"]}, before=block)), A)
    user.send(0, (1, "Now?"))
    assert inside.wait(LONG)
    user.client.cancel()
    go_on.set()
    assert user.client.wait_idle(LONG)
    assert [type(e) for e in user.events] == [Asked]


def test_dropping_a_lane_cuts_its_reply_and_leaves_the_others(started):
    model = ScriptedModel({(A, 0): ["a", "b", "c", "d"]})

    def drop_first(user, event):
        if isinstance(event, Speaking) and event.lane == 1:
            user.client.drop_lane(1)

    user = User(started(model), A, drop_first)
    user.run((0, (1, "Cars?"), (2, "Dogs?")), (1,))
    assert decided(user.events) == [(0, 2, "a b c d"), (1, 2, "")]
    assert model.dropped == [model.lanes[1]] and model.lanes[1].cut and not model.lanes[2].cut
    assert set(user.client.stats()["lanes"]) == {0, 2}


def test_a_dropped_number_can_be_asked_again_and_what_was_asked_before_is_forgotten():
    model = ScriptedModel()
    engine = Engine(model)
    user = User(engine, A)
    user.send(0, (1, "Old."), (2, "Stays."))
    user.client.drop_lane(1)
    engine.start()
    user.run((1, (1, "New.")))
    engine.stop()
    assert [(e.second, e.lane, e.text, e.follow_up) for e in user.events if isinstance(e, Asked)] == [
        (0, 2, "Stays.", False),
        (1, 1, "New.", False),
    ]


def test_a_failure_reaches_its_own_client_in_one_sentence_and_the_others_go_on(started):
    model = ScriptedModel(failing=[(A, "decide 1")])
    engine = started(model)
    broken, other = User(engine, A), User(engine, B)
    broken.run((0, (1, "Cars?")))
    broken.send(1)
    assert broken.client.wait_idle(LONG)
    assert broken.events[-1] == Failed(1, "The model failed at second 1: user 1 broke.")
    assert not broken.send(2)
    assert decided(other.run((0, (1, "Dogs?")), (1,))) == [(0, 1, ""), (1, 1, "")]


def test_a_sink_that_raises_loses_its_own_client_only(started):
    def raising(user, event):
        raise RuntimeError("page closed")

    engine = started(ScriptedModel())
    broken, other = User(engine, A, raising), User(engine, B)
    broken.send(0)
    assert broken.client.wait_idle(LONG)
    assert decided(other.run((0,), (1,))) == [(0, 0, ""), (1, 0, "")]


def test_stopping_in_the_middle_of_an_endless_reply_takes_one_forward_and_may_be_repeated():
    speaking = threading.Event()
    model = ScriptedModel({(A, 0): ["word"] * 1_000_000})
    engine = Engine(model).start()
    user = User(engine, A, lambda user, event: speaking.set() if isinstance(event, Speaking) else None)
    user.send(0, (1, "Tell all."))
    assert speaking.wait(LONG)
    engine.stop(timeout_s=2.0)
    assert not engine._thread.is_alive() and user.client.idle() and not user.send(1)
    assert model.lanes[1] in model.dropped
    engine.stop()


def test_stopping_while_a_forward_hangs_returns_in_time():
    inside, go_on = threading.Event(), threading.Event()
    engine = Engine(ScriptedModel(before=lambda user, what: (inside.set(), go_on.wait(LONG)))).start()
    user = User(engine, A)
    user.send(0)
    assert inside.wait(LONG)
    engine.stop(timeout_s=0.05)
    assert user.client.idle() and not user.events
    go_on.set()
    engine.stop(timeout_s=LONG)
    assert not engine._thread.is_alive() and not user.events
    Engine(ScriptedModel()).stop()


def test_lanes_are_counted_from_1_to_8(started):
    user = User(started(ScriptedModel()), A)
    user.run((0, *((lane, "Look.") for lane in range(1, MAX_LANES + 1))))
    with pytest.raises(ValueError, match="at most 8"):
        user.send(1, (9, "One more."))
    with pytest.raises(ValueError, match="counted from 1"):
        user.send(1, (0, "You, watcher."))
    user.client.drop_lane(3)
    assert len(decided(user.run((1, (9, "One more.")))))


def test_the_real_model_says_through_the_engine_what_it_says_alone(started):
    stream = streaming(tiny.model(layers=2), window=6)
    alone, lane = [], stream.open_lane()
    for turn in range(12):
        features = stream.encode([tiny.picture(turn)])
        if turn < 3:
            stream.watch(lane, turn, features)
        else:
            steps = list(stream.turn(lane, turn, features, ("Count.",) if turn == 3 else (), -0.3))
            alone.append((turn, steps[-1].state, steps[-1].text or "", steps[-1].p))
    engine, users = started(stream), []
    for _ in range(2):
        events: list = []
        users.append((engine.client(events.append), events))
    for turn in range(12):
        asks = (Ask(1, "Count."),) if turn == 3 else ()
        for client, _ in users:
            assert client.submit(TurnRequest(turn, (tiny.picture(turn),), asks, {1: -0.3}), LONG)
    for client, events in users:
        assert client.wait_idle(60)
        said = [(e.second, e.state, e.text, e.p) for e in events if isinstance(e, Decided) and e.lane == 1]
        assert said == alone
        assert client.stats()["lanes"][0]["forwards"] == 12 and client.stats()["lanes"][1]["kv_tokens"] > 0


def test_the_watcher_is_let_go_once_nobody_will_open_a_lane_any_more(started):
    model = ScriptedModel({(A, 2): ["Green."]})
    user = User(started(model), A)
    assert user.send(0) and user.send(1, (1, "Light?"), watch=False) and user.send(2, watch=False)
    assert user.client.wait_idle(LONG)
    watcher, lane = model.lanes
    assert (watcher.seen, lane.seen) == ([0], [0, 1, 2])  # it was forked as it was before second 1
    assert decided(user.events) == [(0, 0, ""), (1, 1, ""), (2, 1, "Green.")]
    assert list(user.client.stats()["lanes"]) == [1]
