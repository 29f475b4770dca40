"""What lies between the page and a session, without a browser: views, visitors, reports, samples, previews.

python -m pytest tests/streamo_app/ui/visitor/test_visitor.py
"""

import base64
import json
import threading
from dataclasses import replace

import cv2
import numpy as np
import pytest

from streamo_app.config import AppConfig
from streamo_app.events import Frame
from streamo_app.live.snapshot import LaneView, Snapshot
from streamo_app.models.engine import Engine
from streamo_app.models.interface import ModelInfo
from streamo_app.transcript.transcript import Cell, Row
from streamo_app.ui.visitor.messages import PageState
from streamo_app.ui.visitor.preview import Preview
from streamo_app.ui.visitor.samples import SUGGESTIONS, load_clips
from streamo_app.ui.visitor.sources import tabs
from streamo_app.ui.visitor.stats import Usage, stats
from streamo_app.ui.visitor.view import render_run
from streamo_app.ui.visitor.visitors import Visitors
from tests.support.clips import write
from tests.support.fakecam import street
from tests.support.lamp_model import LampModel

INFO = ModelInfo("street", 1, 60, 0.0, "cuda:0", "4bit")
AT_ONCE = "Say something."


@pytest.fixture
def engine():
    running = Engine(LampModel(street())).start()
    yield running
    running.stop()


@pytest.fixture
def visitors(engine):
    made = Visitors(engine, AppConfig(seats=2), load_clips())
    yield made
    made.stop()


def start(visitor, what=(), **report):
    return visitor.handle(
        {"do": "start", "choice": "samples", "clip": "midday", "how": "decode", "n": 7, **dict(what)},
        PageState(**report),
    )


def test_a_view_holds_what_is_new_and_plain_values_only():
    cells = tuple(Cell(second, "silence", (0.8125, 0.125, 0.0625)) for second in range(5))
    lane = LaneView(1, "Count <b>cars</b>.", ("Faster.",), False, True, "silence", (0.8125, 0.125, 0.0625), cells)
    row = Row(3, 9, 4, 1, "response", "Two ${cars}.", partial=True)
    snapshot = Snapshot(9, "running", "", "midday.webm", 4, 1, (lane,), (row,), 12.4, 1530.0, 0.26, 3, 0, 5, run=2)
    view = json.loads(json.dumps(render_run(snapshot, drawn=3)))
    assert view["lanes"] == [
        {
            "lane": 1,
            "text": "Count <b>cars</b>.",
            "follow_ups": ["Faster."],
            "open": True,
            "muted": False,
            "talk": 0.0,
            "state": "silence",
            "p": [0.812, 0.125, 0.062],
            "cells": [[3, "silence", 1, 0.81, 0.12, 0.06], [4, "silence", 1, 0.81, 0.12, 0.06]],
        }
    ]
    assert view["rows"] == [
        {
            "key": 3,
            "second": 4,
            "lane": 1,
            "kind": "response",
            "text": "Two ${cars}.",
            "partial": True,
            "follow_up": False,
        }
    ]


def test_a_second_that_one_lane_had_decided_and_another_had_not_is_sent_again():
    cells = [tuple(Cell(second, "silence", (1.0, 0.0, 0.0)) for second in range(last + 1)) for last in (4, 3)]
    lanes = tuple(LaneView(n, "Cars?", (), False, True, "silence", None, cells[n - 1]) for n in (1, 2))
    half = Snapshot(9, "running", "", "clip", 4, 1, lanes, (), None, None, None, 0, 0, 5)
    assert [[cell[0] for cell in lane["cells"]] for lane in render_run(half, drawn=3)["lanes"]] == [[3, 4], [3]]
    whole = replace(half, lanes=(lanes[0], replace(lanes[1], cells=cells[0])))
    assert [[cell[0] for cell in lane["cells"]] for lane in render_run(whole, drawn=4)["lanes"]] == [[4], [4]]


def test_before_the_first_second_only_the_model_is_named():
    nothing = Snapshot(0, "idle", "", "", 0, 1, (), (), None, None, None, 0, 0, 0)
    assert [number["value"] for number in stats(nothing, INFO, Usage({}))] == ["street"]


@pytest.mark.parametrize(
    "sent",
    [None, [], "x", {}, {"run": "1", "after": None, "second": float("nan"), "t": [], "paused": "no", "ended": 1}],
)
def test_nonsense_from_a_page_is_taken_as_nothing_said(sent):
    assert PageState.read(sent) == PageState()


