"""What was asked, decided and said in one run of a session, as rows, strips and files. Pure: events in, values out; no
threads, no clock.

Not the page (`ui/`). Text in here is untrusted, the user's and the model's alike: code that displays it escapes it, as
the exports do.

    Transcript.from_journal(path).to_srt()
"""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from streamo_app.events import Asked, Decided, Ended, Event, Failed, LaneClosed, Noticed, Speaking
from streamo_app.protocol import State
from streamo_app.transcript import exports
from streamo_app.transcript.exports import CUE_S, Cue, one_line
from streamo_app.transcript.journal import read_journal
from streamo_app.transcript.strip import Cell, Decisions, Strip

FORMATS = ("srt", "vtt", "jsonl", "md")


@dataclass(frozen=True)
class Row:
    """One line of the transcript."""

    key: int
    """Identifies the row, from 1, in order of appearance. A response in progress changes its text and `seq`, never its
    key."""
    seq: int
    """Number of the last change: `Snapshot.rows` holds the rows with `seq > after`."""
    second: int
    lane: int
    """0 for what concerns every lane: a notice, a failure, the end."""
    kind: str
    """asked | response | notice | failed | ended"""
    text: str
    """One line of untrusted text: the instruction, the response so far, or one sentence for the user."""
    partial: bool = False
    """True while a response is still being spoken."""
    follow_up: bool = False
    """True for an instruction typed into a lane that already existed."""


@dataclass
class LaneRecord:
    """What happened in one lane so far."""

    instruction: str = ""
    """The one that opened it; empty for the watcher."""
    state: str | None = None
    p: tuple[float, float, float] | None = None
    strip: Strip = field(default_factory=Strip)
    decisions: Decisions = field(default_factory=Decisions)
    speaking: int | None = None
    """Key of the row of a response in progress."""


