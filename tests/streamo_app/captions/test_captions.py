"""A video with its captions burned in: what is drawn when, and what is left when it fails or is cancelled.

Run: python -m pytest tests/streamo_app/captions/test_captions.py
"""

import re
import threading
from pathlib import Path

import av
import numpy as np
import pytest

from streamo_app.captions.burn import Cancelled, burn
from streamo_app.captions.draw import MAX_LINES, Captions, font_of, own_font, wrap
from streamo_app.captions.job import CaptionJob
from streamo_app.colours import lane_properties
from streamo_app.transcript.exports import Cue
from streamo_app.video.file import VideoReader
from tests.support.clips import barcode, write, write_at

WAIT_S = 30
SIZE = (320, 180)


def drawn(cues: list[Cue], t: float, size: tuple[int, int] = SIZE) -> np.ndarray:
    """The picture of a grey video at `t`."""
    picture = np.full((size[1], size[0], 3), 120, np.uint8)
    Captions(cues, *size).draw(picture, t)
    return picture


def untouched(picture: np.ndarray) -> bool:
    return bool((picture == 120).all())


def test_a_response_is_shown_from_its_second_for_as_long_as_its_subtitle_and_the_time_always():
    cues = [Cue(2, 5, 1, "Green.")]
    lower = [untouched(drawn(cues, t)[90:]) for t in (1.9, 2.0, 4.9, 5.0)]
    assert lower == [True, False, False, True]
    assert not any(untouched(drawn(cues, t)[:40, :100]) for t in (0.0, 3.0, 9.0))
    assert not (drawn([], 3.0) == drawn([], 4.0)).all()


def test_every_lane_has_its_colour_and_two_that_speak_at_once_stand_above_each_other():
    picture = drawn([Cue(0, 3, 1, "One."), Cue(0, 3, 3, "Three.")], 1.0)
    found = {
        lane: np.argwhere((picture == colour).all(axis=-1))
        for lane, colour in ((1, (0x1F, 0xA4, 0xA2)), (3, (0x3B, 0xB8, 0xFF)))
    }
    assert all(len(at) > 50 for at in found.values())
    rows = {lane: set(at[:, 0]) for lane, at in found.items()}
    assert not rows[1] & rows[3] and max(max(at[:, 1]) for at in found.values()) < 40


def test_the_eight_colours_are_those_that_the_dark_page_gets():
    dark = re.findall(r"--lane-\d: #(\w{6})", lane_properties().split(".dark {")[1])
    for lane, colour in enumerate(dark, 1):
        picture = drawn([Cue(0, 3, lane, "Seen.")], 1.0)
        assert (picture == tuple(bytes.fromhex(colour))).all(axis=-1).sum() > 50, lane
    assert len(set(dark)) == 8


def test_a_long_text_is_wrapped_broken_and_cut_and_no_line_is_too_wide():
    font = own_font(14)
    for text in ("word " * 200, "x" * 900, "short", "a " + "y" * 70):
        lines = wrap(text, font, 200)
        assert 1 <= len(lines) <= MAX_LINES and all(font.getlength(line) <= 200 for line in lines)
        assert (lines[-1].endswith(" ...")) == (len(text) > 300)
    assert wrap("two words", font, 500) == ["two words"]


@pytest.mark.parametrize("size", [(16, 16), (64, 48), (2000, 100)])
def test_many_responses_in_a_small_picture_leave_the_oldest_out_and_never_fail(size):
    drawn([Cue(0, 9, lane, "Many words for such a picture. " * 9) for lane in range(1, 9)], 3.0, size)


def test_many_scripts_are_written_and_letters_that_no_font_has_are_named(monkeypatch):
    assert [font_of(text, 20)[1] for text in ("Größe, déjà vu", "красный", "κόκκινο", "אדום", "أحمر")] == [""] * 5
    monkeypatch.setattr("streamo_app.captions.draw.font_paths", lambda: ())
    captions = Captions([Cue(0, 3, 1, "a 日本 b 日")], *SIZE)
    captions.draw(np.zeros((180, 320, 3), np.uint8), 1.0)
    assert captions.missing == "日本"


def test_text_of_a_model_is_drawn_as_text():
    drawn([Cue(0, 3, 1, "\x1b[2J\n\n<b>\u202e\u0000${x}")], 1.0)


def quiet(share: float) -> None: ...


def never() -> bool:
    return False


def test_a_video_is_written_again_picture_by_picture_with_its_captions(tmp_path):
    video = write(tmp_path / "clip.webm", 10, 60)
    shares = []
    assert (
        burn(video, [Cue(2, 4, 1, "Seen.")], tmp_path / "out.webm", until_s=60, progress=shares.append, cancelled=never)
        == ""
    )
    plain, burnt = VideoReader(video), VideoReader(tmp_path / "out.webm")
    assert (
        burnt.stated_s == pytest.approx(6, abs=0.2)
        and shares == sorted(shares)
        and shares[-1] == pytest.approx(1, abs=0.05)
    )
    changed = []
    for t in np.arange(0.05, 5.9, 0.5):
        before, after = plain.image_at(t), burnt.image_at(t)
        assert np.abs(before[:24, 60:].astype(int) - after[:24, 60:]).mean() < 12, (
            "the same picture where nothing is written"
        )
        changed.append(np.abs(before[32:].astype(int) - after[32:]).mean() > 12)
    assert changed == [2 <= t < 4 for t in np.arange(0.05, 5.9, 0.5)]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clip.webm", "out.webm"]