def test_what_a_page_says_of_its_player_is_understood():
    report = PageState.read(
        {"id": "a", "run": 3, "after": 12, "second": 40, "picture": 39, "t": 41.5, "paused": False, "ended": False}
    )
    assert report == PageState(run=3, after=12, second=40, picture=39, position=41.5, paused=False, ended=False)
    assert PageState.read({"t": -5}).position == 0.0


def test_start_with_nothing_asked_opens_one_visible_lane_that_narrates(visitors):
    view = start(visitors.open_tab(""))
    assert [lane["text"] for lane in view["lanes"]] == ["Narrate what you see."]
    assert view["status"] == "running" and view["answers"]["start"] == {"n": 7, "refused": False}


def test_words_left_in_the_box_are_asked_on_start_and_replace_the_narration(visitors):
    visitor = visitors.open_tab("")
    view = start(visitor, {"text": AT_ONCE})
    assert [lane["text"] for lane in view["lanes"]] == [AT_ONCE]
    visitor.session.stop()
    assert [lane["text"] for lane in start(visitor)["lanes"]] == [AT_ONCE]


def test_an_instruction_removed_before_start_leaves_the_narration(visitors):
    visitor = visitors.open_tab("")
    lane = visitor.handle({"do": "ask", "text": "Count cars."}, PageState())["lanes"][0]["lane"]
    visitor.handle({"do": "remove", "lane": lane}, PageState())
    assert [lane["text"] for lane in start(visitor)["lanes"]] == ["Narrate what you see."]


def test_a_refused_instruction_starts_nothing_and_says_why(visitors):
    view = start(visitors.open_tab(""), {"text": "x" * 5000})
    assert view["status"] == "idle" and view["answers"]["start"]["refused"] and not view["notice"]
    assert view["message"] == "The instruction has 5000 characters; at most 4000 are possible. Shorten it."


def test_a_lane_is_muted_made_quieter_and_followed_up_and_a_new_start_keeps_both(visitors):
    visitor = visitors.open_tab("")
    view = visitor.handle({"do": "ask", "text": AT_ONCE, "n": 1}, PageState())
    lane = view["lanes"][0]["lane"]
    visitor.handle({"do": "mute", "lane": lane, "muted": True}, PageState())
    visitor.handle({"do": "talk", "lane": lane, "talk": -2}, PageState())
    view = visitor.handle({"do": "follow", "lane": lane, "text": "Shorter.", "n": 5}, PageState())
    assert view["answers"]["follow"] == {"n": 5, "refused": False} and view["lanes"][0]["follow_ups"] == ["Shorter."]
    for _ in range(2):
        view = start(visitor)
        assert [(lane["text"], lane["muted"], lane["talk"]) for lane in view["lanes"]] == [(AT_ONCE, True, -2.0)]
        visitor.session.stop()


@pytest.mark.parametrize(
    "what, sentence",
    [
        ({"do": "mute", "lane": 9, "muted": True}, "There is no instruction 9; reload the page."),
        ({"do": "talk", "lane": 1, "talk": 99}, "A talkativeness of 99 is not possible; choose between -20 and 20."),
        ({"do": "talk", "lane": [], "talk": "much"}, "There is no instruction 0; reload the page."),
        (
            {"do": "follow", "lane": 9, "text": "Shorter."},
            "Instruction 9 is no longer open; type this as a new one.",
        ),
        ({"do": "follow", "lane": 1, "text": ""}, "The instruction is empty; type what to watch for."),
    ],
)
def test_what_cannot_be_done_to_a_lane_is_one_sentence(visitors, what, sentence):
    visitor = visitors.open_tab("")
    visitor.handle({"do": "ask", "text": AT_ONCE}, PageState())
    assert visitor.handle(what, PageState())["message"] == sentence


@pytest.mark.parametrize(
    "what, sentence",
    [
        ({"do": "start", "choice": "samples", "clip": "../../etc/passwd"}, "Choose a video first."),
        ({"do": "start", "choice": "upload"}, "Choose a video first."),
        ({"do": "format"}, "This server does not know what the page asked for; reload the page."),
        ({}, "This server does not know what the page asked for; reload the page."),
    ],
)
def test_what_no_honest_page_sends_is_refused(visitors, what, sentence):
    assert visitors.open_tab("").handle(what, PageState())["message"] == sentence


