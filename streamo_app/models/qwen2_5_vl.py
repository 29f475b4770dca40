"""Qwen2.5-VL: all that is particular to this family, and nothing else.

How its images become pixel patches and features, what stands around an image in the text, and where tokens stand in
its three position axes (time, height, width). Used by the live lanes and by training alike. Lanes, caches and decoding
are in `streaming.py`; they know no family.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import torch
from transformers import Qwen2_5_VLForConditionalGeneration
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil
from transformers.vision_utils import get_vision_cu_seqlens, get_vision_position_ids, get_vision_window_index

from streamo_app import protocol
from streamo_app.models.wire import Wire

Grid = tuple[int, int, int]
"""(1, rows, columns) of an image in patches, as `image_grid_thw` holds it."""


@dataclass(frozen=True)
class Features:
    """One second's images after the vision tower: shared by lanes, changed by nobody."""

    embeds: torch.Tensor
    """(sum of visual tokens, hidden) in image order."""
    grids: tuple[Grid, ...]


class Qwen25VL:
    """The family of one checkpoint: its configuration and the pixel limits it was trained with.

    config: Qwen2_5_VLConfig. min_pixels, max_pixels: area of a resized frame; the aspect ratio is kept, so they decide
    the grid.
    """

    model_type = "qwen2_5_vl"
    model_class = Qwen2_5_VLForConditionalGeneration
    image_token = "<|image_pad|>"
    vision_start = "<|vision_start|>"
    vision_end = "<|vision_end|>"
    vision_module = "model.visual"
    """Name of the vision tower in the model, which quantisation leaves alone."""

    def __init__(self, config, *, min_pixels: int, max_pixels: int):
        self.config = config
        self.vision = config.vision_config
        self.min_pixels, self.max_pixels = min_pixels, max_pixels
        self.image_id: int = config.image_token_id
        # The geometry of a grid is the same second after second; computing it costs a tenth of a small vision tower.
        self._geometry = lru_cache(maxsize=16)(self._compute_geometry)

    @cached_property
    def image_processor(self) -> Qwen2VLImageProcessorPil:
        """The PIL one by name: AutoProcessor needs torchvision, whose resize gives other pixels."""
        return Qwen2VLImageProcessorPil(
            patch_size=self.vision.patch_size,
            merge_size=self.vision.spatial_merge_size,
            temporal_patch_size=self.vision.temporal_patch_size,
            size=dict(shortest_edge=self.min_pixels, longest_edge=self.max_pixels),
        )

    def wire(self, tokenizer, system_prompt: str = protocol.SYSTEM_PROMPT) -> Wire:
        """Raises ValueError as Wire does, and when the tokenizer is not the one of this configuration."""
        wire = Wire(
            tokenizer,
            system_prompt,
            image_token=self.image_token,
            vision_start=self.vision_start,
            vision_end=self.vision_end,
        )
        rows = self.config.get_text_config().vocab_size
        if wire.image_id != self.image_id or max(*wire.state_ids, wire.im_end) >= rows:
            raise ValueError(
                f"The tokenizer does not fit the model: image token {wire.image_id} against {self.image_id} in "
                f"config.json, and {rows} rows in the embedding. Save both from the same training run, after "
                "resize_token_embeddings."
            )
        return wire

    def preprocess(self, images: Sequence[np.ndarray]) -> tuple[torch.Tensor, list[Grid]]:
        """images: (H, W, 3) uint8 RGB each. Returns pixel_values (patches of all images, patch values) float32 and each
        image's grid."""
        out = self.image_processor(images=list(images), input_data_format="channels_last", return_tensors="pt")
        return out["pixel_values"], [tuple(grid) for grid in out["image_grid_thw"].tolist()]

    def visual_tokens(self, grid: Grid) -> int:
        """Tokens that an image of this grid takes in the dialogue."""
        return grid[0] * grid[1] * grid[2] // self.vision.spatial_merge_size**2

    def encode(self, model, pixel_values: torch.Tensor, grids: Sequence[Grid]) -> torch.Tensor:
        """Features (sum of visual tokens, hidden) of preprocessed images by the class's own vision tower."""
        visual = model.model.visual
        names = ("position_ids", "cu_seqlens", "window_index", "cu_window_seqlens")
        known = {name: value.to(visual.device) for name, value in zip(names, self._geometry(tuple(grids)), strict=True)}
        return visual(
            pixel_values.to(visual.device, visual.dtype), grid_thw=torch.tensor(list(grids)), **known
        ).pooler_output

    def features(self, model, images: Sequence[np.ndarray]) -> Features:
        """`preprocess` and `encode` in one: what a second of the live stream needs."""
        pixel_values, grids = self.preprocess(images)
        return Features(self.encode(model, pixel_values, grids), tuple(grids))

    def positions(self, ids: Sequence[int], start: int, grids: Sequence[Grid]) -> tuple[torch.Tensor, int]:
        """Positions (3, 1, T) int64 of a chunk whose first token stands at `start`, and the position after it.

        A text token stands at the same place on all axes; an image of h x w merged patches stands at (p, p + row, p +
        column) and takes max(h, w) places. Equal to the model's own `get_rope_index` on a whole dialogue, but works on
        any piece of one, and leaves the model's `rope_deltas` alone (a module attribute, which two streams would
        overwrite for each other).
        """
        out = np.empty((3, len(ids)), np.int64)
        images = np.flatnonzero(np.asarray(ids) == self.image_id)
        if len(images) != sum(map(self.visual_tokens, grids)):
            raise ValueError(f"{len(images)} image tokens do not match the grids {list(grids)}")
        at, cur = 0, start
        for grid in grids:
            first, count = int(images[0]), self.visual_tokens(grid)
            images = images[count:]
            out[:, at:first] = np.arange(cur, cur + first - at)
            cur += first - at
            rows, columns = grid[1] // self.vision.spatial_merge_size, grid[2] // self.vision.spatial_merge_size
            place = np.arange(count)
            out[0, first : first + count] = cur
            out[1, first : first + count] = cur + place // columns
            out[2, first : first + count] = cur + place % columns
            at, cur = first + count, cur + max(rows, columns)
        out[:, at:] = np.arange(cur, cur + len(ids) - at)
        return torch.from_numpy(out)[:, None], cur + len(ids) - at

    def hidden(self, model, ids: Sequence[int], features: Features | None, positions, cache, mask) -> torch.Tensor:
        """Last hidden states (1, T, hidden) of a chunk of ids on top of `cache`, which takes its keys and values.

        features: of the images whose tokens are among `ids`. positions: as `positions` gives. mask: as `CausalMask`
        gives.
        """
        language = model.model.language_model
        tokens = torch.tensor([list(ids)], device=language.embed_tokens.weight.device)
        embeds = language.embed_tokens(tokens)
        if features is not None:
            embeds[tokens == self.image_id] = features.embeds.to(embeds.dtype)
        out = language(
            inputs_embeds=embeds,
            position_ids=positions.to(tokens.device),
            past_key_values=cache,
            attention_mask=mask,
            use_cache=True,
        )
        return out.last_hidden_state

    def inv_freq(self, model) -> torch.Tensor:
        """Frequencies (head_dim / 2,) of the language model's rotary embedding."""
        return model.model.language_model.rotary_emb.inv_freq

    def _compute_geometry(
        self, grids: tuple[Grid, ...]
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        thw, merge = torch.tensor(grids), self.vision.spatial_merge_size
        window_index, cu_window = get_vision_window_index(thw, merge, self.vision.window_size, self.vision.patch_size)
        return get_vision_position_ids(thw, merge), get_vision_cu_seqlens(thw), window_index, cu_window
