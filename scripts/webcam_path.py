"""Measures how much a model loses through a browser's webcam: rendered clips played as Chromium's camera into the real
page, scored next to the same records streamed from the files.

Run from the repository root, with what `make test` installs, on a machine with nothing else to do (it runs in real
time):

    .venv/bin/python -m finetune world render DIR --world desk --count 8 --seed 7 --seconds 20 --paraphrases heldout
    .venv/bin/python -m scripts.webcam_path DIR [DIR ...] [--clips N] [--model M] [--json OUT]

Instructions are typed into the page at their second, at most 8 lanes at a time; the rest get another visit to the same
clip. Gold, matching and means are those of `finetune evaluate`; a second that the page skipped counts as silence.
"""

import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from math import ceil, inf
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import TimeoutError as PlaywrightTimeout
from rich import box
from rich.console import Console
from rich.table import Table

from finetune.annotations import Record
from finetune.build import Dialogue, build_dialogue, place_questions
from finetune.evaluate import compare_with_fresh, evaluate, write
from finetune.evaluation.jobs import EvalJob, StreamedRecord, make_jobs
from finetune.metrics import score
from scripts.webcam_clock import on_clip, unseen, whole
from scripts.webcam_visit import Visit, VisitResult, write_camera
from streamo_app.config import BUILT_IN_MODEL, Parser
from streamo_app.dispatch import exit_status
from streamo_app.files import writable
from streamo_app.models.client import MAX_LANES
from streamo_app.models.interface import StreamingModel
from streamo_app.models.loading import load_model
from streamo_app.video.turns import video_seconds
from tests.support.browser import running_site
from tests.support.chromium import CHROMIUM

STEP_MS = 40
"""Time between two steps of a visit."""
STEADY_S = 0.5
"""If the camera drifts more than this over a clip, one shift cannot align the turns: the visit then measures the
machine and not the model."""


@dataclass(frozen=True)
class TypedInstruction:
    """The instruction of one record, to be typed into the page."""

    record: int
    """Index, over all folders."""
    turn: int
    text: str
    gold: Dialogue


@dataclass
class WebcamResults:
    """What came through the webcam, over all visits."""

    streamed: list[StreamedRecord] = field(default_factory=list)
    visits: list[dict] = field(default_factory=list)
    """A line of numbers per visit, for the report."""


def instructions_of(job: EvalJob, turns: int) -> tuple[list[TypedInstruction], list[str]]:
    """Of a clip of `turns` turns the records that ask once, which fit a lane, and a line per record that does not."""
    found: list[TypedInstruction] = []
    left_out: list[str] = []
    for index, record in job.records:
        asked, (gold, notes) = place_questions(record, inf, []), build_dialogue(record, turns)
        lines = [(turn, line) for turn in sorted(asked) for line in asked[turn]]
        if gold is None:
            left_out.append(f"record {index}: {'; '.join(notes)}")
        elif len(lines) > 1:
            left_out.append(f"record {index}: it asks {len(lines)} times, and each lane is asked once here")
        else:
            found.append(TypedInstruction(index, *lines[0], gold))
    return found, left_out


def visits(found: Sequence[TypedInstruction]) -> list[list[TypedInstruction]]:
    """`found` split evenly into as few visits as MAX_LANES allows; no visit has the same text twice, since the text
    identifies the lane."""
    count = ceil(len(found) / MAX_LANES)
    dealt: list[list[TypedInstruction]] = [[] for _ in range(count)]
    for item in found:
        free = [visit for visit in dealt if len(visit) < MAX_LANES and all(other.text != item.text for other in visit)]
        if not free:
            dealt.append([])
            free = dealt[-1:]
        min(free, key=len).append(item)
    return dealt


def watch(
    model: StreamingModel, job: EvalJob, at_once: int
) -> Iterator[tuple[list[TypedInstruction], VisitResult, int]]:
    """(instructions, result, turns of the clip) of each visit to a clip. Raises ValueError when the clip never comes
    through."""
    turns = video_seconds(job.video)
    todo = visits(instructions_of(job, turns)[0])
    with TemporaryDirectory() as folder:
        camera = Path(folder) / "camera.y4m"
        clip_s = write_camera(job.video, camera)
        with running_site(model, camera, str(CHROMIUM)) as site:
            for start in range(0, len(todo), at_once):
                now = todo[start : start + at_once]
                with ExitStack() as pages:
                    there = [
                        Visit(
                            site,
                            pages.enter_context(site.visitor()),
                            clip_s,
                            turns,
                            [(item.turn, item.text) for item in part],
                        )
                        for part in now
                    ]
                    for visit in there:
                        visit.start()
                    results: list[VisitResult | None] = [None] * len(there)
                    while None in results:
                        there[0].page.wait_for_timeout(STEP_MS)
                        for place, visit in enumerate(there):
                            if results[place] is None and not visit.step():
                                results[place] = visit.finish()
                yield from ((part, one, turns) for part, one in zip(now, results, strict=True))


