"""A streaming model on random weights, a recorder of what goes through it, and the official forward to compare with."""

import torch

from streamo_app.models.interface import ModelInfo
from streamo_app.models.qwen2_5_vl import Qwen25VL
from streamo_app.models.streaming import TransformersModel
from tests.support import tiny

NEVER, ALWAYS = -1000.0, 1000.0


def streaming(model, window: int = 12, **kwargs) -> TransformersModel:
    family = Qwen25VL(model.config, min_pixels=3136, max_pixels=100352)
    info = ModelInfo("tiny", 1, window, 0.0, "cpu", "none")
    return TransformersModel(model, family.wire(tiny.tokenizer(), "Watch."), family, info, **kwargs)


class Recorder:
    """What really goes through the model: ids of every embedding call, last logits of every language-model call."""

    def __init__(self, stream: TransformersModel):
        self.ids: list[list[int]] = []
        self.logits: list[torch.Tensor] = []
        model = stream.model
        self.hooks = [
            model.get_input_embeddings().register_forward_hook(
                lambda _, args, __: self.ids.append(args[0][0].tolist())
            ),
            model.model.language_model.register_forward_hook(
                lambda _, __, out: self.logits.append(model.lm_head(out.last_hidden_state[0, -1]).clone())
            ),
        ]

    def stop(self):
        for hook in self.hooks:
            hook.remove()


def second(stream, lane, turn, *, ask=(), talk=NEVER, cut_after=None, image=None):
    """One second of a lane; a response is cut after `cut_after` steps. Returns the probabilities and the reply's ids as
    fed later."""
    steps = stream.turn(lane, turn, stream.encode([tiny.picture(turn) if image is None else image]), ask, talk)
    first = next(steps)
    taken = 0
    while cut_after is None or taken < cut_after:
        if next(steps, None) is None:
            break
        taken += 1
    steps.close()
    return first


@torch.inference_mode()
def whole(stream, ids, seconds):
    """Logits of the official forward over a whole dialogue, vision included: no code of ours but preprocessing."""
    pixels, grids = stream.family.preprocess([tiny.picture(turn) for turn in seconds])
    ids = torch.tensor([ids])
    kinds = (ids == stream.wire.image_id).int()
    model = stream.model
    model.model.rope_deltas = None
    return model(
        input_ids=ids, mm_token_type_ids=kinds, pixel_values=pixels, image_grid_thw=torch.tensor(grids)
    ).logits[0]


def state_probabilities(stream, logits):
    return logits[list(stream.wire.state_ids)].double().softmax(-1).tolist()
