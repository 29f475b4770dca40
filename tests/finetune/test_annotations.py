"""Raw records as they stand in files."""

import json

import pytest

from finetune.annotations import Answer, Question, Record, load_records, save_records

RAW = {
    "video_name": "a.mp4",
    "video_path": "coin/a.mp4",
    "task_type": "QA",
    "source": "coin",
    "question": [{"content": "What now?", "time": "3"}],
    "response": [
        {"content": "Salt.", "st_time": 5.0, "end_time": "00:07", "time": ""},
        {"content": "Water.", "st_time": "", "end_time": "", "time": 11},
    ],
    "seconds": 14,
    "task": "tsqa",
}
RECORD = Record(
    "a.mp4",
    "coin/a.mp4",
    "QA",
    "coin",
    (Question("What now?", "3"),),
    (Answer("Salt.", st_time=5.0, end_time="00:07"), Answer("Water.", time=11)),
    {"seconds": 14, "task": "tsqa"},
)


def test_a_record_is_read_and_written_back_unchanged():
    assert Record.from_dict(RAW) == RECORD
    assert RECORD.to_dict() == RAW


def test_unknown_keys_of_a_question_or_a_response_come_back_too():
    raw = RAW | {
        "question": [{"content": "Q", "time": "1", "options": ["a"]}],
        "response": [RAW["response"][1] | {"score": 2}],
    }
    assert Record.from_dict(raw).to_dict() == raw


def test_an_empty_or_missing_time_is_absent():
    record = Record.from_dict(
        {"video_path": "v", "question": [{"content": "Q", "time": " "}], "response": [{"content": "A", "time": None}]}
    )
    assert record.questions[0].time is None
    assert record.answers[0] == Answer("A")


def test_the_fine_task_name_wins_over_the_task_type():
    assert RECORD.task == "tsqa"
    assert Record("v", "v", "QA", "s", (), ()).task == "QA"


@pytest.mark.parametrize(
    "raw, reason",
    [
        (3, "is a number, not an object"),
        ({"question": []}, "has no video_path"),
        (RAW | {"video_path": None}, "video_path is null, not text"),
        (RAW | {"question": {"content": "Q"}}, "question is not a list of objects"),
        (RAW | {"response": [["A", 3]]}, "response is not a list of objects"),
        (RAW | {"response": [{"content": 5}]}, "response content is a number, not text"),
        (RAW | {"response": [{"content": "A", "time": [5, 6]}]}, "time is a list, not a time"),
        (RAW | {"question": [{"content": "Q", "time": True}]}, "time is true or false, not a time"),
    ],
)
def test_a_record_that_does_not_fit_is_rejected_with_its_index_and_the_reason(tmp_path, raw, reason):
    path = tmp_path / "raw.json"
    path.write_text(json.dumps([RAW, raw, RAW]))
    assert load_records(path) == ([RECORD, RECORD], [f"record 1: {reason}"])


def test_json_lines_are_read_with_blank_and_broken_lines(tmp_path):
    path = tmp_path / "raw.jsonl"
    path.write_text(json.dumps(RAW) + "\n\n{broken\n" + json.dumps(RAW) + "\n")
    records, rejected = load_records(path)
    assert records == [RECORD, RECORD]
    assert len(rejected) == 1 and rejected[0].startswith("record 1: is not JSON")


def test_a_single_line_of_json_lines_is_one_record(tmp_path):
    path = tmp_path / "raw.jsonl"
    path.write_text(json.dumps(RAW))
    assert load_records(path) == ([RECORD], [])


def test_saved_records_are_read_back(tmp_path):
    path = tmp_path / "records.json"
    save_records([RECORD], path)
    assert load_records(path) == ([RECORD], [])
    assert json.loads(path.read_text()) == [RAW]


@pytest.mark.parametrize("content", [b"hello\nworld", b"\xff\xfe\x00", b""])
def test_a_file_that_is_not_json_is_refused_in_one_sentence(tmp_path, content):
    path = tmp_path / "raw.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="raw records") as refused:
        load_records(path)
    assert "\n" not in str(refused.value)


def test_a_missing_file_or_a_folder_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"nowhere\.json does not exist"):
        load_records(tmp_path / "nowhere.json")
    with pytest.raises(ValueError, match="cannot be read"):
        load_records(tmp_path)
