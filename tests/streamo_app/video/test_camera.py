"""Cameras (scripted captures) and URLs (a real server on this machine): they start, stall, vanish and come back.

Run: python -m pytest tests/streamo_app/video/test_camera.py
"""

import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import cv2
import numpy as np
import pytest

from streamo_app.events import Frame, Noticed
from streamo_app.video.camera import list_cameras
from streamo_app.video.source import CameraSource, SourceError
from tests.support.clips import barcode, read_barcode, write


class Capture:
    """A camera as a list: each item is a frame number to show, or an Event to wait for before the next; it is lost at
    the list's end."""

    def __init__(self, script):
        self._script = list(script)
        self.released = False

    def isOpened(self):
        return bool(self._script)

    def grab(self):
        while self._script and isinstance(self._script[0], threading.Event):
            self._script.pop(0).wait(5)
        self._number = self._script.pop(0) if self._script else None
        return self._number is not None

    def retrieve(self):
        return True, barcode(self._number)

    def get(self, what):
        return 0.0

    def release(self):
        self.released = True


def camera(*scripts, **options):
    """A source whose n-th opening finds the n-th script, and nothing after the last."""
    captures = [Capture(script) for script in scripts]
    left = iter(captures)
    source = CameraSource("camera:3", capture=lambda target: next(left, Capture([])), backoff_s=(0.01,), **options)
    return source, captures


def shown(frame):
    return read_barcode(frame.image)


def test_a_camera_that_is_not_there_is_one_sentence():
    source, _ = camera()
    with pytest.raises(SourceError, match=r"^There is no camera 3 on this machine, .*[.]$"):
        list(source.frames(1, threading.Event()))


def test_the_real_opencv_finds_no_camera_77():
    with pytest.raises(SourceError, match="There is no camera 77"):
        list(CameraSource("camera:77").frames(1, threading.Event()))


def test_the_newest_picture_wins_the_replaced_ones_are_counted_and_the_device_is_released():
    now, more, hold = [10.0], threading.Event(), threading.Event()
    source, captures = camera([1, more, 2, 3, 4, hold], clock=lambda: now[0])
    frames = source.frames(1, threading.Event())
    assert shown(next(frames)) == 1
    more.set()
    while source.dropped < 2:
        time.sleep(0)
    now[0] = 11.0
    second = next(frames)
    assert (second.second, shown(second)) == (1, 4)
    hold.set()
    source.close()
    source.close()
    assert list(frames) == []
    source._thread.join(2)
    assert captures[0].released


def test_a_camera_that_vanishes_is_tried_again_and_then_given_up_in_one_sentence():
    source, captures = camera([1, 2])
    events = []
    with pytest.raises(SourceError, match=r"^Camera 3 was disconnected and did not come back"):
        for event in source.frames(1, threading.Event()):
            events.append(event)
    assert any(isinstance(event, Frame) for event in events)
    assert [event.message for event in events if isinstance(event, Noticed)] == ["Camera 3 was lost; reconnecting."]
    assert captures[0].released


def test_a_camera_that_comes_back_goes_on_by_the_same_clock():
    now, lost, hold = [10.0], threading.Event(), threading.Event()
    source, _ = camera([1, lost], [7, hold], clock=lambda: now[0])
    frames = source.frames(1, threading.Event())
    assert shown(next(frames)) == 1
    now[0] = 12.4
    lost.set()
    told = [next(frames), next(frames), next(frames)]
    assert [event.message for event in told if isinstance(event, Noticed)] == [
        "Camera 3 was lost; reconnecting.",
        "Camera 3 is back.",
    ]
    assert {event.second for event in told} == {2}
    hold.set()
    source.close()


def test_an_unexpected_failure_of_the_reader_reaches_the_consumer():
    def broken(target):
        raise RuntimeError("driver gone")

    source = CameraSource("camera:0", capture=broken)
    with pytest.raises(SourceError, match=r"Reading camera 0 failed .RuntimeError."):
        list(source.frames(1, threading.Event()))


