"""Sizes of the built-in model. No torch: a configuration is checked before anything heavy is imported."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ModelSizes:
    """head_dim = hidden / heads. 256 x 4 layers leaves room for wordings and fits the size that is shipped."""

    hidden: int = 256
    layers: int = 4
    heads: int = 4
    kv_heads: int = 2
    mlp: int = 640
    vision_hidden: int = 128
    vision_layers: int = 3
    vision_mlp: int = 320
