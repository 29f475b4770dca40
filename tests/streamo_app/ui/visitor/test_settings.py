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
from streamo_app.ui.visitor.messages import PageState
from streamo_app.ui.visitor.samples import load_clips
from streamo_app.ui.visitor.sources import tabs
from streamo_app.ui.visitor.visitors import Visitors
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
def open_visitors(engine):
    made = []

    def make(**config) -> Visitors:
        made.append(Visitors(engine, AppConfig(**config), load_clips()))
        return made[-1]

    yield make
    for visitors in made:
        visitors.stop()


def act(visitor, do, **what):
    return visitor.handle({"do": do, **what}, PageState())


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


def test_fps_and_window_apply_from_the_next_start(open_visitors):
    visitor = open_visitors().open_tab("")
    view = act(visitor, "settings", fps=2, window=30)
    assert (view["control"]["fps"], view["control"]["window"], view["message"]) == (2, 30, "")
    act(visitor, "start", choice="webcam")
    assert (visitor.session.snapshot().fps, visitor.session.snapshot().window) == (2, 30)


@pytest.mark.parametrize(
    ("sent", "sentence"),
    [
        ({"fps": 3, "window": 60}, "Choose 1 or 2 frames per second."),
        ({"fps": "1", "window": 60}, "Choose 1 or 2 frames per second."),
        ({"fps": [], "window": 60}, "Choose 1 or 2 frames per second."),
        (
            {"fps": 1, "window": 121},
            "It can remember 5 to 120 s (up to 600 s if you allow more than it was trained on).",
        ),
        ({"fps": 1, "window": 601, "longer": True}, "It can remember 5 to 600 s."),
        ({"fps": 1, "window": 0}, "It can remember 5 to 120 s (up to 600 s if you allow more than it was trained on)."),
        ({"fps": 1}, "It can remember 5 to 120 s (up to 600 s if you allow more than it was trained on)."),
    ],
)
def test_settings_that_are_not_possible_change_nothing(open_visitors, sent, sentence):
    view = act(open_visitors().open_tab(""), "settings", **sent)
    assert view["message"] == sentence and (view["control"]["fps"], view["control"]["window"]) == (1, 120)


def test_a_window_beyond_the_models_training_needs_consent_and_is_never_given_to_strangers(open_visitors):
    assert act(open_visitors().open_tab(""), "settings", fps=1, window=300, longer=True)["control"]["window"] == 300
    assert (
        act(open_visitors(host="0.0.0.0").open_tab(""), "settings", fps=1, window=300, longer=True)["message"]
        == "It can remember 5 to 120 s."
    )


# Pause and restart


def test_a_webcam_is_paused_by_the_server_and_goes_on(open_visitors):
    visitor = open_visitors().open_tab("")
    assert act(visitor, "pause")["message"] == "Nothing is running; press Start first."
    act(visitor, "start", choice="webcam")
    visitor.frame(np.zeros((9, 16, 3), np.uint8))
    until(lambda: visitor.session.snapshot().decided)
    assert act(visitor, "pause")["control"] | {"switch": None, "model": None} == {
        "paused": True, "holds": True, "fps": 1, "window": 120, "address": "", "switch": None, "model": None,
    }  # fmt: skip
    assert not act(visitor, "resume")["control"]["paused"]


def test_a_restart_asks_the_same_instructions_in_fresh_lanes_from_the_chosen_second_on(open_visitors):
    visitor = open_visitors().open_tab("")
    act(visitor, "ask", text="Say something.")
    act(visitor, "start", choice="samples", clip="midday", how="decode")
    until(lambda: visitor.session.snapshot().decided)
    view = act(visitor, "start", choice="samples", clip="midday", how="decode", **{"from": 20.4})
    assert view["run"] == 2 and [lane["text"] for lane in view["lanes"]] == ["Say something."]
    until(lambda: visitor.session.snapshot().decided)
    assert [row.second for row in visitor.session.snapshot().rows if row.kind == "asked"] == [
        20
    ] and visitor.session.snapshot().skipped == 0


# Addresses and cameras


@pytest.mark.slow
def test_a_camera_on_the_network_is_watched_and_its_password_is_seen_nowhere(
    open_visitors, camera_address, tmp_path, caplog
):
    visitor = open_visitors(journal_dir=tmp_path).open_tab("", owner="o" * 32)
    act(visitor, "start", choice="address", address=f"  {camera_address} ")
    until(lambda: visitor.session.snapshot().decided >= 2)
    view = visitor.view(PageState())
    assert (
        view["status"] == "running"
        and view["show"] == "preview"
        and view["preview"].startswith("data:image/jpeg;base64,")
    )
    title = shown_as(camera_address)
    assert view["control"]["address"] == view["source"] == title
    act(visitor, "stop")
    assert act(visitor, "start", choice="address", address="")["status"] == "running", "the same address again"
    act(visitor, "stop")
    kept = "".join(path.read_text() for path in tmp_path.rglob("*") if path.is_file())
    assert title in kept
    assert "sesame" not in kept + json.dumps(visitor.view(PageState())) + caplog.text + visitor.session.export("md")


