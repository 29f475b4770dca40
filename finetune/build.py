"""Dialogues from raw records: what is asked and what is to be answered on each turn of a video. No tokens
(`labels.py`), no pixels.

Run: python -m finetune build RAW.json OUT.jsonl [--videos DIR] [--compat]

Raw times are 1-based, turns 0-based: a time names `protocol.raw_turn` of it, an event is Standby on the turns it covers
and answered on the turn after. Nothing is dropped silently: each builder also returns a line per thing that it moved or
rejected.
"""

import json
from argparse import ArgumentParser, Namespace
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import NamedTuple

from finetune.annotations import Answer, Record, Time, load_records
from streamo_app.files import atomic_write, writable
from streamo_app.protocol import State, clean_instruction, parse_seconds, raw_turn
from streamo_app.video.turns import video_seconds


@dataclass(frozen=True)
class DialogueTurn:
    second: int
    instructions: tuple[str, ...]
    """Asked on this turn, in order."""
    state: State
    text: str
    """Text of a response, otherwise empty."""


@dataclass(frozen=True)
class Dialogue:
    video_path: str
    task: str
    turns: tuple[DialogueTurn, ...]
    """One per second of the video, from second 0."""
    meta: dict = field(default_factory=dict)
    """What else its readers need of the record: "task_type" and "source", and "argument" where the record has one, what
    an instruction is about ("red car")."""

    @property
    def asked(self) -> int | None:
        """Turn of the first instruction, None where nothing is asked."""
        return next((turn.second for turn in self.turns if turn.instructions), None)

    def to_dict(self) -> dict:
        return asdict(self) | {"turns": [asdict(turn) | {"state": turn.state.value} for turn in self.turns]}

    @classmethod
    def from_dict(cls, raw: dict) -> "Dialogue":
        turns = (
            DialogueTurn(t["second"], tuple(t["instructions"]), State(t["state"]), t["text"]) for t in raw["turns"]
        )
        return cls(raw["video_path"], raw["task"], tuple(turns), raw.get("meta", {}))


def build_dialogue(record: Record, seconds: int) -> tuple[Dialogue | None, list[str]]:
    """Dialogue of `seconds` turns, and what was moved or rejected, one line each.

    None when no question stands, or when the record had answers and none of them stands: silence would then be a wrong
    label.
    """
    notes: list[str] = []
    asked = place_questions(record, seconds, notes)
    if not asked:
        return None, [*notes, "no question can be asked"]
    first = min(asked)
    due: dict[int, list[tuple[float, str]]] = {}
    standby: set[int] = set()
    for index, answer in enumerate(record.answers):
        try:
            placed = _place_answer(answer, first, seconds)
        except ValueError as error:
            notes.append(f"answer {index}: rejected, {error}")
            continue
        due.setdefault(placed.turn, []).append((placed.at, " ".join(answer.content.split())))
        standby.update(placed.standby)
        notes += [f"answer {index}: moved, {what}" for what in placed.moved]
    if record.answers and not due:
        return None, [*notes, "no answer can be given"]
    # Standby is laid down last and only beside responses: an answer is never lost to the next event.
    texts = {turn: " ".join(text for _, text in sorted(items, key=lambda item: item[0])) for turn, items in due.items()}
    states = {turn: State.STANDBY for turn in standby} | {turn: State.RESPONSE for turn in texts}
    return _dialogue(record, seconds, asked, states, texts), notes


def place_questions(record: Record, seconds: float, notes: list[str]) -> dict[int, list[str]]:
    """Turn -> instructions asked there, each exactly once; what is moved or rejected is appended to `notes`.

    Give infinity for `seconds` where the length of the video is not known yet.
    """
    asked: dict[int, list[str]] = {}
    for index, question in enumerate(record.questions):
        try:
            line = clean_instruction(question.content)
            turn = 0 if question.time is None else raw_turn(question.time)
        except ValueError as error:
            notes.append(f"question {index}: rejected, {error}")
            continue
        if turn >= seconds:
            notes.append(
                f"question {index}: rejected, it is asked at {question.time} but the video has {seconds} seconds"
            )
            continue
        if question.time is None:
            notes.append(f"question {index}: moved, it has no time and is asked at the start")
        asked.setdefault(turn, []).append(line)
    return asked


