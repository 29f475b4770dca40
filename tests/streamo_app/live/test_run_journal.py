"""What is kept of one run: errors are raised once, and a journal that was cut off gets an end.

Run: python -m pytest tests/streamo_app/live/test_run_journal.py
"""

import os

import pytest

from streamo_app.events import Ended, Noticed
from streamo_app.live.run_journal import CUT_OFF, JournalError, RunJournal
from tests.support.live import LiveSource


@pytest.fixture
def journal() -> RunJournal:
    return RunJournal.of_run(LiveSource([], title="clip.webm"), "scripted", 1, {"clip": "clip"})


def test_a_journal_that_was_cut_off_is_read_with_an_end_and_one_that_was_not_as_it_is(journal, tmp_path):
    journal.create(tmp_path, "a session")
    journal.write(Noticed(3, "Hm."))
    again, events = RunJournal.read(journal.path)
    assert events == [Noticed(3, "Hm."), Ended(3, CUT_OFF)]
    assert again.path == journal.path and again.header == {"journal": 1, **journal.header}
    journal.write(Ended(4, "Stopped."))
    journal.close()
    journal.close()
    assert RunJournal.read(journal.path)[1] == [Noticed(3, "Hm."), Ended(4, "Stopped.")]


def test_without_a_file_nothing_is_written_and_nothing_raised(journal):
    journal.write(Noticed(0, "Hm."))
    assert journal.path is None and journal.header["clip"] == "clip"


def test_a_file_that_cannot_be_made_is_a_sentence(journal, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(JournalError, match=r"^The transcript is not being saved \(.*\); export it before you leave\.$"):
        journal.create(tmp_path / "file", "a session")
    journal.write(Noticed(0, "Hm."))
    assert journal.path is None


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full here")
def test_a_full_disk_is_a_sentence_once(journal, tmp_path):
    journal.create(tmp_path, "a session")
    with open("/dev/full", "w") as journal._journal._file:
        with pytest.raises(JournalError, match="No space left on device"):
            journal.write(Noticed(0, "Hm."))
        journal.write(Noticed(1, "Still there."))
