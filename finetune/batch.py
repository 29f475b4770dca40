"""Rows of ids to one padded batch with M-RoPE positions, and the model's training forward on cached vision features.

Positions are those of the class's `get_rope_index` for images (a test holds them together): a text token advances all three axes by one; an
image of h x w visual tokens stands at one time, spread over rows and columns, and advances by max(h, w).
"""

from dataclasses import dataclass, field

import numpy as np
import torch

from finetune.labels import IGNORED


@dataclass
class Row:
    """One dialogue to train on."""

    ids: list[int]
    labels: list[int]
    image_starts: list[int]
    grid: tuple[int, int]
    """Visual tokens (rows, columns) of each of its images."""
    features: torch.Tensor
    """(images, P, vision_hidden)"""
    targets: np.ndarray = field(default_factory=lambda: np.zeros(0))
    """(images, tokens) float32: 1 where the token carries what the instruction is about, 0 elsewhere, -1 ignored."""
    distractors: np.ndarray = field(default_factory=lambda: np.zeros(0))
    """(images, tokens) bool: the token carries something else."""
    practice: bool = False


@dataclass
class Batch:
    ids: torch.Tensor
    """(B, T) int64"""
    labels: torch.Tensor
    """(B, T) int64, not shifted"""
    positions: torch.Tensor
    """(3, B, T) int64"""
    features: torch.Tensor
    """(all patches of all images, vision_hidden), in row order"""
    targets: torch.Tensor
    """(all visual tokens,) float32 as in Row"""
    weights: torch.Tensor
    """(all visual tokens,) float32: weight of each in the auxiliary loss"""

    def to(self, device) -> "Batch":
        return Batch(*(value.to(device) for value in vars(self).values()))


def rope_positions(length: int, image_starts: list[int], grid: tuple[int, int]) -> np.ndarray:
    """(3, length) int64: time, row and column position of every token."""
    rows, cols = grid
    tokens = rows * cols
    step = np.ones(length, np.int64)
    for start in image_starts:
        step[start : start + tokens] = 0
        step[start + tokens - 1] = max(rows, cols)
    base = np.concatenate([[0], np.cumsum(step)[:-1]])
    positions = np.stack([base] * 3)
    for start in image_starts:
        positions[1, start : start + tokens] += np.repeat(np.arange(rows), cols)
        positions[2, start : start + tokens] += np.tile(np.arange(cols), rows)
    return positions


_TARGET, _DISTRACTOR, _EMPTY = 1.0, 0.7, 0.1
"""Weights of a visual token in the auxiliary loss: most tokens show nothing and would drown the rest."""


def collate(rows: list[Row], pad: int, practice_weight: float = 1.0, task_weight: float = 1.0) -> Batch:
    """Right-padded batch; the weights scale the auxiliary loss of practice rows and of task rows."""
    length = -(-max(len(row.ids) for row in rows) // 8) * 8
    ids = np.full((len(rows), length), pad, np.int64)
    labels = np.full((len(rows), length), IGNORED, np.int64)
    positions = np.zeros((3, len(rows), length), np.int64)
    targets, weights = [], []
    for i, row in enumerate(rows):
        n = len(row.ids)
        ids[i, :n], labels[i, :n] = row.ids, row.labels
        positions[:, i, :n] = rope_positions(n, row.image_starts, row.grid)
        target = row.targets.reshape(-1)
        weight = np.where(target > 0, _TARGET, np.where(row.distractors.reshape(-1), _DISTRACTOR, _EMPTY)) * (target >= 0)
        targets.append(np.clip(target, 0, None))
        weights.append(weight * (practice_weight if row.practice else task_weight))
    return Batch(
        torch.from_numpy(ids),
        torch.from_numpy(labels),
        torch.from_numpy(positions),
        torch.cat([row.features.flatten(0, 1) for row in rows]).float(),
        torch.from_numpy(np.concatenate(targets)).float(),
        torch.from_numpy(np.concatenate(weights)).float(),
    )
