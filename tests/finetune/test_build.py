"""Raw records to dialogues, turn by turn. `.` silence, `s` standby, `R` response."""

import json

import cv2
import numpy as np
import pytest

from finetune.annotations import Answer, Question, Record, save_records
from finetune.build import build_compat, build_dialogue, build_file, load_dialogues, record_seconds
from streamo_app.protocol import State
from streamo_app.video.turns import video_seconds

LETTER = {State.SILENCE: ".", State.STANDBY: "s", State.RESPONSE: "R"}


def record(questions, answers, **extra):
    return Record("v.mp4", "v.mp4", "QA", "coin", tuple(questions), tuple(answers), extra)


def span(start, end, content="A"):
    return Answer(content, st_time=start, end_time=end)


def at(time, content="A"):
    return Answer(content, time=time)


def states(dialogue):
    return "".join(LETTER[turn.state] for turn in dialogue.turns)


def asked(dialogue):
    return {turn.second: turn.instructions for turn in dialogue.turns if turn.instructions}


def texts(dialogue):
    return {turn.second: turn.text for turn in dialogue.turns if turn.text}


def built(seconds, questions, *answers):
    dialogue, notes = build_dialogue(record(questions, answers), seconds)
    return dialogue and states(dialogue), notes


ASKED_AT_START = [Question("Q", "1")]
EXAMPLE = record([Question("Q", "3")], [span("5", "7", "A"), at("11", "B")])


def test_the_worked_example_puts_the_question_once_at_its_own_turn():
    dialogue, notes = build_dialogue(EXAMPLE, 14)
    assert states(dialogue) == "....sssR..R..."
    assert asked(dialogue) == {2: ("Q",)}
    assert texts(dialogue) == {7: "A", 10: "B"}
    assert notes == []
    assert dialogue.asked == 2


def test_the_official_converter_leaks_the_question_to_the_first_turn():
    dialogue, _ = build_compat(EXAMPLE, 14)
    assert states(dialogue) == "....sssR..R..."
    assert asked(dialogue) == {0: ("Q",), 2: ("Q",)}
    assert texts(dialogue) == {7: "A", 10: "B"}


@pytest.mark.parametrize(
    "spans, official, ours",
    [
        ([(0, 4), (4, 8)], "ssssssssR...", "ssssRsssR..."),
        ([(0, 4), (5, 8)], "ssssssssR...", "ssssRsssR..."),
        ([(1, 6), (3, 8)], "ssssssssR...", "ssssssRsR..."),
        ([(0, 4), (6, 8)], "ssssRsssR...", "ssssRsssR..."),
        ([(8, 12)], ".......sssss", ".......ssssR"),
    ],
)
def test_neighbouring_events_keep_both_answers_where_the_official_converter_loses_one(spans, official, ours):
    both = record([Question("Q", "0")], [span(*times) for times in spans])
    assert states(build_compat(both, 12)[0]) == official
    assert states(build_dialogue(both, 12)[0]) == ours


def test_a_response_is_never_overwritten_whatever_the_order_in_the_file():
    assert built(12, ASKED_AT_START, span(4, 8), span(1, 4))[0] == "ssssRsssR..."
    assert built(12, ASKED_AT_START, at(5), span(3, 8))[0] == "..ssRsssR..."


def test_an_event_that_ends_with_the_video_is_answered_on_its_last_turn_and_said_so():
    assert built(12, ASKED_AT_START, span(8, 12)) == (
        ".......ssssR",
        ["answer 0: moved, its event ends with the video, so it is given on the last turn"],
    )


def test_two_answers_due_on_one_turn_are_joined_in_order_of_time():
    late_first = record(ASKED_AT_START, [at(4.9, "Second."), at(4.2, "First."), span(2, 4, "Zeroth.")])
    dialogue, notes = build_dialogue(late_first, 8)
    assert texts(dialogue) == {4: "Zeroth. First. Second."}
    assert notes == []


def test_time_wins_where_a_span_is_given_too():
    both = Answer("From 1s to 4s.", st_time=2, end_time=4, time=8)
    assert built(10, [Question("When was it?", "8")], both) == (".......R..", [])


