"""The picture before, as five auxiliary losses: coming, leaving and another view are differences between two pictures
at the same place.

* place (after the first layer): a visual token knows its row and column (cross entropy of each).
* look (second layer): its first head looks at the same place one picture ago (-log of its attention there).
* before (after the second layer): so the token carries what it saw there (mean square, of features with mean 0 and
  variance 1) ...
* change (after the second and the third layer): ... and how far that is from what it sees now.
* share (after the third layer, where the turn's state is about to be decided): how much of the picture has changed.
  Somebody who comes changes
  some of it, a cut all of it; each token knows its own change, but nothing else asks for their sum.

Nothing else in a small set of dialogues makes a model compare the same place of two pictures, and M-RoPE alone does not
make it easy: with sections in one block, columns turn the slowest pairs of a head, by less than a hundredth of a radian
each (`Stage.sections`).
"""

import torch
import torch.nn.functional as F
from torch import nn

from finetune.data.batch import Batch
from finetune.model.tiny import MERGE
from finetune.training.attention_loss import AttentionSupervision, Sum

PLACE_LAYER, BEFORE_LAYER, CHANGE_LAYERS, SHARE_LAYER = 0, 1, (1, 2), 2
"""Layers after which a visual token is read; the head that looks back is of BEFORE_LAYER."""
WEIGHTS = {"place": 0.2, "look": 0.2, "before": 1.0, "change": 2.0, "share": 4.0}
_MOST_PLACES = 24
"""Rows, or columns, that are told apart; the built-in model's pictures have at most so many visual tokens."""
_GREATEST_CHANGE = 2.0
"""Mean square difference of two features that have nothing to do with each other; beyond it is noise."""
_PLAIN_CHANGES = (0.08, 0.2)
"""From here on a token counts as changed altogether: one bound for plain walls, one for a picture with much in it."""
_LOOKING = 5
"""One in so many visual tokens is asked where it looks: attention is the dear part."""


class Before(nn.Module):
    def __init__(self, hidden: int, features: int):
        """Widths of the language model and of the vision tower."""
        super().__init__()
        self.place = nn.Linear(hidden, 2 * _MOST_PLACES)
        self.before = nn.Linear(hidden, features)
        self.change = nn.Linear(hidden, 1)
        self.share = nn.Linear(hidden, len(_PLAIN_CHANGES))
        for parameter in self.parameters():
            nn.init.zeros_(parameter)  # they may join a trained model: from zero they learn to read before they push

    def forward(
        self, hidden: dict[int, torch.Tensor], gaze: AttentionSupervision, image: torch.Tensor, batch: Batch
    ) -> dict[str, Sum]:
        """Layer -> what came out of it (B, T, hidden), the watched BEFORE_LAYER, and which positions are visual tokens
        (B, T)."""
        there = batch.earlier >= 0
        count = there.sum().float()
        shown = batch.features.unflatten(0, (-1, MERGE * MERGE)).mean(1)
        shown = F.layer_norm(shown, shown.shape[-1:])  # (visual tokens, features)
        was = shown[batch.earlier[there]]
        changed = (shown[there] - was).square().mean(-1).clamp(max=_GREATEST_CHANGE)
        says_was = self.before(hidden[BEFORE_LAYER][image][there]).float()
        says_changed = torch.stack([self.change(hidden[layer][image][there])[:, 0].float() for layer in CHANGE_LAYERS])
        return {
            "place": self._place(hidden[PLACE_LAYER][image], batch.places),
            "look": gaze.loss(_same_place_before(image, batch.earlier)),
            "before": (F.mse_loss(says_was, was, reduction="none").mean(-1).sum(), count),
            "change": ((says_changed - changed).square().mean(0).sum(), count),
            "share": self._share(hidden[SHARE_LAYER], image, changed, batch),
        }

    def _share(self, hidden: torch.Tensor, image: torch.Tensor, changed: torch.Tensor, batch: Batch) -> Sum:
        """`changed`: of the visual tokens that have a picture before theirs, in order."""
        of = batch.pictures[batch.earlier >= 0]
        most = torch.tensor(_PLAIN_CHANGES, device=changed.device)
        parts = torch.cat(
            ((changed.float()[:, None] / most).clamp(max=1.0), torch.ones(len(of), 1, device=changed.device)), 1
        )
        sums = torch.zeros(int(batch.pictures[-1]) + 1, parts.shape[1], device=changed.device).index_add_(0, of, parts)
        shares, known = sums[:, :-1] / sums[:, -1:].clamp(min=1.0), sums[:, -1] > 0
        row, at = batch.decisions.unbind(1)
        last = batch.pictures[image.flatten().cumsum(0)[row * image.shape[1] + at] - 1]
        first = torch.where(row == row.roll(1), last.roll(1) + 1, last).minimum(last)
        target = torch.maximum(shares[last], shares[first])  # of two pictures in a turn the one that changed more
        error = (self.share(hidden[row, at]).float() - target).square().mean(-1)
        return (error * known[first]).sum(), known[first].sum().float()

    def _place(self, hidden: torch.Tensor, places: torch.Tensor) -> Sum:
        scores = self.place(hidden).float().view(-1, _MOST_PLACES)  # of rows and of columns, in turn
        loss = F.cross_entropy(scores, places.flatten().clamp(max=_MOST_PLACES - 1), reduction="sum")
        return loss, torch.tensor(float(len(places)), device=loss.device)


def _same_place_before(image: torch.Tensor, earlier: torch.Tensor) -> torch.Tensor:
    """`AttentionSupervision.loss` pointers from one in _LOOKING visual tokens to the one at its place in the picture before."""
    row, position = image.nonzero(as_tuple=True)
    asking = (earlier >= 0).nonzero()[::_LOOKING, 0]
    low = position[earlier[asking]]
    return torch.stack((row[asking], position[asking], low, low + 1), 1)
