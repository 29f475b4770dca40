"""A camera of this machine ("camera:0") or a stream at a URL (rtsp, http, https), each read by a thread of its own; and
which cameras there are (`list_cameras`).

Only the reader thread ("streamo-camera") touches the OpenCV capture: it opens, reads and releases it, and fills a
`Slot`. `close` never releases a capture that is being read (FFmpeg would crash); it sets a flag, and the thread ends
when its read returns, at the latest after READ_TIMEOUT_S. A lost stream is opened again, after a longer wait each time;
a camera is given up after a few tries, a URL that has shown something is not.

A video *file* at a URL arrives faster than it plays. It is read at its own pace, by its frames' times, and ends where
it ends. After a lost connection it is read again from the start, without showing anything, up to where it was. A live
HLS playlist is not paced: its frames come in bursts, segment by segment.
"""

import logging
import re
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import cv2
import numpy as np

from streamo_app.events import Frame, Noticed
from streamo_app.video.grid import SourceError, quiet_opencv
from streamo_app.video.slot import Slot, live_frames

OPEN_TIMEOUT_S = 5.0
READ_TIMEOUT_S = 5.0
BACKOFF_S = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0)
"""Wait before each attempt to open a lost stream again; the last one repeats."""
TRIES = 3
"""Failed attempts after which a lost camera, or a file at a URL, is given up."""
END_S = 1.0
"""A file at a URL that stops this close to its stated length, or two frames from it, has ended; earlier, its connection
was lost."""
SCHEMES = ("rtsp", "rtsps", "http", "https")
LINUX_CAMERAS = Path("/sys/class/video4linux")
ANY_CAMERA = ((0, "Camera 0"),)
"""Where the system does not list its cameras: the first one may be there."""

log = logging.getLogger(__name__)


def open_capture(
    target: int | str, timeout_s: tuple[float, float] = (OPEN_TIMEOUT_S, READ_TIMEOUT_S)
) -> cv2.VideoCapture:
    """`target`: number of a camera, or a URL; `timeout_s`: to open, and for each read (URLs only; a camera's driver has
    its own timeouts)."""
    quiet_opencv()
    if isinstance(target, int):
        return cv2.VideoCapture(target)
    limits_ms = [int(1000 * limit) for limit in timeout_s]
    return cv2.VideoCapture(
        target,
        cv2.CAP_FFMPEG,
        [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, limits_ms[0], cv2.CAP_PROP_READ_TIMEOUT_MSEC, limits_ms[1]],
    )


