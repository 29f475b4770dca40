"""The previous frame, as five auxiliary losses: coming, leaving and another view are differences between two frames at
the same position.

* position: a visual token knows its row and column (cross entropy of each).
* prev_frame_attention: the first head of a layer looks at the same position of the previous frame (-log of its
  attention there).
* prev_frame_feature: so the token carries what it saw there (mean square, of features with mean 0 and variance 1) ...
* frame_diff: ... and how far that is from what it sees now.
* change_fraction: where the turn's state is about to be decided, how much of the frame has changed. Somebody who comes
  changes some of it, a cut all of it; each token knows its own change, but nothing else asks for their sum.

After which layers they are read: `aux_layers.py`.

Nothing else in a small set of dialogues makes a model compare the same position of two frames, and M-RoPE alone does
not make it easy: with sections in one block, columns turn the slowest pairs of a head, by less than a hundredth of a
radian each (`Stage.sections`).
"""

import torch
import torch.nn.functional as F
from torch import nn

from finetune.data.batch import Batch
from finetune.model.tiny import MERGE
from finetune.training.attention_loss import AttentionSupervision, Sum
from finetune.training.aux_layers import AuxLayers

WEIGHTS = {
    "position": 0.2,
    "prev_frame_attention": 0.2,
    "prev_frame_feature": 1.0,
    "frame_diff": 2.0,
    "change_fraction": 4.0,
}
"""Of the five losses among each other."""
_MOST_POSITIONS = 24
"""Rows, or columns, that are told apart; the built-in model's frames have at most so many visual tokens."""
_GREATEST_CHANGE = 2.0
"""Mean square difference of two features that have nothing to do with each other; beyond it is noise."""
_FULL_CHANGES = (0.08, 0.2)
"""From here on a token counts as changed altogether: one bound for plain walls, one for a frame with much in it."""
ATTENTION_STRIDE = 5
"""One in so many visual tokens is asked where it looks: computing attention is the expensive part."""


class PreviousFrame(nn.Module):
    """The five losses' heads."""

    def __init__(self, hidden: int, features: int, layers: AuxLayers):
        """Widths of the language model and of the vision tower."""
        super().__init__()
        self.layers = layers
        self.position = nn.Linear(hidden, 2 * _MOST_POSITIONS)
        self.prev_frame_feature = nn.Linear(hidden, features)
        self.frame_diff = nn.Linear(hidden, 1)
        self.change_fraction = nn.Linear(hidden, len(_FULL_CHANGES))
        for parameter in self.parameters():
            nn.init.zeros_(parameter)  # they may join a trained model: from zero they learn to read before they push

    @property
    def reads(self) -> set[int]:
        """Layers whose output `forward` needs."""
        layers = self.layers
        return {layers.position, layers.prev_frame_feature, *layers.frame_diff, layers.change_fraction}

    def forward(
        self, hidden: dict[int, torch.Tensor], attention: AttentionSupervision, image: torch.Tensor, batch: Batch
    ) -> dict[str, Sum]:
        """Each loss by its name. hidden: layer -> its output (B, T, hidden). attention: of the layer whose head looks
        back. image (B, T) bool: visual tokens."""
        there = batch.previous >= 0
        count = there.sum().float()
        shown = batch.features.unflatten(0, (-1, MERGE * MERGE)).mean(1)
        shown = F.layer_norm(shown, shown.shape[-1:])  # (visual tokens, features)
        was = shown[batch.previous[there]]
        changed = (shown[there] - was).square().mean(-1).clamp(max=_GREATEST_CHANGE)
        says_was = self.prev_frame_feature(hidden[self.layers.prev_frame_feature][image][there]).float()
        says_changed = torch.stack(
            [self.frame_diff(hidden[layer][image][there])[:, 0].float() for layer in self.layers.frame_diff]
        )
        return {
            "position": self._position(hidden[self.layers.position][image], batch.cells),
            "prev_frame_attention": attention.loss(_same_cell_before(image, batch.previous)),
            "prev_frame_feature": (F.mse_loss(says_was, was, reduction="none").mean(-1).sum(), count),
            "frame_diff": ((says_changed - changed).square().mean(0).sum(), count),
            "change_fraction": self._change_fraction(hidden[self.layers.change_fraction], image, changed, batch),
        }

    def _change_fraction(self, hidden: torch.Tensor, image: torch.Tensor, changed: torch.Tensor, batch: Batch) -> Sum:
        """`changed`: of the visual tokens that have a frame before theirs, in order."""
        of = batch.frames[batch.previous >= 0]
        most = torch.tensor(_FULL_CHANGES, device=changed.device)
        parts = torch.cat(
            ((changed.float()[:, None] / most).clamp(max=1.0), torch.ones(len(of), 1, device=changed.device)), 1
        )
        sums = torch.zeros(int(batch.frames[-1]) + 1, parts.shape[1], device=changed.device).index_add_(0, of, parts)
        shares, known = sums[:, :-1] / sums[:, -1:].clamp(min=1.0), sums[:, -1] > 0
        row, at = batch.decisions.unbind(1)
        last = batch.frames[image.flatten().cumsum(0)[row * image.shape[1] + at] - 1]
        first = torch.where(row == row.roll(1), last.roll(1) + 1, last).minimum(last)
        target = torch.maximum(shares[last], shares[first])  # of two frames in a turn the one that changed more
        error = (self.change_fraction(hidden[row, at]).float() - target).square().mean(-1)
        return (error * known[first]).sum(), known[first].sum().float()

    def _position(self, hidden: torch.Tensor, cells: torch.Tensor) -> Sum:
        scores = self.position(hidden).float().view(-1, _MOST_POSITIONS)  # of rows and of columns, in turn
        loss = F.cross_entropy(scores, cells.flatten().clamp(max=_MOST_POSITIONS - 1), reduction="sum")
        return loss, torch.tensor(float(len(cells)), device=loss.device)


def _same_cell_before(image: torch.Tensor, previous: torch.Tensor) -> torch.Tensor:
    """`AttentionSupervision.loss` pointers from one in ATTENTION_STRIDE visual tokens to the one at its position in the
    previous frame."""
    row, position = image.nonzero(as_tuple=True)
    asking = (previous >= 0).nonzero()[::ATTENTION_STRIDE, 0]
    low = position[previous[asking]]
    return torch.stack((row[asking], position[asking], low, low + 1), 1)
