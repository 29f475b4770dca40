"""Sources of pictures: files, cameras, URLs, browsers. This file is what the rest of the project imports; each kind has
its own file.

`video/file.py` files, pulled or on the wall clock; `video/player.py` a file clocked by the page's player;
`video/camera.py` cameras and URLs; `video/slot.py` browser frames; `video/grid.py` the grid of stream times;
`video/probe.py` why a file is no video.

    for event in open_source("clip.mp4").frames(1, threading.Event()): ...
"""

import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from streamo_app.events import Frame, Noticed
from streamo_app.video.camera import CameraSource
from streamo_app.video.file import FileSource, Pictures
from streamo_app.video.grid import SourceError, grid_second
from streamo_app.video.player import PlayerSource
from streamo_app.video.slot import BrowserSource

__all__ = [
    "BrowserSource",
    "CameraSource",
    "FileSource",
    "Pictures",
    "PlayerSource",
    "Source",
    "SourceError",
    "grid_second",
    "open_source",
]


class Source(Protocol):
    kind: str
    """One of file, camera, url, browser."""
    live: bool
    """True where the stream has no beginning to go back to."""
    clocked: bool
    """True where a clock decides and a late consumer misses grid points; False where every grid point waits to be
    pulled."""
    title: str
    """What to call it on the page; no password of a URL in it."""
    duration_s: float | None
    dropped: int
    """Pictures that came and were replaced by newer ones before anybody took them."""

    def frames(self, fps: int, stop: threading.Event) -> Iterator[Frame | Noticed]:
        """Pictures on the grid `i + k / fps`, each grid point at most once, in order; ends with the stream, or within
        0.5 s of `stop`.

        Raises SourceError, with one sentence, when there is nothing to show (any more), and ValueError for an
        impossible `fps`.
        """

    def hold(self, held: bool) -> None:
        """Stop the source's own clock, or let it go on. A live stream has none: its pictures go on coming."""

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
