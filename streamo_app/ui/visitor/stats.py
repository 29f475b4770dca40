"""The numbers at the foot of the page. Pure. Whatever nobody measured is left out; none is guessed.

A number is {"key", "value", "label", "title"}; one with a line of its last two minutes also has "now", the value to
plot, and "at", which changes when there is a new one (None: at any time).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from streamo_app.live.snapshot import Snapshot
from streamo_app.models.interface import ModelInfo


@dataclass(frozen=True)
class Usage:
    """What was read off just now, beside the snapshot."""

    lanes: Mapping[int, Mapping[str, int]]
    """Of `Session.stats()`."""
    memory: int | None = None
    gpu: int | None = None
    """Bytes of this process, and of it on a GPU; None = not known."""
    drops: bool = False
    """The source is one that can drop pictures: live."""


def numbers(snapshot: Snapshot, info: ModelInfo, usage: Usage) -> list[dict]:
    return [*speed(snapshot), *lost(snapshot, usage), *memory(usage), model(info)]


def speed(snapshot: Snapshot) -> list[dict]:
    shown = []
    if snapshot.ms_p50 is not None:
        title = (
            "Model time for one second of video, all instructions together: the median of the last two minutes of video"
        )
        shown.append(
            number("ms", milliseconds(snapshot.ms_p50), "per second of video", title)
            | {"now": snapshot.ms_last, "at": snapshot.second}
        )
        shown.append(
            number(
                "p95", milliseconds(snapshot.ms_p95), "p95", "19 of 20 seconds of video took less model time than this"
            )
        )
    if snapshot.ms_mean:
        title = "Seconds of video that the model gets through in one second, on average over the last two minutes of video; below 1 it cannot keep up"
        shown.append(number("factor", times(1000 / snapshot.ms_mean), "real time", title))
    if snapshot.lag_s is not None:
        lag = max(0.0, snapshot.lag_s)
        shown.append(
            number("lag", f"{lag:.1f} s", "behind", "Age of the pictures that were decided on last")
            | {"now": lag, "at": None}
        )
    return shown


def lost(snapshot: Snapshot, usage: Usage) -> list[dict]:
    """What was not looked at, and why."""
    shown = []
    if snapshot.decided:
        title = "Seconds that nobody looked at: the model was slower than the video, or the player jumped over them"
        shown.append(number("skipped", f"{snapshot.skipped} s", "skipped", title))
    if snapshot.paused_s:
        shown.append(
            number(
                "paused",
                f"{snapshot.paused_s} s",
                "paused",
                "Seconds of the live source that went by while you had paused; they do not count as skipped",
            )
        )
    if snapshot.decided and usage.drops:
        title = "Pictures that a newer one replaced before a second needed them; a camera gives more than the model looks at, so most are dropped by design"
        shown.append(number("dropped", str(snapshot.dropped), "pictures dropped", title))
    return shown


def memory(usage: Usage) -> list[dict]:
    shown, lanes = [], usage.lanes.values()
    if lanes:
        tokens, size = (sum(lane[name] for lane in lanes) for name in ("kv_tokens", "kv_bytes"))
        title = "What your instructions remember: tokens in their caches, the one that new instructions start from included, and the memory held for them"
        shown.append(number("kv", f"{tokens:,} tokens, {megabytes(size)}", "remembered", title))
    if usage.memory is not None:
        title = "Memory of the whole server process, with its model and everybody who uses it"
        shown.append(
            number("memory", megabytes(usage.memory), "memory", title) | {"now": usage.memory / 1e6, "at": None}
        )
    if usage.gpu is not None:
        shown.append(
            number("gpu", megabytes(usage.gpu), "on the GPU", "Memory that the server process holds on its GPU")
        )
    return shown


def model(info: ModelInfo) -> dict:
    device = info.device if info.quantize == "none" else f"{info.device}, {info.quantize}"
    return number("model", info.name, f"on {device}", "The model that decides, and where it runs")


def number(key: str, value: str, label: str, title: str) -> dict:
    return {"key": key, "value": value, "label": label, "title": title}


def milliseconds(value: float) -> str:
    return f"{value:.0f} ms" if value < 1000 else f"{value / 1000:.1f} s"


def times(value: float) -> str:
    return f"{value:.0f}×" if value >= 10 else f"{value:.1f}×"


def megabytes(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB" if size >= 1e7 else f"{size / 1e6:.1f} MB"
