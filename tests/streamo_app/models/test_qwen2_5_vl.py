"""The family adapter equals the class's own code on everything that we compute ourselves."""

import pytest
import torch

from streamo_app.models.qwen2_5_vl import Qwen25VL
from streamo_app.protocol import State
from tests.support import tiny


@pytest.fixture(scope="module")
def model():
    return tiny.model()


@pytest.fixture
def family(model):
    return Qwen25VL(model.config, min_pixels=3136, max_pixels=100352)


def test_positions_of_pieces_equal_the_models_own_index_of_the_whole(model, family):
    wire = family.wire(tiny.tokenizer())
    sizes = [(56, 84), (140, 56), (28, 28), (84, 252)]
    grids = [family.preprocess([tiny.picture(i, *size)])[1][0] for i, size in enumerate(sizes)]
    pieces, at, ids = [], 0, []
    for turn, grid in enumerate(grids):
        piece = wire.user_turn(turn, [family.visual_tokens(grid)] * 2) + wire.reply(State.SILENCE) + wire.close()
        part, at = family.positions(piece, at, [grid] * 2)
        ids += piece
        pieces.append(part)
    whole = torch.tensor([ids])
    kinds = (whole == wire.image_id).int()
    own, _ = model.model.get_rope_index(
        whole, mm_token_type_ids=kinds, image_grid_thw=torch.tensor([g for g in grids for _ in (0, 1)])
    )
    assert torch.equal(torch.cat(pieces, dim=2), own)
    assert at == own.max() + 1


def test_features_equal_the_official_forward_for_any_mix_of_sizes(model, family):
    with torch.inference_mode():
        for sizes in ([(56, 84)], [(56, 84)], [(360, 640), (360, 640)], [(200, 90), (56, 84), (480, 640)]):
            pixels, grids = family.preprocess([tiny.picture(i, *size) for i, size in enumerate(sizes)])
            official = torch.cat(
                model.model.get_image_features(pixels, torch.tensor(grids), return_dict=True).pooler_output
            )
            ours = family.encode(model, pixels, grids)
            assert ours.shape[0] == sum(map(family.visual_tokens, grids))
            assert (ours - official).abs().max() <= 1e-5


def test_pixel_limits_decide_the_grid_and_keep_the_aspect_ratio(model):
    small = Qwen25VL(model.config, min_pixels=3136, max_pixels=18816)
    assert small.preprocess([tiny.picture(0, 360, 640)])[1] == [(1, 6, 12)]
    assert small.preprocess([tiny.picture(0, 640, 360)])[1] == [(1, 12, 6)]
    assert small.visual_tokens((1, 6, 12)) == 18
    tall, wide = small.preprocess([tiny.picture(0, 20, 20)])[1][0][1:]
    assert tall * wide * 14 * 14 >= 3136, "small pictures are enlarged to the lower limit"


def test_a_tokenizer_of_another_model_is_refused(model, family):
    other = tiny.tokenizer(without=("<|video_pad|>", "<|vision_end|>", "<|vision_start|>"))
    with pytest.raises(ValueError, match="does not fit the model"):
        family.wire(other)


def test_image_tokens_that_do_not_match_the_grids_are_an_error(family):
    with pytest.raises(ValueError, match="image tokens"):
        family.positions([family.image_id] * 5, 0, [(1, 4, 4)])