def test_two_questions_keep_their_own_turns_and_may_share_one():
    dialogue, _ = build_dialogue(
        record([Question("Q1", "3"), Question("Q2", 7.0), Question("Q3", "0:07")], [at(8)]), 10
    )
    assert asked(dialogue) == {2: ("Q1",), 6: ("Q2", "Q3")}


def test_fractional_times_name_the_turn_they_fall_in():
    assert built(8, ASKED_AT_START, at(4.0), at(4.01, "B"))[0] == "...RR..."
    assert built(8, ASKED_AT_START, span(2.5, 4.5))[0] == "..sssR.."


def test_a_question_without_a_time_is_asked_at_the_start_and_said_so():
    dialogue, notes = build_dialogue(record([Question("Q", None)], [at(3)]), 5)
    assert asked(dialogue) == {0: ("Q",)}
    assert notes == ["question 0: moved, it has no time and is asked at the start"]


def test_line_breaks_in_instructions_and_answers_become_spaces():
    dialogue, _ = build_dialogue(record([Question("Which?\nA. red\nB. blue", "1")], [at(3, " A.\n red ")]), 5)
    assert asked(dialogue) == {0: ("Which? A. red B. blue",)}
    assert texts(dialogue) == {2: "A. red"}


def test_standby_of_an_event_under_way_starts_at_its_question():
    assert built(10, [Question("Q", 5)], span(2, 7)) == (
        "....sssR..",
        ["answer 0: moved, standby starts at its question (5), not at 2"],
    )


@pytest.mark.parametrize(
    "answer, reason",
    [
        (at("13"), "it is due at 13 but the video has 12 seconds"),
        (span(8, 12.5), "its event ends at 12.5 but the video has 12 seconds"),
        (span(6, 3), "its event ends at 3, before it starts at 6"),
        (at("2"), "it is due at 2, before its question at 4"),
        (span(1, 3), "its event ended at 3, before its question at 4; give such an answer a time"),
        (at("6", "  "), "it has no text"),
        (Answer("A"), "it has no time"),
        (Answer("A", st_time=6), "it has only st_time; give both, or time"),
        (Answer("A", end_time=6), "it has only end_time; give both, or time"),
        (at("5,6"), "'5,6' is not a time; give seconds (12 or 12.5) or MM:SS"),
        (at(float("nan")), "nan is not a time; give seconds (12 or 12.5) or MM:SS"),
    ],
)
def test_an_answer_that_cannot_be_given_is_rejected_with_its_reason(answer, reason):
    assert built(12, [Question("Q", "4")], at(6), answer) == (".....R......", [f"answer 1: rejected, {reason}"])


@pytest.mark.parametrize(
    "question, reason",
    [
        (Question("Q", 13), "it is asked at 13 but the video has 12 seconds"),
        (Question(" ", 1), "The instruction is empty; type what to watch for."),
        (Question("Q", "soon"), "'soon' is not a time; give seconds (12 or 12.5) or MM:SS"),
    ],
)
def test_a_question_that_cannot_be_asked_is_rejected_with_its_reason(question, reason):
    assert built(12, [question], at(6)) == (None, [f"question 0: rejected, {reason}", "no question can be asked"])


def test_a_record_without_answers_is_a_silent_dialogue_but_one_whose_answers_all_fail_is_none():
    assert built(5, ASKED_AT_START) == (".....", [])
    assert built(5, ASKED_AT_START, at(9))[0] is None


@pytest.mark.parametrize(
    "questions, answers, expected",
    [
        ([("Q", 9)], [span(2, 4)], ".sssR......."),  # answered before it is asked
        ([("Q", 1)], [span(6, 3)], "...R........"),  # reversed: no standby
        ([("Q", 1)], [span(2, 4, "")], ".sss........"),  # no words: orphan standby
        ([("Q", 1)], [at(13), Answer("A", st_time=3), at("5,6")], "............"),  # dropped without a word
        ([("Q", 1)], [at(0, "A"), at(1, "B")], "R..........."),  # times 0 and 1 collide
        ([("Q", 1)], [at("5.9"), at("0:09")], "....R...R..."),  # truncated, not rounded up
    ],
)
def test_compat_keeps_the_official_faults(questions, answers, expected):
    dialogue, _ = build_compat(record([Question(*q) for q in questions], answers), 12)
    assert states(dialogue) == expected


