"""Rows to train on, drawn anew at every step from clips and loose frames. The same (seed, stage, rank, step) gives the same rows.

A row is a dialogue in ids with its vision features and, per visual token, whether it carries what the instruction is about.
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch

from finetune import life
from finetune.bank import Shots, clip_path
from finetune.batch import Row
from finetune.annotations import Record
from finetune.build import Dialogue, build_dialogue
from finetune.config import Stage
from finetune.labels import IGNORED, dialogue_ids
from finetune.targets import named, patch_labels, token_labels
from finetune.tiny import PATCH_PX, TOKEN_PX
from finetune.world import practice, tasks
from finetune.world.scene import CAR_COLOURS, LIGHTS, NAMES, Clip, make_clip
from streamo_app.models.wire import Wire
from streamo_app.protocol import State

_PAIRED = ("alert_light", "alert_object", "grounding_forward")
"""Tasks whose rows come in pairs, one clip and two arguments, so that only the argument can tell the answers apart."""
_FOLLOW_UPS = 0.08
"""Share of dialogues in which a second instruction is typed into the lane of the first."""
_NO_PINNING = ("counting", "grounding_backward", "unservable")
"""Their answers need what an evicted layout has lost, or are over at once."""


class Rows:
    """Draws rows of a stage. `stills` are loose frames with features; `clips` the (seed, seconds) whose features lie in `folder`."""

    def __init__(self, wire: Wire, stills: list[Shots], clips: list[tuple[int, int]], folder: Path):
        self.wire, self.stills, self.clips, self.folder = wire, stills, clips, folder
        self._has = [_index(shots) for shots in stills]
        self._sizes = np.array([len(shots.shots) for shots in stills], float)
        self._clip = lru_cache(len(clips) + 1)(make_clip)

    def step(self, stage: Stage, seed: tuple[int, ...], tokens: int) -> list[Row]:
        """Rows of one step and rank: at least `tokens` ids in all."""
        rng = np.random.default_rng(np.random.SeedSequence(seed))
        low, high = stage.seconds
        seconds = int(round(np.exp(rng.uniform(np.log(low), np.log(high)))))
        rows: list[Row] = []
        while sum(len(row.ids) for row in rows) < tokens:
            kind = str(rng.choice(list(stage.mix), p=_shares(stage.mix.values())))
            whole_clips = kind in ("task", "timed")
            rows += list(self._task_rows(stage, kind, seconds, rng) if whole_clips else self._practice_rows(stage, kind, rng))
        return rows

    # --- loose frames

    def _practice_rows(self, stage: Stage, kind: str, rng: np.random.Generator) -> Iterator[Row]:
        group = int(rng.choice(len(self.stills), p=_shares(self._sizes)))
        shots, has = self.stills[group], self._has[group]
        length = int(rng.integers(stage.practice_seconds[0], stage.practice_seconds[1] + 1))
        if kind in ("ask_each", "held"):
            index = rng.integers(0, len(shots.shots), length)
            frames = [shots.shots[i] for i in index]
            yield self._practice(shots, index, *getattr(practice, kind)(frames, rng), rng)
            return
        name = str(rng.choice(_ALERTABLE, p=_ALERTABLE_SHARES))
        other = practice.confusable(name, rng)
        index = np.array([self._pick(has, name, other, rng) for _ in range(length)])
        frames = [shots.shots[i] for i in index]
        for argument in (name, other):
            yield self._practice(shots, index, *getattr(practice, kind)(frames, argument, rng), rng)

    def _pick(self, has: dict[str, np.ndarray], name: str, other: str, rng: np.random.Generator) -> int:
        u = rng.random()
        pool = has[name] if u < 0.42 else has[other] if u < 0.84 else has[""]
        return int(rng.choice(pool if len(pool) else has[""]))

    def _practice(self, shots: Shots, index: np.ndarray, dialogue: Dialogue, searched: list, rng: np.random.Generator) -> Row:
        if rng.random() < 0.3:
            dialogue = life.shift_clock(dialogue, life.clock_offset(rng))
        tokens = [token_labels(shots.patches[i]) for i in index]
        return self._row(dialogue, set(), None, shots.features[index], shots.frames.shape[1:3], tokens, searched, practice=True)

    # --- clips

    def _task_rows(self, stage: Stage, kind: str, seconds: int, rng: np.random.Generator) -> Iterator[Row]:
        fitting = [clip for clip in self.clips if clip[1] >= seconds]
        seed, length = fitting[int(rng.integers(len(fitting)))]
        clip = self._clip(seed, length)
        dialogues = self._dialogues(stage, kind, clip, rng)
        if not any(turn.text for dialogue in dialogues for turn in dialogue.turns) and rng.random() < 0.7:
            return  # silence is most of every dialogue anyway
        with np.load(clip_path(self.folder, seed, length)) as file:
            features, size = torch.from_numpy(file["features"]), tuple(int(side) for side in file["size"])
        first = self._first(dialogues[0], clip, seconds, rng) if dialogues else 0
        for dialogue in dialogues:
            yield self._task(stage, clip, dialogue, first, seconds, features, size, rng)

    def _dialogues(self, stage: Stage, kind: str, clip: Clip, rng: np.random.Generator) -> list[Dialogue]:
        """One dialogue, two that differ in the argument alone, or none where the task does not fit the clip."""
        task = str(rng.choice(tasks.TASKS, p=_shares(stage.tasks.get(task, 1.0) for task in tasks.TASKS)))
        pair = self._pair(clip, task, rng) if kind == "task" and task in _PAIRED else None
        if pair is not None:
            return [build_dialogue(record, clip.seconds)[0] for record in pair]
        records = [practice.timed(clip, rng) if kind == "timed" else tasks.record(clip, task, rng)]
        if rng.random() < _FOLLOW_UPS:
            records.append(tasks.record(clip, str(rng.choice(tasks.TASKS)), rng))
        dialogues = [build_dialogue(record, clip.seconds)[0] for record in records if record is not None]
        if len(dialogues) < 2:
            return dialogues
        return [replace(life.follow_up(*dialogues), meta=dialogues[0].meta | {"argument": None})]

    def _pair(self, clip: Clip, task: str, rng: np.random.Generator) -> tuple[Record, ...] | None:
        """The task with two arguments that are easily confused, one of them there."""
        first = tasks.record(clip, task, rng)
        if first is None:
            return None
        name = first.extra["argument"]
        return tasks.pair(clip, task, rng, (name, practice.confusable(name, rng)))

    def _first(self, dialogue: Dialogue, clip: Clip, seconds: int, rng: np.random.Generator) -> int:
        """First turn of the window: mostly some silent seconds before the question, sometimes after it (the evicted layout)."""
        asked, last = dialogue.asked, clip.seconds - seconds
        if rng.random() < 0.25 and dialogue.task not in _NO_PINNING and asked < last:
            first = int(rng.integers(asked + 1, last + 1))
            if dialogue.turns[first].state is State.SILENCE and dialogue.turns[first - 1].state is State.SILENCE:
                return first  # an event under way would lose its beginning
        early = max(0, asked - int(rng.integers(0, min(seconds - 3, 14) + 1)))
        return min(early, last)

    def _task(self, stage, clip, dialogue, first, seconds, features, size, rng) -> Row:
        dialogue, pinned = life.window(dialogue, first, seconds)
        index = [turn.second for turn in dialogue.turns]
        if rng.random() < 0.35:
            dialogue = life.shift_clock(dialogue, life.clock_offset(rng))
        if rng.random() < 0.12:
            gone = {int(i) for i in rng.integers(1, seconds - 1, int(rng.integers(1, 4)))}
            dialogue, left = life.skip(dialogue, gone)
            index = [index[i] for i in left]
        gold = dialogue
        wrong: set[int] = set()
        if stage.mistakes and rng.random() < 0.6:
            dialogue, wrong = life.mistakes(dialogue, rng, stage.mistakes)
        if pinned:
            wrong.discard(0)
        argument = dialogue.meta.get("argument") or _SEARCHED.get(dialogue.task)
        asked = next((i for i, turn in enumerate(dialogue.turns) if turn.instructions), len(index))
        tokens = [token_labels(patch_labels(clip, float(second), *size)) for second in index]
        searched = [argument if i >= asked else None for i in range(len(index))]
        return self._row(dialogue, wrong, gold, features[index], size, tokens, searched, practice=False, decided=0 if pinned else None)

    def _row(self, dialogue, wrong, gold, features, size, tokens, searched, practice, decided=None) -> Row:
        grid = (size[0] // TOKEN_PX, size[1] // TOKEN_PX)
        assert features.shape[1] == (size[0] // PATCH_PX) * (size[1] // PATCH_PX)
        coded = dialogue_ids(dialogue, self.wire, [grid[0] * grid[1]])
        labels = list(coded.labels)
        for i in wrong | ({decided} if decided is not None else set()):
            start = coded.turn_of_state[i]
            end = coded.turn_of_state[i + 1] if i + 1 < len(coded.turn_of_state) else len(labels)
            labels[start:end] = [IGNORED] * (end - start)
            if i in wrong:
                labels[start] = self.wire.reply(gold.turns[i].state)[0]
        targets, distractors = _targets(tokens, searched)
        return Row(coded.ids, labels, coded.image_starts, grid, features, targets, distractors, practice)


_ALERTABLE = (*NAMES, *practice.LIGHT_NAMES)
_ALERTABLE_SHARES = np.array([0.55 / len(CAR_COLOURS)] * len(CAR_COLOURS) + [0.25 / 3] * 3 + [0.2 / len(LIGHTS)] * len(LIGHTS))
_SEARCHED = {"event_caption": "thing", "action_caption": "person", "narration": "thing", "counting": "car", "tsqa_crossing": "person", "tsqa_light": "light"}
"""What the picture is searched for in tasks whose instruction names nothing."""


def _targets(tokens: list[np.ndarray], searched: list[str | None]) -> tuple[np.ndarray, np.ndarray]:
    """(images, tokens) targets and distractors of a row."""
    targets = np.full((len(tokens), tokens[0].shape[0]), -1, np.float32)
    distractors = np.zeros_like(targets, bool)
    for i, (labels, name) in enumerate(zip(tokens, searched)):
        if name is not None:
            # The two classes of direction are no things of their own.
            targets[i] = labels[:, named(name)].max(1)
            distractors[i] = (labels[:, : len(NAMES) + len(LIGHTS)].max(1) > 0) & (targets[i] == 0)
    return targets, distractors


def _index(shots: Shots) -> dict[str, np.ndarray]:
    """Name -> rows of `shots` that show it; "" = all of them."""
    inside = [practice.names_in(shot) for shot in shots.shots]
    found = {name: np.array([i for i, names in enumerate(inside) if name in names], int) for name in _ALERTABLE}
    return found | {"": np.arange(len(inside))}


def _shares(weights) -> np.ndarray:
    values = np.array(list(weights), float)
    return values / values.sum()
