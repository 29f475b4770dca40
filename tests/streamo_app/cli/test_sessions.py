"""`python -m streamo_app sessions`, what `watch --keep` leaves for it, and the live view in a real terminal beside a
file.

Run: python -m pytest tests/streamo_app/cli/test_sessions.py
"""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from streamo_app.cli.main import main
from streamo_app.transcript.archive import owner_folder
from streamo_app.transcript.journal import Journal
from tests.support.clips import write
from tests.support.journals import write_journal

ROOT = Path(__file__).resolve().parents[3]
MINE, THEIRS = "A" * 32, "B" * 32


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    return tmp_path / "streamo" / "journals"


def sessions(capsys, *args) -> tuple[int, str, str]:
    status = main(["sessions", *map(str, args)])
    return status, *capsys.readouterr()


def test_the_list_has_every_session_of_the_machine_newest_first_and_broken_ones_with_a_word(capsys, folder):
    assert sessions(capsys)[1].startswith("No sessions are kept on this machine")
    write_journal(owner_folder(folder, MINE), "one", started="2026-11-24T12:00:00+00:00")
    write_journal(owner_folder(folder, THEIRS), "two", source="a\x1b[2J.webm")
    write_journal(owner_folder(folder, THEIRS), "three", started="2026-11-20T12:00:00+00:00").write_bytes(b"")
    status, out, err = sessions(capsys)
    heads = [line for line in out.splitlines() if re.match(r"[0-9a-f]{8}-0001  2026-", line)]
    assert (status, err, len(heads)) == (0, "", 3) and "\x1b" not in out
    assert sum("00:08, 1 response  " in line for line in heads) == 2 and sum("  empty  " in line for line in heads) == 1
    assert "a [2J.webm" in heads[0] + heads[1] and out.count('Count "state": "response" cars. (and 1 more)') == 2


def test_one_is_shown_exported_and_deleted(capsys, folder, tmp_path):
    path = write_journal(owner_folder(folder, MINE))
    name = path.stem[:8] + "-0001"
    shown = sessions(capsys, "show", name)[1].splitlines()
    assert shown[1:] == [
        '00:00 [1] asked: Count "state": "response" cars.',
        "00:02 [2] asked: And dogs.",
        "00:03 [1] asked: Only red ones.",
        '00:07 [1] A "state": "response" car.',
        "00:08 Stopped.",
    ]
    srt = '1\n00:00:07,000 --> 00:00:10,000\nA "state": "response" car.\n'
    assert sessions(capsys, "export", path.stem, "--format", "srt") == (0, srt, "")
    assert sessions(capsys, "export", name, "--format", "srt", "--out", tmp_path / "a.srt") == (0, "", "")
    assert (tmp_path / "a.srt").read_text() == srt and not list(tmp_path.glob("*.part*"))
    assert sessions(capsys, "delete", name) == (0, f"Deleted {name}.\n", "") and not path.exists()


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        (["show"], "show needs an ID"),
        (["show", "../../etc/passwd"], "names no session"),
        (["show", "*"], "names no session"),
        (["delete", ""], "needs an ID"),
        (["export", "ID"], "export needs a --format"),
        (["export", "ID", "--format", "doc"], "invalid choice"),
        (["show", "ID", "--format", "srt"], "belong to"),
        (["export", "ID", "--format", "srt", "--out", "/"], "/ is a folder"),
        (["export", "ID", "--format", "srt", "--out", "/nowhere/x"], "cannot be written"),
        (["wipe"], "invalid choice"),
        (["show", "BROKEN"], "cannot be read: empty"),
        (["delete", "RUNNING"], "still running"),
    ],
)
def test_whatever_is_wrong_is_one_line_and_status_2(capsys, folder, args, sentence):
    mine = owner_folder(folder, MINE)
    broken = write_journal(mine, "broken")
    broken.write_bytes(b"")
    running = Journal(mine / f"{'e' * 16}-0001.jsonl", source="x")
    names = {"ID": write_journal(mine).stem, "BROKEN": broken.stem, "RUNNING": running.path.stem}
    status, out, err = sessions(capsys, *(names.get(arg, arg) for arg in args))
    running.close()
    assert (status, out) == (2, "") and sentence in err and err.count("\n") == 1 and running.path.exists()


