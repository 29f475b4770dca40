"""The journal: what was said survives a killed process, a full disk and a torn line; nobody else can read it.

Run: python -m pytest tests/streamo_app/transcript/test_journal.py
"""

import hashlib
import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from streamo_app.events import Asked, Decided, Ended, Failed, LaneClosed, Noticed, Speaking
from streamo_app.protocol import State
from streamo_app.transcript.journal import Journal, delete_journals, journal_paths, next_path, read_journal
from streamo_app.transcript.transcript import Transcript

P = (0.1, 0.2, 0.7)
EVENTS = [
    Asked(0, 1, 'Watch the "dog", <b>\u00fc</b>.'),
    Decided(0, 1, State.SILENCE, "", (1.0, 0.0, 0.0), 9.5),
    Asked(1, 1, "And the ball.", follow_up=True),
    Decided(1, 1, State.STANDBY, "", P, 9.5, 3),
    Decided(2, 1, State.RESPONSE, "A dog.", P, 31.0),
    Noticed(2, "Reconnecting."),
    LaneClosed(3, 1),
    Failed(3, "The camera is gone."),
    Ended(3, "Stopped."),
]


def written(path: Path, events=EVENTS, **header) -> Path:
    journal = Journal(path, **header)
    for event in events:
        journal.write(event)
    journal.close()
    return path


def test_every_event_comes_back_as_it_was_and_a_response_under_way_is_not_written(tmp_path):
    path = written(
        tmp_path / "a.jsonl", [*EVENTS[:4], Speaking(2, 1, "A", P), *EVENTS[4:]], source="dog.webm", model="tiny", fps=1
    )
    header, events = read_journal(path)
    assert header == {"journal": 1, "source": "dog.webm", "model": "tiny", "fps": 1}
    assert events == EVENTS


def test_a_line_on_disk_is_plain_json(tmp_path):
    lines = written(tmp_path / "a.jsonl", EVENTS[3:4]).read_text().splitlines()
    assert json.loads(lines[1]) == {
        "event": "decided",
        "second": 1,
        "lane": 1,
        "state": "standby",
        "text": "",
        "p": [0.1, 0.2, 0.7],
        "ms": 9.5,
        "skipped": 3,
    }


def test_a_transcript_read_back_exports_what_the_live_one_did(tmp_path):
    live = Transcript("dog.webm")
    for event in EVENTS:
        live.add(event)
    back = Transcript.from_journal(written(tmp_path / "a.jsonl", source="dog.webm"))
    for form in ("srt", "vtt", "jsonl", "md"):
        assert back.export(form) == live.export(form)
    assert back.rows == live.rows


@pytest.mark.parametrize("torn", ['{"event": "deci', "\x00\x00\x00", '{"event": "asked", "second": 4}'])
def test_a_torn_last_line_is_ignored(tmp_path, torn):
    path = written(tmp_path / "a.jsonl")
    with open(path, "a") as file:
        file.write(torn)
    assert read_journal(path)[1] == EVENTS


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "is empty"),
        ("no json\n", "line 1 is invalid"),
        ('{"journal": 99}\n', "line 1 is invalid"),
        ("[]\n", "line 1 is invalid"),
        ('{"journal": 1}\n{"event": "exec", "second": 1}\n{}\n', "line 2 is invalid"),
        ('{"journal": 1}\n{"event": "asked", "second": 1, "lane": 1, "text": "x"}\n7\n', "line 3 is invalid"),
        (
            '{"journal": 1}\n'
            '{"event": "decided", "second": 1, "lane": 1, "state": "x", "text": "", "p": [], "ms": 1}\n',
            "line 2 is invalid",
        ),
    ],
)
def test_what_is_no_journal_is_refused_with_the_line_that_is_wrong(tmp_path, content, sentence):
    path = tmp_path / "a.jsonl"
    path.write_text(content)
    with pytest.raises(ValueError, match=sentence):
        read_journal(path)


WRITER = """
import sys
from pathlib import Path
from streamo_app.events import Decided
from streamo_app.protocol import State
from streamo_app.transcript.journal import Journal
journal = Journal(Path(sys.argv[1]), source="x")
for second in range(10**9):
    journal.write(Decided(second, 1, State.RESPONSE, "w" * 300, (0.0, 0.0, 1.0), 1.0))
    sys.stdout.write(f"{second}\\n")
    sys.stdout.flush()
"""


def test_kill_9_loses_at_most_the_second_in_flight(tmp_path):
    path = tmp_path / "a.jsonl"
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3]
    )
    for _ in range(500):
        writer.stdout.readline()
    writer.send_signal(signal.SIGKILL)
    told = 499 + len(writer.stdout.read().splitlines())
    writer.wait()
    seconds = [event.second for event in read_journal(path)[1]]
    assert seconds == list(range(len(seconds)))
    assert told + 1 <= len(seconds) <= told + 2


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full here")
def test_a_full_disk_is_an_error_of_writing_and_none_of_closing(tmp_path):
    journal = Journal(tmp_path / "a.jsonl")
    journal.close()
    journal._file = open("/dev/full", "w")  # noqa: SIM115 - the journal closes it
    with pytest.raises(OSError, match="No space left"):
        journal.write(EVENTS[0])
    journal.close()


def test_only_the_owner_can_read_a_journal(tmp_path):
    path = written(tmp_path / "new" / "a.jsonl")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_journal_never_overwrites_another(tmp_path):
    path = written(tmp_path / "a.jsonl")
    with pytest.raises(FileExistsError):
        Journal(path)
    assert read_journal(path)[1] == EVENTS


def test_the_runs_of_a_session_are_numbered_and_deleted_together_and_no_other_session_is_touched(tmp_path):
    mine = [written(next_path(tmp_path, "abc")) for _ in range(3)]
    other = written(next_path(tmp_path, "abc-x"))
    name = hashlib.sha256(b"streamo abc").hexdigest()[:16]  # whoever lists the folder learns no id
    assert [path.name for path in mine] == [f"{name}-0001.jsonl", f"{name}-0002.jsonl", f"{name}-0003.jsonl"]
    assert journal_paths(tmp_path, "abc") == mine
    delete_journals(tmp_path, "abc")
    delete_journals(tmp_path, "abc")
    assert [path for path in (*mine, other) if path.exists()] == [other]
    assert journal_paths(tmp_path / "nowhere", "abc") == []
