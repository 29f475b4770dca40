"""The report of an evaluation as two tables in the terminal, each at most 80 columns. Numbers come from `metrics.score`, none is made here."""

from collections.abc import Callable

from rich import box
from rich.console import Console
from rich.table import Table

_TIMING = (("F1", "f1"), ("exact", "f1_exact"), ("P", "precision"), ("R", "recall"))
_SAID = (
    ("content", "content"), ("mIoU", "miou"), ("held", "held"), ("states", "balanced"), ("heeds", "heeds"), ("false/min", "false_per_min"),
)  # fmt: skip
_SHORT = {"metronome": "beat"}
_WIDTH = 80


def print_report(result: dict, console: Console | None = None) -> None:
    """Prints a row per task and the mean over tasks: when it spoke, beside the F1 of players that never look; then what it said."""
    console = console or Console()
    console.width = max(console.width, _WIDTH)
    floors = list(result["macro"].get("floors", {}))

    def when(row: dict) -> list[str]:
        return _numbers(row, _TIMING) + [_number(row["floors"][name]["f1"]) for name in floors]

    names = [name for name, _ in _TIMING] + [_SHORT.get(name, name) for name in floors]
    caption = "due: responses wanted; F1: within 1 s; exact: F1 at the turn; last: F1 of players that never look (beat: every 2 s)"
    console.print(_table(result, names, when, caption))
    said = "content: right words, of hits; states: balanced accuracy; heeds: pairs answered each as itself"
    console.print(_table(result, [name for name, _ in _SAID], lambda row: _numbers(row, _SAID), said))
    speed = f"{result['ms_per_second']:.1f} ms per second of video, decoding and all records of the video included"
    left_out = f", {result['rejected']} left out" if result["rejected"] else ""
    console.print(f"{result['records']} records{left_out}; {result['seconds']} s of video; bias {result['bias']:+g}; {speed}", highlight=False)


def _table(result: dict, names: list[str], cells: Callable[[dict], list[str]], caption: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, caption=caption, caption_justify="left")
    table.add_column("task", no_wrap=True)
    for name in ("n", "due", *names):
        table.add_column(name, justify="right", no_wrap=True)
    for task, row in result["tasks"].items():
        table.add_row(task, str(row["records"]), str(row["due"]), *cells(row))
    table.add_section()
    mean = result["macro"] | {"heeds": result["heeds"]}
    due = sum(row["due"] for row in result["tasks"].values())
    table.add_row("mean over tasks", str(result["records"]), str(due), *cells(mean), style="bold")
    return table


def _numbers(row: dict, columns: tuple[tuple[str, str], ...]) -> list[str]:
    return [_number(row[key]) for _, key in columns]


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"
