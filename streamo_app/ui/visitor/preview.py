"""A source that the page shows by itself, because the browser cannot: the machine's own camera, or a file that only we
can decode.

Not a player: it shows the pictures that the model is given, one or two a second.
"""

import base64
import threading
from collections.abc import Iterator

import cv2

from streamo_app.events import Frame, Noticed
from streamo_app.video.source import Source

WIDTH_PX = 640
QUALITY = 75


class Preview:
    """Wraps a source and remembers its newest picture. The session's thread writes it, the page's ticks read it."""

    def __init__(self, source: Source):
        self._source = source
        self._newest: Frame | None = None

    def __getattr__(self, name: str):
        """Everything but `frames` is the source's own, `dropped` included, which grows while it runs."""
        return getattr(self._source, name)

    def frames(self, fps: int, stop: threading.Event) -> Iterator[Frame | Noticed]:
        for item in self._source.frames(fps, stop):
            if isinstance(item, Frame):
                self._newest = item
            yield item

    def picture(self, after: float) -> tuple[float, str]:
        """(second, JPEG as a `data:` URL) of the newest picture; an empty URL when it is not newer than `after`."""
        frame = self._newest
        if frame is None or frame.second <= after:
            return after, ""
        height, width = frame.image.shape[:2]
        size = (WIDTH_PX, max(1, round(height * WIDTH_PX / width)))
        small = cv2.resize(frame.image, size, interpolation=cv2.INTER_AREA) if width > WIDTH_PX else frame.image
        _, data = cv2.imencode(".jpg", cv2.cvtColor(small, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
        return frame.second, "data:image/jpeg;base64," + base64.b64encode(data).decode()
