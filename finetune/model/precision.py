"""Whether bf16 is faster on this machine."""

import torch


def native_bf16(device: str | None = None) -> bool:
    """Whether bf16 is faster than float32 on "cpu" or "cuda" (None = the device that trains): on a plain AVX2 processor
    it is seven times slower."""
    if device == "cuda" or (device is None and torch.cuda.is_available()):
        return torch.cuda.is_bf16_supported()
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
