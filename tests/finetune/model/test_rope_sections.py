"""Which rotary pairs of a head turn with time, with rows and with columns."""

import pytest
import torch

from finetune.model import tiny


@pytest.fixture
def model():
    return tiny.tiny_model(
        tiny.train_tokenizer(["user\nassistant\n"] * 4, 400),
        hidden=64,
        layers=3,
        heads=4,
        kv_heads=2,
        mlp=64,
        vision_layers=1,
    )


def angles(model, time, row, column) -> list[float]:
    """Angle of each of the 8 pairs of a head at one position."""
    position = torch.tensor([time, row, column]).view(3, 1, 1)
    cos, sin = model.model.language_model.rotary_emb(torch.zeros(1, 1, 1), position)
    assert torch.equal(cos[..., :8], cos[..., 8:])  # both halves of a pair turn alike, or turning would not be relative
    return torch.atan2(sin, cos).flatten()[:8].tolist()


def test_in_one_block_each_columns_turn_the_slowest_pairs(model):
    slow = model.model.language_model.rotary_emb.inv_freq.tolist()
    assert model.config.text_config.rope_parameters["mrope_section"] == [2, 3, 3]
    assert angles(model, 0, 0, 1) == pytest.approx([0] * 5 + slow[5:])
    assert max(slow[5:]) < 0.01


def test_in_turn_each_has_fast_and_slow_ones(model):
    turn = model.model.language_model.rotary_emb.inv_freq.tolist()
    tiny.set_sections(model, (1,) * 8)
    for axis, position in enumerate(((1, 0, 0), (0, 1, 0), (0, 0, 1))):
        assert angles(model, *position) == pytest.approx([turn[i] if i % 3 == axis else 0 for i in range(8)])
    assert model.config.text_config.rope_parameters["mrope_section"] == [1] * 8  # which is what a saved folder says


@pytest.mark.parametrize("sections", [(2, 3), (4, 4, 0), (8, 8)])
def test_sections_that_do_not_fit_a_head_are_refused_and_change_nothing(model, sections):
    with pytest.raises(ValueError, match=f"share out {sum(sections)} rotary pairs, but a head of this model has 8"):
        tiny.set_sections(model, sections)
    assert model.config.text_config.rope_parameters["mrope_section"] == [2, 3, 3]
