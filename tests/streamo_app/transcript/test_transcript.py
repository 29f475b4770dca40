"""Events become rows, strips and files; whatever a user or a model says stays text.

Run: python -m pytest tests/streamo_app/transcript/test_transcript.py
"""

import json
import random
from itertools import pairwise

import pytest

from streamo_app.events import Asked, Decided, Ended, Failed, LaneClosed, Noticed, Speaking
from streamo_app.protocol import State
from streamo_app.transcript.strip import COARSE_CELLS, FINE_CELLS
from streamo_app.transcript.transcript import Transcript

QUIET, STANDBY, SPEAK = (0.9, 0.06, 0.04), (0.2, 0.7, 0.1), (0.1, 0.1, 0.8)


def silent(second: int, lane: int = 1, skipped: int = 0) -> Decided:
    return Decided(second, lane, State.SILENCE, "", QUIET, 10.0, skipped)


def said(second: int, text: str, lane: int = 1) -> Decided:
    return Decided(second, lane, State.RESPONSE, text, SPEAK, 20.0)


def made(*events, title: str = "") -> Transcript:
    transcript = Transcript(title)
    for event in events:
        transcript.add(event)
    return transcript


def shown(transcript: Transcript) -> list[tuple]:
    return [(row.second, row.lane, row.kind, row.text) for row in transcript.rows]


def test_what_was_asked_said_noticed_and_ended_become_rows_and_silence_does_not():
    transcript = made(
        Asked(0, 1, "Tell me when it turns green."),
        silent(0),
        silent(1),
        said(2, "Green."),
        Asked(3, 1, "And now?", follow_up=True),
        Noticed(3, "Reconnecting."),
        Ended(4, "Stopped."),
    )
    assert shown(transcript) == [
        (0, 1, "asked", "Tell me when it turns green."),
        (2, 1, "response", "Green."),
        (3, 1, "asked", "And now?"),
        (3, 0, "notice", "Reconnecting."),
        (4, 0, "ended", "Stopped."),
    ]
    assert [row.follow_up for row in transcript.rows] == [False, False, True, False, False]
    assert transcript.lanes[1].instruction == "Tell me when it turns green."
    assert [(row.lane, row.text) for row in transcript.rows if row.follow_up] == [(1, "And now?")]


def test_a_failure_is_a_row_of_its_own_kind_and_never_a_response():
    assert shown(made(silent(0), Failed(1, "The camera is gone."))) == [(1, 0, "failed", "The camera is gone.")]


def test_a_response_under_way_is_one_row_that_grows_and_keeps_its_key():
    transcript = made(Asked(0, 1, "x"), Speaking(1, 1, "A", SPEAK), Speaking(1, 1, "A red", SPEAK))
    growing = transcript.rows[-1]
    assert (growing.key, growing.text, growing.partial) == (2, "A red", True)
    transcript.add(said(1, "A red car."))
    final = transcript.rows[-1]
    assert (final.key, final.text, final.partial, len(transcript.rows)) == (2, "A red car.", False, 2)
    assert final.seq > growing.seq > transcript.rows[0].seq


def test_two_lanes_speaking_at_once_never_mix():
    transcript = made(
        Speaking(1, 1, "One", SPEAK),
        Speaking(1, 2, "Two", SPEAK),
        Speaking(1, 1, "One.", SPEAK),
        said(1, "Two.", 2),
        said(1, "One.", 1),
    )
    assert shown(transcript) == [(1, 1, "response", "One."), (1, 2, "response", "Two.")]


@pytest.mark.parametrize("end", [LaneClosed(1, 1), Ended(1, "Stopped."), Failed(1, "The model is gone.")])
def test_a_response_that_nobody_goes_on_with_keeps_the_words_it_got_to(end):
    transcript = made(Speaking(1, 1, "A red", SPEAK), end)
    assert (transcript.rows[0].text, transcript.rows[0].partial) == ("A red", False)


