"""Auxiliary losses on the middle layers of the language model; the heads are thrown away after training.

* token_grounding: which visual tokens carry what the instruction is about (BCE per token).
* motion_direction: whether what a visual token carries goes left or right (BCE per token).
* timestamp: in which second a visual token is seen, both edges of it (cross entropy per digit, and of there being
  none). An answer about the past has to find a frame first and its time then; a frame that carries its own time makes
  that one step.
* attention_pointer: before a digit or a side ("left") of an answer, one attention head looks at the turn that it was
  read from (-log of its attention mass).
* event_tagging: what is new on a turn and what is there, of all that could be, whatever is asked (BCE per event), where
  the turn's state is about to be decided. An instruction is about one event; a decision that knows all of them has only
  to pick.
* position, prev_frame_attention, prev_frame_feature, frame_diff, change_fraction: `previous_frame.py`.

Without them a model of this size learns the same, but many times slower.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import nn

from finetune.data.batch import NO_DIGIT, PLACES, Batch
from finetune.training.attention_loss import AttentionSupervision, Sum
from finetune.training.aux_layers import AuxLayers
from finetune.training.previous_frame import PreviousFrame
from finetune.world.events import EVENTS, UNKNOWN

_EVENT, _NO_EVENT = 1.0, 0.15
"""Weights of an event that a turn shows and of one that it does not: most turns show few of the many."""


class AuxHeads(nn.Module):
    """Hooks on a model's middle layers and the linear heads that read them. The model is not part of this module."""

    def __init__(self, model, previous_frame: bool = False, layers: AuxLayers | None = None):
        """`previous_frame`: whether there are heads for it."""
        super().__init__()
        self.layers = layers or AuxLayers()
        hidden = model.config.text_config.hidden_size
        self.token_grounding = nn.ModuleList(nn.Linear(hidden, 1) for _ in self.layers.token_grounding)
        self.motion_direction = nn.ModuleList(nn.Linear(hidden, 1) for _ in self.layers.motion_direction)
        self.timestamp = nn.Linear(hidden, 2 * PLACES * (NO_DIGIT + 1))
        self.event_tagging = nn.Linear(hidden, len(EVENTS))
        for parameter in self.parameters():
            nn.init.zeros_(parameter)  # they may join a trained model: from zero they learn to read before they push
        self.previous_frame = (
            PreviousFrame(hidden, model.config.vision_config.hidden_size, self.layers) if previous_frame else None
        )
        self._hidden: dict[int, torch.Tensor] = {}
        read = {*self.layers.token_grounding, *self.layers.motion_direction}
        read |= {self.layers.timestamp, self.layers.event_tagging}
        watched = {self.layers.attention_pointer}
        if self.previous_frame is not None:
            read |= self.previous_frame.reads
            watched.add(self.layers.prev_frame_attention)
        blocks = model.model.language_model.layers
        self._hooks = [blocks[layer].register_forward_hook(self._keep(layer)) for layer in read]
        self._attention = {layer: AttentionSupervision(blocks[layer].self_attn) for layer in watched}

    def _keep(self, layer: int) -> Callable[..., None]:
        def hook(_module, _inputs, output):
            self._hidden[layer] = output[0] if isinstance(output, tuple) else output

        return hook

    def remove_hooks(self) -> None:
        """Take the hooks off the model."""
        for hook in self._hooks:
            hook.remove()
        for attention in self._attention.values():
            attention.remove_hook()

    def forward(self, image: torch.Tensor, batch: Batch) -> dict[str, Sum]:
        """Each loss, by its name above, of the batch that the model has just run; `image` (B, T) bool marks visual
        tokens."""
        layers = self.layers
        losses = {
            "token_grounding": self._per_token(
                self.token_grounding, layers.token_grounding, image, batch.targets, batch.weights
            ),
            "motion_direction": self._per_token(
                self.motion_direction, layers.motion_direction, image, batch.directions, batch.direction_weights
            ),
            "timestamp": self._timestamp(image, batch),
            "attention_pointer": self._attention[layers.attention_pointer].loss(batch.pointers),
            "event_tagging": self._event_tagging(batch.decisions, batch.events),
        }
        if self.previous_frame is not None:
            losses |= self.previous_frame(self._hidden, self._attention[layers.prev_frame_attention], image, batch)
        self._hidden.clear()
        for attention in self._attention.values():
            attention.forget()
        return losses

    def _per_token(
        self,
        heads: nn.ModuleList,
        layers: tuple[int, ...],
        image: torch.Tensor,
        targets: torch.Tensor,
        weights: torch.Tensor,
    ) -> Sum:
        losses = []
        for head, layer in zip(heads, layers, strict=True):
            score = head(self._hidden[layer][image])[:, 0].float()
            losses.append((F.binary_cross_entropy_with_logits(score, targets, reduction="none") * weights).sum())
        return torch.stack(losses).mean(), weights.sum()

    def _timestamp(self, image: torch.Tensor, batch: Batch) -> Sum:
        """A number's weight is that of its digits, so that the places that it has not do not thin it out."""
        digits = batch.digits.flatten()
        scores = self.timestamp(self._hidden[self.layers.timestamp][image]).float().view(-1, NO_DIGIT + 1)
        return F.cross_entropy(scores, digits, reduction="sum"), (digits != NO_DIGIT).sum().float()

    def _event_tagging(self, decisions: torch.Tensor, events: torch.Tensor) -> Sum:
        row, at = decisions.unbind(1)
        scores = self.event_tagging(self._hidden[self.layers.event_tagging][row, at]).float()
        weights = torch.where(events > 0, _EVENT, _NO_EVENT) * (events != UNKNOWN)
        losses = F.binary_cross_entropy_with_logits(scores, events.clamp(min=0), reduction="none")
        return (losses * weights).sum(), weights.sum()
