"""What a page may set and open, checked on the server: settings, sources, addresses, another model. No browser.

Run: python -m pytest tests/streamo_app/ui/visitor/test_settings.py
"""

import gc
import json
import threading
import weakref

import numpy as np
import pytest

from streamo_app.config import AppConfig
from streamo_app.models.engine import Engine
from streamo_app.models.loading import BUILT_IN_FOLDER, save_pretrained
from streamo_app.models.settings import Settings
from streamo_app.ui.page import tabs
from streamo_app.ui.visitor.samples import load_clips
from streamo_app.ui.visitor.visitor import PageState
from streamo_app.ui.visitor.visitors import Visitors
from streamo_app.video.camera import list_cameras
from tests.support import tiny
from tests.support.fakecam import street
from tests.support.lamp_model import LampModel
from tests.support.netcam import network_camera, shown_as

WAIT_S = 30
SECRET = "rtsp://ana:sesame@127.0.0.1:9/yard?token=sesame"


@pytest.fixture
def engine():
    running = Engine(LampModel(street())).start()
    yield running
    running.stop()


@pytest.fixture
def open_desks(engine):
    made = []

    def make(**config) -> Visitors:
        made.append(Visitors(engine, AppConfig(**config), load_clips()))
        return made[-1]

    yield make
    for desks in made:
        desks.stop()


def act(desk, do, **what):
    return desk.act({"do": do, **what}, PageState())


def until(happened):
    for _ in range(WAIT_S * 20):
        if found := happened():
            return found
        threading.Event().wait(0.05)
    raise AssertionError(f"waited {WAIT_S} s in vain")


@pytest.fixture
def camera_address():
    with network_camera() as address:
        yield address


# Settings


def test_fps_and_window_count_from_the_next_start_on(open_desks):
    desk = open_desks().sit("")
    view = act(desk, "settings", fps=2, window=30)
    assert (view["control"]["fps"], view["control"]["window"], view["message"]) == (2, 30, "")
    act(desk, "start", choice="webcam")
    assert (desk.session.snapshot().fps, desk.session.snapshot().window) == (2, 30)


@pytest.mark.parametrize(
    ("sent", "sentence"),
    [
        ({"fps": 3, "window": 60}, "One or two pictures a second are possible."),
        ({"fps": "1", "window": 60}, "One or two pictures a second are possible."),
        ({"fps": [], "window": 60}, "One or two pictures a second are possible."),
        ({"fps": 1, "window": 121}, "It can remember 5 to 120 s (to 600 s if you allow more than it learnt)."),
        ({"fps": 1, "window": 601, "longer": True}, "It can remember 5 to 600 s."),
        ({"fps": 1, "window": 0}, "It can remember 5 to 120 s (to 600 s if you allow more than it learnt)."),
        ({"fps": 1}, "It can remember 5 to 120 s (to 600 s if you allow more than it learnt)."),
    ],
)
def test_settings_that_are_not_possible_change_nothing(open_desks, sent, sentence):
    view = act(open_desks().sit(""), "settings", **sent)
    assert view["message"] == sentence and (view["control"]["fps"], view["control"]["window"]) == (1, 120)


def test_more_than_the_model_learnt_is_remembered_only_when_allowed_knowingly_and_never_for_strangers(open_desks):
    assert act(open_desks().sit(""), "settings", fps=1, window=300, longer=True)["control"]["window"] == 300
    assert (
        act(open_desks(host="0.0.0.0").sit(""), "settings", fps=1, window=300, longer=True)["message"]
        == "It can remember 5 to 120 s."
    )


# Pause and restart


def test_a_webcam_is_paused_by_the_server_and_goes_on(open_desks):
    desk = open_desks().sit("")
    assert act(desk, "pause")["message"] == "Nothing is running; press Start first."
    act(desk, "start", choice="webcam")
    desk.frame(np.zeros((9, 16, 3), np.uint8))
    until(lambda: desk.session.snapshot().decided)
    assert act(desk, "pause")["control"] | {"switch": None, "model": None} == {
        "paused": True, "holds": True, "fps": 1, "window": 120, "address": "", "switch": None, "model": None,
    }  # fmt: skip
    assert not act(desk, "resume")["control"]["paused"]


