"""A source whose frames the server sends to the page because the browser cannot show it: the machine's own camera, a
stream, or a file that only the server can decode.

Not a player: it shows the frames that the model gets, one or two per second.
"""

import base64
import threading
from collections.abc import Iterator
from pathlib import Path

import cv2

from streamo_app.events import Frame, Noticed
from streamo_app.video.source import Source

WIDTH_PX = 640
QUALITY = 75


class Preview:
    """Wraps a source and remembers its newest frame. The session's thread writes it, the page's ticks read it."""

    def __init__(self, source: Source):
        self.kind, self.live, self.clocked, self.title = source.kind, source.live, source.clocked, source.title
        self._source = source
        self._newest: Frame | None = None

    @property
    def path(self) -> Path | None:
        """Of a file; None for any other source."""
        return getattr(self._source, "path", None)

    @property
    def duration_s(self) -> float | None:
        return self._source.duration_s

    @property
    def dropped(self) -> int:
        return self._source.dropped

    def hold(self, held: bool) -> None:
        self._source.hold(held)

    def close(self) -> None:
        self._source.close()

    def frames(self, fps: int, stop: threading.Event) -> Iterator[Frame | Noticed]:
        for item in self._source.frames(fps, stop):
            if isinstance(item, Frame):
                self._newest = item
            yield item

    def picture(self, after: float) -> tuple[float, str]:
        """(second, JPEG as a `data:` URL) of the newest frame; an empty URL when it is not newer than `after`."""
        frame = self._newest
        if frame is None or frame.second <= after:
            return after, ""
        height, width = frame.image.shape[:2]
        size = (WIDTH_PX, max(1, round(height * WIDTH_PX / width)))
        small = cv2.resize(frame.image, size, interpolation=cv2.INTER_AREA) if width > WIDTH_PX else frame.image
        _, data = cv2.imencode(".jpg", cv2.cvtColor(small, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
        return frame.second, "data:image/jpeg;base64," + base64.b64encode(data.tobytes()).decode()