class Transcript:
    """Events of one run, in the order they happened. Not thread-safe; `copy` under a lock, then export at leisure."""

    def __init__(self, title: str = "", seq: int = 0):
        self.title = title
        """What was watched; untrusted text."""
        self.rows: list[Row] = []
        self.lanes: dict[int, LaneRecord] = {}
        self.seq = seq
        """Grows with every change; a later run continues counting where the one before stopped."""

    @classmethod
    def from_journal(cls, path: Path) -> "Transcript":
        """A transcript read back from disk. Raises ValueError (one sentence) for a file that is not a journal, OSError
        if there is no file."""
        header, events = read_journal(path)
        transcript = cls(str(header.get("source", "")))
        for event in events:
            transcript.add(event)
        return transcript

    def add(self, event: Event) -> None:
        """Record what happened."""
        self.seq += 1
        match event:
            case Asked(second, lane, text, follow_up):
                self._ask(second, lane, one_line(text), follow_up)
            case Speaking(second, lane, text):
                self._say(second, lane, text, partial=True)
            case Decided():
                self._decide(event)
            case LaneClosed(_, lane):
                self._finish(lane)
            case Noticed(second, text):
                self._row(second, 0, "notice", text)
            case Failed(second, text):
                self._finish_all()
                self._row(second, 0, "failed", text)
            case Ended(second, text):
                self._finish_all()
                self._row(second, 0, "ended", text)

    @property
    def over(self) -> bool:
        """Whether the run has ended or failed."""
        return bool(self.rows) and self.rows[-1].kind in ("ended", "failed")

    def cells(self, lane: int) -> tuple[Cell, ...]:
        """At most 600 cells of a lane, oldest first; empty for a lane without a decision."""
        record = self.lanes.get(lane)
        return record.strip.cells() if record else ()

    def decisions(self) -> Iterator[Decided]:
        """Every decided second of every lane, by second, then lane."""
        lanes = [record.decisions.decided(lane) for lane, record in sorted(self.lanes.items())]
        return heapq.merge(*lanes, key=lambda decided: decided.second)

    def cues(self) -> list[Cue]:
        """A cue per finished response that has words, by start, then lane: from its second to the next of its lane, at
        most CUE_S."""
        spoken = [row for row in self.rows if row.kind == "response" and row.text and not row.partial]
        cues: list[Cue] = []
        next_start: dict[int, int] = {}
        for row in sorted(spoken, key=lambda row: -row.second):
            end = min(row.second + CUE_S, next_start.get(row.lane, float("inf")))
            next_start[row.lane] = row.second
            cues.append(Cue(row.second, end, row.lane, row.text))
        return sorted(cues, key=lambda cue: (cue.start_s, cue.lane))

    def instructions(self) -> dict[int, str]:
        """Lane to the instruction that opened it, without the watcher."""
        return {lane: record.instruction for lane, record in sorted(self.lanes.items()) if lane}

    def to_srt(self) -> str:
        return exports.srt(self.cues())

    def to_vtt(self) -> str:
        return exports.vtt(self.cues())

    def to_jsonl(self) -> str:
        """A line of JSON per decided second and lane; the watcher is lane 0 with an empty instruction."""
        return "".join(
            exports.jsonl_line(decided, self.lanes[decided.lane].instruction) + "\n" for decided in self.decisions()
        )

    def to_markdown(self) -> str:
        return exports.markdown(self.title, self.rows, self.instructions())

    def export(self, form: str) -> str:
        """The transcript in one of FORMATS. Raises ValueError for another."""
        writers = {"srt": self.to_srt, "vtt": self.to_vtt, "jsonl": self.to_jsonl, "md": self.to_markdown}
        if form not in writers:
            raise ValueError(f"There is no export {form!r}; choose one of {', '.join(FORMATS)}.")
        return writers[form]()

    def copy(self) -> "Transcript":
        """A copy for exporting (rows and decisions, no strips); cheap, so that a lock is held only briefly."""
        copy = Transcript(self.title)
        copy.rows, copy.seq = self.rows[:], self.seq
        copy.lanes = {
            lane: LaneRecord(record.instruction, record.state, record.p, decisions=record.decisions.copy())
            for lane, record in self.lanes.items()
        }
        return copy

    def _record(self, lane: int) -> LaneRecord:
        return self.lanes.setdefault(lane, LaneRecord())

    def _row(self, second: int, lane: int, kind: str, text: str, **marks: bool) -> int:
        row = Row(len(self.rows) + 1, self.seq, second, lane, kind, one_line(text), **marks)
        self.rows.append(row)
        return row.key

    def _change(self, key: int, **values) -> None:
        self.rows[key - 1] = replace(self.rows[key - 1], seq=self.seq, **values)

    def _ask(self, second: int, lane: int, text: str, follow_up: bool) -> None:
        record = self._record(lane)
        if not follow_up:
            record.instruction = text
        self._row(second, lane, "asked", text, follow_up=follow_up)

    def _say(self, second: int, lane: int, text: str, *, partial: bool) -> None:
        record = self._record(lane)
        if record.speaking is None:
            record.speaking = self._row(second, lane, "response", text, partial=partial)
        else:
            self._change(record.speaking, text=one_line(text), partial=partial)
        if not partial:
            record.speaking = None

    def _decide(self, decided: Decided) -> None:
        record = self._record(decided.lane)
        record.state, record.p = decided.state.value, decided.p
        record.strip.add(Cell(decided.second, decided.state.value, decided.p, decided.skipped))
        record.decisions.add(decided)
        if decided.state is State.RESPONSE:
            self._say(decided.second, decided.lane, decided.text, partial=False)

    def _finish(self, lane: int) -> None:
        """A response that will not be continued keeps the words it has."""
        record = self._record(lane)
        if record.speaking is not None:
            self._change(record.speaking, partial=False)
            record.speaking = None

    def _finish_all(self) -> None:
        for lane in self.lanes:
            self._finish(lane)
