"""A lane over time, on tiny random models of the real class: what leaves it, what stays, what it costs, and forks."""

import pytest
import torch

from streamo_app.protocol import State
from tests.support import tiny
from tests.support.streams import ALWAYS, NEVER, Recorder, second, state_probabilities, streaming, whole


@pytest.mark.slow
@pytest.mark.parametrize("asked_in_window", [False, True])
def test_after_sliding_probabilities_equal_a_prefill_of_the_truncated_dialogue(asked_in_window):
    """One layer: deeper ones remember evicted turns in what they kept, by design."""
    window, wanted = 12, {12: 1, 21: 10, 111: 100}
    stream = streaming(tiny.model(layers=1), window=window)
    lane, wire = stream.open_lane(), stream.wire
    asks = {0: ("Count the cars.",), 3: ("And the dogs.",)}
    if asked_in_window:
        asks |= {turn: ("Now the birds.",) for turn in (10, 19, 109)}
    replies = {}
    for turn in range(112):
        talk = 0.0 if turn in wanted else ALWAYS if turn % 7 == 5 else NEVER
        first = second(stream, lane, turn, ask=asks.get(turn, ()), talk=talk, cut_after=0)
        if turn in wanted:
            kept = range(turn - window + 1, turn + 1)
            pinned = [text for t, texts in asks.items() for text in texts if t < kept[0]]
            ids = wire.system()
            for t in kept:
                own = (pinned if t == kept[0] else []) + list(asks.get(t, ()))
                ids += wire.user_turn(t, [6], own) + (replies[t] if t < turn else [])
            assert lane.tokens == len(ids)
            official = state_probabilities(stream, whole(stream, ids, kept)[-1])
            assert first.p == pytest.approx(official, abs=1e-5), f"the window slid {wanted[turn]} times"
        replies[turn] = wire.reply(first.state) + wire.close()
    assert lane.forwards == 112 + (4 if asked_in_window else 2), "one a second, one for each prefix newly pinned"


@pytest.mark.slow
def test_moving_the_prefix_equals_rotating_the_window():
    model = tiny.model(layers=3)
    moving, rotating = streaming(model), streaming(model, rebase_spans=0)
    lanes = moving.open_lane(), rotating.open_lane()
    starts = set()
    for turn in range(90):
        ask = {0: ("Count the cars.",), 20: ("Faster.",)}.get(turn, ())
        pair = [
            second(s, lane, turn, ask=ask, cut_after=0, talk=0.0)
            for s, lane in zip((moving, rotating), lanes, strict=True)
        ]
        assert pair[0].p == pytest.approx(pair[1].p, abs=1e-5)
        starts.add(lanes[0].prefix_start)
        assert lanes[1].prefix_start == 0
    assert len(starts) > 30 and max(starts) > 0 and lanes[0].next_position < 90 * 20, (
        "the prefix moved, and was rebased"
    )


def test_a_silent_second_is_exactly_one_forward():
    stream = streaming(tiny.model(layers=1), window=12)
    lane = stream.open_lane()
    second(stream, lane, 0, ask=("Count.",))
    for turn in range(1, 14):
        second(stream, lane, turn)
    record = Recorder(stream)
    for turn in range(14, 40):
        second(stream, lane, turn)
        stream.watch(lane, turn + 100, stream.encode([tiny.picture(turn)])) if turn == 39 else None
    record.stop()
    assert len(record.logits) == 26 + 1
    assert lane.forwards == 40 + 1 + 1, "40 seconds, the one watched, and one when the instruction was pinned"


@pytest.mark.slow
def test_memory_is_bounded_from_the_first_window_to_second_3000():
    window = 24
    stream = streaming(tiny.model(layers=1, hidden=32, heads=2, kv=1), window=window)
    lane, features = stream.open_lane(), stream.encode([tiny.picture(0)])
    longest = len(stream.wire.user_turn(2999, [6])) + 3
    bound = (
        len(stream.wire.system())
        + len(stream.wire.user_header() + stream.wire.instruction("Count."))
        + window * longest
    )
    for turn in range(3000):
        list(stream.turn(lane, turn, features, ("Count.",) if turn == 0 else (), NEVER))
        assert lane.tokens <= bound and len(lane.turns) <= window
        if turn == 2 * window:
            held = lane.cache_bytes
    assert lane.cache_bytes == held and lane.next_position < 6 * bound


def snapshot(lane):
    layers = [(layer.keys.clone(), layer.values.clone()) for layer in lane.cache.layers]
    return (
        layers,
        [vars(turn).copy() for turn in lane.turns],
        list(lane.pending),
        lane.next_position,
        lane.prefix_start,
        lane.pinned,
    )


