"""What an evaluation streams and what comes of it: a job is a video with its records, an outcome has their decisions
next to the gold.

Not the processes that share the jobs (`evaluate.py`), not the scores (`metrics.py`). Records are grouped by video, so
that a video is decoded and encoded once and its records share one watcher.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from math import inf
from pathlib import Path

from finetune.annotations import Record, numbered_records
from finetune.build import Dialogue, build_dialogue, place_questions
from finetune.data.augment import shift_clock
from finetune.evaluation.chain_leaks import answered_before, last_shown
from finetune.evaluation.conditions import FRESH_STREAMS, Conditions
from finetune.evaluation.rollout import Chain, Decision, roll_out
from finetune.metrics import Track
from streamo_app.models.interface import StreamingModel
from streamo_app.video.turns import Turn, video_turns


@dataclass(frozen=True)
class EvalJob:
    """One video and the records on it."""

    video: Path
    records: tuple[tuple[int, Record], ...]
    """(index in the data file, record)"""


@dataclass(frozen=True)
class StreamedRecord:
    """One record and what the model decided on it."""

    record: int
    """Index in the data file."""
    gold: Dialogue
    """On the video's own clock."""
    decisions: list[Decision]
    """One per turn of `gold`."""
    start: int = 0
    """Second of the stream at which the video started."""
    bias: float = 0.0

    @property
    def track(self) -> Track:
        """For the scores: spans named by the gold are on the stream's clock, as the model's are."""
        argument = self.gold.meta.get("argument")
        return Track(
            task=self.gold.task,
            asked=self.gold.asked or 0,
            gold=[(turn.state, turn.text) for turn in shift_clock(self.gold, self.start).turns],
            predicted=[(decision.state, decision.text) for decision in self.decisions],
            video=self.gold.video_path,
            argument=None if argument is None else str(argument),
        )


@dataclass
class Outcome:
    """What came of some jobs: their records as streamed, complaints, and what it took."""

    streamed: list[StreamedRecord] = field(default_factory=list)
    rejected: list[str] = field(default_factory=list)
    """A line per record that could not be scored."""
    notes: list[str] = field(default_factory=list)
    """A line per question or answer that was moved or left out of a record's gold."""
    seconds: int = 0
    """Length of all videos."""
    busy_s: float = 0.0
    """Time spent on decoding and in the model."""
    too_early: int = 0
    """Records of a chain not scored because their video started before `Conditions.since`."""
    answered_before: int = 0
    """Records of a chain not scored because it had shown the answer before (`chain_leaks.py`)."""

    def add(self, other: "Outcome") -> None:
        self.streamed += other.streamed
        self.rejected += other.rejected
        self.notes += other.notes
        self.seconds += other.seconds
        self.busy_s += other.busy_s
        self.too_early += other.too_early
        self.answered_before += other.answered_before


def run_job(
    model: StreamingModel,
    job: EvalJob,
    conditions: Conditions = FRESH_STREAMS,
    biases: Sequence[float] = (0.0,),
    chain: Chain | None = None,
) -> Outcome:
    """Streams one video, with a lane for each record and bias. A `chain` is continued with the video, and its clock
    moves on by the video's length.

    A video that cannot be read rejects its records; anything else the model raises is raised.
    """
    started = time.perf_counter()
    start = chain.now if chain else conditions.clock
    scored = start - conditions.clock >= conditions.since
    turns = _VideoTurns(video_turns(job.video, conditions.fps or model.info.fps))
    asks = [place_questions(record, inf, []) for _, record in job.records] if scored else []
    decided = roll_out(model, turns, asks, biases, clock=start, watcher=chain.watcher if chain else None)
    seen = chain.seen if chain else {}
    if chain:
        chain.now += turns.seconds
        chain.seen = seen | {name: start + second for name, second in last_shown(job.records[0][1]).items()}
    if turns.error:
        return Outcome(rejected=[f"record {index}: {turns.error}" for index, _ in job.records])
    outcome = Outcome(seconds=turns.seconds, busy_s=time.perf_counter() - started)
    if not scored:
        outcome.too_early = len(job.records)
        return outcome
    for place, (index, record) in enumerate(job.records):
        gold, notes = build_dialogue(record, turns.seconds)
        if gold is None:
            outcome.rejected.append(f"record {index}: {'; '.join(notes)}")
            continue
        if answered_before(gold, start, seen, model.info.window):
            outcome.answered_before += 1
            continue
        outcome.streamed += [
            StreamedRecord(index, gold, decisions, start, bias)
            for decisions, bias in zip(decided[place :: len(job.records)], biases, strict=True)
        ]
        outcome.notes += [f"record {index}: {note}" for note in notes]
    return outcome


class _VideoTurns:
    """Turns of a video; an error of its source ends them and is kept in `error`, so that it is not mistaken for a fault
    of the model."""

    def __init__(self, turns: Iterator[Turn]):
        self._turns = turns
        self.error = ""
        self.seconds = 0
        """Length of the video so far."""

    def __iter__(self) -> Iterator[Turn]:
        try:
            for turn in self._turns:
                self.seconds = turn.second + 1
                yield turn
        except ValueError as error:
            self.error = str(error)


def make_jobs(
    data: str | Path, videos: str | Path | None = None, limit: int | None = None
) -> tuple[list[EvalJob], list[str]]:
    """Jobs of the first `limit` records of a data file, and a line per record that cannot be run.

    `videos` is the folder that `video_path` is relative to (the data file's own where None). Raises ValueError when no
    record is left.
    """
    folder = Path(videos) if videos is not None else Path(data).parent
    groups: dict[Path, list[tuple[int, Record]]] = {}
    rejected: list[str] = []
    for index, item in list(numbered_records(data))[:limit]:
        notes: list[str] = []
        if isinstance(item, str):
            rejected.append(item)
        elif not (path := folder / item.video_path).is_file():
            rejected.append(f"record {index}: there is no video {path}")
        elif not place_questions(item, inf, notes):
            rejected.append(f"record {index}: {'; '.join(notes) or 'nothing is asked'}")
        else:
            groups.setdefault(path, []).append((index, item))
    if not groups:
        raise ValueError(f"{data} holds no record that can be run ({rejected[0] if rejected else 'it is empty'}).")
    return [EvalJob(path, tuple(records)) for path, records in groups.items()], rejected


def limit_per_video(jobs: Sequence[EvalJob], each: int) -> list[EvalJob]:
    """At most `each` records of every video. The choice rotates from video to video, so that over many videos all tasks
    come equally often."""
    kept = []
    for number, job in enumerate(jobs):
        count = len(job.records)
        chosen = sorted({(number * each + step) % count for step in range(min(each, count))})
        kept.append(replace(job, records=tuple(job.records[place] for place in chosen)))
    return kept


def select_records(jobs: Iterable[EvalJob], records: set[int]) -> list[EvalJob]:
    """`jobs` with these records only (indices in the data file); a video without any is left out."""
    kept = (replace(job, records=tuple(item for item in job.records if item[0] in records)) for job in jobs)
    return [job for job in kept if job.records]
