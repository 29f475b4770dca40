"""Padded batches: positions of the model class itself, labels, and what each visual token weighs."""

import numpy as np
import pytest
import torch

from finetune.data.batch import NO_DIGIT, Sample, clock_digits, collate
from finetune.model import tiny
from finetune.world.events import EVENTS
from streamo_app.models.qwen2_5_vl import Qwen25VL


@pytest.fixture(scope="module")
def model():
    return tiny.tiny_model(tiny.train_tokenizer(["user\nassistant\nsystem\n"] * 4, 400))


def test_a_batch_is_padded_right_and_weighs_tokens_by_what_they_show(model):
    family = Qwen25VL(model.config, min_pixels=1, max_pixels=9999)
    image = family.image_id

    def row(length, second, target, distractor, practice, pointers=()):
        ids = [25, image, image, *range(28, 25 + length)]
        features = torch.zeros(1, 4, 8)
        labels, targets = [-100] * (length - 1) + [7], np.array([target], np.float32)
        return Sample(
            ids, labels, (1, 2), features, [second], targets, np.array([distractor]), list(pointers), practice
        )

    rows = [row(5, 7, [1, 0], [False, True], True), row(9, 40, [-1, 0], [False, False], False, [(7, 0, 4), (8, 1, 3)])]
    batch = collate(rows, 0, family, practice_weight=1.0, task_weight=0.5)
    assert batch.ids.shape == (2, 16)
    assert batch.ids[0].tolist() == [25, image, image, 28, 29] + [0] * 11
    assert batch.labels[0].tolist() == [-100] * 4 + [7] + [-100] * 11
    theirs, _ = model.model.get_rope_index(
        batch.ids[1:, :9],
        mm_token_type_ids=(batch.ids[1:, :9] == image).int(),
        image_grid_thw=torch.tensor([[1, 2, 4]]),
    )
    assert torch.equal(batch.positions[:, 1:, :9], theirs)
    assert batch.features.shape == (8, 8)
    assert batch.targets.tolist() == [1, 0, 0, 0]
    assert batch.weights.tolist() == pytest.approx([1.0, 0.7, 0.0, 0.05])
    seven, forty = [[7, NO_DIGIT], [8, NO_DIGIT]], [[0, 4], [1, 4]]  # <7s-8s>, <40s-41s>
    assert batch.digits[..., :2].tolist() == [seven, seven, forty, forty]  # a line per visual token
    assert batch.pointers.tolist() == [[1, 7, 0, 4], [1, 8, 1, 3]]  # of the second row
    assert batch.decisions.shape == (0, 2) and batch.events.shape == (0, len(EVENTS))


def test_what_turns_show_goes_with_the_row_that_they_are_of(model):
    image, nothing = model.config.image_token_id, np.zeros((1, 1), np.float32)
    events = np.zeros((2, len(EVENTS)), np.float32)
    events[1, 3] = 1

    def row(**more):
        return Sample([25, image, 28, 29], [-100] * 4, (1, 1), torch.zeros(1, 4, 8), [0], nothing, nothing > 0, **more)

    batch = collate(
        [row(), row(decisions=[2, 3], events=events)], 0, Qwen25VL(model.config, min_pixels=1, max_pixels=9999)
    )
    assert batch.decisions.tolist() == [[1, 2], [1, 3]]
    assert batch.events.nonzero().tolist() == [[1, 3]]


def test_a_visual_token_knows_its_place_and_the_token_at_that_place_one_image_ago(model):
    family = Qwen25VL(model.config, min_pixels=1, max_pixels=9999)

    def row(images, grid):
        size = grid[0] * grid[1]
        ids = [25] + ([family.image_id] * size + [28]) * images
        nothing = np.zeros((images, size), np.float32)
        return Sample(
            ids, [-100] * len(ids), grid, torch.zeros(images, 4 * size, 8), list(range(images)), nothing, nothing > 0
        )

    batch = collate([row(2, (1, 2)), row(3, (2, 1)), row(1, (2, 2))], 0, family)
    assert batch.previous.tolist() == [-1, -1, 0, 1, -1, -1, 4, 5, 6, 7, -1, -1, -1, -1]  # never of another row
    assert batch.cells.tolist() == [[0, 0], [0, 1]] * 2 + [[0, 0], [1, 0]] * 3 + [[0, 0], [0, 1], [1, 0], [1, 1]]


def test_a_batch_may_have_no_pointers(model):
    image = model.config.image_token_id
    row = Sample(
        [25, image], [-100, 7], (1, 1), torch.zeros(1, 4, 8), [0], np.zeros((1, 1), np.float32), np.zeros((1, 1), bool)
    )
    assert collate([row], 0, Qwen25VL(model.config, min_pixels=1, max_pixels=9999)).pointers.shape == (0, 4)


def test_a_clock_is_read_digit_by_digit_units_first():
    none = NO_DIGIT
    assert clock_digits([0, 7, 40, 305, 86_399]).tolist() == [
        [0, none, none, none, none],
        [7, none, none, none, none],
        [0, 4, none, none, none],
        [5, 0, 3, none, none],
        [9, 9, 3, 6, 8],
    ]
