"""What a page sends, as typed values: `Action` (a click) and `PageState` (what it is showing, with every call).

It comes as JSON that any browser may have made up. Nothing here raises: what cannot be understood counts as not sent,
and whether a value is allowed is checked where it is used.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass


def mapping(sent: object) -> Mapping[str, object]:
    """A mapping, also as the JSON text of one; empty for anything else."""
    if isinstance(sent, str):
        try:
            sent = json.loads(sent)
        except (ValueError, RecursionError):
            return {}
    return sent if isinstance(sent, Mapping) else {}


@dataclass(frozen=True)
class Action:
    """One click: an instruction, Start, a setting."""

    name: str
    n: float
    """The page's number for it, which goes back with the answer."""
    fields: Mapping[str, object]
    """As sent; read them through the methods below."""

    @classmethod
    def read(cls, sent: object) -> "Action":
        fields = mapping(sent)
        return cls(str(fields.get("do")), number(fields.get("n"), 0), fields)

    def raw(self, field: str) -> object:
        """For a field that has a check of its own."""
        return self.fields.get(field)

    def text(self, field: str) -> str:
        return str(self.fields.get(field) or "")

    def number(self, field: str) -> float:
        return number(self.fields.get(field), 0.0)

    def flag(self, field: str) -> bool:
        return self.fields.get(field) is True

    @property
    def lane(self) -> int:
        """The lane that it is about; 0, which is no instruction's, when none was sent."""
        return int(self.number("lane"))


@dataclass(frozen=True)
class PageState:
    """What a page is showing, so that it is sent only what is new."""

    run: int = -1
    """The run that it has drawn; `after` and `second` refer to that run only."""
    after: int = 0
    """`Snapshot.seq` drawn last."""
    second: int = -1
    """Newest second in its strips."""
    picture: float = -1.0
    """Second of the preview that it shows."""
    position: float = 0.0
    """Position of its player, in seconds."""
    paused: bool = True
    ended: bool = False
    past: int = 0
    """Number of the list of past sessions that it has drawn."""

    @classmethod
    def read(cls, sent: object) -> "PageState":
        sent = sent if isinstance(sent, Mapping) else {}
        whole = {
            name: int(number(sent.get(name), default))
            for name, default in (("run", -1), ("after", 0), ("second", -1), ("past", 0))
        }
        return cls(
            **whole,
            picture=number(sent.get("picture"), -1.0),
            position=max(0.0, number(sent.get("t"), 0.0)),
            paused=sent.get("paused") is not False,
            ended=sent.get("ended") is True,
        )


def number(value: object, default: float) -> float:
    """`value` if it is a finite number of a sensible size, else `default`."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return default
    return value if abs(value) < 1e15 and math.isfinite(value) else default
