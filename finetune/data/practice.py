"""Rows of practice over the loose frames of one world (`world/practice.py`, `world/desk/practice.py`)."""

from collections.abc import Iterator

import numpy as np

from finetune.build import Dialogue
from finetune.config import Stage
from finetune.data import augment as life
from finetune.data.batch import Sample
from finetune.data.encode import FrameInputs, SequenceEncoder
from finetune.data.patch_labels import token_labels
from finetune.data.stills import FrameSet
from finetune.world import worlds
from finetune.world.recall import recall

_LONGEST_GAP_S = 14
"""Mean seconds from a turn to the next, at most: a row of nine turns then spans two minutes."""


class PracticeSampler:
    """Draws practice rows; `groups` are loose frames with features, all of one world."""

    def __init__(self, maker: SequenceEncoder, groups: list[FrameSet]):
        self.maker, self.groups = maker, groups
        self.world = worlds.get(groups[0].world) if groups else None
        self._has = [_index(self.world, shots) for shots in groups]
        self._alike = [_alike(shots) for shots in groups]
        self._sizes = np.array([len(shots.shots) for shots in groups], float)

    def rows(self, stage: Stage, kind: str, rng: np.random.Generator) -> Iterator[Sample]:
        """One row, or two that differ in what they ask for alone."""
        if not self.groups:
            return
        number = int(rng.choice(len(self.groups), p=self._sizes / self._sizes.sum()))
        shots, has = self.groups[number], self._has[number]
        practice = self.world.practice
        length = int(rng.integers(stage.practice_seconds[0], stage.practice_seconds[1] + 1))
        if kind == "same_view":
            if hasattr(practice, kind):
                index = self._views(number, length, rng)
                yield self._row(shots, index, *practice.same_view([shots.shots[i] for i in index], rng), rng)
            return
        if kind == "recall":
            index = rng.integers(0, len(shots.shots), length)
            dialogue, searched = recall(shots.world, [shots.shots[i] for i in index], rng)
            yield self._row(shots, index, life.spread(dialogue, _gaps(length, rng)), searched, rng)
            return
        if kind in ("ask_each", "held"):
            index = rng.integers(0, len(shots.shots), length)
            yield self._row(shots, index, *getattr(practice, kind)([shots.shots[i] for i in index], rng), rng)
            return
        if kind == "tally":  # numbers beyond the first few want many turns
            length *= 2
        shares = np.array(self.world.alertable_shares)
        name = str(rng.choice(self.world.alertable, p=shares / shares.sum()))
        other = practice.confusable(name, rng)
        index = np.array([_pick(has, name, other, rng) for _ in range(length)])
        frames = [shots.shots[i] for i in index]
        for argument in (name, other):
            yield self._row(shots, index, *getattr(practice, kind)(frames, argument, rng), rng)

    def _views(self, number: int, length: int, rng: np.random.Generator) -> np.ndarray:
        """Indices of frames that mostly stay in one room for a while."""
        alike, count = self._alike[number], len(self.groups[number].shots)
        at = int(rng.integers(count))
        index = [at]
        for _ in range(length - 1):
            room = alike[at]
            at = int(rng.choice(room)) if len(room) > 1 and rng.random() < 0.7 else int(rng.integers(count))
            index.append(at)
        return np.array(index)

    def _row(
        self, shots: FrameSet, index: np.ndarray, dialogue: Dialogue, searched: list, rng: np.random.Generator
    ) -> Sample:
        dialogue = life.late(dialogue, rng)
        tokens = [token_labels(shots.patches[i]) for i in index]
        return self.maker.make(
            dialogue, FrameInputs(shots.features[index], shots.frames.shape[1:3], tokens, searched), practice=True
        )


def _gaps(length: int, rng: np.random.Generator) -> list[int]:
    """Seconds of `length` turns, one after the other in every other row; else with gaps, so that the tens of a time
    differ too, as in a long clip."""
    if rng.random() < 0.5:
        return list(range(length))
    return (np.cumsum(rng.geometric(1 / rng.uniform(2, _LONGEST_GAP_S), length)) - 1).tolist()


def _pick(has: dict[str, np.ndarray], name: str, other: str, rng: np.random.Generator) -> int:
    u = rng.random()
    pool = has.get(name, ()) if u < 0.42 else has.get(other, ()) if u < 0.84 else has[""]
    return int(rng.choice(pool if len(pool) else has[""]))


def _index(world: worlds.World, shots: FrameSet) -> dict[str, np.ndarray]:
    """Name -> rows of `shots` that show it; "" = all of them."""
    inside = [world.practice.names_in(shot) for shot in shots.shots]
    found = {name: np.array([i for i, names in enumerate(inside) if name in names], int) for name in world.alertable}
    return found | {"": np.arange(len(inside))}


def _alike(shots: FrameSet) -> list[np.ndarray]:
    """Per row, the rows of the same clip."""
    rows: dict[int, list[int]] = {}
    for i, (clip, _) in enumerate(shots.shots):
        rows.setdefault(clip.seed, []).append(i)
    return [np.array(rows[clip.seed]) for clip, _ in shots.shots]
