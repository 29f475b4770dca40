"""Microphone recordings as samples: what a browser's MediaRecorder sends, decoded with PyAV alone.

The bytes are untrusted. Only four containers are opened, each recognised by its first bytes and read by its own
demuxer: left to guess, FFmpeg would also accept playlists, which name other files and addresses for it to open.
"""

import io

import numpy as np

LONGEST_S = 20.0
"""The rest is not read; the page stops a recording at 15 s."""
SHORTEST_S = 0.3
QUIET = 1e-3
"""Root mean square below which nobody spoke; a whisper close by is ten times that. Recognisers invent words for
silence."""
MAX_BYTES = 2_000_000
"""15 s of Opus are 60 to 250 kB; of uncompressed audio at 48 kHz, 1.4 MB."""
CONTAINERS = ((0, b"\x1aE\xdf\xa3", "matroska"), (0, b"OggS", "ogg"), (0, b"RIFF", "wav"), (4, b"ftyp", "mov"))
"""(offset, first bytes, FFmpeg's name): Chromium and Firefox, old Firefox, a WAV made by a script, Safari."""


def decode(data: bytes, rate_hz: int) -> np.ndarray:
    """(samples,) float32 in -1..1 at `rate_hz`, one channel, at most LONGEST_S. Raises ValueError (one sentence) for
    anything but a recording."""
    if len(data) > MAX_BYTES:
        raise ValueError(
            f"The recording has {len(data) / 1e6:.1f} MB, more than the {MAX_BYTES / 1e6:.0f} MB allowed; "
            "make it shorter."
        )
    container = next((name for at, first, name in CONTAINERS if data[at : at + len(first)] == first), None)
    if container is None:
        raise ValueError("The recording's format is not supported; WebM, Ogg, MP4 and WAV are.")
    import av

    try:
        return _decode(data, container, rate_hz)
    except (av.FFmpegError, IndexError, ValueError) as problem:
        raise ValueError("The recording could not be read; try again.") from problem


def _decode(data: bytes, container: str, rate_hz: int) -> np.ndarray:
    import av

    resampler = av.AudioResampler(format="flt", layout="mono", rate=rate_hz)
    pieces, wanted = [], int(LONGEST_S * rate_hz)
    with av.open(io.BytesIO(data), format=container) as opened:
        for frame in opened.decode(opened.streams.audio[0]):
            pieces += [piece.to_ndarray().reshape(-1) for piece in resampler.resample(frame)]
            if sum(map(len, pieces)) >= wanted:
                break
    pieces += [piece.to_ndarray().reshape(-1) for piece in resampler.resample(None)]
    return np.concatenate(pieces)[:wanted].astype(np.float32)


def check_spoken(samples: np.ndarray, rate_hz: int) -> None:
    """Raises ValueError (one sentence for the user) when there is nothing to recognise."""
    if len(samples) < SHORTEST_S * rate_hz:
        raise ValueError("The recording is too short; press the microphone, speak, and press it again.")
    if float(np.sqrt(np.mean(np.square(samples)))) < QUIET:
        raise ValueError(
            "Nothing was heard; check that the right microphone is selected and not muted, then try again."
        )
