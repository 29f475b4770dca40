"""A camera's frames recorded to a file while it is watched.

Run: python -m pytest tests/streamo_app/video/test_recording.py
"""

import threading

import cv2
import numpy as np

from streamo_app.events import Frame, Noticed
from streamo_app.video.file import VideoReader
from streamo_app.video.recording import RecordedSource
from tests.support.clips import barcode, read_barcode
from tests.support.live import LiveSource


class Camera(LiveSource):
    """Shows numbered images that a decoder can tell apart."""

    def __init__(self, items, size=(96, 64)):
        super().__init__(items, live=True)
        self._size = size

    def frames(self, fps, stop):
        for item in super().frames(fps, stop):
            yield (
                Frame(item.second, cv2.resize(barcode(int(item.second)), self._size), item.captured_at)
                if isinstance(item, Frame)
                else item
            )


def test_a_cameras_frames_are_recorded_at_their_stream_times_and_passed_on_unchanged(tmp_path):
    source = RecordedSource(Camera([0, 1, 2, 5, 6]), tmp_path / "recorded.webm")
    assert (source.kind, source.live) == ("camera", True)
    given = [frame.second for frame in source.frames(1, threading.Event())]
    assert given == [0, 1, 2, 5, 6] and source.done.is_set()
    reader = VideoReader(source.recording)
    assert [read_barcode(reader.image_at(t)) for t in (0, 1, 2, 4.9, 5)] == [0, 1, 2, 2, 5]


def test_a_phone_that_is_turned_during_the_recording_changes_nothing_for_the_run(tmp_path):
    class Turned(Camera):
        def frames(self, fps, stop):
            for item in super().frames(fps, stop):
                image = item.image if item.second < 2 else np.rot90(item.image)
                yield Frame(item.second, np.ascontiguousarray(image), 0.0)

    source = RecordedSource(Turned([0, 1, 2, 3], size=(97, 65)), tmp_path / "recorded.webm")
    assert len(list(source.frames(1, threading.Event()))) == 4
    assert VideoReader(source.recording).image_at(3).shape == (64, 96, 3)


def test_a_disk_that_refuses_is_one_notice_and_the_run_goes_on(tmp_path):
    source = RecordedSource(Camera([0, 1, 2]), tmp_path / "nowhere" / "recorded.webm")
    items = list(source.frames(1, threading.Event()))
    assert [item.message for item in items if isinstance(item, Noticed)] == [
        "The video is not being recorded (No such file or directory)."
    ]
    assert [item.second for item in items if isinstance(item, Frame)] == [0, 1, 2] and source.done.is_set()
