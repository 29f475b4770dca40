"""Raw annotations in the public Streamo-Instruct schema: records, read and written. No video, no turns: `build.py`
makes those.

A file is a JSON list or JSON Lines of objects `{video_name, video_path, task_type, source, question: [{content, time}],
response: [{content, st_time, end_time, time}]}`; times are 1-based seconds ("12", 12.5 or "MM:SS") and "" where unused.
Keys that the schema does not know are kept in `extra` and written back.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Time = int | float | str
"""As it is in the file; `streamo_app.protocol` turns it into seconds or a turn."""

_GIVE = "give a file of raw records (JSON list or JSON Lines)"


@dataclass(frozen=True)
class Question:
    content: str
    time: Time | None
    """None when the file gives no time."""
    extra: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    """Due at `time`, or after the event `st_time`..`end_time`."""

    content: str
    st_time: Time | None = None
    end_time: Time | None = None
    time: Time | None = None
    extra: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Record:
    """Annotation of one dialogue: what is asked and what is to be answered over one video."""

    video_name: str
    video_path: str
    """Relative to the folder of videos, or absolute."""
    task_type: str
    source: str
    questions: tuple[Question, ...]
    answers: tuple[Answer, ...]
    extra: dict = field(default_factory=dict)

    @property
    def task(self) -> str:
        """Fine name of the task: `extra["task"]` where given, else `task_type`."""
        return str(self.extra.get("task") or self.task_type)

    @classmethod
    def from_dict(cls, raw: Any) -> "Record":
        """Record from an object of the public schema. Raises ValueError naming the field that is wrong."""
        if not isinstance(raw, dict):
            raise ValueError(f"is {_kind(raw)}, not an object")
        rest = dict(raw)
        texts = {key: _text(rest.pop(key, ""), key) for key in ("video_name", "video_path", "task_type", "source")}
        if not texts["video_path"]:
            raise ValueError("has no video_path")
        questions = tuple(_question(item) for item in _items(rest.pop("question", []), "question"))
        answers = tuple(_answer(item) for item in _items(rest.pop("response", []), "response"))
        return cls(**texts, questions=questions, answers=answers, extra=rest)

    def to_dict(self) -> dict:
        """The object of the public schema; `from_dict` reads it back to an equal record."""
        return {
            "video_name": self.video_name,
            "video_path": self.video_path,
            "task_type": self.task_type,
            "source": self.source,
            "question": [{"content": q.content, "time": _out(q.time), **q.extra} for q in self.questions],
            "response": [
                {
                    "content": a.content,
                    "st_time": _out(a.st_time),
                    "end_time": _out(a.end_time),
                    "time": _out(a.time),
                    **a.extra,
                }
                for a in self.answers
            ],
            **self.extra,
        }


def numbered_records(path: str | Path) -> Iterator[tuple[int, Record | str]]:
    """(index in the file from 0, record or the reason why it is none) of a JSON list or JSON Lines file.

    Raises ValueError with one sentence when the file is missing, unreadable or not JSON.
    """
    for index, raw in enumerate(_read(Path(path))):
        try:
            if isinstance(raw, json.JSONDecodeError):
                raise ValueError(f"is not JSON ({raw.msg})")
            yield index, Record.from_dict(raw)
        except ValueError as error:
            yield index, f"record {index}: {error}"


def load_records(path: str | Path) -> tuple[list[Record], list[str]]:
    """Records of a file, and a line per rejected record: index and reason. Raises as `numbered_records` does."""
    items = [item for _, item in numbered_records(path)]
    return [item for item in items if isinstance(item, Record)], [item for item in items if isinstance(item, str)]


def save_records(records: list[Record], path: str | Path) -> None:
    """Writes a JSON list that `load_records` reads back."""
    Path(path).write_text(
        json.dumps([r.to_dict() for r in records], ensure_ascii=False, indent=1) + "\n", encoding="utf-8"
    )


def _read(path: Path) -> list:
    """Raw objects of the file, with the JSONDecodeError in place of a bad line of JSON Lines."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise ValueError(f"{path} does not exist; {_GIVE}.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} cannot be read ({error}); {_GIVE}.") from None
    try:
        parsed = json.loads(text)
        return parsed if isinstance(parsed, list) else [parsed]
    except json.JSONDecodeError:
        pass
    lines: list[Any] = []
    for line in filter(str.strip, text.splitlines()):
        try:
            lines.append(json.loads(line))
        except json.JSONDecodeError as error:
            lines.append(error)
    if not any(isinstance(line, dict) for line in lines):
        raise ValueError(f"{path} is not JSON; {_GIVE}.")
    return lines


def _items(value: Any, key: str) -> list[dict]:
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise ValueError(f"{key} is not a list of objects")
    return [dict(item) for item in value]


def _question(item: dict) -> Question:
    return Question(_text(item.pop("content", ""), "question content"), _time(item.pop("time", None), "time"), item)


def _answer(item: dict) -> Answer:
    content = _text(item.pop("content", ""), "response content")
    times = {key: _time(item.pop(key, None), key) for key in ("st_time", "end_time", "time")}
    return Answer(content, **times, extra=item)


def _text(value: Any, key: str) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{key} is {_kind(value)}, not text")
    return value


def _time(value: Any, key: str) -> Time | None:
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ValueError(f"{key} is {_kind(value)}, not a time")
    return value


def _out(time: Time | None) -> Time:
    return "" if time is None else time


def _kind(value: Any) -> str:
    return {dict: "an object", list: "a list", str: "text", bool: "true or false", type(None): "null"}.get(
        type(value), "a number"
    )
