"""Real video files made on the fly, whose frames carry their own number as a barcode: which frame was picked is then
proven.

Not a test. `write` uses OpenCV's own writer (constant rates), `write_at` PyAV (any times, B-frames, offsets).
"""

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

WIDTH, HEIGHT = 96, 64
FOURCC = {".mp4": "mp4v", ".avi": "MJPG", ".webm": "VP80", ".mkv": "VP80"}
QUICK = {"libx264": {"preset": "ultrafast"}, "libvpx": {"deadline": "realtime", "cpu-used": "8"}}


def barcode(number: int) -> np.ndarray:
    """(64, 96, 3) uint8: 16 bits as light and dark blocks in two rows; the lossy codecs keep them."""
    picture = np.full((HEIGHT, WIDTH, 3), 40, np.uint8)
    for bit in range(16):
        if number >> bit & 1:
            top, left = bit // 8 * 32, bit % 8 * 12
            picture[top : top + 32, left : left + 12] = 215
    return picture


def read_barcode(picture: np.ndarray) -> int:
    bits = [
        picture[bit // 8 * 32 + 8 : bit // 8 * 32 + 24, bit % 8 * 12 + 3 : bit % 8 * 12 + 9].mean() > 128
        for bit in range(16)
    ]
    return sum(1 << place for place, bit in enumerate(bits) if bit)


def write(path: Path, fps: float, frames: int, *, noise: bool = False) -> Path:
    """`frames` numbered frames at `fps`; container and codec follow from the suffix. `noise` makes the file large."""
    grain = np.random.default_rng(0).integers(0, 40, (frames if noise else 0, HEIGHT, WIDTH, 3), np.uint8)
    writer = cv2.VideoWriter(
        str(path), cv2.CAP_FFMPEG, cv2.VideoWriter_fourcc(*FOURCC[path.suffix]), fps, (WIDTH, HEIGHT)
    )
    assert writer.isOpened()
    for number in range(frames):
        writer.write(barcode(number) + grain[number] if noise else barcode(number))
    writer.release()
    return path


def write_at(
    path: Path,
    ticks: list[int],
    time_base: Fraction = Fraction(1, 1000),
    codec: str = "libx264",
    b_frames: int = 0,
    **options: str,
) -> Path:
    """Frame `n` comes on screen at `ticks[n] * time_base` seconds."""
    with av.open(str(path), "w", options=options) as container:
        stream = container.add_stream(codec, rate=30, options=QUICK.get(codec, {}))
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.codec_context.time_base = time_base
        stream.codec_context.max_b_frames = b_frames
        stream.thread_count = 1  # pictures this small only make threads wait for each other
        for number, tick in enumerate(ticks):
            frame = av.VideoFrame.from_ndarray(barcode(number), format="rgb24")
            frame.pts, frame.time_base = tick, time_base
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def write_sound(path: Path, codec: str = "aac") -> Path:
    """One second of a tone and no picture."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=48000)
        tone = (np.sin(np.arange(48000) / 20) * 8000).astype(np.int16).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(tone, format="s16", layout="mono")
        frame.sample_rate, frame.pts = 48000, 0
        resampler = av.AudioResampler(stream.codec_context.format, stream.codec_context.layout, 48000)
        for part in resampler.resample(frame):
            container.mux(stream.encode(part))
        container.mux(stream.encode())
    return path
