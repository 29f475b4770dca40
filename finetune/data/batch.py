"""Samples to one padded batch: positions by the model's family, labels, features, and the targets of the auxiliary
losses."""

from dataclasses import dataclass, field

import numpy as np
import torch

from finetune.config import Stage
from finetune.labels import IGNORED
from finetune.model.tiny import MERGE
from finetune.world.events import EVENTS
from streamo_app.models.qwen2_5_vl import Qwen25VL


@dataclass
class Sample:
    """One dialogue to train on."""

    ids: list[int]
    labels: list[int]
    grid: tuple[int, int]
    """Visual tokens (rows, columns) of each of its images."""
    features: torch.Tensor
    """(images, P, vision_hidden)"""
    clock: list[int]
    """Second of each image's turn."""
    targets: np.ndarray = field(default_factory=lambda: np.zeros(0))
    """(images, tokens) float32: 1 where the token carries what the instruction is about, 0 elsewhere, -1 ignored."""
    distractors: np.ndarray = field(default_factory=lambda: np.zeros(0))
    """(images, tokens) bool: the token carries something else."""
    pointers: list[tuple[int, int, int]] = field(default_factory=list)
    """(position that predicts a digit or a side in an answer, first and last + 1 position of the turn that it was read
    from)."""
    practice: bool = False
    directions: np.ndarray = field(default_factory=lambda: np.zeros(0))
    """(images, tokens) float32: 0 where the token carries something that goes left, 1 right, -1 ignored; empty = all
    ignored."""
    decisions: list[int] = field(default_factory=list)
    """Position that predicts the state of each turn of `events`."""
    events: np.ndarray = field(default_factory=lambda: np.zeros((0, len(EVENTS))))
    """(turns, len(EVENTS)) float32: `world/events.py`; no turns = nothing is known."""


@dataclass
class Batch:
    ids: torch.Tensor
    """(B, T) int64"""
    labels: torch.Tensor
    """(B, T) int64, not shifted"""
    positions: torch.Tensor
    """(3, B, T) int64"""
    features: torch.Tensor
    """(all patches of all images, vision_hidden), in the order of the samples"""
    targets: torch.Tensor
    """(all visual tokens,) float32 as in Sample"""
    weights: torch.Tensor
    """(all visual tokens,) float32: weight of each in token grounding"""
    directions: torch.Tensor
    """(all visual tokens,) float32 as in Sample"""
    direction_weights: torch.Tensor
    """(all visual tokens,) float32: weight of each in motion direction"""
    digits: torch.Tensor
    """(all visual tokens, 2, PLACES) int64: `clock_digits` of both edges of the second that each is seen in"""
    previous: torch.Tensor
    """(all visual tokens,) int64: which of them is in the same cell of the previous frame, -1 in the first frame of a
    sample"""
    frames: torch.Tensor
    """(all visual tokens,) int64: number of the frame that each belongs to, counted over all samples"""
    cells: torch.Tensor
    """(all visual tokens, 2) int64: row and column of each in its frame"""
    pointers: torch.Tensor
    """(pointers, 4) int64: sample, and the three positions of `Sample.pointers`"""
    decisions: torch.Tensor
    """(turns, 2) int64: sample and position of each of `Sample.decisions`"""
    events: torch.Tensor
    """(turns, len(EVENTS)) float32 as in Sample"""

    def to(self, device) -> "Batch":
        return Batch(*(value.to(device) for value in vars(self).values()))


PLACES = 5
"""Digits of a clock that counts the seconds of a day."""
NO_DIGIT = 10
"""Stands beyond the first digit of a number: how long a number is has to be known too."""
_TARGET, _DISTRACTOR, _EMPTY = 1.0, 0.7, 0.1
"""Weights of a visual token in token grounding: most tokens show nothing and would drown the rest."""


