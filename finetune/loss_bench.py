"""Memory and time of the loss with the lm_head on supervised positions only, against full logits, in one run.

Run: python -m finetune bench-loss [--vocab N] [--tokens N] [--supervised SHARE] [--hidden N] [--json OUT]

One forward and backward of lm_head and streaming loss on the CPU, float32, on random hidden states. Both sides hold the
same weights and labels and must come to the same loss. The full side drops the ignored rows before its softmax: of the
ways to use full logits this is the cheapest.

How memory is measured: each side runs in a process of its own, which reads its peak resident memory from the system.
"step" is that peak minus what was resident just before the step (libraries, weights, hidden states); it holds logits,
their gradients, and the gradients of weights and hidden states. Time is that of the faster of two steps.
"""

import json
import os
import subprocess
import sys
import time
from argparse import ArgumentParser, Namespace
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from rich import box
from rich.console import Console
from rich.table import Table

from finetune.labels import IGNORED
from finetune.loss import count_states, streaming_loss, supervised_logits
from streamo_app.files import writable, write_json
from streamo_app.memory import rss_bytes

SIDES = {"supervised": "supervised only", "full": "full logits"}
_STATE_IDS = (0, 1, 2)
_STATE_RATIO = (12.0, 3.0, 2.0)
"""Silence, standby and response in Streamo-Instruct-465K, as the paper counts them."""
_STEPS = 2
_AGREE = 1e-3
"""Relative difference allowed between the two losses: they sum float32 in another order."""


@dataclass(frozen=True)
class Size:
    """Sizes of what is measured. Raises ValueError for a size that makes no sense."""

    vocab: int
    tokens: int
    """Positions of the sequence."""
    supervised: float
    """Share of the positions that have a label; 0 < share <= 1."""
    hidden: int

    def __post_init__(self):
        if self.vocab < 4:
            raise ValueError(f"--vocab {self.vocab} is too small; give at least 4: three states and one other token.")
        if self.tokens < 1 or self.hidden < 1:
            raise ValueError(
                f"--tokens {self.tokens} --hidden {self.hidden} leave nothing to measure; give at least 1."
            )
        if not 0 < self.supervised <= 1:
            raise ValueError(f"--supervised {self.supervised} is not a share; give more than 0 and at most 1.")

    @property
    def labels(self) -> int:
        """Positions that have a label."""
        return max(1, round(self.supervised * self.tokens))


def measure(size: Size, side: str) -> dict:
    """Runs the step in this process, which should be fresh. Times in seconds, memory in megabytes (10^6 bytes)."""
    torch.manual_seed(0)
    head = torch.nn.Linear(size.hidden, size.vocab, bias=False)
    hidden = torch.randn(size.tokens, size.hidden, requires_grad=True)
    labels = torch.full((size.tokens,), IGNORED)
    others = torch.randint(3, size.vocab, (size.labels,))
    states = torch.multinomial(torch.tensor(_STATE_RATIO), size.labels, replacement=True)
    labels[torch.randperm(size.tokens)[: size.labels]] = torch.where(torch.rand(size.labels) < 0.5, states, others)
    counts = count_states(labels, _STATE_IDS)

    before, seconds = rss_bytes() / 1e6, []
    for _ in range(_STEPS):
        head.weight.grad = hidden.grad = None
        started = time.perf_counter()
        logits, kept = supervised_logits(hidden, labels, head) if side == "supervised" else (head(hidden), labels)
        loss = streaming_loss(logits, kept, _STATE_IDS, state_counts=counts, num_items=size.labels)
        loss.backward()
        seconds.append(time.perf_counter() - started)
        rows = logits.shape[0]
        del logits
    peak = _peak_mb()
    assert head.weight.grad is not None  # after a backward pass
    return {
        "rows": rows,
        "logits_mb": round(rows * size.vocab * 4 / 1e6, 1),
        "step_mb": round(peak - before, 1),
        "peak_mb": round(peak, 1),
        "seconds": round(min(seconds), 4),
        "loss": loss.item(),
        "weight_gradient_norm": head.weight.grad.norm().item(),
        "threads": torch.get_num_threads(),
    }