class _Placed(NamedTuple):
    """Where an answer of a record goes."""

    turn: int
    """Of the response."""
    at: float
    """Raw time, which orders the answers of one turn."""
    standby: range
    """Turns of the event that it answers."""
    moved: list[str]
    """What was moved, one line each."""


def _place_answer(answer: Answer, first: int, seconds: int) -> _Placed:
    """Raises ValueError with the reason of a rejection."""
    if not answer.content.strip():
        raise ValueError("it has no text")
    if answer.time is not None:
        return _place_at(answer.time, first, seconds)
    if answer.st_time is None and answer.end_time is None:
        raise ValueError("it has no time")
    if answer.st_time is None or answer.end_time is None:
        raise ValueError(f"it has only {'end_time' if answer.st_time is None else 'st_time'}; give both, or time")
    return _place_after(answer.st_time, answer.end_time, first, seconds)


def _place_at(time: Time, first: int, seconds: int) -> _Placed:
    turn = raw_turn(time)
    if turn >= seconds:
        raise ValueError(f"it is due at {time} but the video has {seconds} seconds")
    if turn < first:
        raise ValueError(f"it is due at {time}, before its question at {first + 1}")
    return _Placed(turn, parse_seconds(time), range(0), [])


def _place_after(start: Time, stop: Time, first: int, seconds: int) -> _Placed:
    """After the event `start`..`stop`, with Standby while it lasts."""
    begin, end = raw_turn(start), raw_turn(stop)
    if parse_seconds(start) > parse_seconds(stop):
        raise ValueError(f"its event ends at {stop}, before it starts at {start}")
    if end >= seconds:
        raise ValueError(f"its event ends at {stop} but the video has {seconds} seconds")
    if end < first:
        raise ValueError(f"its event ended at {stop}, before its question at {first + 1}; give such an answer a time")
    moved = []
    if begin < first:
        moved.append(f"standby starts at its question ({first + 1}), not at {start}")
    if end + 1 == seconds:
        moved.append("its event ends with the video, so it is given on the last turn")
    return _Placed(min(end + 1, seconds - 1), parse_seconds(stop), range(max(begin, first), end + 1), moved)


def build_compat(record: Record, seconds: int) -> tuple[Dialogue, list[str]]:
    """The official converter's output at 1 fps, faults included: for comparing with the release, not for training.

    Times are truncated; the first question is also put on turn 0 when none falls there; of two questions or events on
    one turn the later wins; an event that ends with the video, and whatever lies outside it, vanishes; so does an
    answer without text, but not its Standby. Where an answer has both a span and a time the span is taken (the release
    has no such record to compare with).
    """
    asked: dict[int, list[str]] = {}
    for question in record.questions:
        time = _official_time(question.time)
        if time is not None:
            asked[max(0, time - 1)] = [question.content]
    if record.questions and 0 not in asked:
        asked[0] = [record.questions[0].content]
    states: dict[int, State] = {}
    texts: dict[int, str] = {}

    def respond(turn: int, text: str) -> None:
        if text:
            states[turn], texts[turn] = State.RESPONSE, text

    for answer in record.answers:
        begin, end, at = (_official_time(time) for time in (answer.st_time, answer.end_time, answer.time))
        if begin is not None and end is not None:
            for turn in range(max(0, begin - 1), max(0, end - 1) + 1):
                states[turn] = State.STANDBY
            respond(max(0, end - 1) + 1, answer.content)
        elif at is not None:
            respond(max(0, at - 1), answer.content)
    return _dialogue(record, seconds, asked, states, texts), []


def _official_time(time: Time | None) -> int | None:
    """Whole seconds, or None for what the official converter passes over."""
    try:
        return None if time is None else int(parse_seconds(time))
    except ValueError:
        return None