def test_a_restart_opens_fresh_lanes_with_what_stands_from_the_second_on_that_was_asked_for(open_desks):
    desk = open_desks().sit("")
    act(desk, "ask", text="Say something.")
    act(desk, "start", choice="samples", clip="midday", how="decode")
    until(lambda: desk.session.snapshot().decided)
    view = act(desk, "start", choice="samples", clip="midday", how="decode", **{"from": 20.4})
    assert view["run"] == 2 and [lane["text"] for lane in view["lanes"]] == ["Say something."]
    until(lambda: desk.session.snapshot().decided)
    assert [row.second for row in desk.session.snapshot().rows if row.kind == "asked"] == [
        20
    ] and desk.session.snapshot().skipped == 0


# Addresses and cameras


def test_a_camera_on_the_network_is_watched_and_its_password_is_seen_nowhere(
    open_desks, camera_address, tmp_path, caplog
):
    desk = open_desks(journal_dir=tmp_path).sit("", owner="o" * 32)
    act(desk, "start", choice="address", address=f"  {camera_address} ")
    until(lambda: desk.session.snapshot().decided >= 2)
    view = desk.look(PageState())
    assert (
        view["status"] == "running"
        and view["show"] == "preview"
        and view["preview"].startswith("data:image/jpeg;base64,")
    )
    title = shown_as(camera_address)
    assert view["control"]["address"] == view["source"] == title
    act(desk, "stop")
    assert act(desk, "start", choice="address", address="")["status"] == "running", "the same address again"
    act(desk, "stop")
    kept = "".join(path.read_text() for path in tmp_path.rglob("*") if path.is_file())
    assert title in kept
    assert "sesame" not in kept + json.dumps(desk.look(PageState())) + caplog.text + desk.session.export("md")


def test_a_dead_address_is_one_sentence_without_its_password(open_desks, caplog):
    desk = open_desks().sit("")
    act(desk, "start", choice="address", address=SECRET)
    assert desk.session.wait(WAIT_S)
    view = desk.look(PageState())
    assert view["status"] == "failed" and view["message"].startswith("rtsp://127.0.0.1:9/yard ")
    assert "sesame" not in json.dumps(view) + caplog.text


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("", "Type the address of a stream"),
        (None, "Type the address of a stream"),
        ("/etc/passwd", "Type the address of a stream"),
        ("camera:0", "Type the address of a stream"),
        ("file:///etc/passwd", "'file://' addresses are not supported"),
        ("concat:http://a|/etc/passwd", "'concat://' addresses"),
        ("http:///nowhere", "has no host"),
        ("http://a b/c", "That is no address"),
        ("http://a/\nb", "That is no address"),
        ("http://" + "a" * 3000, "That is no address"),
        ("http://ana:sesame@[::1/x", "malformed"),
    ],
)
def test_what_is_no_address_of_a_stream_is_refused_before_anything_is_opened(open_desks, address, sentence):
    view = act(open_desks().sit(""), "start", choice="address", address=address)
    assert view["status"] == "idle" and sentence in view["message"] and "sesame" not in view["message"]


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"host": "0.0.0.0"}, "--allow-urls"),
        ({"share": True}, "--allow-urls"),
        ({"on_space": True, "allow_urls": True}, "a Space opens none"),
    ],
)
def test_a_stranger_cannot_make_the_server_open_an_address_whatever_his_page_sends(
    open_desks, camera_address, config, words
):
    desks = open_desks(**config)
    view = act(desks.sit(""), "start", choice="address", address=camera_address)
    assert view["status"] == "idle" and words in view["message"] and 'value="address"' not in tabs(desks.config)
    assert 'value="address"' in tabs(AppConfig(host="0.0.0.0", allow_urls=True))


@pytest.mark.parametrize("sent", [-1, 64, "0", True, 0.5])
def test_a_camera_is_a_number(open_desks, sent):
    assert "There is no such camera" in act(open_desks().sit(""), "start", choice="camera", camera=sent)["message"]


def test_the_cameras_of_a_machine_are_those_that_give_pictures(tmp_path):
    for device, index, name in (
        ("video10", "0", "USB\n"),
        ("video2", "0", "HD"),
        ("video3", "1", "HD"),
        ("video4", "x", "?"),
        ("radio0", "0", "FM"),
    ):
        (tmp_path / device).mkdir()
        (tmp_path / device / "index").write_text(index)
        (tmp_path / device / "name").write_text(name)
    assert list_cameras(tmp_path) == ((2, "HD (2)"), (10, "USB (10)"))
    assert list_cameras(tmp_path / "none") == ((0, "Camera 0"),)


# Another model


