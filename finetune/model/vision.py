"""The vision tower in batches: the class's own weights over many frames of one grid, for training on cached features.

The class runs images one after another, each behind a Python loop; a batch of equal grids is several times quicker.
`test_vision` holds both to the same numbers. Frames of different aspect ratios have different grids and go in different
batches.
"""

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import smart_resize

from finetune.model.tiny import MERGE, PATCH_PX, TOKEN_PX

IMAGE_MEAN = (0.48145466, 0.4578275, 0.40821073)
IMAGE_STD = (0.26862954, 0.26130258, 0.27577711)
"""CLIP's, which the Qwen2-VL image processor applies."""


def shrink(image: np.ndarray, min_pixels: int, max_pixels: int) -> np.ndarray:
    """(H, W, 3) uint8 resized as the processor does it: to multiples of TOKEN_PX, aspect ratio kept, within the limits;
    PIL, bicubic."""
    h, w = smart_resize(*image.shape[:2], factor=TOKEN_PX, min_pixels=min_pixels, max_pixels=max_pixels)
    return np.asarray(Image.fromarray(image).resize((w, h), Image.Resampling.BICUBIC))


def patches(frames: torch.Tensor) -> torch.Tensor:
    """(N, H, W, 3) uint8 to (N, P, 3 * 14 * 14) float32 in the processor's order: 2 x 2 patches of a visual token
    together."""
    n, height, width, _ = frames.shape
    rows, cols = height // TOKEN_PX, width // TOKEN_PX
    x = (
        frames.float()
        .div(255)
        .sub(torch.tensor(IMAGE_MEAN, device=frames.device))
        .div(torch.tensor(IMAGE_STD, device=frames.device))
    )
    x = x.view(n, rows, MERGE, PATCH_PX, cols, MERGE, PATCH_PX, 3).permute(0, 1, 4, 2, 5, 7, 3, 6)
    return x.reshape(n, rows * cols * MERGE * MERGE, 3 * PATCH_PX * PATCH_PX)


def token_order(labels: np.ndarray) -> np.ndarray:
    """(rows * 2, cols * 2, C) per patch to (P, C) in the order of `patches`."""
    rows, cols, classes = labels.shape[0] // MERGE, labels.shape[1] // MERGE, labels.shape[2]
    return labels.reshape(rows, MERGE, cols, MERGE, classes).transpose(0, 2, 1, 3, 4).reshape(-1, classes)


def _rotary(visual, height: int, width: int) -> tuple[torch.Tensor, torch.Tensor]:
    rows, cols = height // PATCH_PX, width // PATCH_PX
    at = np.stack(np.meshgrid(np.arange(rows), np.arange(cols), indexing="ij"), -1)
    position = torch.from_numpy(token_order(at)).to(visual.patch_embed.proj.weight.device)
    return visual.rotary_pos_emb(torch.zeros(1, device=position.device), position)


def tower(visual, frames: torch.Tensor) -> torch.Tensor:
    """Vision tower up to its merger: (N, H, W, 3) uint8 of one size to (N, P, vision_hidden)."""
    n, height, width, _ = frames.shape
    weight = visual.patch_embed.proj.weight
    # A still image fills both frames of a temporal patch with itself, so the two halves of the kernel add up.
    x = F.linear(patches(frames), weight.sum(2).reshape(weight.shape[0], -1))
    cos, sin = (part[None, None] for part in _rotary(visual, height, width))
    for block in visual.blocks:
        attention = block.attn
        q, k, v = (
            attention.qkv(block.norm1(x))
            .view(n, x.shape[1], 3, attention.num_heads, -1)
            .permute(2, 0, 3, 1, 4)
            .unbind(0)
        )
        q, k = (part * cos + _rotate_half(part) * sin for part in (q, k))
        mixed = (
            F.scaled_dot_product_attention(q.to(v.dtype), k.to(v.dtype), v).transpose(1, 2).reshape(n, x.shape[1], -1)
        )
        x = x + attention.proj(mixed)
        x = x + block.mlp(block.norm2(x))
    return x


def _rotate_half(x: torch.Tensor) -> torch.Tensor:
    half = x.shape[-1] // 2
    return torch.cat((-x[..., half:], x[..., :half]), -1)


def merge(visual, features: torch.Tensor) -> torch.Tensor:
    """Features of `tower`, any leading shape, (..., P, vision_hidden) to visual tokens (all tokens, hidden)."""
    return visual.merger(features.reshape(-1, features.shape[-1]))