def test_the_machines_own_camera_is_offered_and_opened_only_where_it_is_allowed(engine):
    assert 'value="camera"' in tabs(AppConfig()) and 'value="camera"' not in tabs(AppConfig(host="0.0.0.0"))
    exposed = Visitors(engine, AppConfig(host="0.0.0.0"), load_clips())
    try:
        view = exposed.open_tab("").handle({"do": "start", "choice": "camera"}, PageState())
        assert view["status"] == "idle" and "--allow-camera" in view["message"]
    finally:
        exposed.stop()


def test_an_id_brings_its_own_visitor_back_and_an_unknown_one_a_new_visitor(visitors):
    mine = visitors.open_tab("", "page-1")
    assert visitors.open_tab("", "page-1") is mine, "a page that has not learnt its id yet takes no second seat"
    assert visitors.open_tab(mine.session.id, "page-2") is mine
    assert visitors.open_tab("guessed") is not mine
    with pytest.raises(ValueError, match="All 2 seats are taken"):
        visitors.open_tab("guessed")


@pytest.mark.slow
def test_a_page_that_draws_another_run_gets_all_of_this_one(visitors, tmp_path):
    visitor = visitors.open_tab("")
    visitor.uploaded(write(tmp_path / "two.mp4", 5, 10), PageState())
    start(visitor, {"choice": "upload", "text": AT_ONCE})
    assert visitor.session.wait(20)
    known = visitor.view(PageState())
    nothing_new = visitor.view(PageState(run=known["run"], after=known["seq"], second=1, picture=9.0))
    assert [row["text"] for row in known["rows"]] == [AT_ONCE, f"Heard: {AT_ONCE}", "The video has ended."]
    assert nothing_new["rows"] == [] and nothing_new["preview"] == ""
    assert [(view["after"], view["since"]) for view in (known, nothing_new)] == [(0, -1), (known["seq"], 1)], (
        "whether all is there, or what is new"
    )
    assert [cell[0] for cell in nothing_new["lanes"][0]["cells"]] == [1]  # the newest second is always sent again
    assert visitor.view(PageState(run=known["run"] - 1, after=known["seq"], second=1))["rows"] == known["rows"]


def test_a_preview_shows_the_newest_picture_once_and_is_otherwise_its_source():
    class Two:
        kind, live, clocked, title, duration_s, dropped = "camera", True, True, "camera 0", None, 5

        def frames(self, fps, stop):
            yield Frame(0.0, np.zeros((90, 160, 3), np.uint8), 0.0)
            yield Frame(1.0, np.full((720, 1280, 3), (200, 30, 30), np.uint8), 1.0)

    preview = Preview(Two())
    assert preview.picture(-1.0) == (-1.0, "")
    assert [frame.second for frame in preview.frames(1, threading.Event())] == [0.0, 1.0]
    second, url = preview.picture(0.0)
    jpeg = cv2.imdecode(np.frombuffer(base64.b64decode(url.split(",")[1]), np.uint8), cv2.IMREAD_COLOR_RGB)
    assert (
        second == 1.0
        and jpeg.shape == (360, 640, 3)
        and jpeg.mean(axis=(0, 1)).round().tolist() == pytest.approx([200, 30, 30], abs=4)
    )
    assert preview.picture(1.0) == (1.0, "") and preview.dropped == 5


def understood() -> set[str]:
    """Every wording of the built-in model's tasks, about a few of its things."""
    from finetune.world.desk import wordings as room
    from finetune.world.street import wordings as street

    return {
        form.format(c="green", o=thing, d=thing.replace("a ", "the "))
        for world in (street, room) for task in world.TASKS for form in world.wordings(task, "all")
        for thing in ("a red car", "a yellow car", "a dog", "a person", "a red object", "a green object")
    }  # fmt: skip


def test_the_sample_clips_are_there_with_two_or_three_suggestions_that_training_contains():
    clips, known = load_clips(), understood()
    assert len(clips) == 6 and all(clip.path.stat().st_size < 1_500_000 for clip in clips)
    assert (
        all(2 <= len(clip.ask) <= 3 for clip in clips)
        and [text for clip in clips for text in clip.ask if text not in known] == []
    )


def test_what_is_suggested_for_the_built_in_model_is_what_its_training_contains():
    known = understood()
    assert [text for texts in SUGGESTIONS["built_in"].values() for text in texts if text not in known] == []


def test_a_listed_clip_that_is_missing_is_said_in_one_sentence(tmp_path):
    (tmp_path / "clips.json").write_text('[{"file": "gone.webm", "title": "Gone", "ask": []}]')
    with pytest.raises(ValueError, match=r"gone\.webm is missing"):
        load_clips(tmp_path)
