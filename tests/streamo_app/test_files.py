"""Output files are complete or not there.

Run: python -m pytest tests/streamo_app/test_files.py
"""

import stat

import pytest

from streamo_app.files import atomic_write, writable, write_bytes, write_json


def test_what_was_written_takes_the_name_at_the_end(tmp_path):
    path = tmp_path / "curve.png"
    with atomic_write(path) as tmp:
        tmp.write_text("new")
        assert not path.exists() and tmp.suffix == ".png"
    assert path.read_text() == "new" and [item.name for item in tmp_path.iterdir()] == ["curve.png"]


def test_an_error_leaves_what_was_there_and_nothing_beside_it(tmp_path):
    path = tmp_path / "numbers.txt"
    path.write_text("old")
    with pytest.raises(OSError), atomic_write(path) as tmp:
        tmp.write_text("ha")
        raise OSError("no space left")
    assert path.read_text() == "old" and [item.name for item in tmp_path.iterdir()] == ["numbers.txt"]


def test_a_number_that_json_does_not_know_is_refused_and_nothing_is_left(tmp_path):
    with pytest.raises(ValueError):
        write_json(tmp_path / "loss.json", {"loss": float("nan")})
    assert not list(tmp_path.iterdir())


def test_a_secret_is_its_owners_alone_from_the_first_byte(tmp_path):
    with atomic_write(tmp_path / "key.pem", mode=0o600) as tmp:
        assert stat.S_IMODE(tmp.stat().st_mode) == 0o600
        tmp.write_bytes(b"secret")
    write_bytes(tmp_path / "other.pem", b"secret", mode=0o600)
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}
    assert {path.read_bytes() for path in tmp_path.iterdir()} == {b"secret"}


def test_an_output_path_is_refused_where_it_is_a_folder_or_has_none(tmp_path):
    assert writable(str(tmp_path / "out.json")) == tmp_path / "out.json"
    with pytest.raises(ValueError, match="is a folder; name a file to write"):
        writable(tmp_path)
    with pytest.raises(ValueError, match="does not exist; create it, or write elsewhere"):
        writable(tmp_path / "nowhere" / "out.json")
