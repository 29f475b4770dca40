"""Whole clips to train on: rendered once to small JPEGs, then turned into features of a frozen vision tower, a file
each.

Frames are kept compressed (thousands of clips as arrays would fill a disk), so that rendering need not wait for the
tower.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from finetune.config import Clips
from finetune.data import stills
from finetune.model import vision
from finetune.world import worlds
from finetune.world.degrade import degrade, through_vp8
from streamo_app.files import atomic_write

_JPEG_QUALITY = 97
"""Of kept frames: far above what `degrade` does to half of them."""


@dataclass(frozen=True, order=True)
class ClipSpec:
    """One training clip."""

    world: str
    seed: int
    seconds: int
    fps: int = 1

    @property
    def name(self) -> str:
        return f"{self.world}_{self.seed}_{self.seconds}_{self.fps}.npz"


def clip_specs(counts: Clips, first_seed: int, two_fps: int) -> list[ClipSpec]:
    """`counts[world][seconds]` clips, seeds counting up from `first_seed`; one in `two_fps` has two frames per second
    (0 = none)."""
    return [
        ClipSpec(world, first_seed + i, seconds, 2 if two_fps and i % two_fps == 0 and seconds <= 60 else 1)
        for world, lengths in counts.items()
        for seconds, count in lengths.items()
        for i in range(count)
    ]


def clip_frames(spec: ClipSpec, limits: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """(seconds * fps, h, w, 3) uint8: the frame at each 1 / fps of a second, degraded and shrunk."""
    world = worlds.get(spec.world)
    clip = world.make_clip(spec.seed, spec.seconds)
    size = stills.drawn_size(clip, rng)
    images = [world.draw(clip, number / spec.fps, size) for number in range(spec.seconds * spec.fps)]
    if rng.random() < 0.3:
        images = through_vp8(images, rng)
    return np.stack([vision.shrink(degrade(image, rng), *limits) for image in images])


def _render(spec: ClipSpec, folder: Path, limits: tuple[int, int]) -> None:
    cv2.setNumThreads(1)
    frames = clip_frames(spec, limits, np.random.default_rng([spec.seed, spec.seconds, len(spec.world), 12]))
    coded = [cv2.imencode(".jpg", frame[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])[1] for frame in frames]
    _save(folder / spec.name, data=np.concatenate(coded), ends=np.cumsum([len(part) for part in coded]))


def render(wanted: list[ClipSpec], folder: Path, limits: tuple[int, int], workers: int) -> Iterator[int]:
    """Frames of all clips into `folder`; yields how many are done. Existing files are kept."""
    folder.mkdir(parents=True, exist_ok=True)
    missing = [spec for spec in wanted if not (folder / spec.name).exists()]
    done = len(wanted) - len(missing)
    if missing:
        with stills.pool(workers) as executor:
            for _ in executor.map(partial(_render, folder=folder, limits=limits), missing, chunksize=4):
                done += 1
                yield done


def frames_of(path: Path) -> np.ndarray:
    """(N, h, w, 3) uint8 of a file that `render` wrote."""
    with np.load(path) as file:
        parts = np.split(file["data"], file["ends"][:-1])
    return np.stack([_decoded(part) for part in parts])


def _decoded(jpeg: np.ndarray) -> np.ndarray:
    image = cv2.imdecode(jpeg, cv2.IMREAD_COLOR)
    assert image is not None, "`render` wrote it"
    return image[..., ::-1]


_tower: list[Any] = []
"""The vision tower of a worker process, put here once by its initializer."""


def _load_tower(visual) -> None:
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    _tower[:] = [visual]


def _encode(spec: ClipSpec, frames: Path, folder: Path) -> None:
    images = frames_of(frames / spec.name)
    _save(folder / spec.name, features=stills.features(_tower[0], images).numpy(), size=np.array(images.shape[1:3]))


def encode(visual, wanted: list[ClipSpec], frames: Path, folder: Path, workers: int) -> Iterator[int]:
    """Features of all clips into `folder`; yields how many are done. Existing files are kept: a folder belongs to one
    tower."""
    folder.mkdir(parents=True, exist_ok=True)
    missing = [spec for spec in wanted if not (folder / spec.name).exists()]
    done = len(wanted) - len(missing)
    if missing:
        with stills.pool(workers, initializer=_load_tower, initargs=(visual.cpu(),)) as executor:
            for _ in executor.map(partial(_encode, frames=frames, folder=folder), missing, chunksize=4):
                done += 1
                yield done


def load(path: Path) -> tuple[torch.Tensor, tuple[int, int]]:
    """((N, P, vision_hidden) float16 features, (height, width) of the shrunk frames) of a file that `encode` wrote."""
    with np.load(path) as file:
        height, width = (int(side) for side in file["size"])
        return torch.from_numpy(file["features"]), (height, width)


def _save(path: Path, **arrays: Any) -> None:
    with atomic_write(path) as tmp, tmp.open("wb") as file:
        np.savez(file, **arrays)
