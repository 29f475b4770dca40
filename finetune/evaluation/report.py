"""The report of an evaluation as two tables in the terminal, each at most 80 columns wide. All numbers come from
`metrics.score`."""

from collections.abc import Callable

from rich import box
from rich.console import Console
from rich.table import Table

from finetune.metrics import FIXED_INTERVAL_S

_TIMING = (("F1", "f1"), ("exact", "f1_exact"))
_PRECISION_RECALL = (("P", "precision"), ("R", "recall"))
_CONTENT = (
    *_PRECISION_RECALL,
    ("text", "content"),
    ("mIoU", "miou"),
    ("latest", "held"),
    ("states", "balanced"),
    ("pairs", "heeds"),
    ("FP/min", "false_per_min"),
)
"""(header, key of a row)"""
_BASELINE_HEADERS = {"metronome": f"every {FIXED_INTERVAL_S} s", "always": "always", "silence": "never"}
_WIDTH = 80


def print_report(result: dict, console: Console | None = None) -> None:
    """Prints a row per task and the mean over tasks, of all and of each world: the timing of responses next to that of
    blind baselines; then their content."""
    console = console or Console()
    console.width = max(console.width, _WIDTH)
    baselines = list(result["macro"].get("floors", {}))

    def timing(row: dict) -> list[str]:
        blind = [" ".join(_numbers(row["floors"][name], _TIMING)).strip() for name in baselines]
        return [str(row["records"]), str(row["due"]), *_numbers(row, _TIMING), *blind]

    headers = [
        "n",
        "exp",
        *(header for header, _ in _TIMING),
        *(_BASELINE_HEADERS.get(name, name) for name in baselines),
    ]
    caption = (
        "exp: expected responses; F1: within 1 s; exact: F1 at the same second; last three: both for blind baselines "
        f"(fixed interval: {FIXED_INTERVAL_S} s)"
    )
    console.print(_table(result, headers, timing, caption))
    caption = (
        "P, R: precision, recall; text: exact match on hits; latest: latest-answer accuracy; states: balanced state "
        "accuracy; pairs: contrast accuracy of minimal pairs; FP: false positives"
    )
    console.print(_table(result, [header for header, _ in _CONTENT], lambda row: _numbers(row, _CONTENT), caption))
    if result["quiet_minutes"]:
        rate = f"{result['quiet_false_per_5min']:.2f} false positives per 5 minutes where nothing asked for happens"
        console.print(f"{rate} ({result['quiet_minutes']:.1f} minutes)", highlight=False)
    speed = f"{result['ms_per_second']:.1f} ms per second of video, decoding and all records of the video included"
    left_out = f", {result['rejected']} left out" if result["rejected"] else ""
    console.print(
        f"{result['records']} records{left_out}; {result['seconds']} s of video; bias {result['bias']:+g}; {speed}",
        highlight=False,
    )


def print_difference(result: dict, conditions: str, console: Console | None = None) -> None:
    """Prints one line: how many records were scored under which conditions, and the mean F1 next to that of fresh
    streams where known."""
    console = console or Console()
    why = {"start too early": result["too_early"], "ask for what the stream has just shown": result["answered_before"]}
    unscored = "; ".join(f"{count} {reason}" for reason, count in why.items() if count)
    line = f"{conditions}: {result['records']} records{f' ({unscored})' if unscored else ''}"
    line += f", mean F1 {_both(result['macro'], '.3f')}"
    if "fresh" in result:
        fresh, difference = _both(result["fresh"]["macro"], ".3f"), _both(result["difference"], "+.3f")
        line += f"; fresh streams {fresh}; difference {difference}"
    console.print(line, highlight=False, soft_wrap=True)


def _both(row: dict, form: str) -> str:
    within, exact = ("none" if row[key] is None else format(row[key], form) for key in ("f1", "f1_exact"))
    return f"{within} (exact {exact})"


def _table(result: dict, headers: list[str], cells: Callable[[dict], list[str]], caption: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, caption=caption, caption_justify="left")
    table.add_column("task", no_wrap=True)
    for name in headers:
        table.add_column(name, justify="right", no_wrap=True)
    for task, row in result["tasks"].items():
        table.add_row(task, *cells(row))
    table.add_section()
    for world, group in result["groups"].items():
        table.add_row(f"mean of {world}", *cells(_mean_row(group)))
    every = result | {"due": sum(row["due"] for row in result["tasks"].values())}
    table.add_row("mean over tasks", *cells(_mean_row(every)), style="bold")
    return table


def _mean_row(summary: dict) -> dict:
    return summary["macro"] | {key: summary[key] for key in ("heeds", "records", "due")}


def _numbers(row: dict, columns: tuple[tuple[str, str], ...]) -> list[str]:
    return [_number(row[key]) for _, key in columns]


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def print_biases(scores: dict[float, dict], best: float, console: Console | None = None) -> None:
    """Prints a row per bias: mean F1 of all tasks and of each world, and false positives where nothing asked for
    happens."""
    console = console or Console()
    worlds = list(scores[best]["groups"])
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for name in ("bias", "F1", "exact", "P", "R", *worlds, "FP/5 min"):
        table.add_column(name, justify="right", no_wrap=True)
    for bias, row in scores.items():
        cells = _numbers(row["macro"], _TIMING + _PRECISION_RECALL) + [
            _number(row["groups"][world]["macro"]["f1"]) for world in worlds
        ]
        table.add_row(
            f"{bias:+g}", *cells, _number(row["quiet_false_per_5min"]), style="bold" if bias == best else None
        )
    console.print(table)
    console.print(
        f"best: {best:+g} on top of the model's own bias (mean F1 over tasks {scores[best]['macro']['f1']:.3f})",
        highlight=False,
    )
