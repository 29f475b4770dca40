"""`streamo.json`: what a checkpoint says of itself beside the ordinary transformers files.

Every key is optional, so that a checkpoint trained elsewhere in the paper's protocol loads as it is; a wrong value is
an error, never a guess.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from streamo_app import protocol

FILE = "streamo.json"
PROTOCOL = 1
"""Version of the wire format. A folder with another number was made for another program."""


@dataclass(frozen=True)
class Settings:
    """Contents of `streamo.json`. Raises ValueError when a value has the wrong type or range."""

    name: str = "unnamed"
    system_prompt: str = protocol.SYSTEM_PROMPT
    fps: int = 1
    """Frames per second of stream that the checkpoint was trained with."""
    min_pixels: int = 3136
    max_pixels: int = 100352
    """Area of a resized frame (128 visual tokens of 28 x 28 px, as in the paper); the aspect ratio is kept."""
    window: int = 120
    """Seconds a lane keeps: the longest clip of the training data."""
    response_bias: float = 0.0
    """Added to the response logit; chosen on validation data."""
    protocol: int = PROTOCOL

    def __post_init__(self):
        for field in fields(self):
            value = getattr(self, field.name)
            kind = type(field.default)
            if not isinstance(value, (int, float) if kind is float else kind) or isinstance(value, bool):
                raise ValueError(f"{FILE}: {field.name} is {value!r}; {kind.__name__} wanted.")
        if self.protocol != PROTOCOL:
            raise ValueError(
                f"{FILE}: protocol {self.protocol}; this program speaks protocol {PROTOCOL}. "
                "Update the program or the checkpoint."
            )
        if min(self.fps, self.window, self.min_pixels) < 1 or self.max_pixels < self.min_pixels:
            raise ValueError(
                f"{FILE}: fps, window and min_pixels are at least 1, and max_pixels at least min_pixels; got {self}."
            )

    @classmethod
    def from_dict(cls, values: Mapping) -> "Settings":
        """Raises ValueError on an unknown key: it is most likely a typing error."""
        known = {field.name for field in fields(cls)}
        if unknown := set(values) - known:
            raise ValueError(f"{FILE}: unknown {', '.join(sorted(unknown))}; known are {', '.join(sorted(known))}.")
        return cls(**values)

    @classmethod
    def read(cls, folder: Path) -> "Settings":
        """Of a model folder; the name is the folder's where the file gives none."""
        path = folder / FILE
        if not path.exists():
            return cls(name=folder.name)
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as problem:
            raise ValueError(f"{path} cannot be read ({problem}); it must hold one JSON object.") from None
        if not isinstance(values, dict):
            raise ValueError(f"{path} must hold one JSON object.")
        return cls.from_dict({"name": folder.name, **values})

    def write(self, folder: Path) -> None:
        (folder / FILE).write_text(json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
