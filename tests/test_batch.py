"""Padded batches and M-RoPE positions against the model class itself."""

import numpy as np
import pytest
import torch

from finetune import tiny
from finetune.batch import Row, collate, rope_positions


@pytest.fixture(scope="module")
def made():
    tokenizer = tiny.train_tokenizer(["user\nassistant\nsystem\n"] * 4, 400)
    return tokenizer, tiny.tiny_model(tokenizer)


@pytest.mark.parametrize("grid", [(3, 5), (4, 4), (6, 3)])
def test_positions_are_those_of_the_class(made, grid):
    tokenizer, model = made
    image = tokenizer.convert_tokens_to_ids(tiny.IMAGE)
    n = grid[0] * grid[1]
    ids = [25, 26, 27] + [image] * n + [28, 29] + [image] * n + [30]
    starts = [3, 3 + n + 2]
    thw = torch.tensor([[1, grid[0] * 2, grid[1] * 2]] * 2)
    tensor = torch.tensor([ids])
    theirs, _ = model.model.get_rope_index(tensor, mm_token_type_ids=(tensor == image).int(), image_grid_thw=thw)
    assert torch.equal(torch.from_numpy(rope_positions(len(ids), starts, grid)), theirs[:, 0])


def test_a_batch_is_padded_right_and_weighs_tokens_by_what_they_show():
    def row(length, target, distractor, practice):
        ids = list(range(1, length + 1))
        features = torch.zeros(1, 4, 8)
        return Row(ids, [-100] * (length - 1) + [7], [1], (1, 2), features, np.array([target], np.float32), np.array([distractor]), practice)

    rows = [row(5, [1, 0], [False, True], True), row(9, [-1, 0], [False, False], False)]
    batch = collate(rows, 0, practice_weight=1.0, task_weight=0.5)
    assert batch.ids.shape == (2, 16)
    assert batch.ids[0].tolist() == [1, 2, 3, 4, 5] + [0] * 11
    assert batch.labels[0].tolist() == [-100] * 4 + [7] + [-100] * 11
    assert batch.positions.shape == (3, 2, 16)
    assert batch.features.shape == (8, 8)
    assert batch.targets.tolist() == [1, 0, 0, 0]
    assert batch.weights.tolist() == pytest.approx([1.0, 0.7, 0.0, 0.05])
