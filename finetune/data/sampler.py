"""Training samples, drawn at every step from clips and stills. The same (seed, stage, rank, step) gives the same
samples.

A sample is a dialogue in ids with its vision features and, per visual token, whether it carries what the instruction is
about.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from finetune.annotations import Record
from finetune.build import Dialogue, build_dialogue
from finetune.config import Stage
from finetune.data import augment, clips
from finetune.data.batch import Sample
from finetune.data.encode import Corruptions, FrameInputs, SequenceEncoder, at_turns, searched_before
from finetune.data.patch_labels import patch_labels, token_labels
from finetune.data.practice import PracticeSampler
from finetune.data.stills import FrameSet
from finetune.world import events, foreign, worlds
from finetune.world.grammar import UNSERVABLE_REPLY
from streamo_app.protocol import State

_FOLLOW_UPS = 0.08
"""Share of dialogues in which a second instruction is typed into the lane of the first."""
_NO_PINNING = ("desk_event_caption", "desk_action_caption")
"""What they say about people needs their coming in, which an evicted layout may have lost."""
_REFUSED = 0.04
"""Share of dialogues whose instruction was refused, as one in new words may be: a model that said it cannot goes on in
silence."""
_NEVER_REFUSED = ("follow_up", "unservable", "desk_unservable")
_SILENT_S = 90
"""Most seconds before the question that a window begins with."""
_FOREIGN = 0.03
"""Share of dialogues that ask for what only the other world has: silence."""


@dataclass(frozen=True)
class _Window:
    """The seconds of a training clip that the samples drawn from it see."""

    spec: clips.ClipSpec
    clip: Any
    """Of the spec's world."""
    features: torch.Tensor
    """(frames of the clip, P, vision_hidden)"""
    size: tuple[int, int]
    """(height, width) of the shrunk frames."""
    first: int
    """Its first turn."""
    seconds: int
    per_turn: int
    """Frames per turn."""

    def tokens(self, turns: list[int]) -> list[np.ndarray]:
        """Per frame of these turns, the classes of each visual token."""
        boxes = worlds.get(self.spec.world).boxes
        return [
            token_labels(patch_labels(boxes(self.clip, turn + k / self.per_turn), *self.size))
            for turn in turns
            for k in range(self.per_turn)
        ]


