"""Losses on the middle layers, worked out by hand or read off the model's own attention."""

from math import log

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from finetune.config import LEAST_LAYERS, Stage
from finetune.data.batch import NO_DIGIT, PLACES, Batch, Sample, collate
from finetune.data.patch_labels import CLASSES, REPORTED
from finetune.model import tiny
from finetune.training.aux_heads import AuxHeads
from finetune.training.aux_layers import AuxLayers
from finetune.training.previous_frame import WEIGHTS
from finetune.training.step_modules import CURVE_KEYS, AuxWeights, VisionStep
from finetune.world.events import EVENTS, UNKNOWN
from streamo_app.models.qwen2_5_vl import Qwen25VL


@pytest.fixture(scope="module")
def model():
    made = tiny.tiny_model(
        tiny.train_tokenizer(["user\nassistant\n"] * 4, 400), hidden=64, heads=4, kv_heads=2, mlp=64, vision_layers=1
    ).eval()
    torch.manual_seed(0)
    for weight in made.model.language_model.layers.parameters():
        # Larger than at the start of a training, where attention is nearly even and any position would do.
        torch.nn.init.normal_(weight, std=1.5 / weight.shape[-1] ** 0.5) if weight.ndim == 2 else None
    made.set_attn_implementation("eager")
    return made


@pytest.fixture(scope="module")
def batch(model) -> Batch:
    """Two dialogues of three and two images of two visual tokens, seen in seconds 4, 40, 7 and 5, 6."""
    image, noise = model.config.image_token_id, torch.Generator().manual_seed(0)

    def row(words: int, clock: list[int], targets: list, distractors: list, pointers: list) -> Sample:
        ids = [25]
        for second in clock:
            ids += [image, image, *range(30 + second, 30 + second + words)]
        features = torch.randn(len(clock), 8, model.config.vision_config.hidden_size, generator=noise)
        return Sample(
            ids,
            [-100] * len(ids),
            (1, 2),
            features,
            clock,
            np.array(targets, np.float32),
            np.array(distractors),
            pointers,
            practice=True,
        )

    rows = [
        row(
            4,
            [4, 40, 7],
            [[1, 0], [-1, -1], [0, 0]],
            [[False, True], [False, False], [False, False]],
            [(16, 1, 7), (18, 7, 13), (12, 0, 1)],
        ),
        row(2, [5, 6], [[-1, -1]] * 2, [[False, False]] * 2, [(7, 1, 4)]),
    ]
    return collate(rows, 0, Qwen25VL(model.config, min_pixels=1, max_pixels=9999))


@pytest.fixture
def run(model, batch):
    """Heads over the batch, after `change` was done to them: (what they find, what the model did)."""

    def of(change=lambda heads: None, previous_frame=False):
        heads = AuxHeads(model, previous_frame)
        change(heads)
        with torch.no_grad():
            language = model.model.language_model
            out = language(
                inputs_embeds=language.embed_tokens(batch.ids), position_ids=batch.positions, use_cache=False,
                output_attentions=True, output_hidden_states=True,
            )  # fmt: skip
            found = heads(batch.ids == model.config.image_token_id, batch)
        heads.remove_hooks()
        return found, out

    return of


def test_the_pointer_loss_is_minus_the_log_of_what_the_first_head_of_the_third_layer_gives_to_the_turn(run):
    found, out = run()
    loss, count = found["attention_pointer"]
    attention = out.attentions[2][:, 0]  # (rows, asking, asked)
    wanted = [(0, 16, 1, 7), (0, 18, 7, 13), (0, 12, 0, 1), (1, 7, 1, 4)]
    masses = [attention[row, at, low:high].sum().item() for row, at, low, high in wanted]
    assert max(masses) - min(masses) > 0.1  # or any position would do
    assert count.item() == 4 and loss.item() == pytest.approx(-sum(log(mass) for mass in masses), rel=1e-4)


def test_a_batch_without_pointers_costs_nothing(model, batch):
    heads = AuxHeads(model)
    none = Batch(**vars(batch) | {"pointers": torch.zeros(0, 4, dtype=torch.int64)})
    language = model.model.language_model
    language(inputs_embeds=language.embed_tokens(batch.ids), position_ids=batch.positions, use_cache=False)
    loss, count = heads(batch.ids == model.config.image_token_id, none)["attention_pointer"]
    heads.remove_hooks()
    assert loss.item() == 0 and count.item() == 0
    loss.backward()  # still a part of the graph: every process takes part in the same gradients