def collate(
    samples: list[Sample], pad: int, family: Qwen25VL, practice_weight: float = 1.0, task_weight: float = 1.0
) -> Batch:
    """Right-padded batch, positions as the live lanes have them; the weights scale token grounding and motion direction
    of practice samples and of task samples."""
    length = -(-max(len(sample.ids) for sample in samples) // 8) * 8
    ids = np.full((len(samples), length), pad, np.int64)
    labels = np.full((len(samples), length), IGNORED, np.int64)
    positions = np.zeros((3, len(samples), length), np.int64)
    targets, weights, directions, direction_weights, digits, previous, frames, cells = [], [], [], [], [], [], [], []
    tokens = seen = 0
    for i, sample in enumerate(samples):
        n = len(sample.ids)
        ids[i, :n], labels[i, :n] = sample.ids, sample.labels
        patches = (1, sample.grid[0] * MERGE, sample.grid[1] * MERGE)
        positions[:, i, :n] = family.positions(sample.ids, 0, [patches] * len(sample.features))[0][:, 0]
        target = sample.targets.reshape(-1)
        weight = np.where(target > 0, _TARGET, np.where(sample.distractors.reshape(-1), _DISTRACTOR, _EMPTY)) * (
            target >= 0
        )
        targets.append(np.clip(target, 0, None))
        share = practice_weight if sample.practice else task_weight
        weights.append(weight * share)
        direction = sample.directions.reshape(-1) if sample.directions.size else np.full(len(target), -1.0)
        directions.append(np.clip(direction, 0, None))
        direction_weights.append((direction >= 0) * share)
        size, images = sample.grid[0] * sample.grid[1], len(sample.features)
        edges = np.stack([clock_digits(sample.clock), clock_digits([second + 1 for second in sample.clock])], 1)
        digits.append(np.repeat(edges, size, axis=0))
        previous.append(np.concatenate([np.full(size, -1), tokens + np.arange(size * (images - 1))]))
        frames.append(seen + np.repeat(np.arange(images), size))
        cells.append(np.tile(np.stack(np.divmod(np.arange(size), sample.grid[1]), 1), (images, 1)))
        tokens, seen = tokens + size * images, seen + images
    pointers = [(i, *pointer) for i, sample in enumerate(samples) for pointer in sample.pointers]
    decisions = [(i, at) for i, sample in enumerate(samples) for at in sample.decisions]
    return Batch(
        torch.from_numpy(ids),
        torch.from_numpy(labels),
        torch.from_numpy(positions),
        torch.cat([sample.features.flatten(0, 1) for sample in samples]).float(),
        torch.from_numpy(np.concatenate(targets)).float(),
        torch.from_numpy(np.concatenate(weights)).float(),
        torch.from_numpy(np.concatenate(directions)).float(),
        torch.from_numpy(np.concatenate(direction_weights)).float(),
        torch.from_numpy(np.concatenate(digits)),
        torch.from_numpy(np.concatenate(previous)),
        torch.from_numpy(np.concatenate(frames)),
        torch.from_numpy(np.concatenate(cells)),
        torch.tensor(pointers, dtype=torch.int64).reshape(-1, 4),
        torch.tensor(decisions, dtype=torch.int64).reshape(-1, 2),
        torch.from_numpy(np.concatenate([sample.events for sample in samples])).float(),
    )


def stage_batches(samples: list[Sample], stage: Stage, pad: int, family: Qwen25VL) -> list[Batch]:
    """Practice samples and task samples in a batch each: practice is a fifth as long, so neither is padded to the
    other's length."""
    parts = [[sample for sample in samples if sample.practice], [sample for sample in samples if not sample.practice]]
    return [collate(part, pad, family, stage.aux_practice, stage.aux_task) for part in parts if part]


def clock_digits(seconds: list[int]) -> np.ndarray:
    """(N, PLACES) int64: digits of each second, units first; NO_DIGIT beyond its first digit."""
    values = np.array(seconds, np.int64)[:, None]
    powers = 10 ** np.arange(PLACES, dtype=np.int64)
    there = (values >= powers) | (powers == 1)
    return np.where(there, values // powers % 10, NO_DIGIT)