def test_compat_leaks_the_first_question_only_and_the_later_of_two_wins():
    assert asked(build_compat(record([Question("Q1", 3), Question("Q2", 7)], []), 12)[0]) == {
        0: ("Q1",),
        2: ("Q1",),
        6: ("Q2",),
    }
    assert asked(build_compat(record([Question("Q1", 1), Question("Q2", 0)], []), 12)[0]) == {0: ("Q2",)}
    assert asked(build_compat(record([Question("Q1", 30)], []), 12)[0]) == {0: ("Q1",)}
    assert texts(build_compat(record([Question("Q", 1)], [at(0, "A"), at(1, "B")]), 12)[0]) == {0: "B"}


def write_video(path, fps, frames):
    out = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"VP80"), fps, (64, 48))
    for i in range(frames):
        out.write(np.full((48, 64, 3), i % 256, np.uint8))
    out.release()


@pytest.mark.parametrize(
    "fps, frames, turns", [(25, 100, 4), (25, 101, 5), (12.5, 50, 4), (29.97, 120, 5), (1, 4, 4), (30, 1, 1)]
)
def test_turns_of_a_video_come_from_its_timestamps(tmp_path, fps, frames, turns):
    write_video(tmp_path / "v.webm", fps, frames)
    assert video_seconds(tmp_path / "v.webm") == turns


def test_without_a_video_the_record_says_how_long_it_is():
    assert record_seconds(record(ASKED_AT_START, [at(9)], seconds=14)) == 14
    assert record_seconds(record(ASKED_AT_START, [at(9)], seconds=13.2)) == 14
    assert record_seconds(record(ASKED_AT_START, [at(9), at("x"), span(2, 11)])) == 12


def test_a_file_of_records_becomes_json_lines_that_are_read_back(tmp_path):
    write_video(tmp_path / "real.webm", 10, 60)
    real = Record(
        "real.webm", "real.webm", "QA", "x", (Question("Q", 1),), (at(3), at(20)), {"task": "alert", "argument": "red"}
    )
    save_records([EXAMPLE, real, record([], [])], tmp_path / "raw.json")
    written, notes = build_file(tmp_path / "raw.json", tmp_path / "out.jsonl")
    first, second = load_dialogues(tmp_path / "out.jsonl")
    assert written == 2
    assert first == build_dialogue(EXAMPLE, 12)[0]
    assert states(second) == "..R..." and second.task == "alert" and second.meta["argument"] == "red"
    assert notes == [
        "real.webm [alert]: answer 1: rejected, it is due at 20 but the video has 6 seconds",
        "v.mp4 [QA]: no question can be asked",
    ]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out.jsonl", "raw.json", "real.webm"], (
        "nothing half-written stays"
    )


def test_a_line_of_the_file_is_plain_json(tmp_path):
    save_records([record(ASKED_AT_START, [at(1)], seconds=1)], tmp_path / "raw.json")
    build_file(tmp_path / "raw.json", tmp_path / "out.jsonl")
    assert json.loads((tmp_path / "out.jsonl").read_text()) == {
        "video_path": "v.mp4",
        "task": "QA",
        "turns": [{"second": 0, "instructions": ["Q"], "state": "response", "text": "A"}],
        "meta": {"task_type": "QA", "source": "coin"},
    }


def test_a_broken_video_rejects_its_records_only(tmp_path):
    (tmp_path / "v.mp4").write_bytes(b"not a video")
    other = Record("w.mp4", "w.mp4", "QA", "x", (Question("Q", 1),), (at(3),))
    save_records([EXAMPLE, other], tmp_path / "raw.json")
    written, notes = build_file(tmp_path / "raw.json", tmp_path / "out.jsonl")
    assert written == 1
    assert len(notes) == 1 and "is not a readable video" in notes[0]


def test_a_file_with_no_usable_record_is_refused(tmp_path):
    (tmp_path / "raw.json").write_text("[1]")
    with pytest.raises(ValueError, match=r"no usable record \(record 0: is a number, not an object"):
        build_file(tmp_path / "raw.json", tmp_path / "out.jsonl")
    assert not (tmp_path / "out.jsonl").exists()
