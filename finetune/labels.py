"""Token ids of a dialogue and which of them are supervised. Ids come from the Wire alone; no tensors, no pixels, no
positions.

Every assistant turn is supervised: its state token, its text and the <|im_end|> that closes it; everything else is
ignored.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from finetune.build import Dialogue
from streamo_app.models.wire import Wire

IGNORED = -100
"""Label of a position that the loss skips."""


@dataclass(frozen=True)
class Encoded:
    """A dialogue as a flat sequence."""

    ids: list[int]
    labels: list[int]
    """As long as `ids` and not shifted: the label of a position is its own id, or IGNORED. Training shifts them."""
    image_starts: list[int]
    """Position of the first visual token of each image, in order."""
    turn_of_state: list[int]
    """Position of each turn's state token, in order."""


def dialogue_ids(
    dialogue: Dialogue,
    wire: Wire,
    image_tokens: Sequence[int] | Callable[[int], Sequence[int]],
    mask_before_question: bool = False,
) -> Encoded:
    """The dialogue as it is streamed: system message, then a user and an assistant message per turn.

    image_tokens: visual tokens of each image of a turn ([16] at one frame per second), or a function from
    `DialogueTurn.second` to that. mask_before_question: leaves the silent turns before the first instruction
    unsupervised (the release supervises them).
    """
    ids = wire.system()
    labels = [IGNORED] * len(ids)
    image_starts: list[int] = []
    turn_of_state: list[int] = []
    asked = not mask_before_question
    for turn in dialogue.turns:
        counts = image_tokens(turn.second) if callable(image_tokens) else image_tokens
        asked = asked or bool(turn.instructions)
        user = wire.user_turn(turn.second, counts, turn.instructions)
        visual = [len(ids) + i for i, token in enumerate(user) if token == wire.image_id]
        for count in counts:  # two images may touch, so their lengths tell them apart, not the gap
            image_starts.append(visual[0])
            visual = visual[count:]
        ids += user
        turn_of_state.append(len(ids))
        reply, close = wire.reply(turn.state, turn.text), wire.close()
        end = len(reply) + 1  # <|im_end|> is learned, the newline after it is not
        supervised = [*reply, *close][:end] if asked else [IGNORED] * end
        labels += [IGNORED] * len(user) + supervised + [IGNORED] * (len(close) - 1)
        ids += [*reply, *close]
    return Encoded(ids, labels, image_starts, turn_of_state)
