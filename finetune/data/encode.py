"""One dialogue with its pictures to one row of ids: labels, match targets, and which turn each number of an answer was
read from."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from finetune.build import Dialogue
from finetune.data.batch import Sample
from finetune.data.patch_labels import CLASSES, THINGS, WAYS, named
from finetune.labels import IGNORED, Encoded, dialogue_ids
from finetune.model.tiny import PATCH_PX, TOKEN_PX
from streamo_app.models.wire import Wire
from streamo_app.protocol import State

_THING_COLUMNS = [CLASSES.index(name) for name in THINGS]
_WAY_COLUMNS = [CLASSES.index(name) for name in WAYS]


@dataclass
class FrameInputs:
    """The pictures of a dialogue, in order; as many a turn for every turn."""

    features: torch.Tensor
    """(images, P, vision_hidden)"""
    size: tuple[int, int]
    """(height, width) of the shrunk frames."""
    tokens: list[np.ndarray]
    """Per image (tokens, classes): `targets.token_labels`."""
    searched: list[str | None]
    """Per image, what it is searched for (`targets.named`), None = not known; "view" = nothing that has a place."""
    per_turn: int = 1
    events: np.ndarray | None = None
    """(turns, events): `world/events.py`; None = nothing is known, as of loose frames."""


@dataclass
class Corruptions:
    """What happened to the dialogue before it became a row."""

    wrong: set[int] = field(default_factory=set)
    """Indices of turns whose state is a mistake: input only, the state of `gold` is the label."""
    gold: Dialogue | None = None
    decided: int | None = None
    """Index of the turn whose decision was made long ago (evicted layouts): not supervised."""
    forgotten: set[int] = field(default_factory=set)
    """Indices of turns whose words need what an evicted layout has lost: the state is learnt, the words are not."""


class SequenceEncoder:
    """Makes rows; keeps nothing but the wire."""

    def __init__(self, wire: Wire):
        self.wire = wire
        tokens = wire.tokenizer.convert_ids_to_tokens(range(len(wire.tokenizer)))
        self._digits = {i for i, token in enumerate(tokens) if len(token) == 1 and token in "0123456789"}
        sides = [wire.tokenizer.encode(f" {side}", add_special_tokens=False) for side in ("left", "right")]
        self._sides = {ids[0] for ids in sides if len(ids) == 1}

    def make(
        self, dialogue: Dialogue, pictures: FrameInputs, life: Corruptions = Corruptions(), practice: bool = False
    ) -> Sample:
        height, width = pictures.size
        grid = (height // TOKEN_PX, width // TOKEN_PX)
        assert pictures.features.shape[1] == (height // PATCH_PX) * (width // PATCH_PX)
        assert len(pictures.features) == len(dialogue.turns) * pictures.per_turn
        coded = dialogue_ids(dialogue, self.wire, [grid[0] * grid[1]] * pictures.per_turn)
        targets, distractors = _targets(life.gold or dialogue, pictures)
        clock = [turn.second for turn in dialogue.turns for _ in range(pictures.per_turn)]
        pointers = self._pointers(dialogue, coded, life) + self._looks_aside(dialogue, coded, life, pictures)
        ways = np.stack([_ways(labels) for labels in pictures.tokens])
        row = Sample(
            coded.ids,
            self._labels(coded, life),
            grid,
            pictures.features,
            clock,
            targets,
            distractors,
            pointers,
            practice,
            ways,
        )
        if pictures.events is not None:
            row.decisions, row.events = [at - 1 for at in coded.turn_of_state], pictures.events
        return row

    def _labels(self, coded: Encoded, life: Corruptions) -> list[int]:
        labels = list(coded.labels)
        silenced = life.wrong | ({life.decided} if life.decided is not None else set())
        for i in silenced | life.forgotten:
            start = coded.turn_of_state[i]
            end = coded.turn_of_state[i + 1] if i + 1 < len(coded.turn_of_state) else len(labels)
            first = start if i in silenced else start + 1
            labels[first:end] = [IGNORED] * (end - first)
            if i in life.wrong:
                labels[start] = self.wire.reply(life.gold.turns[i].state)[0]
        return labels

    def _pointers(self, dialogue: Dialogue, coded: Encoded, life: Corruptions) -> list[tuple[int, int, int]]:
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
            if i not in life.wrong and i not in life.forgotten and i != life.decided:
                for order, (first, last, number) in enumerate(self._numbers(coded, i)):
                    source = before if counts else index_of.get(number - order % 2)
                    if source is not None and source <= i:
                        low, high = _turn(coded, source)
                        if counts:  # the number to go on from stands in that turn's reply
                            low, high = (
                                high,
                                high - 1 + len(self.wire.reply(State.RESPONSE, dialogue.turns[source].text)),
                            )
                        found += [(at - 1, low, min(high, at)) for at in range(first, last)]
            before = i
        return found

    def _looks_aside(
        self, dialogue: Dialogue, coded: Encoded, life: Corruptions, pictures: FrameInputs
    ) -> list[tuple[int, int, int]]:
        """The same for the sides in an answer: the turn that shows the thing last, which is the one before the answer
        but for "What is there now?"."""
        desk = dialogue.task == "desk_action_caption"
        if dialogue.task not in ("event_caption", "action_caption", "ask_each") and not desk:
            return []
        found = []
        for i, turn in enumerate(dialogue.turns):
            if turn.state is not State.RESPONSE or i in life.wrong or i in life.forgotten or i == life.decided:
                continue
            source = i if dialogue.task == "ask_each" and pictures.searched[i * pictures.per_turn] else i - 1
            if source < 0:
                continue
            start = coded.turn_of_state[i] + 1
            length = len(self.wire.reply(State.RESPONSE, turn.text)) - 1
            sides = [at for at in range(start, start + length) if coded.ids[at] in self._sides]
            # "from left to right": the second follows from the first. In a room only "leaves to the left" is told by
            # the turn before.
            low, high = _turn(coded, source)
            found += [(at - 1, low, min(high, at)) for at in (sides[-1:] if desk else sides[::2])]
        return found

    def _numbers(self, coded: Encoded, turn: int) -> list[tuple[int, int, int]]:
        """(first position, last + 1, value) of each number in a turn's reply."""
        at = coded.turn_of_state[turn] + 1
        numbers: list[tuple[int, int, int]] = []
        while at < len(coded.ids) and coded.labels[at] != IGNORED:
            first = at
            while at < len(coded.ids) and coded.ids[at] in self._digits:
                at += 1
            if at > first:
                numbers.append((first, at, int(self.wire.tokenizer.decode(coded.ids[first:at]))))
            else:
                at += 1
        return numbers


