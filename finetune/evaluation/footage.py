"""Video files as turns, gathered by the code that gathers them live; and a check of output paths. No model.

Counting turns with the live code, and not from frames over a nominal rate, is what keeps labels and live streaming on
one clock.
"""

from collections.abc import Iterator
from pathlib import Path
from threading import Event

from streamo_app.events import Frame
from streamo_app.video.turns import Turn, Turns


def video_turns(path: str | Path, fps: int) -> Iterator[Turn]:
    """The turns of a video file, unhurried. Raises ValueError (SourceError) for what is no video or an impossible fps."""
    from streamo_app.video.source import open_source  # brings OpenCV

    turns = Turns(fps)
    source = open_source(path)
    try:
        for item in source.frames(fps, Event()):
            if isinstance(item, Frame):
                yield from turns.add(item)
        yield from turns.flush()
    finally:
        source.close()


def video_seconds(path: str | Path) -> int:
    """Number of turns of a video file. Raises as `video_turns` does."""
    return sum(1 for _ in video_turns(path, 1))


def writable(path: str | Path) -> Path:
    """`path` itself. Raises ValueError where its folder does not exist or it is a folder."""
    path = Path(path)
    if path.is_dir():
        raise ValueError(f"{path} is a folder; name a file to write.")
    if not path.parent.is_dir():
        raise ValueError(f"The folder {path.parent} does not exist; make it, or write elsewhere.")
    return path
