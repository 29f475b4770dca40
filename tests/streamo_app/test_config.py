"""How the page is started: what the command line means, what it refuses, and who may use this machine's camera and
network.

Run: python -m pytest tests/streamo_app/test_config.py
"""

from pathlib import Path

import pytest

from streamo_app.config import AppConfig, is_loopback


def config(*argv: str, **environ: str) -> AppConfig:
    return AppConfig.from_args(argv, environ)


def test_without_arguments_the_page_is_for_this_machine_with_the_built_in_model():
    made = config(XDG_DATA_HOME="/data")
    assert (made.model, made.quantize, made.host, made.port, made.auth, made.share) == (
        "streamo-tiny",
        None,
        "127.0.0.1",
        7860,
        None,
        False,
    )
    assert made.journal_dir == Path("/data/streamo/journals") and made.keep_journals


def test_every_option_arrives():
    made = config(
        "--model",
        "m",
        "--quantize",
        "8bit",
        "--host",
        "0.0.0.0",
        "--port",
        "81",
        "--auth",
        "bob:p:w",
        "--share",
        "--allow-camera",
    )
    assert (made.model, made.quantize, made.host, made.port, made.auth, made.share) == (
        "m",
        "8bit",
        "0.0.0.0",
        81,
        ("bob", "p:w"),
        True,
    )
    assert made.allow_camera


@pytest.mark.parametrize(
    ("argv", "camera"),
    [
        ([], True),
        (["--host", "localhost"], True),
        (["--host", "0.0.0.0"], False),
        (["--host", "192.168.1.5"], False),
        (["--share"], False),
        (["--host", "0.0.0.0", "--allow-camera"], True),
    ],
)
def test_cameras_of_the_machine_are_off_where_strangers_can_come_unless_allowed(argv, camera):
    assert config(*argv).camera_allowed is camera


@pytest.mark.parametrize(
    ("argv", "urls", "models"),
    [
        ([], True, True),
        (["--host", "0.0.0.0"], False, False),
        (["--share"], False, False),
        (["--host", "0.0.0.0", "--allow-urls"], True, False),
        (["--host", "0.0.0.0", "--allow-models"], False, True),
        (["--host", "0.0.0.0", "--allow-camera"], False, False),
    ],
)
def test_addresses_and_other_models_follow_the_rule_of_the_cameras_each_by_its_own_flag(argv, urls, models):
    made = config(*argv)
    assert (made.urls_allowed, made.models_allowed) == (urls, models)


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("[::1]", True),
        ("LOCALHOST", True),
        ("0.0.0.0", False),
        ("::", False),
        ("example.com", False),
    ],
)
def test_only_addresses_that_nobody_else_reaches_are_loopback(host, loopback):
    assert is_loopback(host) is loopback


def test_https_of_our_own_is_kept_in_the_data_folder_and_not_needed_beside_a_shared_link():
    assert config().https_dir is None
    assert config("--ssl-self-signed", XDG_DATA_HOME="/data").https_dir == Path("/data/streamo/https")
    with pytest.raises(ValueError, match="leave out --share or --ssl-self-signed"):
        config("--ssl-self-signed", "--share")


def test_a_space_listens_everywhere_keeps_no_journal_and_opens_no_camera():
    made = config(SPACE_ID="someone/streamo")
    assert (made.host, made.keep_journals, made.camera_allowed) == ("0.0.0.0", False, False)


@pytest.mark.parametrize("argv", [(), ("--allow-camera", "--allow-urls", "--allow-models"), ("--host", "127.0.0.1")])
def test_a_space_opens_no_camera_no_address_and_no_other_model_whatever_is_asked(argv):
    made = config(*argv, SPACE_ID="someone/streamo")
    assert (made.camera_allowed, made.urls_allowed, made.models_allowed) == (False, False, False)


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        (["--port", "0"], "port is 0; choose one from 1 to 65535"),
        (["--port", "x"], "argument --port: invalid int value"),
        (["--auth", "bob"], "--auth needs USER:PASSWORD"),
        (["--auth", ":pw"], "--auth needs USER:PASSWORD"),
        (["--quantize", "2bit"], "argument --quantize: invalid choice"),
        (["--host", ""], "must not be empty"),
        (["--unknown"], "unrecognized arguments: --unknown"),
    ],
)
def test_a_bad_command_line_is_one_sentence(argv, sentence):
    with pytest.raises(ValueError, match=sentence):
        config(*argv)


@pytest.mark.parametrize(
    ("field", "value"), [("quantize", "2bit"), ("seats", 0), ("max_lanes", 9), ("max_lanes", 0), ("port", 70000)]
)
def test_an_impossible_field_is_named(field, value):
    with pytest.raises(ValueError, match=field):
        AppConfig(**{field: value})


def test_a_password_is_not_printed():
    assert "secret" not in repr(AppConfig(auth=("bob", "secret")))
