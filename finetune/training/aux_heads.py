"""Auxiliary losses on the middle layers of the language model; what they need is thrown away after training.

* match: which visual tokens carry what the instruction is about (BCE per token).
* way: whether what a visual token carries goes left or right (BCE per token).
* clock: in which second a visual token is seen, both edges of it (cross entropy per digit, and of there being none). An
  answer about the past
  has to find a picture first and its time then; a picture that carries its own time makes that one step.
* pointer: before a digit or a side ("left") of an answer, one attention head looks at the turn that it was read from
  (-log of its attention mass).
* events: what is new on a turn and what is there, of all that could be, whatever is asked (BCE per event), where the
  turn's state is about to be
  decided. An instruction is about one event; a decision that knows all of them has only to pick.
* place, look, before, change, share: the same place one picture ago (`training/previous_frame.py`).

Without them a model of this size learns the same, but many times slower.
"""

import torch
import torch.nn.functional as F
from torch import nn

from finetune.data.batch import NO_DIGIT, PLACES, Batch
from finetune.training.attention_loss import AttentionSupervision, Sum
from finetune.training.previous_frame import BEFORE_LAYER, CHANGE_LAYERS, PLACE_LAYER, SHARE_LAYER, Before
from finetune.world.events import EVENTS, UNKNOWN

_MATCH_LAYERS = (1, 2)
"""After these layers (of 4) a visual token must know whether the instruction means it."""
_CLOCK_LAYER = 1
_EVENTS_LAYER = 2
"""After it there is one layer left, which picks what the instruction is about."""
_EVENT, _NO_EVENT = 1.0, 0.15
"""Weights of an event that a turn shows and of one that it does not: most turns show few of the many."""
_POINTER_LAYER = 2
"""Whose first head points."""


class AuxHeads(nn.Module):
    """Hooks on a model's middle layers and the linear heads that read them. The model is not part of this module."""

    def __init__(self, model, before: bool = False):
        """`before`: whether there are heads for the picture before."""
        super().__init__()
        hidden = model.config.text_config.hidden_size
        self.match = nn.ModuleList(nn.Linear(hidden, 1) for _ in _MATCH_LAYERS)
        self.way = nn.ModuleList(nn.Linear(hidden, 1) for _ in _MATCH_LAYERS)
        self.edges = nn.Linear(hidden, 2 * PLACES * (NO_DIGIT + 1))
        self.events = nn.Linear(hidden, len(EVENTS))
        for parameter in self.parameters():
            nn.init.zeros_(parameter)  # they may join a trained model: from zero they learn to read before they push
        self.before = Before(hidden, model.config.vision_config.hidden_size) if before else None
        self._hidden: dict[int, torch.Tensor] = {}
        layers = model.model.language_model.layers
        read = {*_MATCH_LAYERS, _CLOCK_LAYER, _EVENTS_LAYER} | (
            {PLACE_LAYER, BEFORE_LAYER, *CHANGE_LAYERS, SHARE_LAYER} if before else set()
        )
        self._hooks = [layers[layer].register_forward_hook(self._keep(layer)) for layer in read]
        self._gazes = {
            layer: AttentionSupervision(layers[layer].self_attn)
            for layer in {_POINTER_LAYER} | ({BEFORE_LAYER} if before else set())
        }

    def _keep(self, layer: int):
        def hook(_module, _inputs, output):
            self._hidden[layer] = output[0] if isinstance(output, tuple) else output

        return hook

    def let_go(self) -> None:
        """Take the hooks off the model."""
        for hook in self._hooks:
            hook.remove()
        for gaze in self._gazes.values():
            gaze.let_go()

    def forward(self, image: torch.Tensor, batch: Batch) -> dict[str, Sum]:
        """Each loss, by its name above, of the batch that the model has just run; `image` (B, T) bool marks visual
        tokens."""
        found = {
            "match": self._per_token(self.match, image, batch.targets, batch.weights),
            "way": self._per_token(self.way, image, batch.ways, batch.way_weights),
            "clock": self._clock(image, batch),
            "pointer": self._gazes[_POINTER_LAYER].loss(batch.pointers),
            "events": self._events(batch.decisions, batch.events),
        }
        if self.before is not None:
            found |= self.before(self._hidden, self._gazes[BEFORE_LAYER], image, batch)
        self._hidden.clear()
        for gaze in self._gazes.values():
            gaze.forget()
        return found

    def _per_token(
        self, heads: nn.ModuleList, image: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor
    ) -> Sum:
        losses = []
        for head, layer in zip(heads, _MATCH_LAYERS):
            score = head(self._hidden[layer][image])[:, 0].float()
            losses.append((F.binary_cross_entropy_with_logits(score, targets, reduction="none") * weights).sum())
        return torch.stack(losses).mean(), weights.sum()

    def _clock(self, image: torch.Tensor, batch: Batch) -> Sum:
        """A number's weight is that of its digits, so that the places that it has not do not thin it out."""
        digits = batch.digits.flatten()
        scores = self.edges(self._hidden[_CLOCK_LAYER][image]).float().view(-1, NO_DIGIT + 1)
        return F.cross_entropy(scores, digits, reduction="sum"), (digits != NO_DIGIT).sum().float()

    def _events(self, decisions: torch.Tensor, events: torch.Tensor) -> Sum:
        row, at = decisions.unbind(1)
        scores = self.events(self._hidden[_EVENTS_LAYER][row, at]).float()
        weights = torch.where(events > 0, _EVENT, _NO_EVENT) * (events != UNKNOWN)
        return (
            F.binary_cross_entropy_with_logits(scores, events.clamp(min=0), reduction="none") * weights
        ).sum(), weights.sum()
