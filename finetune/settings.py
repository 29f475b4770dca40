"""Settings read from YAML into pydantic dataclasses: types and ranges of their fields, `--set key=value`, and every
mistake as a ValueError of one sentence that names the key.
"""

import math
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

import yaml
from pydantic import (
    AfterValidator,
    Field,
    PlainValidator,
    StrictInt,
    StrictStr,
    TypeAdapter,
    ValidationError,
    WrapValidator,
)
from pydantic_core import ErrorDetails, PydanticCustomError


def _number(value: Any) -> float:
    """An int or a float as it was written (a digest tells 1 from 1.0). YAML reads 1e-3, without a dot, as text."""
    if isinstance(value, str) and re.fullmatch(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+", value):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise PydanticCustomError("number_type", "a number is wanted")
    return value


def one_of(known: Sequence[str]) -> AfterValidator:
    """Refuses a name that is not among `known`."""

    def check(name: str) -> str:
        if name not in known:
            raise PydanticCustomError("unknown_name", "unknown", {"known": ", ".join(known)})
        return name

    return AfterValidator(check)


def shaped(shape: str) -> WrapValidator:
    """Says what a whole mapping should look like where anything in it does not fit."""

    def check(value: Any, validate: Callable[[Any], Any]) -> Any:
        try:
            return validate(value)
        except ValidationError:
            raise PydanticCustomError("shape", "another shape", {"shape": shape}) from None

    return WrapValidator(check)


Text = Annotated[StrictStr, Field(min_length=1)]
Number = Annotated[float, PlainValidator(_number)]
Positive = Annotated[Number, Field(gt=0)]
Weight = Annotated[Number, Field(ge=0)]
Share = Annotated[Number, Field(ge=0, le=1)]
Count = Annotated[StrictInt, Field(ge=0)]
AtLeastOne = Annotated[StrictInt, Field(ge=1)]


def read_yaml(path: str | Path) -> dict[str, Any]:
    """The mapping in a YAML file; a bare name that is no file here is one of finetune/configs. Raises ValueError, one
    sentence, where there is none."""
    known = Path(__file__).parent / "configs" / f"{Path(path).stem}.yaml"
    is_name = Path(path).name == str(path) and known.is_file() and not Path(path).is_file()
    try:
        raw = yaml.safe_load((known if is_name else Path(path)).read_text())
    except OSError:
        raise ValueError(f"There is no configuration {path}; take one of finetune/configs.") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is not YAML: {str(error).splitlines()[0]}.") from None
    if not isinstance(raw, dict):
        raise ValueError(f"{path} holds {type(raw).__name__}, not a mapping.")
    return raw


def apply_change(cls: type, raw: Any, change: str) -> None:
    """Sets one key of what a `cls` will be made of, given as key=value.

    The value is read as the field's type wants it: text as it stands, everything else as YAML. Raises ValueError.
    """
    key, equals, text = change.partition("=")
    if not equals:
        raise ValueError(f"--set {change!r} has no '='; write key=value.")
    *parents, last = key.split(".")
    at, wanted = raw, _type_at(cls, key.split("."))
    try:
        for parent in parents:
            at = at[_key_of(at, parent)]
        at[_key_of(at, last)] = text if _is_text(wanted) else yaml.safe_load(text)
    except (KeyError, IndexError, ValueError, TypeError):
        raise ValueError(f"--set {change!r}: the configuration has no {key!r}.") from None
    except yaml.YAMLError:
        raise ValueError(f"--set {change!r}: {text!r} is not YAML.") from None


def _key_of(container: Any, key: str) -> Any:
    """An index of a list; a key of a mapping, whose numbers YAML reads as such ("clips.street.48")."""
    number = key.isascii() and key.isdigit()
    if isinstance(container, list) and not number:
        raise IndexError(key)  # -1 would be the last one
    return int(key) if number else key


def _type_at(root: Any, path: Sequence[str | int]) -> Any:
    """The type that the configuration gives to a key; Any where there is none."""
    at = root
    for key in path:
        while get_origin(at) is Annotated:
            at = get_args(at)[0]
        known: dict[str, Any] = getattr(at, "__annotations__", {})
        if known:
            at = known.get(str(key), Any)
        elif get_origin(at) in (tuple, dict):
            at = get_args(at)[0 if get_origin(at) is tuple else 1]
        else:
            return Any
    return at


def _is_text(wanted: Any) -> bool:
    if get_origin(wanted) is Literal:
        return True
    return wanted is str or (get_origin(wanted) is Annotated and get_args(wanted)[0] is str)


def from_mapping(cls: type, raw: dict[str, Any], where: str) -> Any:
    """A configuration dataclass. Raises ValueError, one sentence that starts with `where` and names the key."""
    try:
        return TypeAdapter(cls).validate_python(raw)
    except ValidationError as error:
        raise ValueError(f"{where}: {_sentence(cls, error.errors()[0])}") from None


def _sentence(cls: type, error: ErrorDetails) -> str:
    """What is wrong, where, and what is wanted instead."""
    path = [part for part in error["loc"] if part != "[key]"]
    kind, value, context = error["type"], error["input"], error.get("ctx", {})
    if kind == "value_error":
        return str(context["error"])
    parent = f"{_dotted(path[:-1])}: " if path[:-1] else ""
    if kind in ("unexpected_keyword_argument", "extra_forbidden") or "[key]" in error["loc"]:
        return f"{parent}unknown key {path[-1]!r}; known are {_known(cls, path, context)}."
    if kind == "missing" and isinstance(path[-1], str):
        return f"{parent}{path[-1]} is missing."
    if kind == "missing":
        path, kind, context = path[:-1], "too_long", {"max_length": len(get_args(_type_at(cls, path[:-1])))}
    wanted = _WANTED.get(kind, "another value").format(**context).replace("'", "")
    return f"{_dotted(path)} is {value!r}; {wanted} is wanted."


_WANTED = {
    "int_type": "a whole number",
    "number_type": "a number",
    "string_type": "text",
    "string_too_short": "text",
    "tuple_type": "a list",
    "shape": "{shape}",
    "unknown_name": "one of {known}",
    "too_short": "a list of at least {min_length}",
    "too_long": "a list of {max_length} numbers",
    "dict_type": "a mapping",
    "dataclass_type": "a mapping",
    "literal_error": "{expected}",
    "greater_than": "a number > {gt}",
    "greater_than_equal": "a number >= {ge}",
    "less_than_equal": "a number <= {le}",
}


def _dotted(path: Sequence[str | int]) -> str:
    return ".".join(map(str, path))


def _known(cls: type, path: Sequence[str | int], context: dict[str, Any]) -> str:
    """The keys that may stand where `path` has an unknown one."""
    parent = _type_at(cls, path[:-1])
    if "known" in context:
        return context["known"]
    return ", ".join(get_args(get_args(parent)[0]) if get_origin(parent) is dict else sorted(parent.__annotations__))