def test_a_cell_holds_state_probabilities_and_the_seconds_skipped_before_it():
    transcript = made(silent(0), Decided(3, 1, State.STANDBY, "", STANDBY, 5.0, skipped=2))
    assert [(cell.second, cell.state, cell.p, cell.skipped, cell.seconds) for cell in transcript.cells(1)] == [
        (0, "silence", QUIET, 0, 1),
        (3, "standby", STANDBY, 2, 1),
    ]
    assert transcript.cells(2) == ()


@pytest.mark.slow
def test_a_day_of_seconds_is_at_most_600_cells_that_keep_the_strongest_state_and_every_skip():
    transcript, day = Transcript(), 86_400
    strong = {50_000: State.RESPONSE, 50_001: State.STANDBY, 70_000: State.STANDBY}
    for second in range(day):
        state = strong.get(second, State.SILENCE)
        p = {State.SILENCE: QUIET, State.STANDBY: STANDBY, State.RESPONSE: SPEAK}[state]
        transcript.add(Decided(second, 1, state, "", p, 1.0, skipped=int(second % 10_000 == 9_999)))
    cells = transcript.cells(1)
    assert FINE_CELLS < len(cells) <= FINE_CELLS + COARSE_CELLS
    assert [cell.second for cell in cells[-FINE_CELLS:]] == list(range(day - FINE_CELLS, day))
    assert all(cell.second + cell.seconds == after.second for cell, after in pairwise(cells)) and cells[0].second == 0
    assert sum(cell.skipped for cell in cells) == 8

    def at(second: int) -> str:
        return next(cell.state for cell in cells if cell.second <= second < cell.second + cell.seconds)

    assert (at(50_000), at(70_000), at(20_000)) == ("response", "standby", "silence")
    assert next(cell.p for cell in cells if cell.state == "response") == SPEAK


def test_json_lines_are_the_contract_to_the_letter():
    transcript = made(
        Decided(0, 0, State.SILENCE, "", (1.0, 0.0, 0.0), 3.25),
        Asked(1, 1, 'Say "grün".'),
        Decided(1, 1, State.STANDBY, "", (0.25, 0.625, 0.125), 12.5),
        Decided(4, 1, State.RESPONSE, "Grün.", (0.1, 0.2, 0.7), 31.0, 2),
    )
    assert transcript.to_jsonl() == (
        '{"second": 0, "lane": 0, "instruction": "", "state": "silence", "text": "",'
        ' "p": {"silence": 1.0, "standby": 0.0, "response": 0.0}, "ms": 3.25, "skipped": 0}\n'
        '{"second": 1, "lane": 1, "instruction": "Say \\"grün\\".", "state": "standby", "text": "",'
        ' "p": {"silence": 0.25, "standby": 0.625, "response": 0.125}, "ms": 12.5, "skipped": 0}\n'
        '{"second": 4, "lane": 1, "instruction": "Say \\"grün\\".", "state": "response", "text": "Grün.",'
        ' "p": {"silence": 0.1, "standby": 0.2, "response": 0.7}, "ms": 31.0, "skipped": 2}\n'
    )


def test_json_lines_come_by_second_then_lane_whatever_order_lanes_were_decided_in():
    transcript = made(silent(0, 2), silent(0, 1), silent(1, 1), silent(1, 2))
    order = [(line["second"], line["lane"]) for line in map(json.loads, transcript.to_jsonl().splitlines())]
    assert order == [(0, 1), (0, 2), (1, 1), (1, 2)]


def test_a_subtitle_lasts_three_seconds_or_until_the_next_of_its_lane():
    transcript = made(
        said(1, "One."), said(2, "Other lane.", 2), said(3, "Two."), said(4, "Three."), Speaking(9, 1, "half", SPEAK)
    )
    assert transcript.to_srt() == (
        "1\n00:00:01,000 --> 00:00:03,000\nOne.\n\n"
        "2\n00:00:02,000 --> 00:00:05,000\nOther lane.\n\n"
        "3\n00:00:03,000 --> 00:00:04,000\nTwo.\n\n"
        "4\n00:00:04,000 --> 00:00:07,000\nThree.\n"
    )


