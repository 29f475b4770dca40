"""The lane's cache: right tokens in the right places, and nobody shares memory with a fork. Also moving keys (rope.py)
and attention.py."""

import pytest
import torch

from streamo_app.models.attention import CausalMask, sdpa_packed, use_packed_attention
from streamo_app.models.cache import LaneCache, LaneLayer
from streamo_app.models.rope import shift_keys
from tests.support import tiny


def filled(tokens: int, capacity: int = 8) -> LaneLayer:
    """Token i has key i and value -i in every place."""
    layer = LaneLayer(capacity)
    places = torch.arange(tokens, dtype=torch.float32).expand(1, 2, 4, tokens).transpose(2, 3)
    layer.update(places, -places)
    return layer


def tokens(layer: LaneLayer) -> list[int]:
    assert torch.equal(layer.keys, -layer.values)
    return layer.keys[0, 1, :, 3].int().tolist()


def head(*names: int) -> torch.Tensor:
    return torch.tensor(names, dtype=torch.float32).expand(1, 2, 4, len(names)).transpose(2, 3)


def test_it_grows_past_its_capacity_and_keeps_what_it_has():
    layer = filled(5, capacity=4)
    layer.update(head(5, 6, 7), -head(5, 6, 7))
    assert tokens(layer) == [0, 1, 2, 3, 4, 5, 6, 7]
    assert layer.get_seq_length() == 8 and layer.capacity >= 8


@pytest.mark.parametrize("new", [(90,), (90, 91, 92), (90, 91, 92, 93, 94, 95)])
def test_a_new_head_replaces_the_old_one_whether_shorter_equal_or_longer(new):
    layer = filled(8)
    layer.replace_head(3, head(*new), -head(*new))
    assert tokens(layer) == [*new, 3, 4, 5, 6, 7]


def test_replacing_a_head_that_fits_allocates_nothing():
    layer = filled(8)
    place = layer.key_buffer.data_ptr()
    layer.replace_head(5, head(90), -head(90))
    assert layer.key_buffer.data_ptr() == place and layer.capacity == 8


def test_a_copy_and_its_original_never_touch_each_other():
    cache = LaneCache([filled(6), filled(6)])
    copy = cache.copy()
    copy.layers[0].replace_head(4, head(90), -head(90))
    copy.layers[1].update(head(6), -head(6))
    assert [tokens(layer) for layer in cache.layers] == [list(range(6))] * 2
    assert tokens(copy.layers[0]) == [90, 4, 5] and tokens(copy.layers[1]) == list(range(7))
    assert cache.tokens == 6 and cache.nbytes == 2 * 2 * (1 * 2 * 8 * 4) * 4


@pytest.mark.parametrize("delta", [1, -7, 950])
def test_a_moved_key_is_the_key_that_the_model_makes_at_the_new_position(delta):
    rotary = tiny.model().model.language_model.rotary_emb
    generator = torch.Generator().manual_seed(0)
    raw = torch.randn(1, 2, 5, 16, generator=generator)

    def rotated(start: int) -> torch.Tensor:
        cos, sin = rotary(raw, (torch.arange(5) + start).expand(3, 1, 5))
        low, high = raw.chunk(2, dim=-1)
        return raw * cos[:, None] + torch.cat((-high, low), -1) * sin[:, None]

    moved = shift_keys(rotated(1000), delta, rotary.inv_freq)
    assert (moved - rotated(1000 + delta)).abs().max() < 5e-4, (
        "fp32 angles of the model itself are no better at position 2000"
    )
    back = shift_keys(moved, -delta, rotary.inv_freq)
    assert (back - rotated(1000)).abs().max() < 2e-6, "our own rotation is exact to rounding"


def test_one_mask_buffer_serves_every_size():
    mask = CausalMask(groups=3, dtype=torch.float32, device=torch.device("cpu"))
    for length, keys in [(2, 4), (5, 5), (1, 9), (3, 40), (2, 4)]:
        rows = mask(length, keys)[0, 0]
        assert rows.shape == (length * 3, keys)
        for t in range(length):
            for g in range(3):
                assert rows[t * 3 + g].isfinite().tolist() == [key <= keys - length + t for key in range(keys)]


def test_packed_attention_is_the_librarys_attention():
    plain, packed = tiny.model(), tiny.model()
    use_packed_attention(packed)
    use_packed_attention(packed)
    ids = torch.randint(12, 600, (2, 30), generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        assert (plain(input_ids=ids).logits - packed(input_ids=ids).logits).abs().max() <= 1e-5
        first, second = plain(input_ids=ids[:, :20], use_cache=True), packed(input_ids=ids[:, :20], use_cache=True)
        ours = packed(input_ids=ids[:, 20:], past_key_values=second.past_key_values).logits
        assert (plain(input_ids=ids[:, 20:], past_key_values=first.past_key_values).logits - ours).abs().max() <= 1e-5
    assert packed.model.visual.config._attn_implementation == "sdpa"


def test_packed_attention_without_a_mask_over_a_longer_past_is_refused():
    class Layer:
        num_key_value_groups = 2

    with pytest.raises(ValueError, match="mask"):
        sdpa_packed(Layer, torch.zeros(1, 4, 2, 8), torch.zeros(1, 2, 5, 8), torch.zeros(1, 2, 5, 8), None)