@pytest.mark.slow
def test_evicting_in_a_fork_leaves_the_watcher_bit_identical():
    stream = streaming(tiny.model(layers=3), window=12)
    watcher, alone = stream.open_lane(), stream.open_lane()
    for turn in range(17):
        for lane in (watcher, alone):
            stream.watch(lane, turn, stream.encode([tiny.picture(turn)]))
    before = snapshot(watcher)
    fork = stream.fork(watcher)
    assert fork.forwards == 0
    for turn in range(17, 50):
        second(
            stream, fork, turn, ask=("Count.",) if turn == 17 else (), talk=ALWAYS if turn == 30 else NEVER, cut_after=5
        )
    layers, *rest = snapshot(watcher)
    for (keys, values), (old_keys, old_values) in zip(layers, before[0], strict=True):
        assert torch.equal(keys, old_keys) and torch.equal(values, old_values)
    assert tuple(rest) == before[1:]
    stream.drop(fork)
    stream.drop(fork)
    assert fork.tokens == 0 and fork.cache_bytes == 0
    for turn in range(17, 30):
        assert (
            second(stream, watcher, turn, talk=0.0, cut_after=0).p
            == second(stream, alone, turn, talk=0.0, cut_after=0).p
        )


def test_a_lane_forked_from_the_watcher_has_its_instruction_in_that_second():
    stream = streaming(tiny.model(layers=2), window=120)
    watcher, wire = stream.open_lane(), stream.wire
    for turn in range(5):
        stream.watch(watcher, turn, stream.encode([tiny.picture(turn)]))
    lane = stream.fork(watcher)
    first = second(stream, lane, 5, ask=("What happened?",), talk=0.0, cut_after=0)
    ids = wire.system()
    for turn in range(5):
        ids += wire.user_turn(turn, [6]) + wire.reply(State.SILENCE) + wire.close()
    ids += wire.user_turn(5, [6], ["What happened?"])
    assert first.p == pytest.approx(state_probabilities(stream, whole(stream, ids, range(6))[-1]), abs=1e-5)


@pytest.mark.parametrize("gap", [1, 5, 11, 12, 500])
def test_seconds_may_be_skipped_and_a_clock_starts_anywhere(gap):
    """One layer, so that the truncated dialogue is the exact truth; after a gap longer than the window only the pinned
    part is left."""
    start, window = 86_390, 12
    stream = streaming(tiny.model(layers=1), window=window)
    lane, wire = stream.open_lane(), stream.wire
    seen = [*range(start, start + 20), *range(start + 19 + gap, start + 22 + gap)]
    replies = {}
    for turn in seen:
        first = second(stream, lane, turn, ask=("Count.",) if turn == start else (), talk=0.0, cut_after=0)
        replies[turn] = wire.reply(first.state) + wire.close()
    kept = [turn for turn in seen if turn > seen[-1] - window]
    ids = wire.system()
    for turn in kept:
        ids += wire.user_turn(turn, [6], ["Count."] if turn == kept[0] else []) + (
            replies[turn] if turn < kept[-1] else []
        )
    assert [turn.second for turn in lane.turns] == kept
    assert first.p == pytest.approx(state_probabilities(stream, whole(stream, ids, kept)[-1]), abs=1e-5)


def test_a_lane_goes_forward_only():
    stream = streaming(tiny.model(layers=1))
    lane = stream.open_lane()
    second(stream, lane, 7)
    with pytest.raises(ValueError, match="forward only"):
        second(stream, lane, 7)


def test_blocks_of_a_twelfth_of_the_window_leave_together():
    stream = streaming(tiny.model(layers=1), window=36)
    lane, features = stream.open_lane(), stream.encode([tiny.picture(0)])
    lengths = []
    for turn in range(80):
        stream.watch(lane, turn, features)
        lengths.append(len(lane.turns))
    assert lengths[35:42] == [36, 34, 35, 36, 34, 35, 36]


def test_the_first_instruction_and_the_last_four_follow_ups_stay_pinned():
    stream = streaming(tiny.model(layers=1), window=12)
    lane = stream.open_lane()
    for turn in range(40):
        second(stream, lane, turn, ask=(f"Ask {turn}.",) if turn < 8 else ())
    assert lane.pinned == ("Ask 0.", "Ask 4.", "Ask 5.", "Ask 6.", "Ask 7.")


@pytest.mark.slow
def test_half_precision_stays_close_to_single_while_the_window_slides():
    single = streaming(tiny.model(layers=2), window=12)
    half = streaming(tiny.model(layers=2).to(torch.bfloat16), window=12)
    lanes, worst = (single.open_lane(), half.open_lane()), 0.0
    for turn in range(40):
        ask = ("Count.",) if turn == 0 else ()
        pair = [
            second(stream, lane, turn, ask=ask, cut_after=0) for stream, lane in zip((single, half), lanes, strict=True)
        ]
        for stream, lane in zip((single, half), lanes, strict=True):
            lane.pending = stream.wire.reply(pair[0].state) + stream.wire.close()  # the same past for both
        worst = max(worst, *(abs(a - b) for a, b in zip(pair[0].p, pair[1].p, strict=True)))
    assert worst < 0.1 and lanes[1].cache.layers[0].keys.dtype is torch.bfloat16


@pytest.mark.slow
def test_a_lane_and_its_forks_keep_the_window_that_they_were_opened_with():
    stream = streaming(tiny.model(layers=1), window=12)
    short, own = stream.open_lane(6), stream.open_lane()
    fork = stream.fork(short)
    for turn in range(40):
        for lane in (short, own, fork):
            second(stream, lane, turn)
    assert [len(lane.turns) for lane in (short, fork, own)] == [6, 6, 12]
