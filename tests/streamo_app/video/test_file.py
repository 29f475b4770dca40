"""Files as sources: the picture at each grid point is the frame on screen then, proven by barcodes; and bad files in
one sentence each.

Run: python -m pytest tests/streamo_app/video/test_file.py
"""

import subprocess
import sys
import threading
from fractions import Fraction

import cv2
import numpy as np
import pytest

from streamo_app.events import Frame, Noticed
from streamo_app.video.file import VideoReader
from streamo_app.video.source import CameraSource, FileSource, SourceError, open_source
from tests.support.clips import barcode, read_barcode, write, write_at, write_sound

NTSC_FILM, NTSC = Fraction(24000, 1001), Fraction(30000, 1001)


def watch(source, fps=1):
    """[(second, number of the frame shown)] and the notices."""
    events = list(source.frames(fps, threading.Event()))
    shown = [(event.second, read_barcode(event.image)) for event in events if isinstance(event, Frame)]
    return shown, [event for event in events if isinstance(event, Noticed)]


def on_screen(times, end, fps=1):
    """What a viewer would see: for each grid point before `end`, the last frame that came at or before it (half a
    millisecond's grace)."""
    points = [i + k / fps for i in range(int(end) + 1) for k in range(fps) if i + k / fps < end - 0.0005]
    return [(t, max(n for n, at in enumerate(times) if at <= t + 0.0005)) for t in points]


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".mp4", ".avi", ".webm"])
@pytest.mark.parametrize("rate", [1, 12.5, 23.976, 25, 29.97, 60])
def test_each_second_of_a_minute_shows_the_frame_that_is_on_screen_then(tmp_path, rate, suffix):
    frames = int(62 * rate)
    clip = write(tmp_path / f"clip{suffix}", rate, frames)
    shown, notices = watch(open_source(str(clip)))
    assert shown == on_screen([n / rate for n in range(frames)], frames / rate)
    assert notices == []


@pytest.mark.slow
@pytest.mark.parametrize(("rate", "last"), [(NTSC_FILM, 2157), (NTSC, 2697)])
def test_ninety_seconds_at_the_true_ntsc_rates_end_on_the_right_frame(tmp_path, rate, last):
    """Frame 2157 at 24000/1001 comes at 89.965 s; counting 24 frames a second would show frame 2160 (90.09 s) at second
    90."""
    clip = write_at(tmp_path / "ntsc.mp4", [n * 1001 for n in range(int(91 * rate))], Fraction(1, rate.numerator))
    shown, _ = watch(open_source(str(clip)))
    assert shown[90] == (90, last)
    assert shown == on_screen([n / rate for n in range(int(91 * rate))], 91)


@pytest.mark.parametrize(
    ("name", "codec", "b_frames"),
    [("a.mp4", "libx264", 2), ("a.mkv", "libx264", 2), ("a.webm", "libvpx", 0), ("a.ts", "libx264", 0)],
)
@pytest.mark.parametrize("start_ms", [0, 5000])
def test_a_variable_frame_rate_is_followed_and_the_clock_starts_at_the_first_frame(
    tmp_path, name, codec, b_frames, start_ms
):
    gaps = np.random.default_rng(7).choice([10, 33, 41, 100, 700, 2600], size=240, p=[0.2, 0.3, 0.2, 0.1, 0.1, 0.1])
    ticks = [0, *np.cumsum(gaps).tolist()]
    clip = write_at(tmp_path / name, [start_ms + tick for tick in ticks], codec=codec, b_frames=b_frames)
    shown, notices = watch(open_source(str(clip)), fps=2)
    last_s = ticks[-1] / 1000
    expected = on_screen([tick / 1000 for tick in ticks], last_s + 0.001, fps=2)
    assert last_s > 60
    assert shown[: len(expected)] == expected
    assert all(number == 240 and second < last_s + 2.7 for second, number in shown[len(expected) :])
    assert notices == []


def test_half_a_frame_per_second_repeats_each_picture_and_one_per_second_repeats_at_two(tmp_path):
    slow = write(tmp_path / "slow.mp4", 0.5, 4)
    assert watch(open_source(slow))[0] == [(0, 0), (1, 0), (2, 1), (3, 1), (4, 2), (5, 2), (6, 3), (7, 3)]
    one = write(tmp_path / "one.mp4", 1, 2)
    assert watch(open_source(one), fps=2)[0] == [(0, 0), (0.5, 0), (1, 1), (1.5, 1)]


