"""One dialogue to one sample, against dialogues written by hand: what is learned, what numbers point at, what frames
are searched for."""

import re
from dataclasses import replace

import numpy as np
import pytest
import torch

from finetune.build import Dialogue, DialogueTurn
from finetune.data.batch import Sample
from finetune.data.encode import Corruptions, FrameInputs, SequenceEncoder, at_turns, searched_before
from finetune.data.patch_labels import CLASSES
from finetune.labels import IGNORED
from finetune.model import tiny
from streamo_app.models.wire import Wire
from streamo_app.protocol import SYSTEM_PROMPT, State

TEXTS = ["When did it happen?\n", " From 3s to 9s.", " 2.", "user\n", "assistant\n", SYSTEM_PROMPT]
SILENCE, STANDBY, RESPONSE = State.SILENCE, State.STANDBY, State.RESPONSE


@pytest.fixture(scope="module")
def encoder() -> SequenceEncoder:
    tokenizer = tiny.train_tokenizer(TEXTS * 4, 500)
    return SequenceEncoder(
        Wire(tokenizer, image_token=tiny.IMAGE, vision_start=tiny.VISION_START, vision_end=tiny.VISION_END)
    )


def dialogue(task: str, told: dict[int, str], first: int = 0, turns: int = 12) -> Dialogue:
    """Asked on the first turn; `told` by second, silence else."""
    made = []
    for at in range(first, first + turns):
        asked = ("When did it happen?",) if at == first else ()
        made.append(DialogueTurn(at, asked, RESPONSE if at in told else SILENCE, told.get(at, "")))
    return Dialogue("", task, tuple(made))


def pictures(
    turns: int, per_turn: int = 1, searched: str | None = None, shown: tuple[str, ...] = ("", "")
) -> FrameInputs:
    """28 x 56 pixels, so two visual tokens, which show `shown`."""
    count = turns * per_turn
    tokens = np.zeros((2, len(CLASSES)), np.uint8)
    for at, name in enumerate(shown):
        if name:
            tokens[at, CLASSES.index(name)] = 1
    return FrameInputs(torch.zeros(count, 8, 4), (28, 56), [tokens] * count, [searched] * count, per_turn)


def pointers(encoder: SequenceEncoder, sample: Sample) -> list[tuple[str, list[str]]]:
    """(digit that is predicted, tags of the turns or words of the reply that it points at) of each pointer."""
    decode, found = encoder.wire.tokenizer.decode, []
    for at, low, high in sample.pointers:
        assert 0 <= low < high <= at and sample.labels[at + 1] == sample.ids[at + 1]
        words = decode(sample.ids[low:high])
        found.append((decode([sample.ids[at + 1]]), re.findall(r"<\d+s-\d+s>", words) or [words.strip()]))
    return found


def test_a_span_points_at_the_turn_it_starts_in_and_at_the_last_turn_it_covers(encoder):
    sample = encoder.encode(dialogue("grounding_backward", {10: "From 3s to 9s."}), pictures(12))
    assert pointers(encoder, sample) == [("3", ["<3s-4s>"]), ("9", ["<8s-9s>"])]
    _, low, high = sample.pointers[0]
    assert sample.ids[low:high].count(encoder.wire.image_id) == 2  # its picture, whole


def test_every_digit_points_and_each_span_of_a_reply_has_its_own_turns(encoder):
    told = {51: "From 43s to 49s. From 40s to 50s."}
    sample = encoder.encode(dialogue("timed", told, first=40), pictures(12))
    tags = ["<43s-44s>", "<43s-44s>", "<48s-49s>", "<48s-49s>", "<40s-41s>", "<40s-41s>", "<49s-50s>", "<49s-50s>"]
    assert pointers(encoder, sample) == list(zip("43494050", [[tag] for tag in tags], strict=True))


def test_a_turn_that_is_not_there_or_still_to_come_is_pointed_at_by_nothing(encoder):
    sample = encoder.encode(dialogue("desk_grounding_forward", {5: "From 3s to 9s."}), pictures(12))
    assert pointers(encoder, sample) == [("3", ["<3s-4s>"])]
    sample = encoder.encode(dialogue("desk_grounding_forward", {10: "From 2s to 9s."}, first=5), pictures(12))
    assert pointers(encoder, sample) == [("9", ["<8s-9s>"])]


