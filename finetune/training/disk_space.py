"""How much disk space a run will take; refuses to start one that does not fit. Nothing is written here."""

import shutil
from pathlib import Path

from finetune.config import Part, TrainConfig
from finetune.data.clips import clip_specs
from finetune.model.tiny import PATCH_PX

MARGIN = 10**9
"""Bytes that stay free for everybody else."""
_LABELS = 32
"""Bytes per patch of a still: its classes, and what was drawn."""
_HALF = 2
"""Bytes of a float16."""
_CHECKPOINTS = 3
"""The one before, the one being written, and one to spare."""
_OPTIMIZER = 3
"""A checkpoint holds the weights and at most two numbers of the optimizer for each of them."""


def required_bytes(
    config: TrainConfig,
    hidden: int = 128,
    weights: int = 0,
    *,
    still: int | None = None,
    frame: int | None = None,
    features: int | None = None,
) -> int:
    """Bytes that a run of `config` leaves in its folder at most: stills, frames of clips, features of both,
    checkpoints.

    hidden: width of the vision tower. weights: bytes of the model in memory.
    still, frame, features: bytes of one still, of one frame of a clip, of the features of either. By default what the
    largest frame takes: raw pixels, a byte per pixel as JPEG (twice what it mostly is), float16 (96 patches x 128 x 2 =
    25 kB for the built-in model).
    """
    patches = config.max_pixels // PATCH_PX**2
    still = config.max_pixels * 3 if still is None else still
    frame = config.max_pixels if frame is None else frame
    features = patches * hidden * _HALF if features is None else features

    def rendered(part: Part) -> int:
        stills = sum(part.stills.values())
        filmed = sum(spec.seconds * spec.fps for spec in clip_specs(part.clips, 0, part.two_fps))
        # Labels lie beside a still and beside its features.
        return stills * (still + features + 2 * patches * _LABELS) + filmed * (frame + features)

    # Nothing is left of a part that is over.
    return max(map(rendered, config.parts)) + weights * (len(config.stages) + _CHECKPOINTS * _OPTIMIZER)


def check_disk_space(run: Path, needed: int, free: int | None = None) -> None:
    """Raises ValueError with one sentence where `needed` bytes, less what `run` holds already, would leave less than 1
    GB free.

    free: bytes free on the disk of `run`; asked of the system where None.
    """
    left = max(0, needed - sum(path.stat().st_size for path in run.rglob("*") if path.is_file()))
    free = shutil.disk_usage(run).free if free is None else free
    if free < left + MARGIN:
        raise ValueError(
            f"{run} needs {left / 1e9:.1f} GB more and 1 GB is to stay free, but its disk has {free / 1e9:.1f} GB; "
            "make room, or lower stills or clips in the configuration."
        )