def on_clip_clock(
    part: Sequence[TypedInstruction], result: VisitResult, turns: int
) -> tuple[list[StreamedRecord], dict]:
    """The records of a visit on the clip's clock, and the visit's numbers for the report."""
    shift = whole(result.shift_s)
    streamed, off = [], 0
    for item in part:
        decisions = on_clip(result.decisions.get(item.text, {}), result.shift_s, turns)
        streamed.append(StreamedRecord(item.record, item.gold, decisions, shift))
        off += result.asked.get(item.text) != item.turn + shift
    numbers = {
        key: getattr(result, key)
        for key in ("shift_s", "drift_s", "spread_s", "pictures", "size", "lag_s", "ms_p50", "ms_p95")
    }
    numbers |= {
        "lanes": len(part),
        "turns": turns,
        "skipped": unseen(result.seconds, result.shift_s, turns),
        "asked_elsewhere": off,
    }
    return streamed, numbers


def measure(model: StreamingModel, jobs: Sequence[EvalJob], at_once: int, console: Console) -> dict:
    """{"webcam", "file": scores (`metrics.score`), "difference", "visits": [...]}. Takes as long as the clips, once per
    visit."""
    live = WebcamResults()
    for number, job in enumerate(jobs, 1):
        for line in instructions_of(job, video_seconds(job.video))[1]:
            console.print(line, markup=False, highlight=False, soft_wrap=True)
        for part, visit, turns in watch(model, job, at_once):
            streamed, numbers = on_clip_clock(part, visit, turns)
            live.streamed += streamed
            live.visits.append({"clip": job.video.name} | numbers)
            console.print(
                f"{number}/{len(jobs)} {visit_line(live.visits[-1])}", markup=False, highlight=False, soft_wrap=True
            )
    scored = {item.record for item in live.streamed}
    same = [EvalJob(job.video, tuple(item for item in job.records if item[0] in scored)) for job in jobs]
    from_file = evaluate([job for job in same if job.records], lambda: model)
    result = {"webcam": _scores(live.streamed), "file": _scores(from_file.streamed), "visits": live.visits}
    return result | {"difference": compare_with_fresh(result["webcam"], result["file"])["difference"]}


def _scores(streamed: Sequence[StreamedRecord]) -> dict:
    return score(item.track for item in streamed) | {"records": len(streamed)}


def visit_line(visit: dict) -> str:
    """A visit's numbers as a line of text."""
    drift = "not seen" if visit["drift_s"] is None else f"{visit['drift_s']:+.2f} s"
    height, width = visit["size"]
    frames = f"{visit['pictures'] / visit['turns']:.1f} frames per second of {width} x {height}"
    skipped = f"{len(visit['skipped'])} of {visit['turns']} s skipped"
    off = f", {visit['asked_elsewhere']} asked in another second" if visit["asked_elsewhere"] else ""
    timing = f"stream {visit['shift_s']:+.2f} s (+-{visit['spread_s'] / 2:.2f}, drift {drift})"
    model = f"model {visit['ms_p50'] or 0:.0f} ms per second (p95 {visit['ms_p95'] or 0:.0f})"
    lag = f"lag at most {visit['lag_s'] or 0:.1f} s"
    return f"{visit['clip']}: {visit['lanes']} lanes, {timing}, {frames}, {skipped}{off}; {model}, {lag}"


def jobs_of(folders: Sequence[Path], clips: int | None) -> list[EvalJob]:
    """The first `clips` clips of each folder; record indices count on from folder to folder. Raises as `make_jobs`."""
    jobs: list[EvalJob] = []
    first = 0
    for folder in folders:
        found, rejected = make_jobs(folder / "records.json")
        records: list[Record] = [record for job in found for _, record in job.records]
        jobs += [
            EvalJob(job.video, tuple((first + index, record) for index, record in job.records)) for job in found[:clips]
        ]
        first += len(records) + len(rejected)
    return jobs