def test_a_dead_address_is_one_sentence_without_its_password(open_visitors, caplog):
    visitor = open_visitors().open_tab("")
    act(visitor, "start", choice="address", address=SECRET)
    assert visitor.session.wait(WAIT_S)
    view = visitor.view(PageState())
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
        ("http://a b/c", "That is not an address"),
        ("http://a/\nb", "That is not an address"),
        ("http://" + "a" * 3000, "That is not an address"),
        ("http://ana:sesame@[::1/x", "malformed"),
    ],
)
def test_what_is_no_address_of_a_stream_is_refused_before_anything_is_opened(open_visitors, address, sentence):
    view = act(open_visitors().open_tab(""), "start", choice="address", address=address)
    assert view["status"] == "idle" and sentence in view["message"] and "sesame" not in view["message"]


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"host": "0.0.0.0"}, "--allow-urls"),
        ({"share": True}, "--allow-urls"),
        ({"on_space": True, "allow_urls": True}, "a Space opens none"),
    ],
)
def test_a_stranger_cannot_make_the_server_open_an_address_whatever_their_page_sends(
    open_visitors, camera_address, config, words
):
    visitors = open_visitors(**config)
    view = act(visitors.open_tab(""), "start", choice="address", address=camera_address)
    assert view["status"] == "idle" and words in view["message"] and 'value="address"' not in tabs(visitors.config)
    assert 'value="address"' in tabs(AppConfig(host="0.0.0.0", allow_urls=True))


@pytest.mark.parametrize("sent", [-1, 64, "0", True, 0.5])
def test_a_camera_is_a_number(open_visitors, sent):
    assert (
        "Camera number must be between 0 and 63"
        in act(open_visitors().open_tab(""), "start", choice="camera", camera=sent)["message"]
    )


# Another model


@pytest.fixture
def small(tmp_path):
    save_pretrained(tiny.model(layers=1), tiny.tokenizer(), tmp_path / "small", Settings(name="small", window=40))
    return tmp_path / "small"


def loaded(visitor) -> dict:
    """The state of the switch once nothing is being loaded."""
    return until(lambda: (state := visitor.view(PageState())["control"]["switch"]) and not state["loading"] and state)


def test_another_model_takes_over_for_everybody_and_runs_under_way_end_with_a_sentence(open_visitors, small):
    visitors = open_visitors()
    mine, other = visitors.open_tab(""), visitors.open_tab("")
    act(other, "start", choice="webcam")
    act(mine, "settings", fps=1, window=110)
    before = weakref.ref(visitors.engine._model)
    assert act(mine, "model", kind="folder", name=str(small), quantize="none")["message"] == ""
    assert loaded(mine)["failure"] == ""
    view = other.view(PageState())
    assert (
        view["status"] == "ended"
        and view["rows"][-1]["text"]
        == "The model of this server was changed to small; press Start to continue with it."
    )
    assert view["numbers"][-1]["value"] == "small" and view["control"]["model"]["window"] == 40
    other.handle({"do": "start", "choice": "webcam"}, PageState())
    other.frame(np.zeros((56, 84, 3), np.uint8))
    until(lambda: other.session.snapshot().decided)
    assert other.session.stats()["lanes"][1]["kv_tokens"] > 0
    act(mine, "start", choice="webcam")
    assert mine.session.snapshot().window == 110, "longer than the new one's own, as it was asked for"
    assert visitors.open_tab("").session.info.name == "small"
    gc.collect()
    assert before() is None, "the old one's memory is free again"


def test_the_built_in_model_is_taken_by_its_name_and_from_a_folder_of_any_name(open_visitors, tmp_path):
    (tmp_path / "copy").symlink_to(BUILT_IN_FOLDER)
    visitor = open_visitors().open_tab("")
    for sent in ({"kind": "built in"}, {"kind": "folder", "name": str(tmp_path / "copy"), "quantize": "none"}):
        act(visitor, "model", **sent)
        assert (
            loaded(visitor)["failure"] == ""
            and visitor.session.info.name == "streamo-tiny"
            and visitor.session.info.window == 120
        )


def test_a_model_that_cannot_be_loaded_is_a_sentence_and_the_old_one_goes_on(open_visitors, tmp_path):
    save_pretrained(tiny.model(layers=1), tiny.tokenizer(), tmp_path / "plain", Settings())
    tiny.tokenizer(without=("</Silence>", "</Standby>", "</Response>")).save_pretrained(tmp_path / "plain")
    visitor = open_visitors().open_tab("")
    act(visitor, "start", choice="webcam")
    for name, sentence in (
        (str(tmp_path), "holds no config.json"),
        (str(tmp_path / "none"), "There is no model folder"),
        (str(tmp_path / "plain"), "</Silence>"),
    ):
        act(visitor, "model", kind="folder", name=name)
        assert sentence in loaded(visitor)["failure"]
    act(visitor, "model", kind="hub", name="nobody/nothing")
    assert "could not be fetched from the hub" in loaded(visitor)["failure"]
    assert visitor.session.status == "running" and visitor.session.info.name == "lamp"


@pytest.mark.parametrize(
    ("sent", "sentence"),
    [
        ({"kind": "folder", "name": ""}, "Type a model folder"),
        ({"kind": "zip", "name": "a"}, "Type a model folder"),
        ({"kind": "folder", "name": "a\nb"}, "Type a model folder"),
        ({"kind": "hub", "name": "/etc"}, "A hub id has the form owner/name"),
        ({"kind": "hub", "name": "../x"}, "A hub id has the form owner/name"),
        ({"kind": "built in", "quantize": "2bit"}, "Quantization must be one of 4bit, 8bit, none."),
    ],
)
def test_an_impossible_model_request_loads_nothing(open_visitors, sent, sentence):
    view = act(open_visitors().open_tab(""), "model", **sent)
    assert sentence in view["message"] and not view["control"]["switch"]["loading"]


@pytest.mark.parametrize("config", [{"host": "0.0.0.0"}, {"share": True}, {"on_space": True, "allow_models": True}])
def test_a_stranger_cannot_change_the_model(open_visitors, config):
    view = act(open_visitors(**config).open_tab(""), "model", kind="built in")
    assert ("a Space keeps its own" if config.get("on_space") else "--allow-models") in view["message"] and not view[
        "control"
    ]["switch"]["loading"]
