"""One dialogue with its frames to one training sample: ids, labels, targets of the auxiliary losses, and which turn
each number of an answer was read from."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from finetune.build import Dialogue
from finetune.data.batch import Sample
from finetune.data.patch_labels import CLASSES, DIRECTIONS, THINGS, named
from finetune.labels import IGNORED, Encoded, dialogue_ids
from finetune.model.tiny import PATCH_PX, TOKEN_PX
from streamo_app.models.wire import Wire
from streamo_app.protocol import State

_THING_COLUMNS = [CLASSES.index(name) for name in THINGS]
_DIRECTION_COLUMNS = [CLASSES.index(name) for name in DIRECTIONS]


@dataclass
class FrameInputs:
    """The frames of a dialogue, in order; the same number for every turn."""

    features: torch.Tensor
    """(images, P, vision_hidden)"""
    size: tuple[int, int]
    """(height, width) of the shrunk frames."""
    tokens: list[np.ndarray]
    """Per image (tokens, classes): `patch_labels.token_labels`."""
    searched: Sequence[str | None]
    """Per image, what it is searched for (`patch_labels.named`), None = not known; "view" = nothing with a position."""
    per_turn: int = 1
    events: np.ndarray | None = None
    """(turns, events): `world/events.py`; None = nothing is known, as of stills."""


@dataclass
class Corruptions:
    """What happened to the dialogue before it became a sample."""

    wrong: set[int] = field(default_factory=set)
    """Indices of turns whose state is a mistake: input only, the state of `gold` is the label."""
    gold: Dialogue | None = None
    decided: int | None = None
    """Index of the turn whose decision was made long ago (evicted layouts): not supervised."""
    forgotten: set[int] = field(default_factory=set)
    """Indices of turns whose words need what an evicted layout has lost: the state is learned, the words are not."""

    def learns_words(self, turn: int) -> bool:
        return turn not in self.wrong and turn not in self.forgotten and turn != self.decided


class SequenceEncoder:
    """Makes samples; keeps nothing but the wire."""

    def __init__(self, wire: Wire):
        self.wire = wire
        tokens = wire.tokenizer.convert_ids_to_tokens(range(len(wire.tokenizer)))
        self._digits = {i for i, token in enumerate(tokens) if len(token) == 1 and token in "0123456789"}
        sides = [wire.tokenizer.encode(f" {side}", add_special_tokens=False) for side in ("left", "right")]
        self._sides = {ids[0] for ids in sides if len(ids) == 1}

    def encode(
        self, dialogue: Dialogue, frames: FrameInputs, corruptions: Corruptions | None = None, practice: bool = False
    ) -> Sample:
        corruptions = corruptions or Corruptions()
        height, width = frames.size
        grid = (height // TOKEN_PX, width // TOKEN_PX)
        assert frames.features.shape[1] == (height // PATCH_PX) * (width // PATCH_PX)
        assert len(frames.features) == len(dialogue.turns) * frames.per_turn
        encoded = dialogue_ids(dialogue, self.wire, [grid[0] * grid[1]] * frames.per_turn)
        targets, distractors = _targets(corruptions.gold or dialogue, frames)
        clock = [turn.second for turn in dialogue.turns for _ in range(frames.per_turn)]
        sample = Sample(
            ids=encoded.ids,
            labels=self._labels(encoded, corruptions),
            grid=grid,
            features=frames.features,
            clock=clock,
            targets=targets,
            distractors=distractors,
            pointers=[
                *self._number_pointers(dialogue, encoded, corruptions),
                *self._side_pointers(dialogue, encoded, corruptions, frames),
            ],
            practice=practice,
            directions=np.stack([_directions(labels) for labels in frames.tokens]),
        )
        if frames.events is not None:
            sample.decisions, sample.events = [at - 1 for at in encoded.turn_of_state], frames.events
        return sample

    def _labels(self, encoded: Encoded, corruptions: Corruptions) -> list[int]:
        labels = list(encoded.labels)
        silenced = corruptions.wrong | ({corruptions.decided} if corruptions.decided is not None else set())
        for i in silenced | corruptions.forgotten:
            start = encoded.turn_of_state[i]
            end = encoded.turn_of_state[i + 1] if i + 1 < len(encoded.turn_of_state) else len(labels)
            first = start if i in silenced else start + 1
            labels[first:end] = [IGNORED] * (end - first)
            if i in corruptions.wrong:
                assert corruptions.gold is not None, "a wrong turn has a gold state"
                labels[start] = self.wire.reply(corruptions.gold.turns[i].state)[0]
        return labels

    def _number_pointers(
        self, dialogue: Dialogue, encoded: Encoded, corruptions: Corruptions
    ) -> list[tuple[int, int, int]]:
        """(position that predicts a digit, first and last + 1 position of the turn that the number was read from)."""
        spans = "grounding" in dialogue.task or dialogue.task == "timed"
        counts = dialogue.task.endswith("counting")
        if not spans and not counts:
            return []
        index_of = {turn.second: i for i, turn in enumerate(dialogue.turns)}
        found, before = [], None
        for i, turn in enumerate(dialogue.turns):
            if turn.state is not State.RESPONSE:
                continue
            if corruptions.learns_words(i):
                for order, (first, last, number) in enumerate(self._numbers(encoded, i)):
                    source = before if counts else index_of.get(number - order % 2)
                    if source is not None and source <= i:
                        low, high = _turn(encoded, source)
                        if counts:  # the number to go on from stands in that turn's reply
                            low, high = (
                                high,
                                high - 1 + len(self.wire.reply(State.RESPONSE, dialogue.turns[source].text)),
                            )
                        found += [(at - 1, low, min(high, at)) for at in range(first, last)]
            before = i
        return found

    def _side_pointers(
        self, dialogue: Dialogue, encoded: Encoded, corruptions: Corruptions, frames: FrameInputs
    ) -> list[tuple[int, int, int]]:
        """The same for the sides in an answer: the turn that shows the thing last, which is the one before the answer
        but for "What is there now?"."""
        desk = dialogue.task == "desk_action_caption"
        if dialogue.task not in ("event_caption", "action_caption", "ask_each") and not desk:
            return []
        found = []
        for i, turn in enumerate(dialogue.turns):
            if turn.state is not State.RESPONSE or not corruptions.learns_words(i):
                continue
            source = i if dialogue.task == "ask_each" and frames.searched[i * frames.per_turn] else i - 1
            if source < 0:
                continue
            start = encoded.turn_of_state[i] + 1
            length = len(self.wire.reply(State.RESPONSE, turn.text)) - 1
            sides = [at for at in range(start, start + length) if encoded.ids[at] in self._sides]
            # "from left to right": the second follows from the first. In a room only "leaves to the left" is told by
            # the turn before.
            low, high = _turn(encoded, source)
            found += [(at - 1, low, min(high, at)) for at in (sides[-1:] if desk else sides[::2])]
        return found

    def _numbers(self, encoded: Encoded, turn: int) -> list[tuple[int, int, int]]:
        """(first position, last + 1, value) of each number in a turn's reply."""
        at = encoded.turn_of_state[turn] + 1
        numbers: list[tuple[int, int, int]] = []
        while at < len(encoded.ids) and encoded.labels[at] != IGNORED:
            first = at
            while at < len(encoded.ids) and encoded.ids[at] in self._digits:
                at += 1
            if at > first:
                numbers.append((first, at, int(self.wire.tokenizer.decode(encoded.ids[first:at]))))
            else:
                at += 1
        return numbers


