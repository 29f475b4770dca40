"""The statistics at the foot of the page. Pure. Whatever was not measured is left out; nothing is guessed.

A statistic is {"key", "value", "label", "title"}; one with a line of its last two minutes also has "now", the value to
plot, and "at", which changes when there is a new one (None: at any time).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from streamo_app.live.snapshot import Snapshot
from streamo_app.models.interface import ModelInfo


@dataclass(frozen=True)
class Usage:
    """What was measured just now, beside the snapshot."""

    lanes: Mapping[int, Mapping[str, int]]
    """As in `Session.stats()`."""
    memory: int | None = None
    gpu: int | None = None
    """Bytes of this process, in memory and on its GPU; None: not known."""
    live: bool = False
    """The source is live, so it can drop frames."""


def stats(snapshot: Snapshot, info: ModelInfo, usage: Usage) -> list[dict]:
    return [*speed(snapshot), *unseen(snapshot, usage), *memory(usage), model(info)]


def speed(snapshot: Snapshot) -> list[dict]:
    shown = []
    if snapshot.ms_p50 is not None:
        title = "Model time per second of video, all instructions together: median of the last two minutes of video"
        now = {"now": snapshot.ms_last, "at": snapshot.second}
        shown.append(stat("ms", milliseconds(snapshot.ms_p50), "per second of video", title) | now)
    if snapshot.ms_p95 is not None:
        title = "19 out of 20 seconds of video took less model time than this"
        shown.append(stat("p95", milliseconds(snapshot.ms_p95), "p95", title))
    if snapshot.ms_mean:
        title = (
            "Seconds of video that the model processes per second, averaged over the last two minutes of video; below "
            "1 it cannot keep up"
        )
        shown.append(stat("factor", times(1000 / snapshot.ms_mean), "real time", title))
    if snapshot.lag_s is not None:
        lag = max(0.0, snapshot.lag_s)
        title = "Age of the frames that the latest decision was made on"
        shown.append(stat("lag", f"{lag:.1f} s", "behind", title) | {"now": lag, "at": None})
    return shown


def unseen(snapshot: Snapshot, usage: Usage) -> list[dict]:
    """What was not watched, and why."""
    shown = []
    if snapshot.decided:
        title = "Seconds that were not watched: the model was slower than the video, or the player jumped over them"
        shown.append(stat("skipped", f"{snapshot.skipped} s", "skipped", title))
    if snapshot.paused_s:
        title = "Seconds of the live source that passed while you had paused; they do not count as skipped"
        shown.append(stat("paused", f"{snapshot.paused_s} s", "paused", title))
    if snapshot.decided and usage.live:
        title = (
            "Frames that were replaced by newer ones before they were needed; a camera sends more than the model uses, "
            "so most are dropped by design"
        )
        shown.append(stat("dropped", str(snapshot.dropped), "frames dropped", title))
    return shown


def memory(usage: Usage) -> list[dict]:
    shown, lanes = [], usage.lanes.values()
    if lanes:
        tokens, size = (sum(lane[name] for lane in lanes) for name in ("kv_tokens", "kv_bytes"))
        title = (
            "What the model remembers for your instructions: tokens in their caches, including the cache that new "
            "instructions start from, and the memory they take"
        )
        shown.append(stat("kv", f"{tokens:,} tokens, {megabytes(size)}", "remembered", title))
    if usage.memory is not None:
        title = "Memory of the whole server process, with its model and all its users"
        now = {"now": usage.memory / 1e6, "at": None}
        shown.append(stat("memory", megabytes(usage.memory), "memory", title) | now)
    if usage.gpu is not None:
        shown.append(stat("gpu", megabytes(usage.gpu), "on the GPU", "GPU memory that the server process holds"))
    return shown


def model(info: ModelInfo) -> dict:
    device = info.device if info.quantize == "none" else f"{info.device}, {info.quantize}"
    return stat("model", info.name, f"on {device}", "The model that decides, and the device it runs on")


def stat(key: str, value: str, label: str, title: str) -> dict:
    return {"key": key, "value": value, "label": label, "title": title}


def milliseconds(value: float) -> str:
    return f"{value:.0f} ms" if value < 1000 else f"{value / 1000:.1f} s"


def times(value: float) -> str:
    sign = "\N{MULTIPLICATION SIGN}"
    return f"{value:.0f}{sign}" if value >= 10 else f"{value:.1f}{sign}"


def megabytes(size: int) -> str:
    if size >= 1e9:
        return f"{size / 1e9:.1f} GB"
    return f"{size / 1e6:.0f} MB" if size >= 1e7 else f"{size / 1e6:.1f} MB"