@pytest.mark.parametrize("task", ["counting", "desk_counting"])
def test_a_count_points_at_the_words_of_the_count_before(encoder, task):
    sample = encoder.encode(dialogue(task, {3: "1.", 6: "2.", 9: "3."}), pictures(12))
    assert pointers(encoder, sample) == [("2", ["1."]), ("3", ["2."])]


def test_numbers_of_other_tasks_point_nowhere(encoder):
    assert encoder.encode(dialogue("narration", {5: "From 3s to 4s."}), pictures(12)).pointers == []


def test_what_is_not_learnt_does_not_point(encoder):
    counted, grounded = (
        dialogue("counting", {3: "1.", 6: "2.", 9: "3."}),
        dialogue("grounding_backward", {10: "From 3s to 9s."}),
    )
    for corruptions in (Corruptions(decided=6), Corruptions(forgotten={6})):
        assert pointers(encoder, encoder.encode(counted, pictures(12), corruptions)) == [("3", ["2."])]
    gold = dialogue("grounding_backward", {})
    assert encoder.encode(grounded, pictures(12), Corruptions(gold=gold, wrong={10})).pointers == []
    assert encoder.encode(grounded, pictures(12), Corruptions(forgotten={10})).pointers == []


def learnt(encoder: SequenceEncoder, sample: Sample) -> list[str]:
    """What is learnt of each turn, in words; turns of which nothing is learnt are left out."""
    text = "".join(encoder.wire.tokenizer.decode([label]) if label != IGNORED else "\n" for label in sample.labels)
    return text.split()


def test_of_a_turn_that_is_forgotten_the_state_is_learnt_and_the_words_are_not(encoder):
    made = dialogue("counting", {1: "1.", 2: "2."}, turns=3)
    whole = ["</Silence><|im_end|>", "</Response>", "1.<|im_end|>", "</Response>", "2.<|im_end|>"]
    assert learnt(encoder, encoder.encode(made, pictures(3))) == whole
    sample = encoder.encode(made, pictures(3), Corruptions(forgotten={1}))
    assert learnt(encoder, sample) == ["</Silence><|im_end|>", "</Response>", "</Response>", "2.<|im_end|>"]
    assert sample.ids == encoder.encode(made, pictures(3)).ids  # it is read all the same


def test_of_a_wrong_turn_the_right_state_is_learnt_and_of_one_decided_long_ago_nothing(encoder):
    gold, wrong = dialogue("alert", {2: "2."}, turns=3), dialogue("alert", {1: "2.", 2: "2."}, turns=3)
    sample = encoder.encode(wrong, pictures(3), Corruptions(gold=gold, wrong={1}))
    assert learnt(encoder, sample) == ["</Silence><|im_end|>", "</Silence>", "</Response>", "2.<|im_end|>"]
    sample = encoder.encode(gold, pictures(3), Corruptions(gold=gold, decided=0))
    assert learnt(encoder, sample) == ["</Silence><|im_end|>", "</Response>", "2.<|im_end|>"]


def test_a_turn_may_have_two_pictures(encoder):
    sample = encoder.encode(dialogue("counting", {1: "1.", 2: "2."}, turns=3), pictures(3, per_turn=2))
    assert sample.clock == [0, 0, 1, 1, 2, 2] and sample.grid == (1, 2)
    assert (
        sample.ids.count(encoder.wire.image_id) == 12
        and len(sample.features) == len(sample.targets) == len(sample.distractors) == 6
    )
    assert pointers(encoder, sample) == [("2", ["1."])]
    sample = encoder.encode(dialogue("grounding_backward", {2: "From 0s to 1s."}, turns=3), pictures(3, per_turn=2))
    _, low, high = sample.pointers[0]
    assert sample.ids[low:high].count(encoder.wire.image_id) == 4


def test_a_token_that_shows_what_is_named_is_a_target_and_one_that_shows_another_thing_distracts(encoder):
    made = dialogue("alert_object", {}, turns=2)
    sample = encoder.encode(made, pictures(2, searched="red car", shown=("dog", "red car")))
    assert sample.targets.tolist() == [[0, 1]] * 2 and sample.distractors.tolist() == [[True, False]] * 2
    sample = encoder.encode(made, pictures(2, searched=None, shown=("dog", "red car")))
    assert sample.targets.tolist() == [[-1, -1]] * 2 and not sample.distractors.any()