def _dialogue(record: Record, seconds: int, asked: dict, states: dict, texts: dict) -> Dialogue:
    turns = []
    for second in range(seconds):
        state = states.get(second, State.SILENCE)
        turns.append(
            DialogueTurn(second, tuple(asked.get(second, ())), state, texts[second] if state is State.RESPONSE else "")
        )
    meta = {"task_type": record.task_type, "source": record.source}
    if "argument" in record.extra:
        meta["argument"] = record.extra["argument"]
    return Dialogue(record.video_path, record.task, tuple(turns), meta)


def record_seconds(record: Record, videos: str | Path | None = None) -> int:
    """Number of turns: those of the video file if it exists, else `extra["seconds"]`, else up to the last time named.

    Raises ValueError for a video that cannot be read.
    """
    path = Path(videos or "") / record.video_path
    if path.is_file():
        return video_seconds(path)
    if record.extra.get("seconds") is not None:
        return raw_turn(record.extra["seconds"]) + 1
    times = [q.time for q in record.questions] + [t for a in record.answers for t in (a.time, a.end_time)]
    # One turn more than the last time: the answer to an event comes on the turn after it.
    return max((turn + 2 for turn in map(_turn_or_none, times) if turn is not None), default=1)


def _turn_or_none(time: Time | None) -> int | None:
    try:
        return None if time is None else raw_turn(time)
    except ValueError:  # reported where the item is placed
        return None


def build_file(
    raw: str | Path, out_jsonl: str | Path, videos: str | Path | None = None, compat: bool = False
) -> tuple[int, list[str]]:
    """Writes the dialogues of a raw file as JSON Lines, atomically. Returns (dialogues written, what was moved or
    rejected).

    `videos` is the folder that `video_path` is relative to (the raw file's own where None). Raises ValueError when
    nothing can be read.
    """
    records, notes = load_records(raw)
    if not records:
        raise ValueError(f"{raw} holds no usable record ({notes[0] if notes else 'the list is empty'}).")
    folder = Path(videos) if videos is not None else Path(raw).parent
    out = writable(out_jsonl)
    build = build_compat if compat else build_dialogue
    lengths: dict[str, int] = {}
    written = 0
    with atomic_write(out) as tmp, tmp.open("w", encoding="utf-8") as file:
        for record in records:
            name = f"{record.video_path} [{record.task}]"
            try:
                if record.video_path not in lengths or not (folder / record.video_path).is_file():
                    lengths[record.video_path] = record_seconds(record, folder)
                dialogue, lines = build(record, lengths[record.video_path])
            except ValueError as error:
                dialogue, lines = None, [f"rejected, {error}"]
            notes += [f"{name}: {line}" for line in lines]
            if dialogue is not None:
                file.write(json.dumps(dialogue.to_dict(), ensure_ascii=False) + "\n")
                written += 1
    return written, notes


def load_dialogues(path: str | Path) -> list[Dialogue]:
    """Reads the dialogues that `build_file` wrote."""
    with Path(path).open(encoding="utf-8") as file:
        return [Dialogue.from_dict(json.loads(line)) for line in file]


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("raw", metavar="RAW.json", help="raw records: JSON list or JSON Lines")
    parser.add_argument("out", metavar="OUT.jsonl", help="file of dialogues to write")
    parser.add_argument(
        "--videos", metavar="DIR", help="folder that video_path is relative to (default: that of RAW.json)"
    )
    parser.add_argument(
        "--compat", action="store_true", help="reproduce the output of the official converter, faults included"
    )


def run(args: Namespace) -> int:
    """The command; 0, also when some records are rejected. Raises ValueError when nothing can be read or written."""
    written, notes = build_file(args.raw, args.out, args.videos, args.compat)
    for note in notes:
        print(note)
    print(f"{written} dialogues written to {args.out}" + (f"; {len(notes)} notes above" if notes else ""))
    return 0
