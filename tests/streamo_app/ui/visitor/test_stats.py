"""The numbers below the stage: each is measured or absent, and says what it means; and what a process takes of its
machine.

Run: python -m pytest tests/streamo_app/ui/visitor/test_stats.py
"""

import subprocess
import sys

from streamo_app.live.snapshot import Snapshot
from streamo_app.memory import gpu_bytes, rss_bytes
from streamo_app.models.interface import ModelInfo
from streamo_app.ui.visitor.stats import Usage, stats

INFO = ModelInfo("street", 1, 60, 0.0, "cuda:0", "4bit")
LANES = {
    0: {"kv_tokens": 4000, "kv_bytes": 3_000_000, "forwards": 9},
    1: {"kv_tokens": 1200, "kv_bytes": 1_500_000, "forwards": 9},
}


def snapshot(**values) -> Snapshot:
    nothing = dict(
        seq=0,
        status="running",
        message="",
        source="",
        second=0,
        fps=1,
        lanes=(),
        rows=(),
        ms_p50=None,
        ms_p95=None,
        lag_s=None,
        skipped=0,
        dropped=0,
        decided=0,
    )
    return Snapshot(**nothing | values)


def shown(view: list[dict]) -> list[tuple]:
    return [(number["value"], number["label"]) for number in view]


def test_before_the_first_second_nothing_is_claimed_but_the_model():
    assert shown(stats(snapshot(), INFO, Usage({}))) == [("street", "on cuda:0, 4bit")]


def test_a_live_run_shows_all_that_was_measured():
    run = snapshot(
        second=90,
        decided=80,
        ms_p50=12.4,
        ms_p95=1530.0,
        ms_mean=40.0,
        ms_last=14.0,
        lag_s=0.26,
        skipped=3,
        paused_s=7,
        dropped=81,
    )
    view = stats(run, INFO, Usage(LANES, memory=612_000_000, gpu=5_300_000_000, live=True))
    assert shown(view) == [
        ("12 ms", "per second of video"),
        ("1.5 s", "p95"),
        ("25×", "real time"),
        ("0.3 s", "behind"),
        ("3 s", "skipped"),
        ("7 s", "paused"),
        ("81", "frames dropped"),
        ("5,200 tokens, 4.5 MB", "remembered"),
        ("612 MB", "memory"),
        ("5.3 GB", "on the GPU"),
        ("street", "on cuda:0, 4bit"),
    ]
    assert all(len(number["title"]) > 20 for number in view)
    assert {number["key"]: (number["now"], number["at"]) for number in view if "now" in number} == {
        "ms": (14.0, 90),
        "lag": (0.26, None),
        "memory": (612.0, None),
    }


def test_a_file_has_no_lag_and_drops_nothing_and_a_slow_model_is_below_real_time():
    view = stats(snapshot(decided=4, ms_p50=2000.0, ms_p95=2100.0, ms_mean=2000.0, ms_last=1.0), INFO, Usage({}))
    assert shown(view)[:4] == [
        ("2.0 s", "per second of video"),
        ("2.1 s", "p95"),
        ("0.5×", "real time"),
        ("0 s", "skipped"),
    ]
    assert not {"lag", "dropped", "memory", "kv", "gpu"} & {number["key"] for number in view}


def test_memory_of_the_process_is_read_where_the_system_tells_it():
    assert rss_bytes() > 1_000_000


def test_looking_for_a_gpu_brings_no_torch_in():
    script = "import sys; from streamo_app.memory import gpu_bytes; print(gpu_bytes(), 'torch' in sys.modules)"
    assert (
        subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
        == "None False\n"
    )
    assert gpu_bytes() is None or gpu_bytes() >= 0