def print_result(result: dict, console: Console) -> None:
    table = Table(
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
        caption="exp: expected responses; F1 within 1 s (at the same second)",
        caption_justify="left",
    )
    for name in ("task", "n", "exp", "webcam", "file", "difference"):
        table.add_column(name, justify="left" if name == "task" else "right", no_wrap=True)

    def row(name: str, live: dict, file: dict, counts: tuple[str, str], **style: str) -> None:
        gap = "" if None in (live["f1"], file["f1"]) else f"{live['f1'] - file['f1']:+.3f}"
        table.add_row(name, *counts, _pair(live), _pair(file), gap, **style)

    live, file = result["webcam"], result["file"]
    for name, one in live["tasks"].items():
        row(name, one, file["tasks"][name], (str(one["records"]), str(one["due"])))
    table.add_section()
    for world, one in live["groups"].items():
        row(f"mean of {world}", one["macro"], file["groups"][world]["macro"], (str(one["records"]), str(one["due"])))
    due = sum(one["due"] for one in live["tasks"].values())
    row("mean over tasks", live["macro"], file["macro"], (str(live["records"]), str(due)), style="bold")
    console.print(table)
    seconds, skipped = (
        sum(visit["turns"] for visit in result["visits"]),
        sum(len(visit["skipped"]) for visit in result["visits"]),
    )
    away = sum(visit["asked_elsewhere"] for visit in result["visits"])
    console.print(
        f"seconds skipped: {skipped} of {seconds}; instructions that reached the model in another second: {away}",
        highlight=False,
    )
    adrift = [
        visit["clip"] for visit in result["visits"] if visit["drift_s"] is None or abs(visit["drift_s"]) > STEADY_S
    ]
    if adrift:
        console.print(
            f"the camera drifted, so these numbers say little: {', '.join(adrift)}; measure on a less busy machine",
            highlight=False,
        )
    for name in ("webcam", "file"):
        rate = result[name]["quiet_false_per_5min"]
        if rate is not None:
            console.print(
                f"{name}: {rate:.2f} false positives per 5 minutes where nothing asked for happens", highlight=False
            )
    console.print(
        f"macro timing F1: webcam {_number(live['macro'])}, file {_number(file['macro'])}, difference {_gap(result)}",
        highlight=False,
    )


def _pair(row: dict) -> str:
    return "" if row["f1"] is None else f"{row['f1']:.3f} ({row['f1_exact']:.3f})"


def _number(row: dict) -> str:
    return "none" if row["f1"] is None else f"{row['f1']:.3f}"


def _gap(result: dict) -> str:
    gap = result["difference"]["f1"]
    return "none" if gap is None else f"{gap:+.3f}"


def main(argv: Sequence[str] | None = None) -> int:
    """0 when both paths were scored. Raises ValueError, one sentence, otherwise."""
    parser = Parser(
        prog="python -m scripts.webcam_path",
        description="Compare rendered clips through the browser's webcam with the same clips from files.",
    )
    parser.add_argument("folders", metavar="DATA_DIR", type=Path, nargs="+", help="what `finetune world render` wrote")
    parser.add_argument("--clips", metavar="N", type=int, help="use only the first N clips of each folder")
    parser.add_argument("--model", default=BUILT_IN_MODEL, help="folder or hub id (default: the built-in model)")
    parser.add_argument(
        "--at-once",
        metavar="N",
        type=int,
        default=1,
        help="visits to a clip at the same time, 8 lanes each (default: 1, as one user has it)",
    )
    parser.add_argument(
        "--json", metavar="OUT", type=Path, help="write the scores and the numbers of each visit to this file"
    )
    args = parser.parse_args(argv)
    if (args.clips is not None and args.clips < 1) or args.at_once < 1:
        raise ValueError("--clips and --at-once must be whole numbers of at least 1.")
    if args.json:
        writable(args.json)
    if not os.access(CHROMIUM, os.X_OK):
        raise ValueError(f"There is no Chromium at {CHROMIUM}; install one or set CHROMIUM to its path.")
    jobs = jobs_of(args.folders, args.clips)
    started = time.monotonic()
    try:
        result = measure(load_model(args.model), jobs, args.at_once, Console(stderr=True))
    except (AssertionError, PlaywrightTimeout) as error:
        raise ValueError(
            f"The page did not respond in time ({str(error).splitlines()[0]}); try again on a less busy machine."
        ) from error
    result = {
        "model": args.model,
        "clips": len(jobs),
        "at_once": args.at_once,
        **result,
        "took_s": round(time.monotonic() - started, 1),
    }
    if args.json:
        write(args.json, [json.dumps(result, ensure_ascii=False, indent=1) + "\n"])
    print_result(result, Console(width=100))
    print(f"{len(jobs)} clips, {result['webcam']['records']} records, {result['took_s']:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(exit_status(main))
