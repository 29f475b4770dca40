"""Moving cached keys to other positions.

A cached key is already rotated by its position. Rotations of a plane add up, so a key moves by `delta` positions by one
more rotation. All position axes of a token (time, height, width) move by the same amount when whole turns are dropped,
hence one angle per frequency and the same code for every family whose rotary embedding rotates the planes (i, i + D/2).
"""

import torch


def shift_keys(keys: torch.Tensor, delta: int, inv_freq: torch.Tensor) -> torch.Tensor:
    """`keys` (..., T, D) moved by `delta` positions (may be negative), as a new tensor of the same dtype.

    inv_freq: (D / 2,) of the model's rotary embedding. Angles are taken in float64 and the rotation in float32: one
    rounding per move.
    """
    if delta == 0:
        return keys.clone()
    angle = delta * inv_freq.cpu().double()  # on the CPU: not every device has float64
    cos, sin = angle.cos().float().to(keys.device), angle.sin().float().to(keys.device)
    low, high = keys.float().chunk(2, dim=-1)
    return torch.cat((low * cos - high * sin, high * cos + low * sin), dim=-1).to(keys.dtype)
