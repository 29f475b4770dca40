"""What streaming costs on this machine, in one run.

    python -m streamo_app bench                  # 3,000 seconds of stream, a few minutes
    python -m streamo_app bench --seconds 300 --json

Prints, for the chosen model: the cost of a second as the stream grows, for the watcher and for one lane apart, against
re-sending the truncated dialogue; whether cost and memory stay flat; the speed on a video file; and four users with two
lanes each in real time. Nothing is asserted: these are timings of this machine as busy as it is now, and the load is
printed with them.
"""

import json
import os
import tempfile
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table

from streamo_app.bench.growth import Growth, Measurement, summary
from streamo_app.bench.load import file_speed, real_time, write_clip
from streamo_app.config import BUILT_IN_MODEL, QUANTIZE, Parser
from streamo_app.models.loading import load_model
from streamo_app.models.streaming import TransformersModel

SECONDS = 3000
MARKS = (10, 30, 60, 200, 1000, 3000)
"""Seconds at which a row is printed, the window's own last second beside them."""
RESEND_REPEATS = 2
CLIP_S = 60
USERS, LANES, REAL_TIME_S = 4, 2, 20


def main(argv: Sequence[str]) -> int:
    """Exit status. Raises ValueError (one sentence) on wrong arguments or a model that does not load."""
    parser = Parser(prog="python -m streamo_app bench", description="What streaming costs on this machine.")
    parser.add_argument("--seconds", type=int, default=SECONDS, help="seconds of stream (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of tables")
    parser.add_argument("--model", default=BUILT_IN_MODEL, help="folder or hub id (default: the built-in model)")
    parser.add_argument("--quantize", choices=QUANTIZE, help="default: 4bit on CUDA for weights above 1 GB, else none")
    parser.add_argument("--window", type=int, help="seconds a lane keeps (default: the model's own)")
    args = parser.parse_args(list(argv))
    if args.seconds < 1:
        raise ValueError(f"--seconds {args.seconds} measures nothing; give at least 1.")
    model = load_model(args.model, quantize=args.quantize, window=args.window)
    errors = Console(stderr=True)
    with nullcontext() if args.json else errors.status("measuring"):
        result = measure(model, args.seconds)
    if args.json:
        print(json.dumps(result))
    else:
        show(result, Console())
    return 0


def measure(model: TransformersModel, seconds: int) -> dict:
    """Everything, as `--json` prints it. Times in milliseconds (medians), memory in megabytes (10^6 bytes)."""
    info = model.info
    marks = sorted({mark for mark in (*MARKS, info.window, seconds) if mark <= seconds})
    growth, samples, resent = Growth(model), [], {}
    for sample in growth.run(seconds):
        samples.append(sample)
        # Past the window a re-sent dialogue has the window's length for ever: measured there once.
        if sample.second + 1 in marks and sample.second < info.window:
            resent[sample.second + 1] = min((growth.resend() for _ in range(RESEND_REPEATS)), key=lambda r: r.ms)
    rows = [summary(samples, mark) for mark in marks]
    for row in rows:
        at = resent.get(min(row["second"], info.window))
        row |= (
            {"resend_ms": round(at.ms, 1), "resend_tokens": at.tokens}
            if at
            else {"resend_ms": None, "resend_tokens": None}
        )
    with tempfile.TemporaryDirectory() as folder:
        clip = Path(folder) / "clip.mp4"
        write_clip(clip, min(CLIP_S, seconds))
        speed = file_speed(model, clip)
    return {
        "model": info.name,
        "device": info.device,
        "quantize": info.quantize,
        "window": info.window,
        "fps": info.fps,
        "threads": torch.get_num_threads(),
        "cores": os.cpu_count(),
        "growth": rows,
        "full_window": full_window(rows, info.window),
        "flat": flat(rows, samples, info.window),
        "file": speed,
        "users": real_time(model, USERS, LANES, min(REAL_TIME_S, seconds)),
        "load_average": round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None,
    }