def compare(size: Size) -> dict:
    """Both sides, one after the other, and their ratios, as `--json` writes them. Raises ValueError where one does not
    fit this machine's memory."""
    sides = {side: _in_own_process(size, side) for side in SIDES}
    small, full = sides["supervised"], sides["full"]
    for what in ("loss", "weight_gradient_norm"):
        if not abs(small[what] - full[what]) <= _AGREE * abs(full[what]):
            raise RuntimeError(f"the two sides differ in {what}: {small[what]} and {full[what]}")
    ratios = {name: round(full[name] / small[name], 2) for name in ("logits_mb", "step_mb", "peak_mb", "seconds")}
    load = round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None
    return asdict(size) | {"sides": sides, "ratios": ratios, "cores": os.cpu_count(), "load_average": load}


def show(result: dict, console: Console) -> None:
    """Prints both sides, a row each, and their ratios."""
    size = f"{result['tokens']:,} tokens, vocabulary {result['vocab']:,}, hidden {result['hidden']}"
    title = f"forward + backward, {size}, float32"
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title=title, title_justify="left")
    table.add_column("lm_head on", no_wrap=True)
    for name in ("rows", "logits MB", "step MB", "process MB", "seconds"):
        table.add_column(name, justify="right", no_wrap=True)
    for side, about in SIDES.items():
        row = result["sides"][side]
        megabytes = [f"{row[name]:,.0f}" for name in ("logits_mb", "step_mb", "peak_mb")]
        table.add_row(about, f"{row['rows']:,}", *megabytes, f"{row['seconds']:.2f}")
    table.add_section()
    ratios = [f"{result['ratios'][name]:.1f}x" for name in ("logits_mb", "step_mb", "peak_mb", "seconds")]
    table.add_row("full / supervised", "", *ratios, style="bold")
    console.print(table)
    threads = result["sides"]["full"]["threads"]
    console.print(
        f"Both reach loss {result['sides']['full']['loss']:.4f}. step: peak minus memory before it; process: peak in "
        f"all. {threads} of {result['cores']} cores, load {result['load_average']}.",
        highlight=False,
    )


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--vocab", type=int, default=151936, help="rows of the lm_head (default: %(default)s, Qwen2.5-VL's)"
    )
    parser.add_argument("--tokens", type=int, default=4096, help="length of the sequence (default: %(default)s)")
    parser.add_argument(
        "--supervised",
        type=float,
        default=0.1,
        metavar="SHARE",
        help="share of its positions that have labels (default: %(default)s)",
    )
    parser.add_argument("--hidden", type=int, default=1024, help="width of the hidden states (default: %(default)s)")
    parser.add_argument("--json", metavar="OUT", help="write all numbers to this file")


def run(args: Namespace) -> int:
    size = Size(args.vocab, args.tokens, args.supervised, args.hidden)
    out = args.json and writable(args.json)
    with Console(stderr=True).status("measuring"):
        result = compare(size)
    if out:
        write_json(out, result)
    show(result, Console())
    return 0


def _in_own_process(size: Size, side: str) -> dict:
    command = [sys.executable, "-m", "finetune.loss_bench", side, json.dumps(asdict(size))]
    paths = os.pathsep.join(path for path in sys.path if path)  # finds this package as this process did
    environ = {**os.environ, "PYTHONPATH": paths}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return json.loads(done.stdout.splitlines()[-1])
    last = (done.stderr.strip().splitlines() or [""])[-1]
    if done.returncode < 0 or "memory" in last:  # killed by the system, or refused by torch's allocator
        rows = size.tokens if side == "full" else size.labels
        needed = 2 * (rows * size.vocab + (size.vocab + size.tokens) * size.hidden) * 4 / 1e9
        raise ValueError(
            f"{SIDES[side]} needs about {needed:.1f} GB, more than this machine has free; "
            "lower --tokens, --vocab or --hidden."
        )
    raise RuntimeError(f"measuring {SIDES[side]} failed: {last}")


def _peak_mb() -> float:
    """Peak memory of this process: VmHWM on Linux, where ru_maxrss starts from the parent's (psutil has no peak there);
    ru_maxrss elsewhere."""
    import resource

    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        lines = []
    for line in lines:
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / 1e6
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used / (1e6 if sys.platform == "darwin" else 1e3 / 1.024)


if __name__ == "__main__":
    print(json.dumps(measure(Size(**json.loads(sys.argv[2])), sys.argv[1])))
