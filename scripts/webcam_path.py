"""How much a model loses through a browser's webcam: rendered clips played as Chromium's camera into the real page,
scored beside the same records streamed from the files.

Run from the repository root, with what `make test` installs, on a machine with nothing else to do (it runs in real
time):

    .venv/bin/python -m finetune world render DIR --world desk --count 8 --seed 7 --seconds 20 --paraphrases heldout
    .venv/bin/python -m scripts.webcam_path DIR [DIR ...] [--clips N] [--model M] [--json OUT]

Wishes are typed into the page at their second, at most 8 lanes at a time: more of them visit the same clip again. Gold,
matching and means are those of `finetune evaluate`; a second that the page skipped counts as silence.
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
from finetune.evaluate import against, evaluate, write
from finetune.evaluation.jobs import EvalJob, Streamed, make_jobs
from finetune.metrics import score
from scripts.webcam_clock import on_clip, unseen, whole
from scripts.webcam_visit import Seen, Visit, write_camera
from streamo_app.config import BUILT_IN_MODEL, Parser
from streamo_app.files import writable
from streamo_app.models.client import MAX_LANES
from streamo_app.models.interface import StreamingModel
from streamo_app.models.loading import load_model
from streamo_app.video.turns import video_seconds
from tests.support.browser import running_site
from tests.support.chromium import CHROMIUM

STEP_MS = 40
"""How often what is due is looked for."""
STEADY_S = 0.5
"""A camera that drifts more than this over a clip puts turns where one shift cannot: the visit tells of the machine,
not of the model."""


@dataclass(frozen=True)
class Wish:
    """One record, ready to be typed."""

    record: int
    """Index, over all folders."""
    turn: int
    text: str
    gold: Dialogue


@dataclass
class Told:
    """What came through the webcam."""

    streamed: list[Streamed] = field(default_factory=list)
    visits: list[dict] = field(default_factory=list)
    """A line of numbers per visit, for the report."""


def wishes(job: EvalJob, turns: int) -> tuple[list[Wish], list[str]]:
    """The records of a clip of `turns` turns that can be typed into a lane each, and a line per record that cannot."""
    found, left_out = [], []
    for index, record in job.records:
        asked, (gold, notes) = place_questions(record, inf, []), build_dialogue(record, turns)
        lines = [(turn, line) for turn in sorted(asked) for line in asked[turn]]
        if gold is None:
            left_out.append(f"record {index}: {'; '.join(notes)}")
        elif len(lines) > 1:
            left_out.append(f"record {index}: it asks {len(lines)} times, and a lane here is asked once")
        else:
            found.append(Wish(index, *lines[0], gold))
    return found, left_out


def visits(found: Sequence[Wish]) -> list[list[Wish]]:
    """`found` dealt out to as few visits as MAX_LANES allows, evenly; two of the same words never meet, since words
    tell lanes apart."""
    count = ceil(len(found) / MAX_LANES)
    dealt: list[list[Wish]] = [[] for _ in range(count)]
    for wish in found:
        free = [visit for visit in dealt if len(visit) < MAX_LANES and all(other.text != wish.text for other in visit)]
        if not free:
            dealt.append(free := [])
            free = [free]
        min(free, key=len).append(wish)
    return dealt


def watch(model: StreamingModel, job: EvalJob, at_once: int) -> Iterator[tuple[list[Wish], Seen, int]]:
    """(wishes, what was seen, turns of the clip) of each visit to a clip. Raises ValueError when it never comes
    through."""
    turns = video_seconds(job.video)
    todo = visits(wishes(job, turns)[0])
    with TemporaryDirectory() as folder:
        camera = Path(folder) / "camera.y4m"
        clip_s = write_camera(job.video, camera)
        with running_site(model, camera, str(CHROMIUM)) as site:
            for start in range(0, len(todo), at_once):
                now = todo[start : start + at_once]
                with ExitStack() as pages:
                    there = [
                        Visit(
                            site, pages.enter_context(site.visitor()), clip_s, turns, [(w.turn, w.text) for w in part]
                        )
                        for part in now
                    ]
                    for visit in there:
                        visit.start()
                    seen: list[Seen | None] = [None] * len(there)
                    while None in seen:
                        there[0].page.wait_for_timeout(STEP_MS)
                        for place, visit in enumerate(there):
                            if seen[place] is None and not visit.step():
                                seen[place] = visit.finish()
                yield from ((part, one, turns) for part, one in zip(now, seen, strict=True))


def told(part: Sequence[Wish], seen: Seen, turns: int) -> tuple[list[Streamed], dict]:
    """A visit on the clip's clock, and its line of numbers."""
    streamed, off = [], 0
    for wish in part:
        said = seen.said.get(wish.text, {})
        streamed.append(Streamed(wish.record, wish.gold, on_clip(said, seen.shift_s, turns), whole(seen.shift_s)))
        off += seen.asked.get(wish.text) != wish.turn + whole(seen.shift_s)
    numbers = {
        key: getattr(seen, key)
        for key in ("shift_s", "drift_s", "spread_s", "pictures", "size", "lag_s", "ms_p50", "ms_p95")
    }
    numbers |= {
        "lanes": len(part),
        "turns": turns,
        "skipped": unseen(seen.seconds, seen.shift_s, turns),
        "asked_elsewhere": off,
    }
    return streamed, numbers


