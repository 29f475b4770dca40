"""Where in the frame the named thing is: per-patch and per-token labels from a world's boxes, for the auxiliary
losses.

A tiny model trained from scratch learns to match a name with the frame only if it is shown which visual tokens carry
it; the heads that read these labels are thrown away after training.
"""

import re
from collections.abc import Iterable

import numpy as np

from finetune.model.tiny import MERGE, PATCH_PX
from finetune.world.desk.scene import COLOURS
from finetune.world.street.scene import CAR_COLOURS, LIGHTS, NAMES

OBJECTS = tuple(f"{colour} object" for colour in COLOURS)
DESK = (*OBJECTS, "dark", "covered")
CLASSES = (*NAMES, *(f"{colour} light" for colour in LIGHTS), "to right", "to left", *DESK)
THINGS = (*NAMES, *(f"{colour} light" for colour in LIGHTS), *DESK)
"""Classes that are things of their own; the two directions are not."""
DIRECTIONS = ("to left", "to right")
"""Classes that say where a thing is going."""
REPORTED = {
    "cars": tuple(f"{colour} car" for colour in CAR_COLOURS),
    "living": tuple(name for name in NAMES if not name.endswith(" car")),
    "lights": tuple(f"{colour} light" for colour in LIGHTS),
    "ways": ("to right", "to left"),
    "objects": OBJECTS,
    "rooms": ("dark", "covered"),
}
"""Groups of CLASSES whose F1 a vision stage reports, by their key in `curve.jsonl`."""
_PATCH_SHARE, _BOX_SHARE = 0.2, 0.35
"""A patch belongs to a box that covers this share of it, or that has this share of itself in it (small things)."""

Box = tuple[str, float, float, float, float]


def patch_labels(boxes: Iterable[Box], height: int, width: int) -> np.ndarray:
    """(height / 14, width / 14, len(CLASSES)) uint8: which classes overlap each patch of a shrunk frame; boxes are in
    0..1."""
    rows, cols = height // PATCH_PX, width // PATCH_PX
    labels = np.zeros((rows, cols, len(CLASSES)), np.uint8)
    for label, left, top, right, bottom in boxes:
        x0, x1 = max(0.0, left) * cols, min(1.0, right) * cols
        y0, y1 = max(0.0, top) * rows, min(1.0, bottom) * rows
        if x1 <= x0 or y1 <= y0:
            continue
        across = np.clip(np.minimum(x1, np.arange(cols) + 1) - np.maximum(x0, np.arange(cols)), 0, None)
        down = np.clip(np.minimum(y1, np.arange(rows) + 1) - np.maximum(y0, np.arange(rows)), 0, None)
        overlap = down[:, None] * across[None]
        labels[..., CLASSES.index(label)] |= (overlap >= _PATCH_SHARE) | (overlap >= _BOX_SHARE * (x1 - x0) * (y1 - y0))
    return labels


def token_labels(labels: np.ndarray) -> np.ndarray:
    """(rows, cols, C) per patch to (tokens, C): a visual token is 2 x 2 patches."""
    rows, cols, classes = labels.shape
    merged = labels.reshape(rows // MERGE, MERGE, cols // MERGE, MERGE, classes).max((1, 3))
    return merged.reshape(-1, classes)


_GROUPS = {
    "thing": NAMES,
    "desk thing": ("person", *DESK),
    "object": OBJECTS,
    "colour": OBJECTS,
    "lights off": ("dark",),
    "lights on": ("dark",),
    "uncovered": ("covered",),
    "person comes": ("person",),
    "person leaves": ("person",),
}


def named(argument: str | None) -> list[int]:
    """Indices of CLASSES that an instruction's argument is about: "red car", "car" (any), "thing" (any), "red object
    gone", "lights off".

    Empty where it is about nothing that has a place in the frame.
    """
    if argument is None:
        return []
    argument = re.sub(" gone$", "", argument)
    if argument in CLASSES:
        return [CLASSES.index(argument)]
    if argument in _GROUPS:
        return [CLASSES.index(name) for name in _GROUPS[argument]]
    return [i for i, name in enumerate(CLASSES) if name.endswith(f" {argument}")]