def _targets(dialogue: Dialogue, pictures: FrameInputs) -> tuple[np.ndarray, np.ndarray]:
    """(images, tokens) targets and distractors of a row (`batch.Row`)."""
    targets = np.full((len(pictures.tokens), pictures.tokens[0].shape[0]), -1, np.float32)
    distractors = np.zeros_like(targets, bool)
    for i, (labels, name) in enumerate(zip(pictures.tokens, pictures.searched)):
        if name == "view":  # every token of the first picture of a new view is another than before
            turn = dialogue.turns[i // pictures.per_turn]
            if pictures.per_turn == 1:  # of two pictures a turn, either may be the first of the new view
                targets[i] = float(turn.state is State.RESPONSE)
        elif name is not None and (columns := named(name)):
            targets[i] = labels[:, columns].max(1)
            distractors[i] = (labels[:, _THING_COLUMNS].max(1) > 0) & (targets[i] == 0)
    return targets, distractors


def _turn(coded: Encoded, index: int) -> tuple[int, int]:
    """First and last + 1 position of a turn, up to its state."""
    return coded.turn_of_state[index - 1] + 1 if index else 0, coded.turn_of_state[index] + 1


def _ways(labels: np.ndarray) -> np.ndarray:
    """(tokens,) ways of one image (`batch.Row`); two things that go two ways through one token say nothing."""
    left, right = labels[:, _WAY_COLUMNS].T > 0
    return np.where(left == right, -1.0, right).astype(np.float32)


def searched_before(asked: int, images: int, per_turn: int, name: str | None) -> list[str | None]:
    """Per image what it is searched for: nothing before the question's turn."""
    return [name if i // per_turn >= asked else None for i in range(images)]


def at_turns(index: Sequence[int], per_turn: int, fps: int) -> list[int]:
    """Image numbers (at `fps` a second) of `per_turn` pictures of each second of `index`."""
    return [second * fps + k for second in index for k in range(per_turn)]
