"""What all sources share: the grid of stream times, the error they raise, and a silent OpenCV. Not a source itself.

A source yields an image for each grid point `i + k / fps` (turn `i`, image `k`). Grid points are counted by an integer
`n` and turned into seconds only here, so that nothing drifts: `n = i * fps + k`.
"""

import math
import os

import cv2

TIME_TOLERANCE_S = 0.0005
"""A frame this little after a grid point still counts as on screen there: Matroska and WebM round times to a
millisecond."""
POLL_S = 0.05
"""How long a source waits before it checks the caller's stop event again."""
MAX_SOURCE_FPS = 30
"""Frames per second that a source can be sampled at; a model is given fewer (`live/session.py`)."""


class SourceError(ValueError):
    """A source that cannot be shown, in one sentence for the user: what is wrong, and what to do."""


def check_fps(fps: int) -> int:
    """`fps` itself. Raises ValueError unless it is a whole number of images per second, 1..MAX_SOURCE_FPS."""
    if isinstance(fps, bool) or not isinstance(fps, int) or not 1 <= fps <= MAX_SOURCE_FPS:
        raise ValueError(f"{fps!r} frames per second are not possible; give a whole number from 1 to {MAX_SOURCE_FPS}.")
    return fps


def grid_second(n: int, fps: int) -> float:
    """Stream time of grid point `n`; exact at whole seconds, at any length of stream."""
    return n // fps + (n % fps) / fps


def newest_point(position_s: float, fps: int) -> int:
    """The last grid point at or before `position_s`; -1 before the start."""
    return math.floor((position_s + TIME_TOLERANCE_S) * fps)


def second_start(n: int, fps: int) -> int:
    """The first grid point of the second that holds `n`: after a gap, watching resumes there, so that a turn has all
    its images."""
    return n - n % fps


def quiet_opencv() -> None:
    """Keep OpenCV and its FFmpeg from writing to stderr: our own sentence is what the user should read.

    FFmpeg's level is read once, at the first file that OpenCV opens in the process. A level that the user has set
    stays.
    """
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    os.environ.setdefault("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", "5")
    if "OPENCV_LOG_LEVEL" not in os.environ:
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
