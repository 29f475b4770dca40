"""The list of an owner's journals: what it says of each, of those that are broken too, and that nobody reaches
another's.

Run: python -m pytest tests/streamo_app/transcript/test_archive.py
"""

import os
from pathlib import Path

import pytest

from streamo_app.transcript.archive import Archive, owner_folder
from streamo_app.transcript.journal import Journal, is_written, next_path
from tests.support.journals import write_journal

MINE, THEIRS = "A" * 32, "B" * 32


@pytest.fixture
def folder(tmp_path) -> Path:
    return owner_folder(tmp_path, MINE)


def test_a_journal_is_listed_with_its_date_length_responses_and_first_instruction(folder):
    path = write_journal(folder)
    (one,) = Archive(folder).entries()
    assert (one.name, one.path, one.started, one.source) == (
        path.stem,
        path,
        "2026-11-25T14:30:00+00:00",
        "street.webm",
    )
    assert (one.seconds, one.responses, one.instructions, one.instruction) == (
        8,
        1,
        2,
        'Count "state": "response" cars.',
    )
    assert (one.trouble, one.running) == ("", False)


def test_the_newest_comes_first(folder):
    for day in (3, 9, 5):
        write_journal(folder, f"s{day}", started=f"2026-11-0{day}T10:00:00+00:00")
    assert [one.started[8:10] for one in Archive(folder).entries()] == ["09", "05", "03"]


@pytest.mark.parametrize(
    ("content", "trouble"),
    [
        (b"", "empty"),
        (b'{"journal": 99}\n', "from another version of Streamo, or damaged"),
        (b"[1]\n", "from another version of Streamo, or damaged"),
        (b'{"journal"', "damaged"),
        (b"\x00\xff\x00\n", "damaged"),
        (b'{"journal": 1}\n{"event": "asked", "second": }\n', "damaged"),
    ],
)
def test_what_cannot_be_opened_is_listed_with_a_word_and_can_be_deleted(folder, content, trouble):
    path = write_journal(folder)
    path.write_bytes(content)
    (one,) = Archive(folder).entries()
    assert one.trouble == trouble and one.started
    Archive(folder).delete(one.name)
    assert not path.exists() and not folder.exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_journal_that_may_not_be_read_is_listed_with_a_word(folder):
    write_journal(folder).chmod(0)
    assert Archive(folder).entries()[0].trouble == "cannot be read (Permission denied)"


def test_a_journal_that_was_cut_anywhere_never_breaks_the_list(folder):
    path = write_journal(folder)
    whole = path.read_bytes()
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        (one,) = Archive(folder).entries()
        assert one.seconds <= 8 and one.responses <= 1


def test_a_journal_being_written_is_marked_and_neither_deleted_nor_opened_until_it_is_closed(folder):
    journal = Journal(next_path(folder, "s"), source="street.webm")
    assert is_written(journal.path) and Archive(folder).entries()[0].running
    for refused in (Archive(folder).delete, Archive(folder).finished):
        with pytest.raises(ValueError, match=r"^This session is still running; stop it first.$"):
            refused(journal.path.stem)
    journal.close()
    assert Archive(folder).finished(journal.path.stem) == journal.path and not is_written(journal.path)


def test_nobody_reaches_the_journals_of_another_whatever_he_calls_them(tmp_path, folder):
    theirs = write_journal(owner_folder(tmp_path, THEIRS), "another")
    write_journal(folder)
    archive = Archive(folder)
    forged = [
        theirs.stem,
        f"../{theirs.parent.name}/{theirs.stem}",
        str(theirs),
        theirs.name,
        "",
        "*",
        None,
        7,
        ["x"],
        "..",
        f"{theirs.stem}\n",
    ]
    for name in forged:
        for action in (archive.path, archive.finished, archive.delete):
            with pytest.raises(ValueError, match=r"^This session no longer exists; open the list again.$"):
                action(name)
    assert theirs.exists() and len(archive.entries()) == 1


@pytest.mark.parametrize("owner", ["", "..", "A" * 31, "A" * 33, "A" * 31 + "/", "A" * 32 + "\n", "ä" * 32])
def test_what_is_no_owners_id_has_no_folder(tmp_path, owner):
    assert owner_folder(tmp_path, owner) is None and Archive(None).entries() == []


def test_the_folder_of_an_owner_does_not_tell_his_id_and_is_his_alone(tmp_path, folder):
    write_journal(folder)
    assert MINE not in str(folder) and folder.parent == tmp_path and folder != owner_folder(tmp_path, THEIRS)
    assert folder.stat().st_mode & 0o777 == 0o700
