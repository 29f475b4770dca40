"""Where video comes from: a file, a camera, a URL, a browser. `Source` is what they have in common, `open_source` makes
one from what a user typed; each kind has a file of its own, and the rest of the project imports them from here.

`video/file.py` files, pulled or on the wall clock; `video/player.py` a file clocked by the page's player;
`video/camera.py` cameras and URLs; `video/browser.py` a webcam in a browser; `video/grid.py` the grid of stream times;
`video/probe.py` why a file is not a video.

    for event in open_source("clip.mp4").frames(1, threading.Event()): ...
"""

import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from streamo_app.events import Frame, Noticed
from streamo_app.video.browser import BrowserSource
from streamo_app.video.camera import CameraSource
from streamo_app.video.file import FileSource
from streamo_app.video.grid import SourceError
from streamo_app.video.player import PlayerSource

__all__ = [
    "BrowserSource",
    "CameraSource",
    "FileSource",
    "PlayerSource",
    "Source",
    "SourceError",
    "open_source",
]


class Source(Protocol):
    kind: str
    """One of file, camera, url, browser."""
    live: bool
    """True where the stream has no beginning to return to."""
    clocked: bool
    """True where a clock decides and a late consumer misses grid points; False where every grid point waits until it is
    pulled."""
    title: str
    """What to call it on the page; never the password in a URL."""

    @property
    def duration_s(self) -> float | None:
        """Of a file, as far as it is known; None for a stream without an end."""

    @property
    def dropped(self) -> int:
        """Images that were replaced by newer ones before they were taken."""

    def frames(self, fps: int, stop: threading.Event) -> Iterator[Frame | Noticed]:
        """Images on the grid `i + k / fps`, each grid point at most once, in order; ends with the stream, or within
        0.5 s of `stop`.

        Raises SourceError, with one sentence, when there is nothing to show (any more), and ValueError for an
        impossible `fps`.
        """

    def hold(self, held: bool) -> None:
        """Stop the source's own clock, or let it run again. A live stream has none: its images keep coming."""

    def close(self) -> None:
        """Ends `frames` within a second and frees the device. Closing twice is harmless."""


def open_source(spec: str | Path, *, realtime: bool = False) -> Source:
    """A path, "camera:0", or an rtsp, http or https URL. `realtime`: a file runs on the wall clock instead of being
    pulled.

    Raises SourceError: for a file at once, for cameras and URLs from `frames` (they may take seconds to answer).
    """
    text = str(spec)
    if not text.strip():
        raise SourceError("The source is empty; give a video file, camera:0, or an rtsp, http or https URL.")
    if re.match(r"camera\s*:|[A-Za-z][A-Za-z0-9+.-]+://", text):
        return CameraSource(text)
    return FileSource(spec, realtime=realtime)
