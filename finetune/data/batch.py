"""Rows of ids to one padded batch: positions by the model's family, labels, features, and the targets of the match
loss."""

from dataclasses import dataclass, field

import numpy as np
import torch

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
    ways: np.ndarray = field(default_factory=lambda: np.zeros(0))
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
    """(all patches of all images, vision_hidden), in row order"""
    targets: torch.Tensor
    """(all visual tokens,) float32 as in Row"""
    weights: torch.Tensor
    """(all visual tokens,) float32: weight of each in the match loss"""
    ways: torch.Tensor
    """(all visual tokens,) float32 as in Row"""
    way_weights: torch.Tensor
    """(all visual tokens,) float32: weight of each in the way loss"""
    digits: torch.Tensor
    """(all visual tokens, 2, PLACES) int64: `clock_digits` of both edges of the second that each is seen in"""
    earlier: torch.Tensor
    """(all visual tokens,) int64: which of them is at the same place of the image before, -1 in the first image of a
    row"""
    pictures: torch.Tensor
    """(all visual tokens,) int64: number of the image that each belongs to, counted over all rows"""
    places: torch.Tensor
    """(all visual tokens, 2) int64: row and column of each in its image"""
    pointers: torch.Tensor
    """(pointers, 4) int64: row, and the three positions of `Sample.pointers`"""
    decisions: torch.Tensor
    """(turns, 2) int64: row and position of each of `Sample.decisions`"""
    events: torch.Tensor
    """(turns, len(EVENTS)) float32 as in Row"""

    def to(self, device) -> "Batch":
        return Batch(*(value.to(device) for value in vars(self).values()))


PLACES = 5
"""Digits of a clock that counts the seconds of a day."""
NO_DIGIT = 10
"""Stands beyond the first digit of a number: how long a number is has to be known too."""
_TARGET, _DISTRACTOR, _EMPTY = 1.0, 0.7, 0.1
"""Weights of a visual token in the auxiliary loss: most tokens show nothing and would drown the rest."""


def collate(
    rows: list[Sample], pad: int, family: Qwen25VL, practice_weight: float = 1.0, task_weight: float = 1.0
) -> Batch:
    """Right-padded batch, positions as the live lanes have them; the weights scale the auxiliary loss of practice rows
    and of task rows."""
    length = -(-max(len(row.ids) for row in rows) // 8) * 8
    ids = np.full((len(rows), length), pad, np.int64)
    labels = np.full((len(rows), length), IGNORED, np.int64)
    positions = np.zeros((3, len(rows), length), np.int64)
    targets, weights, ways, way_weights, digits, earlier, pictures, places = [], [], [], [], [], [], [], []
    tokens = seen = 0
    for i, row in enumerate(rows):
        n = len(row.ids)
        ids[i, :n], labels[i, :n] = row.ids, row.labels
        patches = (1, row.grid[0] * MERGE, row.grid[1] * MERGE)
        positions[:, i, :n] = family.positions(row.ids, 0, [patches] * len(row.features))[0][:, 0]
        target = row.targets.reshape(-1)
        weight = np.where(target > 0, _TARGET, np.where(row.distractors.reshape(-1), _DISTRACTOR, _EMPTY)) * (
            target >= 0
        )
        targets.append(np.clip(target, 0, None))
        share = practice_weight if row.practice else task_weight
        weights.append(weight * share)
        way = row.ways.reshape(-1) if row.ways.size else np.full(len(target), -1.0)
        ways.append(np.clip(way, 0, None))
        way_weights.append((way >= 0) * share)
        size, images = row.grid[0] * row.grid[1], len(row.features)
        edges = np.stack([clock_digits(row.clock), clock_digits([second + 1 for second in row.clock])], 1)
        digits.append(np.repeat(edges, size, axis=0))
        earlier.append(np.concatenate([np.full(size, -1), tokens + np.arange(size * (images - 1))]))
        pictures.append(seen + np.repeat(np.arange(images), size))
        places.append(np.tile(np.stack(np.divmod(np.arange(size), row.grid[1]), 1), (images, 1)))
        tokens, seen = tokens + size * images, seen + images
    pointers = [(i, *pointer) for i, row in enumerate(rows) for pointer in row.pointers]
    decisions = [(i, at) for i, row in enumerate(rows) for at in row.decisions]
    return Batch(
        torch.from_numpy(ids),
        torch.from_numpy(labels),
        torch.from_numpy(positions),
        torch.cat([row.features.flatten(0, 1) for row in rows]).float(),
        torch.from_numpy(np.concatenate(targets)).float(),
        torch.from_numpy(np.concatenate(weights)).float(),
        torch.from_numpy(np.concatenate(ways)).float(),
        torch.from_numpy(np.concatenate(way_weights)).float(),
        torch.from_numpy(np.concatenate(digits)),
        torch.from_numpy(np.concatenate(earlier)),
        torch.from_numpy(np.concatenate(pictures)),
        torch.from_numpy(np.concatenate(places)),
        torch.tensor(pointers, dtype=torch.int64).reshape(-1, 4),
        torch.tensor(decisions, dtype=torch.int64).reshape(-1, 2),
        torch.from_numpy(np.concatenate([row.events for row in rows])).float(),
    )


def clock_digits(seconds: list[int]) -> np.ndarray:
    """(N, PLACES) int64: digits of each second, units first; NO_DIGIT beyond its first digit."""
    values = np.array(seconds, np.int64)[:, None]
    powers = 10 ** np.arange(PLACES, dtype=np.int64)
    there = (values >= powers) | (powers == 1)
    return np.where(there, values // powers % 10, NO_DIGIT)
