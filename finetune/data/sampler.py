"""Rows to train on, drawn anew at every step from clips and loose frames. The same (seed, stage, rank, step) gives the
same rows.

A row is a dialogue in ids with its vision features and, per visual token, whether it carries what the instruction is
about.
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from finetune.annotations import Record
from finetune.build import Dialogue, build_dialogue
from finetune.config import Stage
from finetune.data import augment as life
from finetune.data import clips
from finetune.data.batch import Sample
from finetune.data.encode import Corruptions, FrameInputs, SequenceEncoder, at_turns, searched_before
from finetune.data.patch_labels import patch_labels, token_labels
from finetune.data.practice import PracticeSampler
from finetune.data.stills import FrameSet
from finetune.world import events, foreign, worlds
from finetune.world.grammar import UNSERVABLE_REPLY
from streamo_app.models.wire import Wire
from streamo_app.protocol import State

_FOLLOW_UPS = 0.08
"""Share of dialogues in which a second instruction is typed into the lane of the first."""
_NO_PINNING = ("desk_event_caption", "desk_action_caption")
"""What they say of people needs the coming, which an evicted layout may have lost."""
_REFUSED = 0.04
"""Share of dialogues whose instruction was refused, as one in new words may be: a model that said it cannot goes on in
silence."""
_NEVER_REFUSED = ("follow_up", "unservable", "desk_unservable")
_SILENT_S = 90
"""Most seconds before the question that a window begins with."""
_FOREIGN = 0.03
"""Share of dialogues that ask for what only the other world has: silence."""


class TaskSampler:
    """Draws rows of a stage. `stills` are loose frames with features; the features of the clips `jobs` lie in `folder`."""

    def __init__(
        self,
        wire: Wire,
        stills: list[FrameSet],
        jobs: list[clips.ClipSpec],
        folder: Path,
        maker: SequenceEncoder | None = None,
    ):
        self.maker, self.folder = maker or SequenceEncoder(wire), folder
        self._loose = {
            name: PracticeSampler(self.maker, [s for s in stills if s.world == name]) for name in worlds.NAMES
        }
        self._jobs = {name: [job for job in jobs if job.world == name] for name in worlds.NAMES}
        self._clip = lru_cache(len(jobs) + 1)(lambda job: worlds.get(job.world).make_clip(job.seed, job.seconds))

    def step(self, stage: Stage, seed: tuple[int, ...], tokens: int) -> list[Sample]:
        """Rows of one step and rank: at least `tokens` ids in all."""
        rng = np.random.default_rng(np.random.SeedSequence(seed))
        low, high = stage.seconds
        seconds = int(round(np.exp(rng.uniform(np.log(low), np.log(high)))))
        rows: list[Sample] = []
        while sum(len(row.ids) for row in rows) < tokens:
            world = str(rng.choice(list(stage.worlds), p=_shares(stage.worlds.values())))
            kind = str(rng.choice(list(stage.mix), p=_shares(stage.mix.values())))
            if kind in ("task", "timed"):
                rows += list(self._task_rows(stage, world, kind, seconds, rng))
            else:
                rows += list(self._loose[world].rows(stage, kind, rng))
        return rows

    def _task_rows(
        self, stage: Stage, world: str, kind: str, seconds: int, rng: np.random.Generator
    ) -> Iterator[Sample]:
        double = rng.random() < stage.two_fps
        length = max(8, seconds // 2) if double else seconds
        fitting = [job for job in self._jobs[world] if job.seconds >= length and (job.fps == 2 or not double)]
        if not fitting:
            return
        job = fitting[int(rng.integers(len(fitting)))]
        clip = self._clip(job)
        dialogues = self._dialogues(stage, world, kind, clip, rng)
        if not dialogues or (
            not any(turn.text for dialogue in dialogues for turn in dialogue.turns)
            and rng.random() < stage.silent_dropped
        ):
            return  # silence is most of every dialogue anyway
        features, size = clips.load(self.folder / job.name)
        first = self._first(dialogues[0], clip, length, rng)
        for dialogue in dialogues:
            yield self._task(stage, world, job, dialogue, first, length, features, size, 2 if double else 1, rng)

    def _dialogues(self, stage: Stage, world: str, kind: str, clip, rng: np.random.Generator) -> list[Dialogue]:
        """One dialogue, two that differ in the argument alone, or none where the task does not fit the clip."""
        place = worlds.get(world)
        if kind == "task" and rng.random() < _FOREIGN:
            return [build_dialogue(foreign.record(world, clip, rng), clip.seconds)[0]]
        task = str(rng.choice(place.tasks.TASKS, p=_shares(stage.tasks.get(task, 1.0) for task in place.tasks.TASKS)))
        pair = self._pair(place, clip, task, rng) if kind == "task" and task in place.tasks.PAIRED else None
        if pair is not None:
            return [build_dialogue(record, clip.seconds)[0] for record in pair]
        records = [place.practice.timed(clip, rng) if kind == "timed" else place.tasks.record(clip, task, rng)]
        if rng.random() < _FOLLOW_UPS:
            records.append(place.tasks.record(clip, str(rng.choice(place.tasks.TASKS)), rng))
        dialogues = [build_dialogue(record, clip.seconds)[0] for record in records if record is not None]
        if len(dialogues) < 2:
            return dialogues
        return [replace(life.follow_up(*dialogues), meta=dialogues[0].meta | {"argument": None})]

    def _pair(self, place: worlds.World, clip, task: str, rng: np.random.Generator) -> tuple[Record, ...] | None:
        """The task with two arguments that are easily confused, one of them there."""
        first = place.tasks.record(clip, task, rng)
        if first is None:
            return None
        name = first.extra["argument"]
        return place.tasks.pair(clip, task, rng, (name, place.tasks.rival(task, name, rng)))

    def _first(self, dialogue: Dialogue, clip, seconds: int, rng: np.random.Generator) -> int:
        """First turn of the window: mostly some silent seconds before the question, sometimes after it (the evicted
        layout)."""
        asked, last = dialogue.asked, clip.seconds - seconds
        if rng.random() < 0.25 and asked < last and dialogue.task not in _NO_PINNING:
            first = int(rng.integers(asked + 1, last + 1))
            if dialogue.turns[first].state is State.SILENCE and dialogue.turns[first - 1].state is State.SILENCE:
                return first  # an event under way would lose its beginning
        early = max(0, asked - int(rng.integers(0, min(seconds - 3, _SILENT_S) + 1)))
        return max(0, min(early, last))

    def _task(self, stage, world, job, dialogue, first, seconds, features, size, per_turn, rng) -> Sample:
        dialogue, pinned = life.window(dialogue, first, seconds)
        index = [turn.second for turn in dialogue.turns]
        dialogue = life.late(dialogue, rng)
        if rng.random() < 0.12:
            gone = {int(i) for i in rng.integers(1, seconds - 1, int(rng.integers(1, 4)))}
            dialogue, left = life.skip(dialogue, gone)
            index = [index[i] for i in left]
        lived = Corruptions(gold=dialogue, decided=0 if pinned else None)
        counting = dialogue.task.endswith("counting")
        if pinned and counting:  # the number to go on from is lost; from the first one on it is there again
            lived.forgotten = {next((i for i, turn in enumerate(dialogue.turns) if turn.text), 0)}
        if dialogue.task not in _NEVER_REFUSED and rng.random() < _REFUSED:
            dialogue, lived.wrong = life.refused(dialogue, UNSERVABLE_REPLY)
        elif stage.mistakes and not counting and rng.random() < 0.6:
            # Not in counts: after a wrong number the next one is anybody's guess.
            dialogue, lived.wrong = life.mistakes(dialogue, rng, stage.mistakes)
        if pinned:
            lived.wrong.discard(0)
        place = worlds.get(world)
        name = dialogue.meta.get("argument") or place.searched.get(dialogue.task)
        asked = next((i for i, turn in enumerate(dialogue.turns) if turn.instructions), len(index))
        clip = self._clip(job)
        tokens = [
            token_labels(patch_labels(place.boxes(clip, second + k / per_turn), *size))
            for second in index
            for k in range(per_turn)
        ]
        happened = events.on_turns(events.of_clip(world, clip), index)
        searched = searched_before(asked, len(tokens), per_turn, name)
        pictures = FrameInputs(features[at_turns(index, per_turn, job.fps)], size, tokens, searched, per_turn, happened)
        return self.maker.make(dialogue, pictures, lived)


def _shares(weights) -> np.ndarray:
    values = np.array(list(weights), float)
    return values / values.sum()