def full_window(rows: list[dict], window: int) -> dict | None:
    """A silent second past the window against re-sending it; None when the run was shorter than the window."""
    past = [row for row in rows if row["second"] >= window]
    if not past:
        return None
    row = past[min(1, len(past) - 1)]  # the window's own row still holds seconds before it was full
    one_lane, with_watcher = row["encode_ms"] + row["lane_ms"], row["encode_ms"] + row["lane_ms"] + row["watcher_ms"]
    return {
        "second": row["second"],
        "lane_ms": round(one_lane, 1),
        "lane_and_watcher_ms": round(with_watcher, 1),
        "resend_ms": row["resend_ms"],
        "ratio": round(row["resend_ms"] / one_lane, 1),
        "ratio_with_watcher": round(row["resend_ms"] / with_watcher, 1),
    }


def flat(rows: list[dict], samples: list[Measurement], window: int) -> dict | None:
    """The last second of the run against second 200 (or twice the window): by CPU time, which a busy machine distorts
    less."""
    early = max(200, 2 * window)
    if samples[-1].second + 1 <= early:
        return None
    before, after = summary(samples, early), rows[-1]
    grown = round(after["rss_mb"] - before["rss_mb"], 1) if after["rss_mb"] and before["rss_mb"] else None
    return {
        "early": early,
        "late": after["second"],
        "cpu_ratio": round(after["lane_cpu_ms"] / before["lane_cpu_ms"], 3),
        "wall_ratio": round(after["lane_ms"] / before["lane_ms"], 3),
        "cache_mb": [before["cache_mb"], after["cache_mb"]],
        "rss_mb": [before["rss_mb"], after["rss_mb"]],
        "rss_grown_mb": grown,
    }


def show(result: dict, console: Console) -> None:
    machine = f"{result['device']}, {result['threads']} of {result['cores']} cores, load {result['load_average']}"
    console.print(
        f"[bold]{result['model']}[/] ({result['quantize']}), window {result['window']} s, {result['fps']} image(s) a second; {machine}"
    )
    table = Table(
        "second",
        "encode",
        "watcher",
        "lane",
        "re-sending",
        "cache tokens",
        "cache MB",
        "process MB",
        title="milliseconds per second of stream",
    )
    for row in result["growth"]:
        resend = f"{row['resend_ms']:.0f}" if row["resend_ms"] else "not run"
        cells = [f"{row[name]:.1f}" for name in ("encode_ms", "watcher_ms", "lane_ms")]
        table.add_row(
            str(row["second"]), *cells, resend, str(row["tokens"]), f"{row['cache_mb']:.1f}", str(row["rss_mb"])
        )
    console.print(table)
    console.print(
        "Medians; lane and watcher silent. Re-sending past the window is the window's own figure: the dialogue keeps that length."
    )
    if full := result["full_window"]:
        console.print(
            f"Past the window a silent second costs {full['lane_ms']} ms (with the watcher {full['lane_and_watcher_ms']} ms), re-sending "
            f"{full['resend_ms']} ms: [bold]{full['ratio']} times[/] less (with the watcher {full['ratio_with_watcher']})."
        )
    if level := result["flat"]:
        console.print(
            f"Second {level['late']} against second {level['early']}: {level['cpu_ratio']} of its CPU time, {level['wall_ratio']} of its wall time; "
            f"cache {level['cache_mb'][0]} to {level['cache_mb'][1]} MB, process {level['rss_mb'][0]} to {level['rss_mb'][1]} MB."
        )
    file, users = result["file"], result["users"]
    console.print(
        f"A 640x360 file, decoding included, one lane at full window: [bold]{file['video_s_per_s']} s of video per second[/] "
        f"({file['seconds']} s in {file['took_s']} s, {file['responses']} responses)."
    )
    console.print(
        f"{users['users']} users with {users['lanes']} lanes each in real time, {users['seconds']} s at full window: {users['skipped']} seconds skipped, "
        f"latency {users['latency_ms_p50']} ms (p50), {users['latency_ms_p95']} (p95), {users['latency_ms_max']} (max), {users['responses']} responses."
    )