def test_a_clip_of_10_4_seconds_has_turns_0_to_10_and_knows_its_length_afterwards(tmp_path):
    source = open_source(write(tmp_path / "clip.webm", 25, 260))
    shown, _ = watch(source)
    assert [second for second, _ in shown] == list(range(11))
    assert shown[-1] == (10, 250)
    assert source.duration_s == pytest.approx(10.4, abs=0.001)


def test_a_frame_that_lasts_exactly_to_a_whole_second_shows_nothing_there(tmp_path):
    assert [second for second, _ in watch(open_source(write(tmp_path / "clip.mp4", 25, 250)))[0]] == list(range(10))


def test_times_that_a_raw_stream_lacks_are_counted_by_its_nominal_rate(tmp_path):
    raw = write_at(tmp_path / "raw.h264", [n * 1000 for n in range(100)], Fraction(1, 25000))
    assert watch(open_source(raw))[0] == [(0, 0), (1, 25), (2, 50), (3, 75)]


@pytest.mark.parametrize("name", ["a.mp4", "a.webm", "a.ts", "a.h264"])
def test_a_jump_ahead_never_changes_which_frame_is_shown(tmp_path, name):
    codec = "libvpx" if name.endswith("webm") else "libx264"
    clip = write_at(tmp_path / name, [n * 40 for n in range(2000)], codec=codec, b_frames=0 if codec == "libvpx" else 2)
    straight, seeking = VideoReader(clip), VideoReader(clip)
    for t in (0, 3.3, 30.02, 31, 55.5, 79.96):
        seeking.seek(t)
        assert read_barcode(seeking.image_at(t)) == read_barcode(straight.image_at(t))
    seeking.seek(500)
    assert seeking.image_at(500) is None


def test_pictures_are_rgb_and_keep_their_shape(tmp_path):
    path = tmp_path / "red.mp4"
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter_fourcc(*"mp4v"), 5, (160, 96))
    for _ in range(5):
        writer.write(np.full((96, 160, 3), (0, 0, 220), np.uint8))
    writer.release()
    frame = next(iter(open_source(path).frames(1, threading.Event())))
    assert (frame.image.shape, frame.image.dtype) == ((96, 160, 3), np.uint8)
    red, green, blue = frame.image.mean(axis=(0, 1))
    assert red > 180 and green < 40 and blue < 40


def test_a_file_is_pulled_unless_it_should_run_in_real_time(tmp_path):
    clip = write(tmp_path / "clip.mp4", 5, 10)
    assert (open_source(clip).clocked, open_source(clip, realtime=True).clocked, open_source(clip).live) == (
        False,
        True,
        False,
    )


def test_in_real_time_a_late_consumer_gets_the_newest_second_and_all_images_of_it(tmp_path):
    now = [100.0]
    source = FileSource(write(tmp_path / "clip.mp4", 25, 260), realtime=True, clock=lambda: now[0])
    frames = source.frames(2, threading.Event())
    assert next(frames).second == 0
    now[0] = 107.7
    late = [next(frames) for _ in range(2)]
    assert [(frame.second, read_barcode(frame.image), frame.captured_at) for frame in late] == [
        (7, 175, 107),
        (7.5, 187, 107.5),
    ]
    now[0] = 130.0
    assert list(frames) == []


def test_stop_and_close_end_a_file_that_waits_for_its_clock(tmp_path):
    clip = write(tmp_path / "clip.mp4", 5, 50)
    for end in ("stop", "close"):
        source, stop, seen = FileSource(clip, realtime=True, clock=lambda: 0.0), threading.Event(), threading.Event()

        def consume(source=source, stop=stop, seen=seen):
            for _ in source.frames(1, stop):
                seen.set()

        ended = threading.Thread(target=consume, daemon=True)
        ended.start()
        assert seen.wait(5)
        stop.set() if end == "stop" else (source.close(), source.close())
        ended.join(2)
        assert not ended.is_alive()


@pytest.mark.parametrize("fps", [0, -1, 31, 1.5, True])
def test_an_impossible_number_of_images_per_second_is_refused(tmp_path, fps):
    with pytest.raises(ValueError, match="whole number from 1 to 30"):
        list(open_source(write(tmp_path / "clip.mp4", 5, 5)).frames(fps, threading.Event()))