class Server(ThreadingHTTPServer):
    """Serves `body` by the path: /whole, /cut (half of it, then the connection drops, the first time), /hang, /mjpeg
    (endless)."""

    daemon_threads = True
    body = b""
    cuts = 0
    over = threading.Event()


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *args):
        """Nothing: tests read no access log."""

    def do_GET(self):
        server = self.server
        if self.path == "/hang":
            server.over.wait(20)
        elif self.path in ("/whole", "/cut"):
            self.send_response(200)
            self.send_header("Content-Type", "video/webm")
            self.send_header("Content-Length", str(len(server.body)))
            self.end_headers()
            cut = self.path == "/cut" and server.cuts == 0
            server.cuts += cut
            self.wfile.write(server.body[: len(server.body) // 2] if cut else server.body)
        elif self.path == "/mjpeg":
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=next")
            self.end_headers()
            number = 0
            while not server.over.wait(0.02):
                jpeg = cv2.imencode(".jpg", barcode(number))[1].tobytes()
                self.wfile.write(
                    b"--next\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%s\r\n" % (len(jpeg), jpeg)
                )
                number += 1
        else:
            self.send_error(404)
        self.close_connection = True


@pytest.fixture
def serve(tmp_path):
    server = Server(("127.0.0.1", 0), Handler)
    server.handle_error = lambda *who: None  # a client that hangs up is part of these tests
    server.over = threading.Event()
    server.body = write(tmp_path / "clip.webm", 10, 25).read_bytes()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", server
    server.over.set()
    server.shutdown()
    server.server_close()


def url(address, **options):
    return CameraSource(address, timeout_s=(1.0, 1.0), backoff_s=(0.05,), **options)


@pytest.mark.slow
def test_a_video_file_behind_a_url_plays_at_its_own_pace_and_ends(serve):
    source = url(f"{serve[0]}/whole")
    frames = list(source.frames(2, threading.Event()))
    numbers = [shown(frame) for frame in frames]
    assert frames[0].second == 0 and len(numbers) > 2 and numbers == sorted(numbers) and numbers[-1] >= 15
    for frame, number in zip(frames, numbers, strict=True):
        assert frame.captured_at - frames[0].captured_at >= number / 10 - 0.001  # never ahead of its own time
    assert source.duration_s == pytest.approx(2.5, abs=0.05)


@pytest.mark.slow
def test_a_lost_connection_is_told_and_the_file_goes_on_where_it_was(serve, tmp_path):
    serve[1].body = write(tmp_path / "long.webm", 10, 300, noise=True).read_bytes()
    clock = _Fast(speed=6)
    source = url(f"{serve[0]}/cut", clock=clock)
    events = list(source.frames(1, threading.Event()))
    messages = [event.message for event in events if isinstance(event, Noticed)]
    assert messages[0].endswith("was lost; reconnecting.") and messages[1].endswith("is back.")
    numbers = [shown(event) for event in events if isinstance(event, Frame)]
    assert numbers == sorted(numbers) and numbers[-1] >= 280
    assert serve[1].cuts == 1


def test_an_endless_stream_is_watched_until_stopped(serve):
    source, stop = url(f"{serve[0]}/mjpeg"), threading.Event()
    numbers = []
    for frame in source.frames(10, stop):
        numbers.append(shown(frame))
        if len(numbers) == 5:
            stop.set()
    assert numbers == sorted(numbers) and len(set(numbers)) >= 4
    assert source.duration_s is None
    source._thread.join(3)
    assert not source._thread.is_alive()


@pytest.mark.slow
def test_a_url_that_hangs_does_not_answer_in_one_sentence(serve):
    with pytest.raises(SourceError, match=r"/hang did not answer within \d+ s; check the address"):
        list(url(f"{serve[0]}/hang").frames(1, threading.Event()))


def test_a_url_that_is_no_video_and_a_port_where_nobody_listens_are_told(serve):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        addresses = [
            f"{serve[0]}/absent",
            f"http://127.0.0.1:{free.getsockname()[1]}/",
            f"rtsp://127.0.0.1:{free.getsockname()[1]}/live",
        ]
    for address in addresses:
        with pytest.raises(SourceError, match="delivers no video; check the address"):
            list(url(address).frames(1, threading.Event()))


@pytest.mark.parametrize("end", ["stop", "close"])
def test_stop_and_close_do_not_wait_for_a_url_that_hangs(serve, end):
    source, stop = CameraSource(f"{serve[0]}/hang", timeout_s=(6.0, 6.0)), threading.Event()
    thread = threading.Thread(target=lambda: list(source.frames(1, stop)), daemon=True)
    thread.start()
    while source._thread.ident is None:
        time.sleep(0)
    stop.set() if end == "stop" else source.close()
    thread.join(3)
    assert not thread.is_alive() and source._thread.is_alive()
    serve[1].over.set()
    source._thread.join(5)
    assert not source._thread.is_alive()


class _Fast:
    """A clock `speed` times as fast as the wall's, so that half a minute of video is over in seconds."""

    def __init__(self, speed):
        self._speed, self._start = speed, time.monotonic()

    def __call__(self):
        return (time.monotonic() - self._start) * self._speed


def test_pictures_are_rgb():
    class Red(Capture):
        def retrieve(self):
            return True, np.full((8, 8, 3), (0, 0, 255), np.uint8)

    hold = threading.Event()
    source = CameraSource("camera:0", capture=lambda target: Red([1, hold]))
    assert next(source.frames(1, threading.Event())).image[0, 0].tolist() == [255, 0, 0]
    hold.set()
    source.close()


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
