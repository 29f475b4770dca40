"""A video re-encoded with its captions burned in: WebM with VP8 video and Opus audio, which every browser plays.

`burn` works in its caller's thread, checks `cancelled` at every frame, and leaves a complete file or none. The frames
are those that the model was shown (`video.file.VideoReader`): true times at variable rates, phones' rotation applied.
Audio is kept where there is any.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from av.audio import AudioStream
from av.container import InputContainer, OutputContainer
from av.video import VideoStream

from streamo_app.captions.draw import Captions
from streamo_app.files import atomic_write
from streamo_app.transcript.exports import Cue
from streamo_app.video.file import VideoReader

MAX_SIDE_PX = 1280
FPS = (5.0, 30.0)
"""Frames per second of the result: as many as the source has, within these limits."""
MAX_LENGTH_S = 1800.0
"""Of the result; an upload may be hours long."""
AUDIO_RATE_HZ = 48_000
VP8 = {"deadline": "realtime", "cpu-used": "6", "crf": "14"}
BITS_PER_PIXEL = 0.12
"""An upper limit: `crf` decides first."""

log = logging.getLogger(__name__)


class Cancelled(Exception):
    """The video is no longer wanted."""


def burn(
    video: Path,
    cues: Sequence[Cue],
    out: Path,
    *,
    from_s: float = 0.0,
    until_s: float,
    progress: Callable[[float], None],
    cancelled: Callable[[], bool],
) -> str:
    """Write `out`: `video` from one of its seconds to another, or to its end. Returns the letters that no font here
    has, usually none.

    `progress` gets 0 to 1. Raises Cancelled, SourceError or ValueError (one sentence) for a video that cannot be read,
    OSError for a full disk."""
    until_s = min(until_s, from_s + MAX_LENGTH_S)
    try:
        with (
            atomic_write(out) as tmp,
            closing(VideoReader(video)) as reader,
            av.open(str(tmp), "w", format="webm") as file,
        ):
            return write(reader, cues, file, from_s, until_s, progress=progress, cancelled=cancelled)
    except av.FFmpegError as error:
        raise OSError(error.errno, error.strerror or "the video could not be written") from error


def write(
    reader: VideoReader,
    cues: Sequence[Cue],
    file: OutputContainer,
    from_s: float,
    until_s: float,
    *,
    progress: Callable[[float], None],
    cancelled: Callable[[], bool],
) -> str:
    """As `burn`, into an open file."""
    reader.seek(from_s)
    first = reader.image_at(from_s, cancelled)
    if first is None:
        if cancelled():
            raise Cancelled
        raise ValueError("The video ends before the part that was watched; the file may have changed since.")
    width, height = fitting(first.shape[1], first.shape[0])
    fps = Fraction(min(max(reader.fps, FPS[0]), FPS[1])).limit_denominator(1001)
    audio, stream = AudioTrack(reader.path, file, from_s), add_video(file, width, height, fps)
    captions = Captions(cues, width, height)
    until_s = min(until_s, reader.stated_s or until_s)
    number = 0
    with closing(audio):
        while (t := from_s + float(number / fps)) < until_s and (shown := reader.image_at(t, cancelled)) is not None:
            if shown.shape[:2] == (height, width):
                image = shown.copy()
            else:
                image = np.array(cv2.resize(shown, (width, height), interpolation=cv2.INTER_AREA))
            captions.draw(image, t)
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts = number
            file.mux(stream.encode(frame))
            audio.up_to(t - from_s)
            number += 1
            progress(min(1.0, (t - from_s) / (until_s - from_s)))
            if cancelled():
                break
        if cancelled():
            raise Cancelled
        file.mux(stream.encode())
        audio.up_to(float(number / fps), last=True)
    return captions.missing


def add_video(file: OutputContainer, width: int, height: int, fps: Fraction) -> VideoStream:
    stream = file.add_stream("libvpx", rate=fps, options=VP8)
    stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
    stream.codec_context.thread_count = 1  # the model needs the other cores
    stream.bit_rate = int(BITS_PER_PIXEL * width * height * fps)
    return stream


def fitting(width: int, height: int) -> tuple[int, int]:
    """At most MAX_SIDE_PX wide or high, even."""
    scale = min(1.0, MAX_SIDE_PX / max(width, height))
    return max(2, round(width * scale / 2) * 2), max(2, round(height * scale / 2) * 2)


class AudioTrack:
    """The first audio track of a file, re-encoded as far as it is asked for. A track that cannot be read ends there,
    without an error: the video is what was asked for."""

    def __init__(self, path: Path, file: OutputContainer, from_s: float):
        self._source: InputContainer | None = None
        self._file = file
        self._stream: AudioStream | None = None
        self._frames: Iterator[av.AudioFrame] = iter(())
        try:
            self._source = source = av.open(str(path.absolute()))
            if source.streams.audio and source.streams.video:
                self._stream = file.add_stream("libopus", rate=AUDIO_RATE_HZ)
                self._frames = decoded(source, origin_s(source) + from_s)
        except (av.FFmpegError, OSError, ValueError):
            log.info("the audio of %s is left out", path.name, exc_info=True)

    def up_to(self, t: float, last: bool = False) -> None:
        """Mux the audio before `t` seconds; `last`: and no more."""
        if self._stream is None:
            return
        try:
            for frame in self._frames:
                self._file.mux(self._stream.encode(frame))
                if frame.pts is not None and frame.pts / AUDIO_RATE_HZ >= t:
                    break
            if last:
                self._file.mux(self._stream.encode())
        except (av.FFmpegError, ValueError):
            log.info("the audio ends early", exc_info=True)
            self._frames = iter(())

    def close(self) -> None:
        if self._source is not None:
            self._source.close()


def decoded(source: InputContainer, origin: float) -> Iterator[av.AudioFrame]:
    """Frames at AUDIO_RATE_HZ whose times count from the first image that is written, `origin` seconds by the
    container's clock; what comes before it is cut."""
    resampler = av.AudioResampler("flt", "stereo", AUDIO_RATE_HZ)
    source.seek(round(max(0.0, origin - 1) * av.time_base))  # a seek lands at or before its target
    for frame in source.decode(audio=0):
        if frame.time is None or frame.time_base is None or frame.time < origin:
            continue
        frame.pts = round((frame.time - origin) / frame.time_base)
        yield from resampler.resample(frame)


def origin_s(source: InputContainer) -> float:
    """When the first image comes on screen, by the container's clock."""
    for frame in source.decode(video=0):
        return frame.time or 0.0
    return 0.0
