"""One second of a lane, on tiny random models of the real class: its numbers, what is fed, what may be decoded."""

import pytest
import torch

from streamo_app.models.streaming import MAX_NEW_TOKENS
from streamo_app.protocol import STATES, State
from tests.support import tiny
from tests.support.streams import ALWAYS, NEVER, Recorder, second, state_probabilities, streaming, whole


def test_sixteen_turns_on_one_cache_equal_one_full_forward():
    stream = streaming(tiny.model(layers=3), window=120)
    record = Recorder(stream)
    lane = stream.open_lane()
    for turn in range(16):
        ask = {2: ("Notify me when the light turns green.",), 9: ("What is in the bowl?",)}.get(turn, ())
        second(
            stream, lane, turn, ask=ask, talk=ALWAYS if turn in (5, 11) else NEVER, cut_after=7 if turn == 11 else None
        )
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


@pytest.mark.slow
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
    assert [(step.state, step.text, step.done) for step in steps] == [
        (State.RESPONSE, None, False),
        (State.RESPONSE, "", True),
    ]
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
    assert (
        fed[: len(turn)] == turn and said[0] == wire.state_ids[2] and not {*said[1:]} & {*wire.banned_ids, wire.im_end}
    )
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
