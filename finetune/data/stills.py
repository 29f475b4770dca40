"""Stills to train on, rendered once by worker processes: shrunk frames with their per-patch labels, later with
features.

For the vision warm-up and for practice. Whole clips: `clips.py`.
"""

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context

import cv2
import numpy as np
import torch

from finetune.config import Stills
from finetune.data.patch_labels import patch_labels
from finetune.model import vision
from finetune.model.precision import native_bf16
from finetune.world import worlds
from finetune.world.degrade import degrade

_SCALES = (0.45, 0.6, 1.0)
"""Of a clip's own size: training frames are mostly drawn small, which costs a quarter and shrinks to nearly the same
picture."""


@dataclass
class FrameSet:
    """Frames of one world and grid: `shots[i]` is the (clip, t) of frame i."""

    world: str
    shots: list[worlds.Shot]
    frames: np.ndarray
    """(N, h, w, 3) uint8, shrunk."""
    patches: np.ndarray
    """(N, h / 14, w / 14, classes) uint8 of `patch_labels.CLASSES`."""
    features: torch.Tensor | None = None
    """(N, P, vision_hidden) float16, once the tower is frozen."""


def drawn_size(clip, rng: np.random.Generator) -> tuple[int, int]:
    """(width, height) to draw a training clip at: even, and mostly smaller than the clip."""
    scale = float(rng.choice(_SCALES, p=[0.5, 0.4, 0.1])) * min(1.0, 640 / max(clip.size))
    return tuple(max(56, round(side * scale / 2) * 2) for side in clip.size)


def _still_batch(
    seed: int, world: str, count: int, limits: tuple[int, int]
) -> list[tuple[worlds.Shot, np.ndarray, np.ndarray]]:
    cv2.setNumThreads(1)
    rng = np.random.default_rng(seed)
    place = worlds.get(world)
    out: list[tuple[worlds.Shot, np.ndarray, np.ndarray]] = []
    while len(out) < count:
        shots = place.loose(rng)
        size = drawn_size(shots[0][0], rng)
        for clip, t in shots:
            frame = vision.shrink(degrade(place.draw(clip, t, size), rng), *limits)
            out.append(((clip, t), frame, patch_labels(place.boxes(clip, t), *frame.shape[:2])))
    return out


def render_stills(
    counts: Stills,
    seed: int,
    limits: tuple[int, int],
    workers: int,
    progress: Callable[[int], None] = lambda done: None,
) -> list[FrameSet]:
    """`counts[world]` stills of each world, grouped by world and grid; small groups are left out.
    `progress(frames done)` along the way."""
    size, before = 200, 0
    groups: dict[tuple, list] = {}
    with pool(workers) as executor:
        for number, (world, count) in enumerate(counts.items()):
            seeds = [int(s) for s in np.random.SeedSequence([seed, 11, number]).generate_state(-(-count // size))]
            for batches, batch in enumerate(
                executor.map(partial(_still_batch, world=world, count=size, limits=limits), seeds), 1
            ):
                for shot, frame, labels in batch:
                    groups.setdefault((world, *frame.shape), []).append((shot, frame, labels))
                progress(before + min(batches * size, count))
            before += count
    return [
        FrameSet(
            world=key[0],
            shots=[shot for shot, _, _ in members],
            frames=np.stack([frame for _, frame, _ in members]),
            patches=np.stack([labels for _, _, labels in members]),
        )
        for key, members in sorted(groups.items())
        if len(members) >= 64
    ]


@torch.no_grad()
def features(visual, frames: np.ndarray, batch: int = 64) -> torch.Tensor:
    """(N, P, vision_hidden) float16 of shrunk frames of one grid; float16 keeps 3 digits, far below the frames' own
    noise."""
    device = visual.patch_embed.proj.weight.device
    kept = []
    for i in range(0, len(frames), batch):
        with torch.autocast(device.type, torch.bfloat16, enabled=native_bf16(device.type)):
            part = vision.tower(visual, torch.from_numpy(frames[i : i + batch]).to(device))
        kept.append(part.half().cpu())
    return torch.cat(kept)


def pool(workers: int, **options) -> ProcessPoolExecutor:
    """Worker processes (0 = one per core) that are started from scratch: a forked one would share torch's threads."""
    return ProcessPoolExecutor(workers or None, mp_context=get_context("spawn"), **options)