def measure(model: StreamingModel, jobs: Sequence[EvalJob], at_once: int, console: Console) -> dict:
    """{"webcam", "file": scores (`metrics.score`), "difference", "visits": [...]}. Takes as long as the clips, once per
    visit."""
    live = Told()
    for number, job in enumerate(jobs, 1):
        for line in wishes(job, video_seconds(job.video))[1]:
            console.print(line, markup=False, highlight=False, soft_wrap=True)
        for part, seen, turns in watch(model, job, at_once):
            streamed, numbers = told(part, seen, turns)
            live.streamed += streamed
            live.visits.append({"clip": job.video.name} | numbers)
            console.print(
                f"{number}/{len(jobs)} {visit_line(live.visits[-1])}", markup=False, highlight=False, soft_wrap=True
            )
    scored = {item.record for item in live.streamed}
    same = [EvalJob(job.video, tuple(item for item in job.records if item[0] in scored)) for job in jobs]
    from_file = evaluate([job for job in same if job.records], lambda: model)
    result = {"webcam": _scores(live.streamed), "file": _scores(from_file.streamed), "visits": live.visits}
    return result | {"difference": against(result["webcam"], result["file"])["difference"]}


def _scores(streamed: Sequence[Streamed]) -> dict:
    return score(item.track for item in streamed) | {"records": len(streamed)}


def visit_line(visit: dict) -> str:
    """One line for a person."""
    drift = "not seen" if visit["drift_s"] is None else f"{visit['drift_s']:+.2f} s"
    height, width = visit["size"]
    pictures = f"{visit['pictures'] / visit['turns']:.1f} pictures a second of {width} x {height}"
    skipped = f"{len(visit['skipped'])} of {visit['turns']} s skipped"
    off = f", {visit['asked_elsewhere']} asked in another second" if visit["asked_elsewhere"] else ""
    timing = f"stream {visit['shift_s']:+.2f} s (+-{visit['spread_s'] / 2:.2f}, drift {drift})"
    speed = f"model {visit['ms_p50'] or 0:.0f} ms a second (p95 {visit['ms_p95'] or 0:.0f}), lag at most {visit['lag_s'] or 0:.1f} s"
    return f"{visit['clip']}: {visit['lanes']} lanes, {timing}, {pictures}, {skipped}{off}; {speed}"


def jobs_of(folders: Sequence[Path], clips: int | None) -> list[EvalJob]:
    """The first `clips` clips of each folder; records count on from folder to folder. Raises ValueError as `make_jobs`."""
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
        caption="F1 within 1 s (at the very turn)",
        caption_justify="left",
    )
    for name in ("task", "n", "due", "webcam", "file", "difference"):
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
        f"seconds skipped: {skipped} of {seconds}; wishes that reached the model in another second: {away}",
        highlight=False,
    )
    adrift = [
        visit["clip"] for visit in result["visits"] if visit["drift_s"] is None or abs(visit["drift_s"]) > STEADY_S
    ]
    if adrift:
        console.print(
            f"the camera did not keep time, so these say little: {', '.join(adrift)}; measure on a quieter machine",
            highlight=False,
        )
    for name in ("webcam", "file"):
        calm = result[name]["quiet_false_per_5min"]
        if calm is not None:
            console.print(
                f"{name}: {calm:.2f} false responses per 5 minutes where nothing asked for happens", highlight=False
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
        description="Measure the browser's webcam against the file, on rendered clips.",
    )
    parser.add_argument("folders", metavar="DATA_DIR", type=Path, nargs="+", help="what `finetune world render` wrote")
    parser.add_argument("--clips", metavar="N", type=int, help="only the first N clips of each folder")
    parser.add_argument("--model", default=BUILT_IN_MODEL, help="folder or hub id (default: the built-in model)")
    parser.add_argument(
        "--at-once",
        metavar="N",
        type=int,
        default=1,
        help="visits to a clip at the same time, 8 lanes each (default: 1, as one user has it)",
    )
    parser.add_argument("--json", metavar="OUT", type=Path, help="write the scores and each visit's numbers here")
    args = parser.parse_args(argv)
    if (args.clips is not None and args.clips < 1) or args.at_once < 1:
        raise ValueError("--clips and --at-once are whole numbers from 1.")
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
            f"The page did not do as asked in time ({str(error).splitlines()[0]}); try again on a quieter machine."
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
    try:
        sys.exit(main())
    except ValueError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
