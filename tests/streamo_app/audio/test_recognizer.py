"""Spoken instructions: what a browser records becomes samples, samples become words, and whatever is in the way is one
sentence.

Run: python -m pytest tests/streamo_app/audio/test_recognizer.py
"""

import threading

import numpy as np
import pytest

from streamo_app.audio.decode import LONGEST_S, MAX_BYTES, decode
from streamo_app.audio.recognizer import QUEUE, Speech, SpeechProgress
from tests.support.tiny_speech import RATE_HZ, recording, tone, write_whisper

WAIT_S = 60


def loudest_hz(samples: np.ndarray) -> float:
    return np.argmax(np.abs(np.fft.rfft(samples))) * RATE_HZ / len(samples)


def progress(spoken) -> SpeechProgress:
    assert spoken.over.wait(WAIT_S)
    return spoken.progress


@pytest.fixture(scope="module")
def whisper(tmp_path_factory):
    return write_whisper(tmp_path_factory.mktemp("speech") / "whisper")


@pytest.mark.parametrize(
    "container, codec, rate_hz",
    [("webm", "libopus", 48_000), ("ogg", "libopus", 48_000), ("mp4", "aac", 48_000), ("wav", "pcm_s16le", 44_100)],
)
def test_what_browsers_record_becomes_samples_of_the_same_sound_and_length(container, codec, rate_hz):
    samples = decode(recording(tone(1.5, 440.0), container, codec, rate_hz), RATE_HZ)
    assert samples.dtype == np.float32 and abs(len(samples) / RATE_HZ - 1.5) < 0.1
    assert abs(loudest_hz(samples) - 440) < 5 and 0.15 < np.sqrt(np.mean(samples**2)) < 0.25


def test_no_more_is_read_of_a_recording_than_its_limit():
    assert len(decode(recording(tone(LONGEST_S + 5)), RATE_HZ)) == LONGEST_S * RATE_HZ


PLAYLIST = b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n"


@pytest.mark.parametrize(
    "data, sentence",
    [
        (b"", "format is not supported"),
        (b"hello", "format is not supported"),
        (PLAYLIST, "format is not supported"),
        (b"ffconcat version 1.0\nfile /etc/passwd\n", "format is not supported"),
        (b"\x1aE\xdf\xa3" + PLAYLIST, "could not be read"),
        (recording(tone())[:100], "could not be read"),
        (b"RIFF" + bytes(MAX_BYTES), "more than the 2 MB allowed"),
    ],
)
def test_what_is_no_recording_is_one_sentence_and_no_file_is_opened_for_it(data, sentence):
    with pytest.raises(ValueError, match=sentence):
        decode(data, RATE_HZ)


def test_a_real_whisper_turns_a_recording_into_words_and_is_loaded_once(whisper):
    speech = Speech(str(whisper))
    first, second = (progress(speech.hear(sound)) for sound in (recording(tone()), tone()))
    assert first.state == second.state == "heard"
    assert first.words.isalpha() and len(first.words) > 3


def test_nothing_is_loaded_for_silence_a_slip_of_the_finger_or_noise_of_a_file():
    def load(model):
        raise AssertionError("loaded")

    speech = Speech("someone/model", load)
    assert "Nothing was heard" in progress(speech.hear(tone(loudness=0.0))).words
    assert "too short" in progress(speech.hear(tone(0.1))).words
    assert "format is not supported" in progress(speech.hear(b"hello")).words


def test_while_a_model_is_fetched_that_is_said_and_more_than_a_few_do_not_wait():
    reached, release = threading.Event(), threading.Event()

    def load(model):
        reached.set()
        release.wait(WAIT_S)
        return lambda samples: "  Count \n the cars.  "

    speech = Speech("someone/model", load)
    first = speech.hear(tone())
    assert reached.wait(WAIT_S)
    assert first.progress == SpeechProgress(
        "loading", "The speech model someone/model is being downloaded and loaded; only the first time takes this long."
    )
    others = [speech.hear(tone()) for _ in range(QUEUE)]
    with pytest.raises(ValueError, match="Too many people are speaking at once"):
        speech.hear(tone())
    release.set()
    assert {progress(spoken) for spoken in (first, *others)} == {SpeechProgress("heard", "Count the cars.")}


def test_a_model_that_cannot_be_fetched_says_what_to_do_and_is_tried_again_next_time():
    speech = Speech("openai/whisper-tiny-that-nobody-has")
    for _ in range(2):
        failed = progress(speech.hear(tone()))
        assert failed.state == "failed" and failed.words == (
            "The speech model openai/whisper-tiny-that-nobody-has is not on the machine that runs Streamo and could "
            "not be downloaded from huggingface.co; type instead. Once that machine is online, try again; "
            "--speech FOLDER takes one that is there already."
        )


@pytest.mark.parametrize(
    "model, sentence",
    [
        ("no-such-folder", "There is no speech model"),
        ("/no/such/folder", "There is no speech model"),
        ("{empty}", "cannot be loaded"),
    ],
)
def test_a_wrong_name_or_folder_is_one_sentence(model, sentence, tmp_path):
    failed = progress(Speech(model.format(empty=tmp_path)).hear(tone()))
    assert failed.state == "failed" and sentence in failed.words and "\n" not in failed.words


def test_a_recogniser_that_breaks_or_hears_nothing_is_told_and_the_next_is_served():
    answers = iter([RuntimeError("broken"), "   ", "Yes."])

    def recognise(samples):
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    speech = Speech("someone/model", lambda model: recognise)
    said = [progress(speech.hear(tone())) for _ in range(3)]
    assert [one.state for one in said] == ["failed", "failed", "heard"]
    assert "could not be transcribed" in said[0].words and "No words were recognised" in said[1].words