def test_the_clock_loss_is_the_cross_entropy_of_both_edges_a_digit_that_there_is_not_is_one_too(run):
    def units_are_four(heads):
        torch.nn.init.zeros_(heads.timestamp.weight)
        torch.nn.init.zeros_(heads.timestamp.bias)
        # The first edge's units: 4 has 10 of 20, each other digit, and that there is none, 1 of 20.
        heads.timestamp.bias.data.view(2, PLACES, NO_DIGIT + 1)[0, 0, 4] = log(10)

    loss, count = run(units_are_four)[0]["timestamp"]
    # <4s-5s> <40s-41s> <7s-8s>, <5s-6s> <6s-7s>, two visual tokens each: every number but 40 and 41 has one digit.
    assert count.item() == 2 * (2 + 4 + 2 + 2 + 2)
    units = log(2) + 4 * log(20)  # of the first edges; everything else is even among eleven
    assert loss.item() == pytest.approx(2 * (units + 5 * (2 * PLACES - 1) * log(11)), rel=1e-5)


def test_the_match_loss_weighs_targets_distractors_and_empty_tokens(run):
    def sure_and_unsure(heads):
        for head, bias in zip(heads.token_grounding, (log(3), 0.0), strict=True):  # three quarters for yes; a half
            torch.nn.init.zeros_(head.weight)
            torch.nn.init.constant_(head.bias, bias)

    loss, weight = run(sure_and_unsure)[0]["token_grounding"]
    # A target (1.0), a distractor (0.7), two empty tokens (0.1 each); the rest is ignored.
    assert weight.item() == pytest.approx(1.9)
    first, second = 1.0 * log(4 / 3) + 0.9 * log(4), 1.9 * log(2)
    assert loss.item() == pytest.approx((first + second) / 2, rel=1e-5)


def test_matches_are_read_after_the_second_and_the_third_layer(run, model, batch):
    def first_number(heads):
        for head in heads.token_grounding:
            torch.nn.init.zeros_(head.weight)
            torch.nn.init.zeros_(head.bias)
            head.weight.data[0, 0] = 1.0

    found, out = run(first_number)
    loss, _ = found["token_grounding"]
    image = batch.ids == model.config.image_token_id
    each = [
        (
            F.binary_cross_entropy_with_logits(out.hidden_states[after][image][:, 0], batch.targets, reduction="none")
            * batch.weights
        ).sum()
        for after in (2, 3)  # 0 is what goes into the first layer
    ]
    assert loss.item() == pytest.approx(sum(each).item() / 2, rel=1e-5)


def test_the_way_loss_is_of_tokens_that_carry_something_on_its_way(run, batch, monkeypatch):
    def mostly_right(heads):
        for head in heads.motion_direction:
            torch.nn.init.zeros_(head.weight)
            torch.nn.init.constant_(head.bias, log(3))  # three quarters for right

    loss, weight = run(mostly_right)[0]["motion_direction"]
    assert weight.item() == 0 and loss.item() == 0  # the rows of this batch say nothing about it
    ways, weights = torch.zeros_like(batch.directions), torch.zeros_like(batch.direction_weights)
    ways[1], weights[1], weights[2] = 1.0, 1.0, 0.5
    monkeypatch.setattr(batch, "directions", ways)
    monkeypatch.setattr(batch, "direction_weights", weights)
    loss, weight = run(mostly_right)[0]["motion_direction"]
    assert weight.item() == 1.5 and loss.item() == pytest.approx(log(4 / 3) + 0.5 * log(4), rel=1e-5)


def test_the_events_loss_is_read_where_a_turn_is_decided_and_weighs_what_happens_more(run, batch, monkeypatch):
    events = torch.full((2, len(EVENTS)), UNKNOWN)
    events[0, :3], events[1, 0] = torch.tensor([1.0, 0.0, 0.0]), 1.0
    monkeypatch.setattr(batch, "decisions", torch.tensor([[0, 6], [1, 4]]))
    monkeypatch.setattr(batch, "events", events)

    def even_but_the_first(heads):
        heads.event_tagging.bias.data[0] = log(3)  # three quarters for it

    loss, weight = run(even_but_the_first)[0]["event_tagging"]
    assert weight.item() == pytest.approx(2 * 1.0 + 2 * 0.15)
    assert loss.item() == pytest.approx(2 * log(4 / 3) + 2 * 0.15 * log(2), rel=1e-5)

    def first_number(heads):
        heads.event_tagging.weight.data[0, 0] = 1.0

    found, out = run(first_number)
    hidden = out.hidden_states[3]  # after the third layer; 0 is what goes into the first
    scores = torch.stack([hidden[0, 6, 0], hidden[1, 4, 0]])
    wanted = F.softplus(-scores).sum() + 2 * 0.15 * log(2)
    assert found["event_tagging"][0].item() == pytest.approx(wanted.item(), rel=1e-4)