def test_it_ends_where_the_run_ended(tmp_path):
    burn(write(tmp_path / "clip.webm", 10, 60), [], tmp_path / "out.webm", until_s=2, progress=quiet, cancelled=never)
    assert VideoReader(tmp_path / "out.webm").stated_s == pytest.approx(2, abs=0.2)


def test_a_run_that_began_late_in_a_file_is_written_from_there(tmp_path):
    video = write(tmp_path / "clip.webm", 10, 300)
    burn(
        video, [Cue(25, 28, 1, "Seen.")], tmp_path / "out.webm", from_s=24, until_s=29, progress=quiet, cancelled=never
    )
    burnt, plain = VideoReader(tmp_path / "out.webm"), VideoReader(video)
    assert burnt.stated_s == pytest.approx(5, abs=0.2)
    assert np.abs(burnt.image_at(0.5)[:, 60:].astype(int) - plain.image_at(24.5)[:, 60:]).mean() < 12
    with pytest.raises(ValueError, match=r"^The video ends before"):
        burn(video, [], tmp_path / "late.webm", from_s=99, until_s=109, progress=quiet, cancelled=never)


def test_a_variable_rate_keeps_its_times(tmp_path):
    video = write_at(tmp_path / "clip.mp4", [0, 100, 1500, 1600, 3900])
    burn(video, [], tmp_path / "out.webm", until_s=9, progress=quiet, cancelled=never)
    plain, burnt = VideoReader(video), VideoReader(tmp_path / "out.webm")
    for t in (0.5, 1.2, 2.0, 3.5):
        assert np.abs(plain.image_at(t)[:, 60:].astype(int) - burnt.image_at(t)[:, 60:]).mean() < 12


def test_sound_is_kept(tmp_path):
    path = tmp_path / "talk.mkv"
    with av.open(str(path), "w") as file:
        film, tone = file.add_stream("libvpx", rate=10), file.add_stream("libopus", rate=48000)
        film.width, film.height, film.pix_fmt = 96, 64, "yuv420p"
        for number in range(30):
            file.mux(film.encode(av.VideoFrame.from_ndarray(barcode(number), format="rgb24")))
        wave = (np.sin(2 * np.pi * 440 * np.arange(3 * 48000) / 48000) * 9000).astype(np.int16)
        for part in range(0, len(wave), 960):
            frame = av.AudioFrame.from_ndarray(wave[None, part : part + 960], format="s16", layout="mono")
            frame.sample_rate, frame.pts = 48000, part
            file.mux(tone.encode(frame))
        file.mux([*film.encode(), *tone.encode()])
    burn(path, [], tmp_path / "out.webm", until_s=2, progress=quiet, cancelled=never)
    with av.open(str(tmp_path / "out.webm")) as file:
        heard = np.concatenate([frame.to_ndarray()[0] for frame in file.decode(audio=0)])
    assert len(heard) / 48000 == pytest.approx(2, abs=0.15)
    spectrum = np.abs(np.fft.rfft(heard[48000:86400]))
    assert spectrum.argmax() * 48000 / 38400 == pytest.approx(440, abs=3)


def test_cancelled_or_failed_it_leaves_no_file(tmp_path):
    video = write(tmp_path / "clip.webm", 10, 60)
    left = iter([False] * 20)
    with pytest.raises(Cancelled):
        burn(video, [], tmp_path / "out.webm", until_s=9, progress=quiet, cancelled=lambda: next(left, True))
    with pytest.raises(OSError):
        burn(video, [], tmp_path / "nowhere" / "out.webm", until_s=9, progress=quiet, cancelled=never)
    assert [path.name for path in tmp_path.iterdir()] == ["clip.webm"]


def job(video: Path, out: Path, turn: threading.Semaphore | None = None) -> CaptionJob:
    return CaptionJob(video, [Cue(0, 3, 1, "Seen.")], out, until_s=60, turn=turn or threading.Semaphore()).start()


def test_a_job_makes_the_video_in_the_background_and_cancelling_it_deletes_the_video(tmp_path):
    made = job(write(tmp_path / "clip.webm", 10, 30), tmp_path / "out.webm")
    assert made.wait(WAIT_S) and (made.state, made.sentence) == ("done", "") and VideoReader(made.out).stated_s
    made.cancel()
    made.cancel()
    assert [path.name for path in tmp_path.iterdir()] == ["clip.webm"]


def test_one_job_of_a_process_works_at_a_time_and_one_that_waits_can_be_cancelled(tmp_path):
    turn, video = threading.Semaphore(), write(tmp_path / "clip.webm", 10, 30)
    with turn:
        waits, gives_up = job(video, tmp_path / "a.webm", turn), job(video, tmp_path / "b.webm", turn)
        assert not waits.wait(0.5) and waits.state == "waiting"
        gives_up.cancel()
        assert gives_up.state == "cancelled"
    assert waits.wait(WAIT_S) and waits.state == "done" and not (tmp_path / "b.webm").exists()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(b"no video\n" * 99, "'holiday.mp4' is not a readable video"), (None, "holiday.mp4")],
)
def test_a_job_that_fails_says_why_without_our_folders(tmp_path, content, sentence):
    video = tmp_path / "holiday.mp4"
    if content:
        video.write_bytes(content)
    made = job(video, tmp_path / "out.webm")
    assert (
        made.wait(WAIT_S)
        and made.state == "failed"
        and sentence in made.sentence
        and str(tmp_path) not in made.sentence
    )