class TaskSampler:
    """Draws the samples of a step. `stills` have features; the features of the clips `specs` lie in `folder`."""

    def __init__(self, encoder: SequenceEncoder, stills: list[FrameSet], specs: list[clips.ClipSpec], folder: Path):
        self.encoder, self._folder = encoder, folder
        groups = {name: [group for group in stills if group.world == name] for name in worlds.NAMES}
        self._practice = {name: PracticeSampler(encoder, found) for name, found in groups.items() if found}
        self._specs = {name: [spec for spec in specs if spec.world == name] for name in worlds.NAMES}
        self._clip = lru_cache(len(specs) + 1)(lambda spec: worlds.get(spec.world).make_clip(spec.seed, spec.seconds))

    def step(self, stage: Stage, seed: tuple[int, ...], tokens: int) -> list[Sample]:
        """Samples of one step and rank: at least `tokens` ids in all."""
        rng = np.random.default_rng(np.random.SeedSequence(seed))
        low, high = stage.seconds
        seconds = round(np.exp(rng.uniform(np.log(low), np.log(high))))
        samples: list[Sample] = []
        while sum(len(sample.ids) for sample in samples) < tokens:
            world = str(rng.choice(list(stage.worlds), p=_shares(stage.worlds.values())))
            kind = str(rng.choice(list(stage.mix), p=_shares(stage.mix.values())))
            if kind in ("task", "timed"):
                samples += self._task_samples(stage, world, kind, seconds, rng)
            elif world in self._practice:
                samples += self._practice[world].samples(stage, kind, rng)
        return samples

    def _task_samples(
        self, stage: Stage, world: str, kind: str, seconds: int, rng: np.random.Generator
    ) -> Iterator[Sample]:
        double = rng.random() < stage.two_fps
        length = max(8, seconds // 2) if double else seconds
        fitting = [spec for spec in self._specs[world] if spec.seconds >= length and (spec.fps == 2 or not double)]
        if not fitting:
            return
        spec = fitting[int(rng.integers(len(fitting)))]
        clip = self._clip(spec)
        dialogues = self._dialogues(stage, world, kind, clip, rng)
        if not dialogues or (
            not any(turn.text for dialogue in dialogues for turn in dialogue.turns)
            and rng.random() < stage.silent_dropped
        ):
            return  # silence is most of every dialogue anyway
        features, size = clips.load(self._folder / spec.name)
        first = _first_turn(dialogues[0], clip.seconds, length, rng)
        window = _Window(spec, clip, features, size, first, length, per_turn=2 if double else 1)
        for dialogue in dialogues:
            yield self._sample(stage, window, dialogue, rng)

    def _dialogues(self, stage: Stage, world: str, kind: str, clip: Any, rng: np.random.Generator) -> list[Dialogue]:
        """One dialogue, two that differ only in their argument, or none where the task does not fit the clip."""
        place = worlds.get(world)
        if kind == "task" and rng.random() < _FOREIGN:
            return _built([foreign.record(world, clip, rng)], clip.seconds)
        task = str(rng.choice(place.tasks.TASKS, p=_shares(stage.tasks.get(task, 1.0) for task in place.tasks.TASKS)))
        pair = _pair(place, clip, task, rng) if kind == "task" and task in place.tasks.PAIRED else None
        if pair is not None:
            return _built(pair, clip.seconds)
        records = [place.practice.timed(clip, rng) if kind == "timed" else place.tasks.record(clip, task, rng)]
        if rng.random() < _FOLLOW_UPS:
            records.append(place.tasks.record(clip, str(rng.choice(place.tasks.TASKS)), rng))
        dialogues = _built(records, clip.seconds)
        if len(dialogues) < 2:
            return dialogues
        return [replace(augment.follow_up(*dialogues), meta=dialogues[0].meta | {"argument": None})]

    def _sample(self, stage: Stage, window: _Window, dialogue: Dialogue, rng: np.random.Generator) -> Sample:
        dialogue, pinned = augment.window(dialogue, window.first, window.seconds)
        turns = [turn.second for turn in dialogue.turns]
        dialogue = augment.random_clock_offset(dialogue, rng)
        if rng.random() < 0.12:
            gone = {int(i) for i in rng.integers(1, window.seconds - 1, int(rng.integers(1, 4)))}
            dialogue, left = augment.skip(dialogue, gone)
            turns = [turns[i] for i in left]
        corruptions = Corruptions(gold=dialogue, decided=0 if pinned else None)
        counting = dialogue.task.endswith("counting")
        if pinned and counting:  # the number to go on from is lost; from the first one on it is there again
            corruptions.forgotten = {next((i for i, turn in enumerate(dialogue.turns) if turn.text), 0)}
        if dialogue.task not in _NEVER_REFUSED and rng.random() < _REFUSED:
            dialogue, corruptions.wrong = augment.refuse_first(dialogue, UNSERVABLE_REPLY)
        elif stage.mistakes and not counting and rng.random() < 0.6:
            # Not in counts: after a wrong number the next one is anybody's guess.
            dialogue, corruptions.wrong = augment.corrupt_states(dialogue, rng, stage.mistakes)
        if pinned:
            corruptions.wrong.discard(0)
        name = dialogue.meta.get("argument") or worlds.get(window.spec.world).searched.get(dialogue.task)
        asked = next((i for i, turn in enumerate(dialogue.turns) if turn.instructions), len(turns))
        tokens = window.tokens(turns)
        frames = FrameInputs(
            features=window.features[at_turns(turns, window.per_turn, window.spec.fps)],
            size=window.size,
            tokens=tokens,
            searched=searched_before(asked, len(tokens), window.per_turn, name),
            per_turn=window.per_turn,
            events=events.on_turns(events.of_clip(window.spec.world, window.clip), turns),
        )
        return self.encoder.encode(dialogue, frames, corruptions)


def _built(records: Iterable[Record | None], seconds: int) -> list[Dialogue]:
    built = (build_dialogue(record, seconds)[0] for record in records if record is not None)
    return [dialogue for dialogue in built if dialogue is not None]


def _pair(place: worlds.World, clip: Any, task: str, rng: np.random.Generator) -> tuple[Record, ...] | None:
    """The task with two arguments that are easily confused, one of them there."""
    first = place.tasks.record(clip, task, rng)
    if first is None:
        return None
    name = first.extra["argument"]
    return place.tasks.pair(clip, task, rng, (name, place.tasks.rival(task, name, rng)))


def _first_turn(dialogue: Dialogue, clip_seconds: int, seconds: int, rng: np.random.Generator) -> int:
    """First turn of the window: mostly some silent seconds before the question, sometimes after it (the evicted
    layout)."""
    asked, last = dialogue.asked, clip_seconds - seconds
    assert asked is not None, "every dialogue that is built asks something"
    if rng.random() < 0.25 and asked < last and dialogue.task not in _NO_PINNING:
        first = int(rng.integers(asked + 1, last + 1))
        if dialogue.turns[first].state is State.SILENCE and dialogue.turns[first - 1].state is State.SILENCE:
            return first  # an event under way would lose its beginning
    early = max(0, asked - int(rng.integers(0, min(seconds - 3, _SILENT_S) + 1)))
    return max(0, min(early, last))


def _shares(weights: Iterable[float]) -> np.ndarray:
    values = np.array(list(weights), float)
    return values / values.sum()