def test_rows_of_which_nothing_is_known_cost_the_events_head_nothing(model, batch):
    heads = AuxHeads(model)
    language = model.model.language_model
    language(inputs_embeds=language.embed_tokens(batch.ids), position_ids=batch.positions, use_cache=False)
    loss, weight = heads(batch.ids == model.config.image_token_id, batch)["event_tagging"]
    heads.remove_hooks()
    assert loss.item() == 0 and weight.item() == 0
    loss.backward()  # still a part of the graph


def test_a_head_for_the_picture_before_is_there_where_it_is_wanted(run):
    assert list(run()[0]) == ["token_grounding", "motion_direction", "timestamp", "attention_pointer", "event_tagging"]
    assert list(run(previous_frame=True)[0]) == [
        "token_grounding",
        "motion_direction",
        "timestamp",
        "attention_pointer",
        "event_tagging",
        "position",
        "prev_frame_attention",
        "prev_frame_feature",
        "frame_diff",
        "change_fraction",
    ]


def test_the_place_loss_is_the_cross_entropy_of_row_and_column(run):
    def says_first_column(heads):
        heads.previous_frame.position.bias.data.view(2, 24)[1, 0] = log(23)  # of the columns the first has 23 of 46

    loss, count = run(says_first_column, previous_frame=True)[0]["position"]
    # Ten visual tokens, all in the first row of 24 even ones; five in the first column, five in the second (1 of 46).
    assert count.item() == 10
    assert loss.item() == pytest.approx(10 * log(24) + 5 * log(2) + 5 * log(46), rel=1e-5)


def test_a_place_beyond_those_that_are_told_apart_counts_as_the_last(run, batch, monkeypatch):
    def says_last_row(heads):
        heads.previous_frame.position.bias.data.view(2, 24)[0, 23] = log(23)

    monkeypatch.setattr(batch, "cells", torch.full_like(batch.cells, 40))
    loss, _ = run(says_last_row, previous_frame=True)[0]["position"]
    assert loss.item() == pytest.approx(10 * (log(2) + log(24)), rel=1e-5)


def test_one_in_five_visual_tokens_is_asked_to_look_at_its_place_one_picture_ago(run):
    found, out = run(previous_frame=True)
    loss, count = found["prev_frame_attention"]
    attention = out.attentions[1][:, 0]
    # Six have a picture before; the first and the sixth are asked: the first of the second picture, the last of the
    # other row.
    masses = [attention[0, 7, 1].item(), attention[1, 6, 2].item()]
    assert count.item() == 2 and loss.item() == pytest.approx(-sum(log(mass) for mass in masses), rel=1e-4)


def test_what_was_there_and_how_far_it_is_from_now_are_read_off_the_same_place_one_picture_ago(run, batch):
    width = batch.features.shape[1]
    tokens = F.layer_norm(
        batch.features.view(-1, 4, width).mean(1), (width,)
    )  # four patches are a visual token; two a picture
    before = {2: 0, 3: 1, 4: 2, 5: 3, 8: 6, 9: 7}  # of three pictures, then of two in the next dialogue
    change = {now: min(2.0, (tokens[now] - tokens[was]).square().mean().item()) for now, was in before.items()}
    assert min(change.values()) < 2.0 == max(change.values())

    def says(heads):
        heads.previous_frame.prev_frame_feature.bias.data, heads.previous_frame.frame_diff.bias.data = (
            tokens[3].clone(),
            torch.tensor([0.5]),
        )

    found, _ = run(says, previous_frame=True)
    wanted = sum((tokens[3] - tokens[was]).square().mean().item() for was in before.values())
    assert [value.item() for value in found["prev_frame_feature"]] == pytest.approx([wanted, 6], rel=1e-4)
    assert [value.item() for value in found["frame_diff"]] == pytest.approx(
        [sum((x - 0.5) ** 2 for x in change.values()), 6], rel=1e-4
    )


def test_change_is_read_after_the_second_and_the_third_layer(run, model, batch):
    def first_number(heads):
        heads.previous_frame.frame_diff.weight.data[0, 0] = 1.0

    found, out = run(first_number, previous_frame=True)
    now, was = torch.tensor([2, 3, 4, 5, 8, 9]), torch.tensor([0, 1, 2, 3, 6, 7])
    width = batch.features.shape[1]
    tokens = F.layer_norm(batch.features.view(-1, 4, width).mean(1), (width,))
    changed = (tokens[now] - tokens[was]).square().mean(-1).clamp(max=2.0)
    image = batch.ids == model.config.image_token_id
    each = [
        (out.hidden_states[after][image][now, 0] - changed).square().sum().item() for after in (2, 3)
    ]  # 0 is what goes into the first layer
    assert found["frame_diff"][0].item() == pytest.approx(sum(each) / 2, rel=1e-4)


