"""Practice samples over the stills of one world (`world/street/practice.py`, `world/desk/practice.py`)."""

from collections.abc import Iterator, Sequence

import numpy as np

from finetune.build import Dialogue
from finetune.config import Stage
from finetune.data import augment
from finetune.data.batch import Sample
from finetune.data.encode import FrameInputs, SequenceEncoder
from finetune.data.patch_labels import token_labels
from finetune.data.stills import FrameSet
from finetune.world import worlds
from finetune.world.recall import recall

_LONGEST_GAP_S = 14
"""Mean seconds from a turn to the next, at most: a sample of nine turns then spans two minutes."""


class PracticeSampler:
    """Draws practice samples; `groups` are stills with features, all of one world, one group for each grid."""

    def __init__(self, encoder: SequenceEncoder, groups: list[FrameSet]):
        self._encoder, self._groups = encoder, groups
        self._world = worlds.get(groups[0].world)
        self._showing = [_showing(self._world, group) for group in groups]
        self._same_clip = [_same_clip(group) for group in groups]
        self._sizes = np.array([len(group.shots) for group in groups], float)

    def samples(self, stage: Stage, kind: str, rng: np.random.Generator) -> Iterator[Sample]:
        """One sample, or two that differ only in what they ask for."""
        number = int(rng.choice(len(self._groups), p=self._sizes / self._sizes.sum()))
        group = self._groups[number]
        practice = self._world.practice
        length = int(rng.integers(stage.practice_seconds[0], stage.practice_seconds[1] + 1))
        if kind == "same_view":
            if hasattr(practice, kind):
                index = self._views(number, length, rng)
                dialogue, searched = practice.same_view([group.shots[i] for i in index], rng)
                yield self._sample(group, index, dialogue, searched, rng)
            return
        if kind == "recall":
            index = rng.integers(0, len(group.shots), length)
            dialogue, searched = recall(group.world, [group.shots[i] for i in index], rng)
            yield self._sample(group, index, augment.retime(dialogue, _gaps(length, rng)), searched, rng)
            return
        if kind in ("ask_each", "held"):
            index = rng.integers(0, len(group.shots), length)
            dialogue, searched = getattr(practice, kind)([group.shots[i] for i in index], rng)
            yield self._sample(group, index, dialogue, searched, rng)
            return
        if kind == "tally":  # numbers beyond the first few need many turns
            length *= 2
        shares = np.array(self._world.alertable_shares)
        name = str(rng.choice(self._world.alertable, p=shares / shares.sum()))
        other = practice.confusable(name, rng)
        index = np.array([_pick(self._showing[number], name, other, rng) for _ in range(length)])
        shots = [group.shots[i] for i in index]
        for argument in (name, other):
            dialogue, searched = getattr(practice, kind)(shots, argument, rng)
            yield self._sample(group, index, dialogue, searched, rng)

    def _views(self, number: int, length: int, rng: np.random.Generator) -> np.ndarray:
        """Indices of stills that mostly stay in one room for a while."""
        same_clip, count = self._same_clip[number], len(self._groups[number].shots)
        at = int(rng.integers(count))
        index = [at]
        for _ in range(length - 1):
            room = same_clip[at]
            at = int(rng.choice(room)) if len(room) > 1 and rng.random() < 0.7 else int(rng.integers(count))
            index.append(at)
        return np.array(index)

    def _sample(
        self,
        group: FrameSet,
        index: np.ndarray,
        dialogue: Dialogue,
        searched: Sequence[str | None],
        rng: np.random.Generator,
    ) -> Sample:
        assert group.features is not None, "stills are practised on once they have features"
        dialogue = augment.random_clock_offset(dialogue, rng)
        tokens = [token_labels(group.patches[i]) for i in index]
        frames = FrameInputs(group.features[index], group.frames.shape[1:3], tokens, searched)
        return self._encoder.encode(dialogue, frames, practice=True)


def _gaps(length: int, rng: np.random.Generator) -> list[int]:
    """Seconds of `length` turns, one after the other in every second sample; else with gaps, so that the tens of a time
    differ too, as in a long clip."""
    if rng.random() < 0.5:
        return list(range(length))
    return (np.cumsum(rng.geometric(1 / rng.uniform(2, _LONGEST_GAP_S), length)) - 1).tolist()


def _pick(showing: dict[str, np.ndarray], name: str, other: str, rng: np.random.Generator) -> int:
    u = rng.random()
    pool = showing.get(name, ()) if u < 0.42 else showing.get(other, ()) if u < 0.84 else showing[""]
    return int(rng.choice(pool if len(pool) else showing[""]))


def _showing(world: worlds.World, group: FrameSet) -> dict[str, np.ndarray]:
    """Name -> indices of the stills that show it; "" = all of them."""
    inside = [world.practice.names_in(shot) for shot in group.shots]
    found = {name: np.array([i for i, names in enumerate(inside) if name in names], int) for name in world.alertable}
    return found | {"": np.arange(len(inside))}


def _same_clip(group: FrameSet) -> list[np.ndarray]:
    """Per still, the indices of all stills of its clip."""
    members: dict[int, list[int]] = {}
    for i, (clip, _) in enumerate(group.shots):
        members.setdefault(clip.seed, []).append(i)
    return [np.array(members[clip.seed]) for clip, _ in group.shots]
