"""The batched vision tower against the class's own forward, and our resize against the processor's."""

import numpy as np
import pytest
import torch
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

from finetune.model import tiny, vision


@pytest.fixture(scope="module")
def model():
    tokenizer = tiny.train_tokenizer(["system\nuser\nassistant\n"] * 4, 400)
    return tiny.tiny_model(tokenizer).eval()


@pytest.mark.parametrize("size", [(360, 640), (480, 640), (640, 360), (480, 480), (120, 90)])
def test_a_frame_gives_the_numbers_of_the_class_and_its_processor(model, size):
    limits = dict(min_pixels=6272, max_pixels=18816)
    image = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    processor = Qwen2VLImageProcessorPil(patch_size=14, merge_size=2, size=dict(shortest_edge=6272, longest_edge=18816))
    official = processor(images=[image], return_tensors="pt")
    small = torch.from_numpy(vision.shrink(image, **limits).copy())[None]
    assert official["image_grid_thw"].tolist() == [[1, small.shape[1] // 14, small.shape[2] // 14]]
    with torch.no_grad():
        ours = vision.merge(model.model.visual, vision.tower(model.model.visual, small))
        theirs = model.model.visual(official["pixel_values"], grid_thw=official["image_grid_thw"]).pooler_output
    assert (ours - theirs).abs().max() < 1e-4


def test_a_batch_is_the_same_as_one_by_one(model):
    frames = torch.from_numpy(np.random.default_rng(1).integers(0, 256, (3, 84, 168, 3), dtype=np.uint8))
    with torch.no_grad():
        together = vision.tower(model.model.visual, frames)
        alone = torch.cat([vision.tower(model.model.visual, frame[None]) for frame in frames])
    assert (together - alone).abs().max() < 1e-5
