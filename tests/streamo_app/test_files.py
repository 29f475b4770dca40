"""Files are whole or not there."""

import pytest

from streamo_app.files import atomic_write, write_json


def test_what_was_written_takes_the_name_at_the_end(tmp_path):
    path = tmp_path / "curve.png"
    with atomic_write(path) as beside:
        beside.write_text("new")
        assert not path.exists() and beside.suffix == ".png"
    assert path.read_text() == "new" and [item.name for item in tmp_path.iterdir()] == ["curve.png"]


def test_an_error_leaves_what_was_there_and_nothing_beside_it(tmp_path):
    path = tmp_path / "numbers.txt"
    path.write_text("old")
    with pytest.raises(OSError), atomic_write(path) as beside:
        beside.write_text("ha")
        raise OSError("no space left")
    assert path.read_text() == "old" and [item.name for item in tmp_path.iterdir()] == ["numbers.txt"]


def test_a_number_that_json_does_not_know_is_refused_and_nothing_is_left(tmp_path):
    with pytest.raises(ValueError):
        write_json(tmp_path / "loss.json", {"loss": float("nan")})
    assert not list(tmp_path.iterdir())
