"""The live view of the terminal: what it shows in 80 columns, and that no text can draw on it.

Run: python -m pytest tests/streamo_app/cli/test_output.py
"""

import io

from rich.console import Console

from streamo_app.cli.live_view import ASCII_SHAPES, SHAPES, LiveView, lane_lines, numbers, rule, strip, transcript_line
from streamo_app.events import Asked, Decided, Noticed, Speaking
from streamo_app.live.session import Session
from streamo_app.live.snapshot import LaneView, Snapshot
from streamo_app.models.engine import Engine
from streamo_app.protocol import State
from streamo_app.transcript.transcript import Cell
from tests.support.live import LiveModel, LiveSource

WAIT_S = 20
P = (0.1, 0.2, 0.7)


def cells(*states: str, start: int = 0) -> tuple[Cell, ...]:
    return tuple(Cell(start + n, state, P) for n, state in enumerate(states) if state)


def lane(instruction: str, shown: tuple[Cell, ...] = ()) -> LaneView:
    state = shown[-1].state if shown else None
    return LaneView(1, instruction, (), False, True, state, P if shown else None, shown)


def snapshot(**changes) -> Snapshot:
    values = dict(
        seq=1,
        status="running",
        message="",
        source="clip.webm",
        second=65,
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
    return Snapshot(**values | changes)


def test_a_strip_has_a_shape_and_a_colour_per_second_and_a_gap_where_nothing_was_decided():
    line = strip(cells("silence", "standby", "response", "", "silence", start=2), last=6, columns=78, shapes=SHAPES)
    assert line.plain == "    ·▄█ ·"
    assert [str(span.style) for span in line.spans] == ["dim", "yellow", "bold green", "dim"]


def test_a_strip_shows_the_newest_seconds_that_fit():
    line = strip(cells(*["silence"] * 100, "response"), last=100, columns=10, shapes=ASCII_SHAPES)
    assert line.plain == "  .........#"


def test_a_lane_is_its_instruction_its_newest_decision_and_its_strip_in_80_columns():
    head, line = lane_lines(lane("Watch " + "x" * 100, cells("standby")), None, 80, 0, SHAPES)
    assert (
        len(head.plain) <= 80
        and head.plain.startswith("1 Watch xxx")
        and head.plain.endswith("... standby 0.10 0.20 0.70")
    )
    assert line.plain == "  ▄"
    assert lane_lines(lane("New."), None, 80, 0, SHAPES)[0].plain.endswith("waiting")


def test_a_response_under_way_is_shown_below_its_lane():
    assert lane_lines(lane("x"), Speaking(3, 1, "A red", P), 80, 3, SHAPES)[2].plain == "  A red ..."


def test_the_numbers_are_speed_memory_lag_and_what_was_missed():
    fast = snapshot(ms_p50=4.04, decided=50)
    assert numbers(fast, 2.0, 1234).plain == "4.0 ms/s  25.0x real time  1,234 KV tokens  0 skipped"
    live = snapshot(ms_p50=40.4, decided=50, lag_s=0.25, skipped=3, dropped=7)
    assert numbers(live, 50.0, 0).plain == "40 ms/s  1.0x real time  lag 0.2 s  3 skipped  7 dropped"


def test_the_rule_names_source_time_and_status_in_the_width():
    line = rule(snapshot(source="a" * 200), 80)
    assert len(line.plain) <= 80 and line.plain.endswith(" 01:05 running ")


def test_text_of_user_and_model_is_never_markup_or_control():
    told = [
        transcript_line(Asked(1, 1, "[red]a[/red]\x1b[2J")),
        transcript_line(Decided(2, 1, State.RESPONSE, "[b]c\nd", P, 1.0)),
        transcript_line(Noticed(3, "'[link=x].mp4' stops.")),
        transcript_line(Decided(4, 1, State.SILENCE, "", P, 1.0)),
    ]
    assert [line and line.plain for line in told] == [
        "00:01 1 asked: [red]a[/red] [2J",
        "00:02 1 [b]c d",
        "00:03 '[link=x].mp4' stops.",
        None,
    ]


def test_a_whole_run_is_drawn_in_a_terminal_of_80_columns_without_utf_8():
    drawn = io.TextIOWrapper(io.BytesIO(), encoding="ascii", errors="strict")
    console = Console(file=drawn, width=80, force_terminal=True, highlight=False)
    engine = Engine(LiveModel(lambda second, instructions: "It is green." if second == 3 else None)).start()
    events = []
    session = Session(engine)
    session.subscribe(events.append)
    with LiveView(console) as view:
        session.start(LiveSource(range(6)), asks=[(0, "Green?")])
        assert session.wait(WAIT_S)
        for event in events:
            view.event(event)
            view.tick(session)
        view.finish(session)
    engine.stop()
    drawn.flush()
    text = drawn.buffer.getvalue().decode("ascii")
    assert "It is green." in text and "Green?" in text and "KV tokens" in text and "#" in text
