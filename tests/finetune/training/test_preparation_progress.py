"""What is seen of a preparation that takes minutes: a bar where somebody watches, lines in a log.

Run: python -m pytest tests/finetune/training/test_preparation_progress.py
"""

import io

import numpy as np
from rich.console import Console

from finetune.data import stills
from finetune.training.progress import PreparationProgress


def console(terminal):
    return Console(file=io.StringIO(), force_terminal=terminal, width=100, legacy_windows=False)


def lines(screen):
    return screen.file.getvalue().splitlines()


def test_a_log_gets_a_line_now_and_then_and_the_last_with_the_time_left_by_the_pace_since_the_start():
    screen, now = console(False), 0.0
    with PreparationProgress("clips rendered", 100, console=screen, every_s=30, clock=lambda: now) as progress:
        for now, done in (  # noqa: B007 - the clock reads `now`
            (10.0, 40),
            (20.0, 50),
            (40.0, 70),
            (50.0, 80),
            (70.0, 100),
        ):  # 40 are of an earlier start, in no time
            progress(done)
    assert lines(screen) == ["clips rendered: 70 of 100; about 30 s left", "clips rendered: 100 of 100"]


def test_a_terminal_gets_one_bar_that_ends_full():
    screen = console(True)
    with PreparationProgress("clips rendered", 4, console=screen) as progress:
        for done in range(1, 5):
            progress(done)
    assert "clips rendered" in screen.file.getvalue() and "4/4" in screen.file.getvalue().split("\r")[-1]


def test_where_everything_is_there_already_nothing_is_shown():
    for terminal in (True, False):
        screen = console(terminal)
        with PreparationProgress("clips rendered", 4, console=screen):
            pass
        assert screen.file.getvalue() == ""


def test_stills_are_reported_as_they_are_rendered(one_process, monkeypatch):
    frame, reported = np.zeros((56, 84, 3), np.uint8), []
    monkeypatch.setattr(
        stills,
        "_still_batch",
        lambda seed, world, count, limits: [((None, 0.0), frame, np.zeros((4, 6, 1), np.uint8))] * count,
    )
    groups = stills.render_stills({"street": 450, "desk": 100}, 0, (1, 9999), 1, reported.append)
    assert reported == [200, 400, 450, 550] and [group.world for group in groups] == ["desk", "street"]
