"""Lanes on tiny random models of the real class: the numbers of one long cache are the numbers of the whole dialogue."""

import pytest
import tiny
import torch

from streamo_app.models.interface import ModelInfo
from streamo_app.models.qwen2_5_vl import Qwen25VL
from streamo_app.models.streaming import MAX_NEW_TOKENS, TransformersModel
from streamo_app.protocol import STATES, State

NEVER, ALWAYS = -1000.0, 1000.0


def streaming(model, window: int = 12, **kwargs) -> TransformersModel:
    family = Qwen25VL(model.config, min_pixels=3136, max_pixels=100352)
    info = ModelInfo("tiny", 1, window, 0.0, "cpu", "none")
    return TransformersModel(model, family.wire(tiny.tokenizer(), "Watch."), family, info, **kwargs)


class Recorder:
    """What really goes through the model: ids of every embedding call, last logits of every language-model call."""

    def __init__(self, stream: TransformersModel):
        self.ids: list[list[int]] = []
        self.logits: list[torch.Tensor] = []
        model = stream.model
        self.hooks = [
            model.get_input_embeddings().register_forward_hook(lambda _, args, __: self.ids.append(args[0][0].tolist())),
            model.model.language_model.register_forward_hook(
                lambda _, __, out: self.logits.append(model.lm_head(out.last_hidden_state[0, -1]).clone())
            ),
        ]

    def stop(self):
        for hook in self.hooks:
            hook.remove()


def second(stream, lane, turn, *, ask=(), talk=NEVER, cut_after=None, image=None):
    """One second of a lane; a response is cut after `cut_after` steps. Returns the probabilities and the reply's ids as fed later."""
    steps = stream.turn(lane, turn, stream.encode([tiny.picture(turn) if image is None else image]), ask, talk)
    first = next(steps)
    taken = 0
    while cut_after is None or taken < cut_after:
        if next(steps, None) is None:
            break
        taken += 1
    steps.close()
    return first


@torch.inference_mode()
def whole(stream, ids, seconds):
    """Logits of the official forward over a whole dialogue, vision included: no code of ours but preprocessing."""
    pixels, grids = stream.family.preprocess([tiny.picture(turn) for turn in seconds])
    ids = torch.tensor([ids])
    kinds = (ids == stream.wire.image_id).int()
    model = stream.model
    model.model.rope_deltas = None
    return model(input_ids=ids, mm_token_type_ids=kinds, pixel_values=pixels, image_grid_thw=torch.tensor(grids)).logits[0]


def state_probabilities(stream, logits):
    return logits[list(stream.wire.state_ids)].double().softmax(-1).tolist()


def test_sixteen_turns_on_one_cache_equal_one_full_forward():
    stream = streaming(tiny.model(layers=3), window=120)
    record = Recorder(stream)
    lane = stream.open_lane()
    for turn in range(16):
        ask = {2: ("Notify me when the light turns green.",), 9: ("What is in the bowl?",)}.get(turn, ())
        second(stream, lane, turn, ask=ask, talk=ALWAYS if turn in (5, 11) else NEVER, cut_after=7 if turn == 11 else None)
    record.stop()
    fed = [i for ids in record.ids for i in ids]
    assert fed.count(stream.wire.image_id) == 16 * 6
    logits = whole(stream, fed, range(16))
    ends = torch.tensor([len(ids) for ids in record.ids]).cumsum(0) - 1
    assert len(ends) == 1 + 16 + (lane.forwards - 16)
    assert (logits[ends] - torch.stack(record.logits)).abs().max() <= 1e-5


def test_what_is_fed_is_the_dialogue_that_training_sees():
    stream = streaming(tiny.model(layers=1), window=120)
    record = Recorder(stream)
    lane, wire = stream.open_lane(), stream.wire
    states = [second(stream, lane, turn, ask=("Count.",) if turn == 1 else ()).state for turn in range(3)]
    second(stream, lane, 3, talk=ALWAYS, cut_after=0)
    second(stream, lane, 4)
    record.stop()
    expected = wire.system()
    for turn, state in enumerate([*states, State.RESPONSE]):
        expected += wire.user_turn(turn, [6], ["Count."] if turn == 1 else []) + wire.reply(state) + wire.close()
    assert [i for ids in record.ids for i in ids] == expected + wire.user_turn(4, [6])


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


def test_moving_the_prefix_equals_rotating_the_window():
    model = tiny.model(layers=3)
    moving, rotating = streaming(model), streaming(model, rebase_spans=0)
    lanes = moving.open_lane(), rotating.open_lane()
    starts = set()
    for turn in range(90):
        ask = {0: ("Count the cars.",), 20: ("Faster.",)}.get(turn, ())
        pair = [second(s, lane, turn, ask=ask, cut_after=0, talk=0.0) for s, lane in zip((moving, rotating), lanes, strict=True)]
        assert pair[0].p == pytest.approx(pair[1].p, abs=1e-5)
        starts.add(lanes[0].prefix_start)
        assert lanes[1].prefix_start == 0
    assert len(starts) > 30 and max(starts) > 0 and lanes[0].next_position < 90 * 20, "the prefix moved, and was rebased"


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


def test_memory_is_bounded_from_the_first_window_to_second_3000():
    window = 24
    stream = streaming(tiny.model(layers=1, hidden=32, heads=2, kv=1), window=window)
    lane, features = stream.open_lane(), stream.encode([tiny.picture(0)])
    longest = len(stream.wire.user_turn(2999, [6])) + 3
    bound = len(stream.wire.system()) + len(stream.wire.user_header() + stream.wire.instruction("Count.")) + window * longest
    for turn in range(3000):
        list(stream.turn(lane, turn, features, ("Count.",) if turn == 0 else (), NEVER))
        assert lane.tokens <= bound and len(lane.turns) <= window
        if turn == 2 * window:
            held = lane.cache_bytes
    assert lane.cache_bytes == held and lane.next_position < 6 * bound


