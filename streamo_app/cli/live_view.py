"""The live view of `watch` in a terminal: responses scroll by, and below them stand the lanes with their strips and the
statistics.

Text of the user and the model goes through `one_line` and `rich.text.Text`, never through markup, so it cannot draw or
colour anything.
"""

import time
from collections.abc import Sequence
from itertools import groupby

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from streamo_app.events import Asked, Decided, Event, Noticed, Speaking
from streamo_app.live.snapshot import LaneView, Snapshot
from streamo_app.protocol import State
from streamo_app.transcript.exports import clock_time, one_line
from streamo_app.transcript.transcript import Cell

REDRAW_S = 0.1
"""Drawing takes milliseconds that the model could use: a file may be decided at hundreds of seconds per second."""
SHAPES = {"silence": "·", "standby": "▄", "response": "█"}
ASCII_SHAPES = {"silence": ".", "standby": "-", "response": "#"}
COLOURS = {"silence": "dim", "standby": "yellow", "response": "bold green"}
HUES = ("green", "magenta", "yellow", "blue", "red", "cyan", "bright_green", "bright_blue")
"""Of the numbers of lanes 1 to 8, to tell at a glance which lane speaks."""
WIDTH = 80
"""At most; a narrower terminal is filled."""


class LiveView:
    """An output (`output.Output`) and a context manager: inside, the terminal is ours."""

    def __init__(self, console: Console | None = None):
        self.console = console or Console(highlight=False)
        self._shapes = ASCII_SHAPES if self.console.options.ascii_only else SHAPES
        self._live = Live(console=self.console, auto_refresh=False, transient=False)
        self._speaking: dict[int, Speaking] = {}
        self._drawn_at = self._started_at = time.monotonic()

    def __enter__(self) -> "LiveView":
        self._live.start()
        self._live.update(Text("Loading the model ...", style="dim"), refresh=True)
        return self

    def __exit__(self, *_) -> None:
        self._live.stop()

    def event(self, event: Event) -> None:
        if isinstance(event, Speaking):
            self._speaking[event.lane] = event
        elif isinstance(event, Decided):
            self._speaking.pop(event.lane, None)
        if (line := transcript_line(event)) is not None:
            self.console.print(line)

    def tick(self, session) -> None:
        now = time.monotonic()
        if now - self._drawn_at >= REDRAW_S:
            self._drawn_at = now
            self._draw(session)

    def finish(self, session) -> None:
        self._speaking.clear()
        self._draw(session)

    def _draw(self, session) -> None:
        shown, elapsed = session.snapshot(), time.monotonic() - self._started_at
        if shown.decided == 0:
            self._started_at = time.monotonic()  # the time until the first decision went into loading
        tokens = sum(lane["kv_tokens"] for lane in session.stats()["lanes"].values())
        width = min(WIDTH, self.console.width)
        lines = [rule(shown, width)]
        for lane in shown.lanes:
            lines += lane_lines(lane, self._speaking.get(lane.lane), width, shown.second, self._shapes)
        if shown.decided and shown.lanes:
            lines.append(axis(shown.second, width, self._shapes))
        lines.append(numbers(shown, elapsed, tokens))
        for line in lines:
            line.no_wrap, line.overflow = True, "ellipsis"
        self._live.update(Group(*lines), refresh=True)


def transcript_line(event: Event) -> Text | None:
    """What scrolls by; None for what is only drawn below."""
    match event:
        case Asked(second, lane, text):
            return Text.assemble(f"{clock_time(second)} ", number(lane), (f"asked: {one_line(text)}", "dim"))
        case Decided(second, lane, State.RESPONSE, text):
            return Text.assemble(f"{clock_time(second)} ", number(lane), one_line(text))
        case Noticed(second, message):
            return Text.assemble(f"{clock_time(second)} ", (one_line(message), "yellow"))
    return None


def number(lane: int) -> tuple[str, str]:
    return f"{lane} ", f"bold {HUES[(lane - 1) % len(HUES)]}"


def rule(shown: Snapshot, width: int) -> Text:
    where = f" {clock_time(shown.second)} {shown.status} "
    title = one_line(shown.source)[: width - len(where) - 8]
    return Text(f"-- {title} ".ljust(width - len(where), "-") + where, style="dim")


def lane_lines(lane: LaneView, speaking: Speaking | None, width: int, last: int, shapes: dict[str, str]) -> list[Text]:
    """The instruction with the newest decision and its three probabilities, its strip, and what it is saying."""
    shares = " ".join(f"{share:.2f}" for share in lane.p or ())
    state = f"{lane.state} {shares}" if lane.state else "waiting"
    room = width - len(state) - 4
    name = one_line(lane.instruction)
    name = name if len(name) <= room else name[: room - 3] + "..."
    head = Text.assemble(number(lane.lane), name.ljust(room), " ", (state, COLOURS.get(lane.state or "", "dim")))
    lines = [head, strip(lane.cells, last, width - 2, shapes)]
    if speaking:
        lines.append(Text.assemble("  ", (one_line(speaking.text) + " ...", "green")))
    return lines


def strip(cells: Sequence[Cell], last: int, columns: int, shapes: dict[str, str]) -> Text:
    """A shape and a colour per second, aligned over all lanes; a gap where nothing was decided."""
    states = {cell.second: cell.state for cell in cells[-columns:]}
    line = Text("  ")
    for state, seconds in groupby(range(max(0, last - columns + 1), last + 1), key=states.get):
        line.append(shapes.get(state or "", " ") * len(list(seconds)), style=COLOURS.get(state or ""))
    return line


def axis(last: int, width: int, shapes: dict[str, str]) -> Text:
    """The times at both ends of the strips, and between them a legend of shapes and probabilities if it fits."""
    columns = width - 2
    first, end = clock_time(max(0, last - columns + 1)), clock_time(last + 1)
    names = "  ".join(f"{shapes[state]} {state}" for state in ("silence", "standby", "response"))
    legend = f"{names}, and how likely each was"
    room = columns - len(first) - len(end)
    return Text(f"  {first}{legend.center(room) if len(legend) + 4 <= room else ' ' * max(1, room)}{end}", style="dim")


def numbers(shown: Snapshot, elapsed_s: float, tokens: int) -> Text:
    """The last line: speed, memory, what was skipped."""
    parts: list[str] = []
    if shown.ms_p50 is not None:
        parts.append(f"{shown.ms_p50:.{0 if shown.ms_p50 >= 10 else 1}f} ms/s")
        parts.append(f"{shown.decided / max(elapsed_s, 1e-3):.1f}x real time")
    if tokens:
        parts.append(f"{tokens:,} KV tokens")
    if shown.lag_s is not None:
        parts.append(f"lag {shown.lag_s:.1f} s")
    parts.append(f"{shown.skipped} skipped")
    if shown.dropped:
        parts.append(f"{shown.dropped} dropped")
    return Text("  ".join(parts), style="dim")