class CameraSource:
    """`spec`: "camera:N" or a URL. Raises SourceError for a spec that is neither; whether anything answers shows once
    `frames` runs.

    `frames` starts the reader and may be called once.
    """

    live = True
    clocked = True

    def __init__(
        self,
        spec: str,
        *,
        timeout_s: tuple[float, float] = (OPEN_TIMEOUT_S, READ_TIMEOUT_S),
        backoff_s: tuple[float, ...] = BACKOFF_S,
        capture: Callable[[int | str], cv2.VideoCapture] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ):
        self._target, self.kind, self.title = parse_spec(spec)
        self.duration_s: float | None = None
        """Length of a file at a URL, once it answered; None for a stream without an end."""
        self._timeout_s, self._backoff_s, self._clock = timeout_s, backoff_s, clock
        self._capture = capture or (lambda target: open_capture(target, timeout_s))
        self._slot = Slot()
        self._shown_s = -1.0
        """Stream time of the newest image shown: after a lost connection, a file is read again up to here."""
        self._end_from_s = float("inf")
        self._thread = threading.Thread(target=self._run, name="streamo-camera", daemon=True)

    @property
    def dropped(self) -> int:
        """Images replaced by a newer one before they were taken; see `Slot.dropped`."""
        return self._slot.dropped

    def frames(self, fps: int, stop: threading.Event) -> Iterator[Frame | Noticed]:
        self._thread.start()
        try:
            yield from live_frames(self._slot, fps, stop, title=self.title, clock=self._clock, to_rgb=_to_rgb)
        finally:
            self.close()

    def hold(self, held: bool) -> None:
        """A live stream cannot be paused."""

    def close(self) -> None:
        self._slot.close()
        if self._thread.is_alive():
            self._thread.join(0.3)
            if self._thread.is_alive():
                log.info("%s is still being read; it is released within %.0f s", self.title, sum(self._timeout_s))

    def _run(self) -> None:
        try:
            self._slot.finish(self._read())
        except Exception as error:
            log.exception("reading %s", self.title)
            self._slot.finish(f"Reading {self.title} failed ({type(error).__name__}); see the log for details.")

    def _read(self) -> str | None:
        """Reads until the end. Returns why it failed, or None where the stream ended or was closed."""
        tries = 0
        while not self._slot.closed:
            asked_at = self._clock()
            capture = self._capture(self._target)
            try:
                shown = self._read_until_lost(capture) if capture.isOpened() else False
            finally:
                capture.release()
            if self._slot.closed or self._shown_s >= self._end_from_s:
                return None
            if self._slot.first_at is None:
                return self._no_video(self._clock() - asked_at)
            tries = 0 if shown else tries + 1
            if tries >= TRIES and self.kind == "camera":
                return f"{_sentence(self.title)} was disconnected and did not come back; plug it in and start again."
            if tries >= TRIES and self.duration_s is not None:
                self._slot.notice(
                    f"{_sentence(self.title)} stops at {self._shown_s:.1f} s of {self.duration_s:.1f} s; "
                    "it may be truncated there."
                )
                return None
            if tries == 0:
                self._slot.notice(f"{_sentence(self.title)} was lost; reconnecting.")
            self._wait(self._backoff_s[min(tries, len(self._backoff_s) - 1)])
        return None

    def _read_until_lost(self, capture: cv2.VideoCapture) -> bool:
        """Fills the slot until a read fails or the source is closed. True when at least one new image was shown."""
        fps, count = capture.get(cv2.CAP_PROP_FPS), capture.get(cv2.CAP_PROP_FRAME_COUNT)
        if self.kind == "url" and fps > 0 and count > 0:
            self.duration_s = count / fps
            self._end_from_s = self.duration_s - max(END_S, 2 / fps)
        shown = False
        while not self._slot.closed and capture.grab():
            now = self._clock()
            if self.duration_s is not None:
                at = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
                if at <= self._shown_s:
                    continue
                self._shown_s = at
                if self._slot.first_at is not None:
                    now = self._wait_until(self._slot.first_at + at)
            ok, bgr = capture.retrieve()
            if ok:
                if not shown and self._slot.first_at is not None:
                    self._slot.notice(f"{_sentence(self.title)} is back.")
                self._slot.put(bgr, now)
                shown = True
        return shown

    def _no_video(self, after_s: float) -> str:
        if self.kind == "camera":
            return (
                f"There is no camera {self._target} on this machine, or another program is using it; "
                "plug it in or choose another source."
            )
        failed = f"did not answer within {after_s:.0f} s" if after_s >= min(self._timeout_s) else "delivers no video"
        return f"{_sentence(self.title)} {failed}; check the address and that the stream is on."

    def _wait_until(self, when: float) -> float:
        while (now := self._clock()) < when and not self._slot.closed:
            self._wait(when - now)
        return now

    def _wait(self, seconds: float) -> None:
        """Returns early when the source is closed."""
        with self._slot.changed:
            self._slot.changed.wait_for(lambda: self._slot.closed, seconds)


def list_cameras(folder: Path = LINUX_CAMERAS) -> tuple[tuple[int, str], ...]:
    """(N of "camera:N", name) of each camera of this machine, by number; opens none of them. The further devices that
    Linux lists for a camera, which deliver no images, are left out."""
    found = []
    for device in folder.glob("video*"):
        try:
            index, name = int((device / "index").read_text()), (device / "name").read_text().strip()
            number = int(device.name.removeprefix("video"))
        except (OSError, ValueError):
            continue
        if index == 0:
            found.append((number, f"{name or 'Camera'} ({number})"))
    return tuple(sorted(found)) or ANY_CAMERA


def parse_spec(spec: str) -> tuple[int | str, str, str]:
    """(camera number or URL, kind, title for the user). The title of a URL leaves out its user, password and query."""
    if camera := re.fullmatch(r"camera:(\d+)", spec):
        return int(camera[1]), "camera", f"camera {int(camera[1])}"
    if spec.startswith("camera"):
        raise SourceError(f"'{spec}' is not a camera; give its number, for example camera:0.")
    try:
        url = urlsplit(spec)
        port = f":{url.port}" if url.port else ""
    except ValueError:
        raise SourceError(
            "That address is malformed; write it as rtsp://host:port/path or https://host/path."
        ) from None
    if url.scheme.lower() not in SCHEMES:
        raise SourceError(
            f"'{url.scheme}://' addresses are not supported; give a path, camera:0, or an rtsp, http or https URL."
        )
    if not url.hostname:
        raise SourceError("That address has no host; write it as rtsp://host:port/path or https://host/path.")
    return spec, "url", f"{url.scheme}://{url.hostname}{port}{url.path}"


def _sentence(title: str) -> str:
    """`title` at the start of a sentence; an address stays in lower case."""
    return title if "://" in title else title[0].upper() + title[1:]


def _to_rgb(bgr: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)
