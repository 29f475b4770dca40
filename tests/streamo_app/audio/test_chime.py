"""The chime is a sound of its length, and where none can be made that is one sentence.

Run: python -m pytest tests/streamo_app/audio/test_chime.py
"""

import builtins
import sys

import numpy as np
import pytest

from streamo_app.audio.chime import RATE_HZ, TONE_S, TONES_HZ, SoundError, chime_samples, open_output


def test_the_chime_is_two_tones_within_range_that_end_quietly():
    samples = chime_samples()
    assert samples.dtype == np.float32 and samples.shape == (len(TONES_HZ) * int(RATE_HZ * TONE_S),)
    assert 0.1 < np.abs(samples).max() <= 1.0 and np.abs(samples[-100:]).max() < 0.05 and samples[0] == 0
    for tone, hertz in zip(np.split(samples, len(TONES_HZ)), TONES_HZ, strict=True):
        loudest = np.argmax(np.abs(np.fft.rfft(tone))) * RATE_HZ / len(tone)
        assert abs(loudest - hertz) < 10


@pytest.mark.parametrize(
    ("problem", "sentence"),
    [(ImportError("x"), "pip install sounddevice"), (OSError("PortAudio library not found"), "libportaudio2")],
)
def test_a_machine_without_the_library_is_told_what_to_install(monkeypatch, problem, sentence):
    real = builtins.__import__

    def refuse(name, *args, **options):
        if name == "sounddevice":
            raise problem
        return real(name, *args, **options)

    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(SoundError, match=sentence):
        open_output()