WATCH = """
import sys
from streamo_app.cli.main import main
from streamo_app.models import loading
from tests.support.live import LiveModel
said = {2: "", 3: "A red car appears."}
loading.load_model = lambda name, **options: LiveModel(lambda second, asked: said.get(second))
sys.exit(main(["watch", *sys.argv[1:]]))
"""


def screen(drawn: str, columns: int = 80) -> list[str]:
    """What a terminal shows of `drawn`: lines, carriage returns, cursor up, erased lines; colours are left out."""
    lines, row, column = [""], 0, 0
    for part in re.findall(r"\x1b\[[?0-9;]*[A-Za-z]|\r|\n|[^\x1b\r\n]+", drawn):
        if part.startswith("\x1b"):
            count = int(re.sub(r"\D", "", part) or 1)
            if part[-1] == "A":
                row = max(0, row - count)
            elif part[-1] == "K":
                lines[row] = "" if count == 2 else lines[row][:column]
        elif part == "\r":
            column = 0
        elif part == "\n":
            row, column = row + 1, 0
            lines += [""] * (row + 1 - len(lines))
        else:
            assert column + len(part) <= columns, f"too wide: {part!r}"
            lines[row] = lines[row][:column].ljust(column) + part + lines[row][column + len(part) :]
            column += len(part)
    return lines


def in_terminal(*args, **environment) -> tuple[int, list[str]]:
    """(exit status, the screen at the end) of `watch` in a terminal of 80 columns."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    command = [sys.executable, "-c", WATCH, *map(str, args)]
    variables = {**os.environ, "TERM": "xterm-256color", "PYTHONIOENCODING": "utf-8", **environment}
    process = subprocess.Popen(command, cwd=ROOT, stdin=theirs, stdout=theirs, stderr=theirs, env=variables)
    os.close(theirs)
    drawn = b""
    while True:
        try:
            part = os.read(ours, 4096)
        except OSError:  # a terminal whose programs have gone
            break
        if not part:
            break
        drawn += part
    os.close(ours)
    return process.wait(60), screen(drawn.decode())


@pytest.mark.slow
def test_in_a_terminal_the_live_view_goes_on_while_a_file_is_written_and_the_session_is_kept(capsys, folder, tmp_path):
    clip = write(tmp_path / "clip.webm", 10, 50)
    out = tmp_path / "said.srt"
    status, lines = in_terminal(
        clip,
        "--ask",
        "Red cars",
        "--ask",
        "1:" + "Dogs " * 40,
        "--format",
        "srt",
        "--out",
        out,
        "--keep",
        XDG_DATA_HOME=str(tmp_path),
    )
    text = "\n".join(lines)
    assert status == 0 and out.read_text().count("A red car appears.") == 2 and not list(tmp_path.glob("*.part*"))
    assert "00:03 1 A red car appears." in text and "00:03 2 A red car appears." in text
    head = next(at for at, line in enumerate(lines) if line.startswith("-- clip.webm ---"))
    first, strip, second, late, axis, numbers = [line.rstrip() for line in lines[head + 1 : head + 7]]
    assert first.startswith("1 Red cars  ") and first.endswith("silence 0.90 0.06 0.04") and len(first) <= 80
    assert (strip, late) == ("  ··▄█·", "   ·▄█·") and second.startswith("2 Dogs Dogs") and "..." in second
    assert (
        axis.startswith("  00:00 ")
        and axis.endswith("00:05")
        and "· silence  ▄ standby  █ response" in axis
        and "skipped" in numbers
    )
    assert "Red cars (and 1 more)" in sessions(capsys)[1]


@pytest.mark.parametrize("form", ["jsonl", "md"])
def test_a_file_is_whole_at_any_moment_while_it_is_watched(tmp_path, form):
    from streamo_app.cli.output_file import open_file
    from streamo_app.events import Decided
    from streamo_app.protocol import State

    out = tmp_path / "said"
    out.write_text("from before")

    class Said:
        def export(self, form):
            return "# all of it\n"

    with open_file(form, out, notices=True) as output:
        output.tick(Said())
        assert out.read_text() == "from before"
        output.event(Decided(0, 1, State.RESPONSE, "Green.", (0.0, 0.0, 1.0), 1.0))
        output.tick(Said())
        assert out.read_text().endswith("\n") and "from before" not in out.read_text()
    assert os.listdir(tmp_path) == ["said"]