def test_a_file_cut_off_in_the_middle_shows_what_is_there_and_says_where_it_stopped(tmp_path):
    whole = write(tmp_path / "whole.webm", 25, 1000).read_bytes()
    cut = tmp_path / "cut.webm"
    cut.write_bytes(whole[: len(whole) // 2])
    shown, notices = watch(open_source(cut))
    assert 10 < len(shown) < 30
    assert shown == on_screen([n / 25 for n in range(1000)], len(shown))
    assert len(notices) == 1 and notices[0].second in (len(shown) - 1, len(shown))
    assert "cut.webm" in notices[0].message and "of 40.0 s" in notices[0].message


def bad_files(tmp_path):
    """(path, words that its sentence must hold)."""
    (tmp_path / "text.mp4").write_text("this is not a video " * 400)
    (tmp_path / "empty.mp4").write_bytes(b"")
    (tmp_path / "list.m3u8").write_text("#EXTM3U\n#EXTINF:1,\nsecret.ts\n")
    whole = write(tmp_path / "whole.mp4", 25, 100).read_bytes()
    (tmp_path / "headless.mp4").write_bytes(whole[: len(whole) // 2])
    indexed = write_at(tmp_path / "indexed.mp4", [n * 40 for n in range(100)], movflags="faststart").read_bytes()
    (tmp_path / "index_alone.mp4").write_bytes(indexed[: indexed.index(b"mdat") + 4])
    return [
        (tmp_path / "absent.mp4", "There is no file"),
        (tmp_path, "is a folder"),
        (tmp_path / "empty.mp4", "is empty"),
        (tmp_path / "text.mp4", "is not a readable video"),
        (tmp_path / "list.m3u8", "is a playlist"),
        (tmp_path / "headless.mp4", "is truncated"),
        (tmp_path / "index_alone.mp4", "contains no readable frames"),
        *(
            (write(tmp_path / f"no_frame{suffix}", 25, 0), "contains no readable frames")
            for suffix in (".mp4", ".avi", ".webm")
        ),
        (write_sound(tmp_path / "sound.mp4"), "contains audio but no video"),
        (write_sound(tmp_path / "sound.mka", "libopus"), "contains audio but no video"),
        (write_sound(tmp_path / "sound.wav", "pcm_s16le"), "contains audio but no video"),
        (write_sound(tmp_path / "sound.mp3", "libmp3lame"), "contains audio but no video"),
    ]


def test_each_kind_of_bad_file_has_its_own_sentence(tmp_path):
    for path, words in bad_files(tmp_path):
        with pytest.raises(SourceError) as raised:
            open_source(str(path))
        assert words in str(raised.value) and path.name in str(raised.value)
        assert str(raised.value).endswith(".") and "\n" not in str(raised.value)


def test_bad_files_and_cameras_print_nothing_on_stderr_not_even_from_c(tmp_path):
    """A process of its own: FFmpeg reads its log level once, and writes to the file descriptor itself."""
    whole = write(tmp_path / "x.mp4", 25, 200).read_bytes()
    (tmp_path / "noise.mp4").write_bytes(whole[:2000] + bytes(range(256)) * 8 + whole[4048:])
    specs = [str(path) for path, _ in bad_files(tmp_path)] + [
        str(tmp_path / "noise.mp4"),
        "camera:77",
        "http://127.0.0.1:9/none.mp4",
    ]
    script = (
        "import sys, threading\n"
        "from streamo_app.video.source import SourceError, open_source\n"
        "for spec in sys.argv[1:]:\n"
        "    try: print(len(list(open_source(spec).frames(1, threading.Event()))))\n"
        "    except SourceError as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *specs], capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == len(specs)
    assert "There is no camera 77 on this machine" in done.stdout


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("  ", "source is empty"),
        ("camera:front", "for example camera:0"),
        ("ftp://host/a.mp4", "are not supported"),
        ("rtsp://", "has no host"),
        ("http://host:port/", "malformed"),
    ],
)
def test_a_source_that_is_neither_path_nor_camera_nor_url_is_refused_at_once(spec, words):
    with pytest.raises(SourceError, match=words):
        open_source(spec)


def test_the_title_of_an_address_keeps_its_password_to_itself():
    source = open_source("rtsp://user:secret@cam.example:8554/live?token=abc")
    assert isinstance(source, CameraSource) and source.kind == "url"
    assert source.title == "rtsp://cam.example:8554/live"


def test_the_barcode_survives_the_codecs_we_write(tmp_path):
    for suffix in (".mp4", ".avi", ".webm"):
        shown, _ = watch(open_source(write(tmp_path / f"a{suffix}", 1, 40)))
        assert [number for _, number in shown] == list(range(40))
    assert read_barcode(barcode(0b1010_0101_1100_0011)) == 0b1010_0101_1100_0011
