"""Pictures to train on, rendered once by worker processes and kept as shrunk frames or as features of a frozen vision tower.

* `render_stills`: loose frames with their per-patch labels, for the vision warm-up and for practice.
* `clip_features`: one frame a second of whole clips, straight to features: frames of thousands of clips would fill a disk.

Frames are degraded as live ones are: JPEG (browser webcams), VP8 (files), blur, gain.
"""

import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np
import torch

from finetune import vision
from finetune.targets import patch_labels
from finetune.world.draw import draw
from finetune.world.scene import Clip, make_clip, make_still

_SCALES = (0.45, 0.6, 1.0)
"""Of a clip's own size: training frames are mostly drawn small, which costs a quarter and shrinks to nearly the same picture."""


@dataclass
class Shots:
    """Frames of one grid: `shots[i]` is the (clip, t) of row i."""

    shots: list[tuple[Clip, float]]
    frames: np.ndarray
    """(N, h, w, 3) uint8, shrunk."""
    patches: np.ndarray
    """(N, h / 14, w / 14, classes) uint8 of `targets.CLASSES`."""
    features: torch.Tensor | None = None
    """(N, P, vision_hidden) float16, once the tower is frozen."""


def degrade(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A picture as it arrives: half the time through JPEG, sometimes blurred or with another gain."""
    if rng.random() < 0.25:
        image = cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.3, 1.2)) * image.shape[0] / 240)
    if rng.random() < 0.3:
        image = cv2.convertScaleAbs(image, alpha=float(rng.uniform(0.8, 1.2)), beta=float(rng.uniform(-15, 15)))
    if rng.random() < 0.5:
        coded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(30, 96))])[1]
        image = cv2.imdecode(coded, cv2.IMREAD_COLOR)
    return image


def _size(clip: Clip, rng: np.random.Generator) -> tuple[int, int]:
    scale = float(rng.choice(_SCALES, p=[0.5, 0.4, 0.1]))
    return tuple(max(56, round(side * scale / 2) * 2) for side in clip.size)


def clip_frames(clip: Clip, limits: tuple[int, int], rng: np.random.Generator, vp8: bool) -> np.ndarray:
    """(seconds, h, w, 3) uint8: the frame at each whole second, degraded and shrunk."""
    size = _size(clip, rng)
    images = [draw(clip, float(second), size) for second in range(clip.seconds)]
    if vp8:
        images = _through_vp8(images)
    return np.stack([vision.shrink(degrade(image, rng), *limits) for image in images])


def _through_vp8(images: list[np.ndarray]) -> list[np.ndarray]:
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/clip.webm"
        height, width = images[0].shape[:2]
        writer = cv2.VideoWriter(path, cv2.VideoWriter_fourcc(*"VP80"), 10, (width, height))
        for image in images:
            writer.write(image[..., ::-1])
        writer.release()
        reader = cv2.VideoCapture(path)
        coded = [reader.read()[1] for _ in images]
        reader.release()
    return [image if back is None else back[..., ::-1].copy() for image, back in zip(images, coded)]


def _still_batch(seed: int, count: int, limits: tuple[int, int]) -> list[tuple[Clip, np.ndarray, np.ndarray]]:
    cv2.setNumThreads(1)
    rng = np.random.default_rng(seed)
    out = []
    for _ in range(count):
        clip = make_still(rng)
        frame = vision.shrink(degrade(draw(clip, 0.0, _size(clip, rng)), rng), *limits)
        out.append((clip, frame, patch_labels(clip, 0.0, *frame.shape[:2])))
    return out


def render_stills(count: int, seed: int, limits: tuple[int, int], workers: int) -> list[Shots]:
    """`count` loose frames, grouped by grid."""
    size = 200
    seeds = [int(s) for s in np.random.SeedSequence([seed, 11]).generate_state(-(-count // size))]
    groups: dict[tuple, list] = {}
    with _pool(workers) as pool:
        for batch in pool.map(partial(_still_batch, count=size, limits=limits), seeds):
            for clip, frame, labels in batch:
                groups.setdefault(frame.shape, []).append((clip, frame, labels))
    return [
        Shots([(clip, 0.0) for clip, _, _ in rows], np.stack([f for _, f, _ in rows]), np.stack([p for _, _, p in rows]))
        for _, rows in sorted(groups.items())
        if len(rows) >= 64
    ]


_TOWER = None
"""The vision tower of a worker process, set once by its initializer."""


def _load_tower(visual) -> None:
    global _TOWER
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    _TOWER = visual


@torch.no_grad()
def features(visual, frames: np.ndarray, batch: int = 64) -> torch.Tensor:
    """(N, P, vision_hidden) float16 of shrunk frames of one grid; float16 keeps 3 digits, far below the frames' own noise."""
    return torch.cat([vision.tower(visual, torch.from_numpy(frames[i : i + batch])).half() for i in range(0, len(frames), batch)])


def _clip_job(job: tuple[int, int], limits: tuple[int, int]) -> tuple[tuple[int, int], tuple[int, int], np.ndarray]:
    seed, seconds = job
    rng = np.random.default_rng([seed, 12])
    frames = clip_frames(make_clip(seed, seconds), limits, rng, vp8=rng.random() < 0.2)
    return job, frames.shape[1:3], features(_TOWER, frames).numpy()


def clip_features(visual, jobs: list[tuple[int, int]], folder: Path, limits: tuple[int, int], workers: int) -> Iterator[int]:
    """Features of training clips [(seed, seconds), ...] into `folder`, a file each; yields how many are done. Existing files are kept."""
    folder.mkdir(parents=True, exist_ok=True)
    missing = [job for job in jobs if not clip_path(folder, *job).exists()]
    done = len(jobs) - len(missing)
    if not missing:
        return
    with _pool(workers, visual) as pool:
        for job, size, array in pool.map(partial(_clip_job, limits=limits), missing, chunksize=4):
            path = clip_path(folder, *job)
            beside = path.with_suffix(".part")
            with beside.open("wb") as file:
                np.savez(file, features=array, size=np.array(size))
            beside.rename(path)
            done += 1
            yield done


def clip_path(folder: Path, seed: int, seconds: int) -> Path:
    return folder / f"{seed}_{seconds}.npz"


def _pool(workers: int, visual=None) -> ProcessPoolExecutor:
    context = get_context("spawn")
    if visual is None:
        return ProcessPoolExecutor(workers, mp_context=context)
    return ProcessPoolExecutor(workers, mp_context=context, initializer=_load_tower, initargs=(visual,))