@pytest.mark.parametrize(
    ("decided", "pictures"),
    [
        ([(0, 6), (0, 12), (0, 18), (1, 4), (1, 8)], [[1], [2], [4]]),
        ([(0, 12), (0, 18), (1, 8)], [[1], [2], [4]]),
        ([(0, 6), (0, 18)], [[1, 2]]),
    ],
)
def test_a_decision_knows_how_much_of_the_picture_has_changed_of_two_in_a_turn_the_one_that_changed_more(
    run, batch, monkeypatch, decided, pictures
):
    width = batch.features.shape[1]
    monkeypatch.setattr(batch, "features", batch.features.clone())
    flat = batch.features.view(5, 2, 4, width)
    flat[1, 0] = flat[0, 0]  # one of two tokens is as before
    flat[2, 1] = flat[1, 1] + 0.1 * flat[0, 1]  # and hardly another
    tokens = F.layer_norm(flat.mean(2), (width,))

    def share(picture, most):
        change = (tokens[picture] - tokens[picture - 1]).square().mean(-1)
        return (change / most).clamp(max=1.0).mean().item()

    assert share(1, 0.08) == 0.5 and 0.5 < share(2, 0.08) < share(4, 0.08) == 1.0
    monkeypatch.setattr(batch, "decisions", torch.tensor(decided))
    monkeypatch.setattr(batch, "events", torch.full((len(decided), len(EVENTS)), UNKNOWN))

    def says_half(heads):
        heads.previous_frame.change_fraction.bias.data[:] = 0.5

    loss, count = run(says_half, previous_frame=True)[0]["change_fraction"]
    wanted = [np.mean([(max(share(at, most) for at in turn) - 0.5) ** 2 for most in (0.08, 0.2)]) for turn in pictures]
    assert count.item() == len(pictures)  # the first picture of a dialogue has none before it
    assert loss.item() == pytest.approx(sum(wanted), rel=1e-3)


def test_new_heads_for_the_picture_before_say_nothing_yet(run):
    loss, count = run(previous_frame=True)[0]["prev_frame_feature"]
    assert loss.item() / count.item() == pytest.approx(1.0, rel=1e-3)  # they are off by the variance


def test_a_batch_of_first_pictures_costs_the_heads_nothing_and_stays_part_of_the_graph(model, batch):
    heads = AuxHeads(model, previous_frame=True)
    first = Batch(**vars(batch) | {"previous": torch.full_like(batch.previous, -1)})
    language = model.model.language_model
    language(inputs_embeds=language.embed_tokens(batch.ids), position_ids=batch.positions, use_cache=False)
    found = heads(batch.ids == model.config.image_token_id, first)
    heads.remove_hooks()
    for name in ("prev_frame_attention", "prev_frame_feature", "frame_diff", "change_fraction"):
        loss, count = found[name]
        assert loss.item() == 0 and count.item() == 0
        loss.backward(retain_graph=True)


def test_each_weight_is_that_of_the_loss_it_is_named_after():
    means = {name: torch.tensor(10.0**i) for i, name in enumerate(CURVE_KEYS)}
    stage = Stage("s", "dialogue", 1, 1e-3, aux_clock=2, aux_pointer=3, aux_events=4, aux_before=5)
    previous_frame = sum(weight * means[name] for name, weight in WEIGHTS.items())
    wanted = 1 + 10 + 2 * 100 + 3 * 1000 + 4 * 10_000 + 5 * previous_frame
    assert AuxWeights.of(stage).total(means).item() == pytest.approx(wanted.item())
    alone = {name: mean for name, mean in means.items() if name not in WEIGHTS}
    assert AuxWeights.of(stage).total(dict(reversed(alone.items()))).item() == 43_211  # their order says nothing


def test_the_layers_that_are_read_are_named_and_a_configuration_asks_for_as_many(run, model):
    highest = max(max(layer) if isinstance(layer, tuple) else layer for layer in vars(AuxLayers()).values())
    assert highest + 1 == LEAST_LAYERS
    heads = AuxHeads(model, previous_frame=True, layers=AuxLayers(token_grounding=(0, 3), frame_diff=(2, 3)))
    heads.remove_hooks()
    assert len(heads.token_grounding) == 2 and heads.previous_frame.reads == {0, 1, 2, 3}


def test_classes_are_reported_by_their_names_in_whatever_order_they_stand(model):
    found = {}
    for classes in (CLASSES, CLASSES[::-1]):
        step = VisionStep(model, classes)
        found[classes] = {
            group: {classes[column] for column in columns} for group, columns in step.reported_columns.items()
        }
    assert found[CLASSES] == found[CLASSES[::-1]] == {group: set(names) for group, names in REPORTED.items()}
    assert set().union(*found[CLASSES].values()) == set(CLASSES)