@pytest.fixture
def small(tmp_path):
    save_pretrained(tiny.model(layers=1), tiny.tokenizer(), tmp_path / "small", Settings(name="small", window=40))
    return tmp_path / "small"


def loaded(desk) -> dict:
    """The state of the switch once nothing is being loaded."""
    return until(lambda: (state := desk.look(PageState())["control"]["switch"]) and not state["loading"] and state)


def test_another_model_takes_over_for_everybody_and_runs_under_way_end_with_a_sentence(open_desks, small):
    desks = open_desks()
    mine, other = desks.sit(""), desks.sit("")
    act(other, "start", choice="webcam")
    act(mine, "settings", fps=1, window=110)
    before = weakref.ref(desks.engine._model)
    assert act(mine, "model", kind="folder", name=str(small), quantize="none")["message"] == ""
    assert loaded(mine)["failure"] == ""
    view = other.look(PageState())
    assert (
        view["status"] == "ended"
        and view["rows"][-1]["text"] == "The model of this server was changed to small; press Start to go on with it."
    )
    assert view["numbers"][-1]["value"] == "small" and view["control"]["model"]["window"] == 40
    other.act({"do": "start", "choice": "webcam"}, PageState())
    other.frame(np.zeros((56, 84, 3), np.uint8))
    until(lambda: other.session.snapshot().decided)
    assert other.session.stats()["lanes"][1]["kv_tokens"] > 0
    act(mine, "start", choice="webcam")
    assert mine.session.snapshot().window == 110, "longer than the new one's own, as it was asked for"
    assert desks.sit("").session.info.name == "small"
    gc.collect()
    assert before() is None, "the old one's memory is free again"


def test_the_built_in_model_is_taken_by_its_name_and_from_a_folder_of_any_name(open_desks, tmp_path):
    (tmp_path / "copy").symlink_to(BUILT_IN_FOLDER)
    desk = open_desks().sit("")
    for sent in ({"kind": "built in"}, {"kind": "folder", "name": str(tmp_path / "copy"), "quantize": "none"}):
        act(desk, "model", **sent)
        assert (
            loaded(desk)["failure"] == ""
            and desk.session.info.name == "streamo-tiny"
            and desk.session.info.window == 120
        )


def test_a_model_that_cannot_be_loaded_is_a_sentence_and_the_old_one_goes_on(open_desks, tmp_path):
    save_pretrained(tiny.model(layers=1), tiny.tokenizer(), tmp_path / "plain", Settings())
    tiny.tokenizer(without=("</Silence>", "</Standby>", "</Response>")).save_pretrained(tmp_path / "plain")
    desk = open_desks().sit("")
    act(desk, "start", choice="webcam")
    for name, sentence in (
        (str(tmp_path), "holds no config.json"),
        (str(tmp_path / "none"), "There is no model folder"),
        (str(tmp_path / "plain"), "</Silence>"),
    ):
        act(desk, "model", kind="folder", name=name)
        assert sentence in loaded(desk)["failure"]
    act(desk, "model", kind="hub", name="nobody/nothing")
    assert "could not be fetched from the hub" in loaded(desk)["failure"]
    assert desk.session.status == "running" and desk.session.info.name == "lamp"


@pytest.mark.parametrize(
    ("sent", "sentence"),
    [
        ({"kind": "folder", "name": ""}, "Type the folder of a model"),
        ({"kind": "zip", "name": "a"}, "Type the folder of a model"),
        ({"kind": "folder", "name": "a\nb"}, "Type the folder of a model"),
        ({"kind": "hub", "name": "/etc"}, "A hub id is an owner and a name"),
        ({"kind": "hub", "name": "../x"}, "A hub id is an owner and a name"),
        ({"kind": "built in", "quantize": "2bit"}, "Weights can be loaded as 4bit, 8bit, none."),
    ],
)
def test_a_wish_for_a_model_that_makes_no_sense_loads_nothing(open_desks, sent, sentence):
    view = act(open_desks().sit(""), "model", **sent)
    assert sentence in view["message"] and not view["control"]["switch"]["loading"]


@pytest.mark.parametrize("config", [{"host": "0.0.0.0"}, {"share": True}, {"on_space": True, "allow_models": True}])
def test_a_stranger_cannot_change_the_model(open_desks, config):
    view = act(open_desks(**config).sit(""), "model", kind="built in")
    assert ("a Space keeps its own" if config.get("on_space") else "--allow-models") in view["message"] and not view[
        "control"
    ]["switch"]["loading"]