def test_webvtt_of_a_response_after_an_hour():
    assert made(said(3725, "Late.")).to_vtt() == "WEBVTT\n\n1\n01:02:05.000 --> 01:02:08.000\nLate.\n"


def test_webvtt_lets_no_tag_entity_or_arrow_through():
    text = "<c.red>&amp; 00:00:00.000 --> 00:01:00.000\n\n2\nSTYLE"
    body = made(said(0, text)).to_vtt().split("\n")
    assert body[4:] == ["&lt;c.red&gt;&amp;amp; 00:00:00.000 --&gt; 00:01:00.000 2 STYLE", ""]


def test_subrip_keeps_a_text_with_line_breaks_and_an_arrow_in_one_cue():
    lines = made(said(0, "a\r\n\r\n2\n00:00:01,000 --> 00:00:02,000\u2028b")).to_srt().split("\n")
    assert lines == ["1", "00:00:00,000 --> 00:00:03,000", "a 2 00:00:01,000 -> 00:00:02,000 b", ""]


def test_a_response_without_words_makes_no_subtitle():
    transcript = made(said(0, ""))
    assert transcript.to_srt() == "" and transcript.to_vtt() == "WEBVTT\n"


def test_markdown_shows_markup_as_text():
    transcript = made(
        Asked(0, 1, "# <script>alert(1)</script>"),
        said(65, "[x](http://evil) *b* `c` $d$ a_b | ![i](j)"),
        title="clip_1.webm",
    )
    assert transcript.to_markdown() == (
        "# clip\\_1.webm\n\n"
        "1. \\# &lt;script&gt;alert\\(1\\)&lt;/script&gt;\n\n"
        "- **00:00** 1 *asked: \\# &lt;script&gt;alert\\(1\\)&lt;/script&gt;*\n"
        "- **01:05** 1 \\[x\\]\\(http\\://evil\\) \\*b\\* \\`c\\` \\$d\\$ a\\_b \\| \\!\\[i\\]\\(j\\)\n"
    )


def test_rows_are_one_line_without_control_characters():
    rows = made(Asked(0, 1, "a\x1b[31mred\nb"), said(0, "c\n\x07d\u202ee")).rows
    assert [row.text for row in rows] == ["a [31mred b", "c d e"]


def test_an_unknown_export_is_refused_by_name():
    with pytest.raises(ValueError, match="no export 'pdf'; choose one of srt, vtt, jsonl, md"):
        Transcript().export("pdf")


def test_a_copy_is_untouched_by_what_comes_later():
    transcript = made(Asked(0, 1, "x"), silent(0), Speaking(1, 1, "A", SPEAK))
    copy = transcript.copy()
    before = copy.to_jsonl(), copy.to_markdown()
    for event in (said(1, "A."), silent(2), Ended(3, "Stopped.")):
        transcript.add(event)
    assert (copy.to_jsonl(), copy.to_markdown()) == before
    assert len(transcript.to_jsonl().splitlines()) == 3


def test_sequence_numbers_grow_with_every_event_and_go_on_from_another_run():
    transcript = Transcript(seq=41)
    seqs = []
    for event in (Asked(0, 1, "x"), silent(0), Speaking(1, 1, "A", SPEAK), said(1, "A.")):
        transcript.add(event)
        seqs.append(transcript.seq)
    assert seqs == [42, 43, 44, 45] and [row.seq for row in transcript.rows] == [42, 45]


def test_decisions_come_back_as_they_were_decided():
    rng = random.Random(5)
    events = [
        Decided(
            second,
            lane,
            state,
            "w" if state is State.RESPONSE else "",
            (rng.random(), rng.random(), rng.random()),
            12.5,
            rng.randrange(3),
        )
        for second in range(50)
        for lane, state in ((1, rng.choice(list(State))), (2, rng.choice(list(State))))
    ]
    assert list(made(*events).decisions()) == events
