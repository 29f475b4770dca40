"""Subcommands: the list of them, one line for a mistake, and a module that is imported only when its command is given.

Run: python -m pytest tests/streamo_app/cli/test_dispatch.py
"""

import signal
import sys
import types

import pytest

from streamo_app.dispatch import Command, Program, exit_status

PROGRAM = Program(
    "python -m toy",
    {"say": Command("toy_say", "repeat a word", "WORD"), "say twice": Command("toy_missing", "repeat it again")},
    about="A toy.",
)


@pytest.fixture
def toy(monkeypatch):
    """The module of `say`; the one of `say twice` cannot be imported."""
    module = types.ModuleType("toy_say")
    module.add_arguments = lambda parser: parser.add_argument("word")
    module.run = lambda args: len(args.word)
    monkeypatch.setitem(sys.modules, "toy_say", module)


@pytest.mark.usefixtures("toy")
def test_a_command_gets_its_arguments_and_returns_its_status():
    assert PROGRAM.run(["say", "hello"]) == 5
    with pytest.raises(ValueError, match=r"required: word \(see python -m toy say --help\)"):
        PROGRAM.run(["say"])


def test_the_module_of_a_command_is_imported_only_then_and_longer_names_come_first():
    with pytest.raises(ModuleNotFoundError, match="toy_missing"):
        PROGRAM.run(["say", "twice"])


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        ([], "A command is missing; take one of say WORD, say twice."),
        (["sing"], "'sing' is not a command; take one of say WORD, say twice."),
    ],
)
def test_a_missing_or_unknown_command_is_told_which_there_are(argv, sentence):
    with pytest.raises(ValueError) as mistake:
        PROGRAM.run(argv)
    assert str(mistake.value) == sentence


def test_help_lists_the_commands(capsys):
    assert PROGRAM.run(["--help"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "A toy.",
        "",
        "usage: python -m toy COMMAND ...",
        "",
        "  say WORD   repeat a word",
        "  say twice  repeat it again",
        "",
        "python -m toy COMMAND --help lists the options of a command.",
    ]


def raises(error: BaseException):
    def work() -> int:
        raise error

    return work


def test_a_mistake_of_the_user_is_one_line_on_stderr_and_status_2(capsys):
    assert exit_status(raises(ValueError("There is no\n  such file.")), name="streamo") == 2
    assert exit_status(raises(ValueError("Unnamed."))) == 2
    assert capsys.readouterr() == ("", "streamo: There is no such file.\nUnnamed.\n")


def test_signals_and_a_reader_who_left_end_as_a_shell_expects(capsys):
    assert exit_status(raises(KeyboardInterrupt())) == 130
    assert exit_status(raises(KeyboardInterrupt(signal.SIGTERM))) == 143
    assert exit_status(raises(BrokenPipeError())) == 0
    assert capsys.readouterr() == ("", "")
