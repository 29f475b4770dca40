"""Losses on the middle layers, worked out by hand or read off the model's own attention."""

from math import log

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from finetune import tiny
from finetune.batch import PLACES, Batch, Row, collate
from finetune.heads import Heads
from streamo_app.models.qwen2_5_vl import Qwen25VL


@pytest.fixture(scope="module")
def model():
    made = tiny.tiny_model(tiny.train_tokenizer(["user\nassistant\n"] * 4, 400), hidden=64, heads=4, kv_heads=2, mlp=64, vision_layers=1).eval()
    torch.manual_seed(0)
    for weight in made.model.language_model.layers.parameters():
        # Larger than at the start of a training, where attention is nearly even and any position would do.
        torch.nn.init.normal_(weight, std=1.5 / weight.shape[-1] ** 0.5) if weight.ndim == 2 else None
    made.set_attn_implementation("eager")
    return made


@pytest.fixture(scope="module")
def batch(model) -> Batch:
    """Two dialogues of three and two images of two visual tokens, seen in seconds 4, 40, 7 and 5, 6."""
    image = model.config.image_token_id

    def row(words: int, clock: list[int], targets: list, distractors: list, pointers: list) -> Row:
        ids = [25]
        for second in clock:
            ids += [image, image, *range(30 + second, 30 + second + words)]
        features = torch.zeros(len(clock), 8, 8)
        return Row(ids, [-100] * len(ids), (1, 2), features, clock, np.array(targets, np.float32), np.array(distractors), pointers, practice=True)

    rows = [
        row(4, [4, 40, 7], [[1, 0], [-1, -1], [0, 0]], [[False, True], [False, False], [False, False]], [(16, 1, 7), (18, 7, 13), (12, 0, 1)]),
        row(2, [5, 6], [[-1, -1]] * 2, [[False, False]] * 2, [(7, 1, 4)]),
    ]
    return collate(rows, 0, Qwen25VL(model.config, min_pixels=1, max_pixels=9999))


@pytest.fixture
def run(model, batch):
    """Heads over the batch, after `change` was done to them: (what they find, what the model did)."""

    def of(change=lambda heads: None):
        heads = Heads(model)
        change(heads)
        with torch.no_grad():
            language = model.model.language_model
            out = language(
                inputs_embeds=language.embed_tokens(batch.ids), position_ids=batch.positions, use_cache=False,
                output_attentions=True, output_hidden_states=True,
            )  # fmt: skip
            found = heads(batch.ids == model.config.image_token_id, batch)
        heads.let_go()
        return found, out

    return of


def test_the_pointer_loss_is_minus_the_log_of_what_the_first_head_of_the_third_layer_gives_to_the_turn(run):
    (*_, (loss, count)), out = run()
    attention = out.attentions[2][:, 0]  # (rows, asking, asked)
    wanted = [(0, 16, 1, 7), (0, 18, 7, 13), (0, 12, 0, 1), (1, 7, 1, 4)]
    masses = [attention[row, at, low:high].sum().item() for row, at, low, high in wanted]
    assert max(masses) - min(masses) > 0.1  # or any position would do
    assert count.item() == 4 and loss.item() == pytest.approx(-sum(log(mass) for mass in masses), rel=1e-4)


def test_a_batch_without_pointers_costs_nothing(model, batch):
    heads = Heads(model)
    none = Batch(**vars(batch) | {"pointers": torch.zeros(0, 4, dtype=torch.int64)})
    language = model.model.language_model
    language(inputs_embeds=language.embed_tokens(batch.ids), position_ids=batch.positions, use_cache=False)
    *_, (loss, count) = heads(batch.ids == model.config.image_token_id, none)
    heads.let_go()
    assert loss.item() == 0 and count.item() == 0
    loss.backward()  # still a part of the graph: every process takes part in the same gradients


def test_the_clock_loss_is_the_cross_entropy_of_every_digit_that_there_is(run):
    def units_are_four(heads):
        torch.nn.init.zeros_(heads.clock.weight)
        torch.nn.init.zeros_(heads.clock.bias)
        heads.clock.bias.data.view(PLACES, 10)[0, 4] = log(9)  # of the units: 4 has 9 of 18, each other digit 1 of 18

    (_, _, (loss, count), _), _ = run(units_are_four)
    # 4: a half. 40: 0 has 1 of 18, and its tens are even. 7, 5, 6: 1 of 18. Two visual tokens each.
    assert count.item() == 2 * (1 + 2 + 1 + 1 + 1)
    assert loss.item() == pytest.approx(2 * (log(2) + (log(18) + log(10)) + 3 * log(18)), rel=1e-5)


def test_the_match_loss_weighs_targets_distractors_and_empty_tokens(run):
    def sure_and_unsure(heads):
        for head, bias in zip(heads.match, (log(3), 0.0)):  # three quarters for yes; a half
            torch.nn.init.zeros_(head.weight)
            torch.nn.init.constant_(head.bias, bias)

    ((loss, weight), *_), _ = run(sure_and_unsure)
    # A target (1.0), a distractor (0.7), two empty tokens (0.1 each); the rest is ignored.
    assert weight.item() == pytest.approx(1.9)
    first, second = 1.0 * log(4 / 3) + 0.9 * log(4), 1.9 * log(2)
    assert loss.item() == pytest.approx((first + second) / 2, rel=1e-5)


def test_matches_are_read_after_the_second_and_the_third_layer(run, model, batch):
    def first_number(heads):
        for head in heads.match:
            torch.nn.init.zeros_(head.weight)
            torch.nn.init.zeros_(head.bias)
            head.weight.data[0, 0] = 1.0

    ((loss, _), *_), out = run(first_number)
    image = batch.ids == model.config.image_token_id
    each = [
        (F.binary_cross_entropy_with_logits(out.hidden_states[after][image][:, 0], batch.targets, reduction="none") * batch.weights).sum()
        for after in (2, 3)  # 0 is what goes into the first layer
    ]
    assert loss.item() == pytest.approx(sum(each).item() / 2, rel=1e-5)


def test_the_way_loss_is_of_tokens_that_carry_something_on_its_way(run, batch, monkeypatch):
    def mostly_right(heads):
        for head in heads.way:
            torch.nn.init.zeros_(head.weight)
            torch.nn.init.constant_(head.bias, log(3))  # three quarters for right

    (_, (loss, weight), *_), _ = run(mostly_right)
    assert weight.item() == 0 and loss.item() == 0  # the rows of this batch say nothing about it
    ways, weights = torch.zeros_like(batch.ways), torch.zeros_like(batch.way_weights)
    ways[1], weights[1], weights[2] = 1.0, 1.0, 0.5
    monkeypatch.setattr(batch, "ways", ways)
    monkeypatch.setattr(batch, "way_weights", weights)
    (_, (loss, weight), *_), _ = run(mostly_right)
    assert weight.item() == 1.5 and loss.item() == pytest.approx(log(4 / 3) + 0.5 * log(4), rel=1e-5)
