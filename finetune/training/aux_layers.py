"""The layers of the language model (from 0) whose hidden states each auxiliary loss reads."""

from dataclasses import dataclass


@dataclass(frozen=True)
class AuxLayers:
    """For the built-in model of four layers; the losses themselves: `aux_heads.py` and `previous_frame.py`."""

    token_grounding: tuple[int, ...] = (1, 2)
    motion_direction: tuple[int, ...] = (1, 2)
    timestamp: int = 1
    attention_pointer: int = 2
    """Whose first attention head points."""
    event_tagging: int = 2
    """After it there is one layer left, which picks what the instruction is about."""
    position: int = 0
    prev_frame_attention: int = 1
    """Whose first attention head looks back."""
    prev_frame_feature: int = 1
    frame_diff: tuple[int, ...] = (1, 2)
    change_fraction: int = 2