def _targets(dialogue: Dialogue, frames: FrameInputs) -> tuple[np.ndarray, np.ndarray]:
    """(images, tokens) targets and distractors of a sample (`batch.Sample`)."""
    targets = np.full((len(frames.tokens), frames.tokens[0].shape[0]), -1, np.float32)
    distractors = np.zeros_like(targets, bool)
    for i, (labels, name) in enumerate(zip(frames.tokens, frames.searched, strict=True)):
        if name == "view":  # every token of the first frame of a new view is another than before
            turn = dialogue.turns[i // frames.per_turn]
            if frames.per_turn == 1:  # of two frames per turn, either may be the first of the new view
                targets[i] = float(turn.state is State.RESPONSE)
        elif name is not None and (columns := named(name)):
            targets[i] = labels[:, columns].max(1)
            distractors[i] = (labels[:, _THING_COLUMNS].max(1) > 0) & (targets[i] == 0)
    return targets, distractors


def _turn(encoded: Encoded, index: int) -> tuple[int, int]:
    """First and last + 1 position of a turn, up to its state."""
    return encoded.turn_of_state[index - 1] + 1 if index else 0, encoded.turn_of_state[index] + 1


def _directions(labels: np.ndarray) -> np.ndarray:
    """(tokens,) directions in one frame (`batch.Sample`); two things that go two ways through one token say nothing."""
    left, right = labels[:, _DIRECTION_COLUMNS].T > 0
    return np.where(left == right, -1.0, right).astype(np.float32)


def searched_before(asked: int, images: int, per_turn: int, name: str | None) -> list[str | None]:
    """Per image what it is searched for: nothing before the question's turn."""
    return [name if i // per_turn >= asked else None for i in range(images)]


def at_turns(index: Sequence[int], per_turn: int, fps: int) -> list[int]:
    """Image numbers (at `fps` per second) of `per_turn` frames of each second of `index`."""
    return [second * fps + k for second in index for k in range(per_turn)]
