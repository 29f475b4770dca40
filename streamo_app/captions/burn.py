"""A video written again with its captions burned in: WebM with VP8 pictures and Opus sound, which every browser plays.

`burn` works in its caller's thread, asks `cancelled` at every picture, and leaves a whole file or none. The pictures
are those that the model was shown (`video_file.Pictures`): true times at variable rates, phones' rotation heeded. Sound
is kept where there is any.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from streamo_app.captions.draw import Captions
from streamo_app.files import atomic_write
from streamo_app.transcript.exports import Cue
from streamo_app.video.source import Pictures

WIDEST_PX = 1280
FPS = (5.0, 30.0)
"""Pictures a second of the result: as many as the source has, within these."""
LONGEST_S = 1800.0
"""Of the result; an upload may be hours long."""
SOUND_RATE = 48000
VP8 = {"deadline": "realtime", "cpu-used": "6", "crf": "14"}
BITS_PER_PIXEL = 0.12
"""At most: `crf` decides first."""

log = logging.getLogger(__name__)


class Cancelled(Exception):
    """Nobody wants the video any more."""


def burn(
    video: Path, cues: Sequence[Cue], out: Path, *, from_s: float = 0.0, until_s: float, progress: Callable[[float], None], cancelled: Callable[[], bool]
) -> str:  # fmt: skip
    """Write `out`: `video` between two of its seconds, or to its end. Returns the letters that no font here has, mostly
    none.

    `progress` gets 0 to 1. Raises Cancelled, SourceError or ValueError (one sentence) for a video that cannot be read,
    OSError for a full disk."""
    try:
        with (
            atomic_write(out) as tmp,
            closing(Pictures(video)) as pictures,
            av.open(str(tmp), "w", format="webm") as file,
        ):
            return write(pictures, cues, file, from_s, min(until_s, from_s + LONGEST_S), progress, cancelled)
    except av.FFmpegError as error:
        raise OSError(error.errno, error.strerror or "the video could not be written") from error


def write(
    pictures: Pictures,
    cues: Sequence[Cue],
    file,
    from_s: float,
    until_s: float,
    progress: Callable,
    cancelled: Callable[[], bool],
) -> str:
    pictures.jump(from_s)
    first = pictures.picture_at(from_s, cancelled)
    if first is None:
        if cancelled():
            raise Cancelled
        raise ValueError("The video ends before what was watched; it may be another file by now.")
    width, height = fitting(first.shape[1], first.shape[0])
    fps = Fraction(min(max(pictures.fps, FPS[0]), FPS[1])).limit_denominator(1001)
    sound, film = Sound(pictures.path, file, from_s), add_film(file, width, height, fps)
    captions = Captions(cues, width, height)
    until_s = min(until_s, pictures.stated_s or until_s)
    number = 0
    with closing(sound):
        while (t := from_s + float(number / fps)) < until_s and (
            picture := pictures.picture_at(t, cancelled)
        ) is not None:
            image = (
                np.array(cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA))
                if picture.shape[:2] != (height, width)
                else picture.copy()
            )
            captions.draw(image, t)
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts = number
            file.mux(film.encode(frame))
            sound.up_to(t - from_s)
            number += 1
            progress(min(1.0, (t - from_s) / (until_s - from_s)))
            if cancelled():
                break
        if cancelled():
            raise Cancelled
        file.mux(film.encode())
        sound.up_to(float(number / fps), last=True)
    return captions.missing


def add_film(file, width: int, height: int, fps: Fraction):
    film = file.add_stream("libvpx", rate=fps, options=VP8)
    film.width, film.height, film.pix_fmt = width, height, "yuv420p"
    film.codec_context.thread_count = 1  # somebody's model wants the other cores
    film.bit_rate = int(BITS_PER_PIXEL * width * height * fps)
    return film


def fitting(width: int, height: int) -> tuple[int, int]:
    """At most WIDEST_PX wide or high, even."""
    scale = min(1.0, WIDEST_PX / max(width, height))
    return max(2, round(width * scale / 2) * 2), max(2, round(height * scale / 2) * 2)


class Sound:
    """The first sound track of a file, encoded anew as far as it is asked for. A track that cannot be read ends there,
    without a word: the pictures are what was asked for."""

    def __init__(self, path: Path, file, from_s: float):
        self._source, self._file, self._stream, self._parts = None, file, None, iter(())
        try:
            self._source = av.open(str(path.absolute()))
            if self._source.streams.audio and self._source.streams.video:
                self._stream = file.add_stream("libopus", rate=SOUND_RATE)
                self._parts = self._decoded(origin_s(self._source) + from_s)
        except (av.FFmpegError, OSError, ValueError):
            log.info("the sound of %s is left out", path.name, exc_info=True)

    def up_to(self, t: float, last: bool = False) -> None:
        """Mux the sound before `t` seconds; `last`: and no more."""
        if self._stream is None:
            return
        try:
            for frame in self._parts:
                self._file.mux(self._stream.encode(frame))
                if frame.pts / SOUND_RATE >= t:
                    break
            if last:
                self._file.mux(self._stream.encode())
        except (av.FFmpegError, ValueError):
            log.info("the sound ends early", exc_info=True)
            self._parts = iter(())

    def close(self) -> None:
        if self._source is not None:
            self._source.close()

    def _decoded(self, origin: float) -> Iterator[av.AudioFrame]:
        """Frames at SOUND_RATE whose times count from the first picture that is written; what comes before it is cut."""
        resampler = av.AudioResampler("flt", "stereo", SOUND_RATE)
        self._source.seek(round(max(0.0, origin - 1) * av.time_base))  # a seek lands at or before its target
        for frame in self._source.decode(audio=0):
            if frame.time is None or frame.time < origin:
                continue
            frame.pts = round((frame.time - origin) / frame.time_base)
            yield from resampler.resample(frame)


def origin_s(source) -> float:
    """When the first picture comes on screen, by the container's clock."""
    for frame in source.decode(video=0):
        return frame.time or 0.0
    return 0.0
