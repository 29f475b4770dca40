"""A visitor's voice: what their browser sends, the machine's own microphone and loudspeaker (played by a
module of the same shape, since machines that test have neither), and who may use them.

Run: python -m pytest tests/streamo_app/ui/visitor/test_voice.py
"""

import base64
import sys
import threading
import types

import numpy as np
import pytest

from streamo_app.audio.decode import MAX_BYTES
from streamo_app.audio.microphone import LONGEST_S, RATE_HZ, MicrophoneRecording
from streamo_app.audio.recognizer import Speech
from streamo_app.config import AppConfig
from streamo_app.models.engine import Engine
from streamo_app.ui.visitor.messages import PageState
from streamo_app.ui.visitor.samples import load_clips
from streamo_app.ui.visitor.visitors import Visitors
from streamo_app.ui.visitor.voice import voice_settings
from tests.support.live import WAIT_S, LiveModel, LiveSource, ended
from tests.support.tiny_speech import recording, tone


class Card(types.ModuleType):
    """`sounddevice` of a machine with a microphone that hears what a test says, and a loudspeaker that counts."""

    PortAudioError = RuntimeError

    def __init__(self, kinds=("input", "output")):
        super().__init__("sounddevice")
        self.kinds, self.open, self.rung, self.ring = kinds, [], 0, threading.Event()

    def query_devices(self, kind):
        if kind not in self.kinds:
            raise ValueError("no such device")

    def play(self, samples, rate_hz):
        self.rung += 1
        self.ring.set()

    def InputStream(self, *, samplerate, channels, dtype, callback):
        assert (samplerate, channels, dtype) == (RATE_HZ, 1, "float32")
        card = self

        class Stream:
            def start(self):
                card.open.append(callback)

            def close(self):
                card.open.remove(callback)

        return Stream()

    def hear(self, samples: np.ndarray) -> None:
        buffer = np.zeros((1600, 1), np.float32)
        for at in range(0, len(samples), 1600):
            piece = samples[at : at + 1600]
            buffer[: len(piece), 0] = piece  # the same memory each time, as PortAudio does
            self.open[0](buffer[: len(piece)], len(piece), None, None)


@pytest.fixture
def card(monkeypatch):
    made = Card()
    monkeypatch.setitem(sys.modules, "sounddevice", made)
    return made


@pytest.fixture
def visitors():
    engine = Engine(LiveModel(lambda second, instructions: instructions[0])).start()
    made = Visitors(engine, AppConfig(), load_clips())
    made.speech = Speech("someone/model", lambda model: lambda samples: f"{len(samples) / RATE_HZ:.1f} seconds.")
    yield made
    made.stop()
    engine.stop()


def said(visitor, n: int) -> dict:
    """The view's voice once recording `n` is words, or is not."""
    _, spoken = visitor.voice._spoken
    assert spoken.over.wait(WAIT_S)
    voice = visitor.tick(PageState())["voice"]
    assert voice["n"] == n
    return voice


def test_a_recording_of_the_browser_comes_back_as_words_under_its_number(visitors):
    visitor = visitors.open_tab("")
    assert visitor.tick(PageState())["voice"] == {"n": 0, "state": "", "words": "", "listening": False, "chime": False}
    view = visitor.handle({"do": "say", "n": 7, "sound": base64.b64encode(recording(tone(2.0))).decode()}, PageState())
    assert view["message"] == "" and view["voice"]["n"] == 7
    assert said(visitor, 7) | {"words": ""} == {
        "n": 7,
        "state": "heard",
        "words": "",
        "listening": False,
        "chime": False,
    }
    assert said(visitor, 7)["words"] == "2.0 seconds."
    assert visitor.session.snapshot().lanes == ()