def test_of_a_new_view_every_token_is_new_and_of_two_pictures_either_may_be_the_first(encoder):
    told = {2: "The view changed."}
    sample = encoder.encode(
        dialogue("desk_alert_view", told, turns=4), pictures(4, searched="view", shown=("person", ""))
    )
    assert sample.targets.tolist() == [[0, 0], [0, 0], [1, 1], [0, 0]]
    sample = encoder.encode(
        dialogue("desk_alert_view", told, turns=4), pictures(4, per_turn=2, searched="view", shown=("person", ""))
    )
    assert (sample.targets == -1).all()


def test_a_mistake_about_the_view_is_no_target(encoder):
    gold, lived = (
        dialogue("desk_alert_view", {2: "The view changed."}, turns=4),
        dialogue("desk_alert_view", {3: "The view changed."}, turns=4),
    )
    sample = encoder.encode(lived, pictures(4, searched="view"), Corruptions(gold=gold, wrong={2, 3}))
    assert sample.targets.tolist() == [[0, 0], [0, 0], [1, 1], [0, 0]]


def test_before_it_is_asked_for_nothing_is_searched():
    assert searched_before(2, 6, 2, "dog") == [None, None, None, None, "dog", "dog"]


def test_pictures_of_a_turn_are_taken_from_those_of_its_second():
    assert at_turns([0, 2], per_turn=1, fps=1) == [0, 2]
    assert at_turns([0, 2], per_turn=1, fps=2) == [0, 4]
    assert at_turns([0, 2], per_turn=2, fps=2) == [0, 1, 4, 5]


SIDED = ("A dog runs from left to right.", "A person leaves to the left.")


@pytest.fixture(scope="module")
def sided() -> SequenceEncoder:
    """Its tokenizer has a token for each side."""
    tokenizer = tiny.train_tokenizer(
        [*TEXTS, " left", " right", *SIDED, "A person comes in from the right and leaves to the left."] * 8, 700
    )
    return SequenceEncoder(
        Wire(tokenizer, image_token=tiny.IMAGE, vision_start=tiny.VISION_START, vision_end=tiny.VISION_END)
    )


def test_the_side_that_a_caption_begins_with_points_at_the_turn_before_it(sided):
    sample = sided.encode(dialogue("event_caption", {5: SIDED[0]}), pictures(12))
    assert pointers(sided, sample) == [(" left", ["<4s-5s>"])]


def test_in_a_room_only_the_side_of_leaving_is_told_by_the_turn_before(sided):
    sample = sided.encode(
        dialogue("desk_action_caption", {5: "A person comes in from the right and leaves to the left."}), pictures(12)
    )
    assert pointers(sided, sample) == [(" left", ["<4s-5s>"])]


def test_what_is_there_now_is_read_off_its_own_turn_and_what_was_there_off_the_one_before(sided):
    now = sided.encode(dialogue("ask_each", {5: SIDED[0]}), pictures(12, searched="thing"))
    before = sided.encode(dialogue("ask_each", {5: SIDED[0]}), pictures(12))
    assert (pointers(sided, now), pointers(sided, before)) == ([(" left", ["<5s-6s>"])], [(" left", ["<4s-5s>"])])


def test_a_mistake_and_an_alert_point_nowhere(sided):
    wrong = sided.encode(
        dialogue("event_caption", {5: SIDED[0]}),
        pictures(12),
        Corruptions(wrong={5}, gold=dialogue("event_caption", {5: SIDED[0]})),
    )
    assert not wrong.pointers and not sided.encode(dialogue("alert_object", {5: SIDED[0]}), pictures(12)).pointers


def test_ways_are_of_tokens_that_carry_a_thing_on_its_way(encoder):
    sample = encoder.encode(dialogue("alert_object", {}, turns=2), pictures(2, shown=("to left", "to right")))
    assert sample.directions[:1].tolist() == [[0.0, 1.0]]
    assert encoder.encode(dialogue("alert_object", {}, turns=2), pictures(2, shown=("dog", ""))).directions[
        0
    ].tolist() == [
        -1.0,
        -1.0,
    ]


def test_a_turn_is_told_what_it_shows_where_its_state_is_predicted(encoder):
    events = np.zeros((12, 5), np.float32)
    sample = encoder.encode(dialogue("counting", {3: "1."}), replace(pictures(12), events=events))
    assert sample.events is events
    assert [sample.labels[at + 1] in encoder.wire.state_ids for at in sample.decisions] == [True] * 12
    assert encoder.encode(dialogue("counting", {3: "1."}), pictures(12)).decisions == []
