"""Private folders of a process: its own while it lives, deleted after it.

Run: python -m pytest tests/streamo_app/test_scratch.py
"""

import os

from streamo_app.scratch import PREFIX, Scratch


def test_private_folders_go_with_the_process_also_with_one_that_was_killed(tmp_path):
    scratch, killed = Scratch(tmp_path), tmp_path / f"{PREFIX}killed"
    killed.mkdir()
    (killed / "lock").touch()
    (killed / "kept.webm").touch()
    assert killed.exists() and len(list(tmp_path.iterdir())) == 1
    one, two = scratch.folder(), scratch.folder()
    assert (
        one != two
        and not killed.exists()
        and one.stat().st_mode & 0o777 == 0o700
        and one.parent.stat().st_mode & 0o777 == 0o700
    )
    other = Scratch(tmp_path)
    other.folder()
    assert one.exists(), "a living process keeps its own"
    scratch.close()
    scratch.close()
    other.close()
    assert not os.listdir(tmp_path)