@pytest.mark.parametrize(
    "sent, sentence",
    [
        (None, "longer than 15 s"),
        (["a"], "longer than 15 s"),
        ("A" * 2 * MAX_BYTES, "longer than 15 s"),
        ("?", "did not arrive complete"),
    ],
)
def test_what_is_no_recording_is_one_sentence_and_nobody_waits_for_it(visitors, sent, sentence):
    view = visitors.open_tab("").handle({"do": "say", "n": 7, "sound": sent}, PageState())
    assert sentence in view["message"] and not view["notice"]
    assert (view["voice"]["n"], view["voice"]["state"]) == (7, "")


def test_the_machines_own_microphone_listens_from_press_to_press(visitors, card):
    visitor = visitors.open_tab("")
    view = visitor.handle({"do": "listen", "n": 3}, PageState())
    assert view["message"] == "" and view["voice"]["listening"]
    card.hear(tone(1.5))
    assert not visitor.handle({"do": "listened", "n": 4}, PageState())["voice"]["listening"]
    assert said(visitor, 4)["words"] == "1.5 seconds." and card.open == []
    assert "had stopped listening" in visitor.handle({"do": "listened", "n": 5}, PageState())["message"]
    visitor.handle({"do": "listen", "n": 6}, PageState())
    visitor.handle({"do": "listened", "drop": True, "n": 7}, PageState())
    assert card.open == [] and visitor.tick(PageState())["voice"]["n"] == 6


def test_a_microphone_is_released_with_its_visitor(visitors, card):
    visitor = visitors.open_tab("")
    visitor.handle({"do": "listen", "n": 3}, PageState())
    assert len(card.open) == 1
    visitors.sessions.end(visitor.session.id)
    assert card.open == []


def test_a_recording_holds_each_sample_once_and_no_more_than_its_limit(card):
    made, sound = MicrophoneRecording(), tone(1.0)
    card.hear(sound)
    assert np.array_equal(made.stop(), sound)
    made = MicrophoneRecording()
    card.hear(tone(LONGEST_S + 1))
    assert len(made.stop()) == LONGEST_S * RATE_HZ


def test_the_chime_rings_for_responses_that_are_shown_and_for_no_others(visitors, card):
    visitor = visitors.open_tab("")
    assert visitor.handle({"do": "chime", "on": True, "n": 1}, PageState())["voice"]["chime"]
    visitor.session.start(LiveSource([0]), asks=[(0, "Speak.")])
    ended(visitor.session)
    assert card.ring.wait(WAIT_S)
    card.ring.clear()
    go_on = threading.Event()
    visitor.session.start(LiveSource([go_on, 0]), asks=[(0, "Speak.")])
    visitor.session.mute(1, True)
    go_on.set()
    ended(visitor.session)
    assert not visitor.handle({"do": "chime", "on": False, "n": 2}, PageState())["voice"]["chime"]
    rung = card.rung
    visitor.session.start(LiveSource([0]), asks=[(0, "Speak.")])
    ended(visitor.session)
    assert card.rung == rung and not card.ring.wait(0.3)


def test_strangers_neither_listen_through_the_machine_nor_make_it_sound(card):
    engine = Engine(LiveModel()).start()
    visitors = Visitors(engine, AppConfig(host="0.0.0.0"), load_clips())
    try:
        visitor = visitors.open_tab("")
        assert "may not use the microphone" in visitor.handle({"do": "listen", "n": 1}, PageState())["message"]
        assert (
            "only a page on that machine" in visitor.handle({"do": "chime", "on": True, "n": 2}, PageState())["message"]
        )
        assert card.open == [] and not visitor.tick(PageState())["voice"]["chime"]
    finally:
        visitors.stop()
        engine.stop()
    assert voice_settings(microphone=False, loudspeaker=False) == {"machine": False, "chime": False}


@pytest.mark.parametrize("kinds, machine", [(("input", "output"), True), (("output",), False)])
def test_the_machines_microphone_is_offered_where_there_is_one(monkeypatch, kinds, machine):
    monkeypatch.setitem(sys.modules, "sounddevice", Card(kinds))
    assert voice_settings(microphone=True, loudspeaker=True) == {"machine": machine, "chime": True}