def snapshot(lane):
    layers = [(layer.keys.clone(), layer.values.clone()) for layer in lane.cache.layers]
    return layers, [vars(turn).copy() for turn in lane.turns], list(lane.pending), lane.next_position, lane.prefix_start, lane.pinned


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
        second(stream, fork, turn, ask=("Count.",) if turn == 17 else (), talk=ALWAYS if turn == 30 else NEVER, cut_after=5)
    layers, *rest = snapshot(watcher)
    for (keys, values), (old_keys, old_values) in zip(layers, before[0], strict=True):
        assert torch.equal(keys, old_keys) and torch.equal(values, old_values)
    assert tuple(rest) == before[1:]
    stream.drop(fork)
    stream.drop(fork)
    assert fork.tokens == 0 and fork.cache_bytes == 0
    for turn in range(17, 30):
        assert second(stream, watcher, turn, talk=0.0, cut_after=0).p == second(stream, alone, turn, talk=0.0, cut_after=0).p


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
    """One layer, so that the truncated dialogue is the exact truth; after a gap longer than the window only the pinned part is left."""
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
        ids += wire.user_turn(turn, [6], ["Count."] if turn == kept[0] else []) + (replies[turn] if turn < kept[-1] else [])
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


def test_no_added_token_is_ever_decoded_however_much_the_model_wants_it():
    model = tiny.model(layers=1)
    head = torch.nn.Linear(*reversed(model.lm_head.weight.shape))
    head.weight, model.lm_head = model.lm_head.weight, head
    stream = streaming(model)
    added = {*stream.wire.banned_ids}
    beyond = head.weight.shape[0] - 1
    assert beyond >= len(stream.wire.tokenizer)
    features = stream.encode([tiny.picture(0)])
    for wanted in [*sorted(added), beyond]:
        with torch.no_grad():
            head.bias.zero_()
            head.bias[wanted] = 1e6
        record = Recorder(stream)
        lane = stream.open_lane()
        steps = list(stream.turn(lane, 0, features, (), ALWAYS))
        record.stop()
        spoken = [ids[0] for ids in record.ids if len(ids) == 1][1:]
        assert len(spoken) == MAX_NEW_TOKENS - 1 and not added & {*spoken, *lane.pending[:1]} and beyond not in spoken
        assert [step.done for step in steps] == [False] * MAX_NEW_TOKENS + [True]


def test_the_closing_token_ends_a_response_even_an_empty_one():
    model = tiny.model(layers=1)
    head = torch.nn.Linear(*reversed(model.lm_head.weight.shape))
    head.weight, model.lm_head = model.lm_head.weight, head
    stream = streaming(model)
    with torch.no_grad():
        head.bias.zero_()
        head.bias[stream.wire.im_end] = 1e6
    lane = stream.open_lane()
    steps = list(stream.turn(lane, 0, stream.encode([tiny.picture(0)]), (), ALWAYS))
    assert [(step.state, step.text, step.done) for step in steps] == [(State.RESPONSE, None, False), (State.RESPONSE, "", True)]
    assert lane.pending == stream.wire.close() and lane.forwards == 2


@pytest.mark.parametrize("cut_after", [0, 1, 4])
def test_a_cut_reply_leaves_a_well_formed_dialogue(cut_after):
    stream = streaming(tiny.model(layers=2), window=120)
    lane, wire = stream.open_lane(), stream.wire
    record = Recorder(stream)
    second(stream, lane, 0, talk=ALWAYS, cut_after=cut_after)
    second(stream, lane, 1, talk=0.0, cut_after=0)
    record.stop()
    fed = [i for ids in record.ids for i in ids]
    turn = wire.user_turn(0, [6])
    said, rest = fed[len(turn) : len(turn) + 1 + cut_after], fed[len(turn) + 1 + cut_after :]
    assert fed[: len(turn)] == turn and said[0] == wire.state_ids[2] and not {*said[1:]} & {*wire.banned_ids, wire.im_end}
    assert rest == wire.close() + wire.user_turn(1, [6])


def test_an_iterator_that_is_never_started_changes_nothing():
    stream = streaming(tiny.model(layers=1))
    lane = stream.open_lane()
    stream.turn(lane, 0, stream.encode([tiny.picture(0)])).close()
    assert lane.turns == [] and lane.forwards == 0


def test_talkativeness_shifts_the_response_logit_and_nothing_else():
    stream = streaming(tiny.model(layers=1))
    features = stream.encode([tiny.picture(0)])
    quiet, loud = (next(stream.turn(stream.open_lane(), 0, features, (), talk)).p for talk in (0.0, 0.7))
    odds = [loud[2] / loud[i] / (quiet[2] / quiet[i]) for i in (0, 1)]
    assert odds == pytest.approx([2.718281828**0.7] * 2, rel=1e-6)
    assert sum(loud) == pytest.approx(1) and loud[0] / loud[1] == pytest.approx(quiet[0] / quiet[1])
    assert STATES[max(range(3), key=quiet.__getitem__)] is next(stream.turn(stream.open_lane(), 0, features)).state


def test_two_images_a_second_are_two_images_in_the_turn():
    stream = streaming(tiny.model(layers=2), window=120)
    lane, wire = stream.open_lane(), stream.wire
    first = next(stream.turn(lane, 0, stream.encode([tiny.picture(0), tiny.picture(1)])))
    logits = whole(stream, wire.system() + wire.user_turn(0, [6, 6]), [0, 1])[-1]
    assert first.p == pytest.approx(state_probabilities(stream, logits), abs=1e-5)
