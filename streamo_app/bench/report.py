"""What streaming costs on this machine: measured in one run, as a dictionary, and shown as tables.

For a model: the cost of a second as the stream grows, for the watcher and for one lane apart, against re-sending the
truncated dialogue; whether cost and memory stay flat; the speed on a video file; and four users with two lanes each in
real time. Nothing is asserted: these are timings of this machine as busy as it is now, and its load is printed with
them. `cli/bench.py` is the command.
"""

import os
import tempfile
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table

from streamo_app.bench.growth import Growth, Measurement, Resent, summary
from streamo_app.bench.load import file_speed, real_time, write_clip
from streamo_app.models.streaming import TransformersModel

MARKS = (10, 30, 60, 200, 1000, 3000)
"""Seconds at which a row is printed, beside the last second of the window and of the run."""
RESEND_REPEATS = 2
CLIP_S = 60
USERS, LANES, REAL_TIME_S = 4, 2, 20


def measure(model: TransformersModel, seconds: int) -> dict:
    """Everything, as `--json` prints it. Times in milliseconds (medians), memory in megabytes (10^6 bytes)."""
    info = model.info
    marks = sorted({mark for mark in (*MARKS, info.window, seconds) if mark <= seconds})
    growth = Growth(model)
    samples: list[Measurement] = []
    resent: dict[int, Resent] = {}
    for sample in growth.run(seconds):
        samples.append(sample)
        # Past the window a re-sent dialogue always has the window's length: measured there once.
        if sample.second + 1 in marks and sample.second < info.window:
            resent[sample.second + 1] = min((growth.resend() for _ in range(RESEND_REPEATS)), key=lambda r: r.ms)
    rows = [row_at(mark, samples, resent.get(min(mark, info.window))) for mark in marks]
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


def row_at(second: int, samples: list[Measurement], resent: Resent | None) -> dict:
    """`summary` of the seconds before `second`, with the cost of re-sending the dialogue there."""
    return summary(samples, second) | {
        "resend_ms": round(resent.ms, 1) if resent else None,
        "resend_tokens": resent.tokens if resent else None,
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
    """The last second of the run against second 200 (or twice the window, if later). CPU time is the steadier measure
    on a busy machine. None for a shorter run."""
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
    """Print what `measure` returned."""
    console.print(
        f"[bold]{result['model']}[/] ({result['quantize']}), window {result['window']} s, "
        f"{result['fps']} frame(s) per second; {result['device']}, "
        f"{result['threads']} of {result['cores']} cores, load {result['load_average']}"
    )
    console.print(growth_table(result["growth"]))
    console.print(
        "Medians; lane and watcher silent. Past the window, re-sending is measured once, at the window's end: "
        "the dialogue keeps that length."
    )
    if full := result["full_window"]:
        console.print(
            f"Past the window a silent second costs {full['lane_ms']} ms "
            f"({full['lane_and_watcher_ms']} ms with the watcher), re-sending {full['resend_ms']} ms: "
            f"[bold]{full['ratio']} times[/] less ({full['ratio_with_watcher']} with the watcher)."
        )
    if level := result["flat"]:
        cache, process = level["cache_mb"], level["rss_mb"]
        console.print(
            f"Second {level['late']} against second {level['early']}: {level['cpu_ratio']} of its CPU time, "
            f"{level['wall_ratio']} of its wall time; cache {cache[0]} to {cache[1]} MB, "
            f"process {process[0]} to {process[1]} MB."
        )
    file, users = result["file"], result["users"]
    console.print(
        f"A 640x360 file, decoding included, one lane at full window: "
        f"[bold]{file['video_s_per_s']} s of video per second[/] "
        f"({file['seconds']} s in {file['took_s']} s, {file['responses']} responses)."
    )
    console.print(
        f"{users['users']} users with {users['lanes']} lanes each in real time, {users['seconds']} s at full window: "
        f"{users['skipped']} seconds skipped, latency {users['latency_ms_p50']} ms (p50), "
        f"{users['latency_ms_p95']} (p95), {users['latency_ms_max']} (max), {users['responses']} responses."
    )


def growth_table(rows: list[dict]) -> Table:
    """One line per measured second."""
    columns = ("second", "encode", "watcher", "lane", "re-sending", "cache tokens", "cache MB", "process MB")
    table = Table(*columns, title="milliseconds per second of stream")
    for row in rows:
        table.add_row(
            str(row["second"]),
            *(f"{row[name]:.1f}" for name in ("encode_ms", "watcher_ms", "lane_ms")),
            f"{row['resend_ms']:.0f}" if row["resend_ms"] else "not run",
            str(row["tokens"]),
            f"{row['cache_mb']:.1f}",
            str(row["rss_mb"]),
        )
    return table
