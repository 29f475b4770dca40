"""Filled shapes on an image, (H, W, 3) uint8 RGB or (H, W) uint8, at sub-pixel positions: what the painters of all
worlds draw with. Coordinates and lengths are in pixels."""

from collections.abc import Iterable

import cv2
import numpy as np
from numpy.typing import ArrayLike

Rgb = tuple[int, int, int]

BITS = 4
"""Fractional bits of OpenCV's fixed-point coordinates: its `shift` argument."""


def rgb_of(channels: Iterable[float]) -> Rgb:
    """Three channels, cut to whole numbers."""
    red, green, blue = (int(v) for v in channels)
    return red, green, blue


def fixed(*values: float) -> tuple[int, ...]:
    """Pixels in OpenCV's fixed point (shift=BITS)."""
    return tuple(round(v * (1 << BITS)) for v in values)


def fixed_points(points: ArrayLike) -> np.ndarray:
    """(N, 2) int32: pixels in OpenCV's fixed point (shift=BITS)."""
    return np.round(np.asarray(points, np.float64) * (1 << BITS)).astype(np.int32)


def disc(image: np.ndarray, x: float, y: float, radius: float, colour: Rgb) -> None:
    cv2.circle(image, fixed(x, y), fixed(max(radius, 0.6))[0], colour, -1, cv2.LINE_AA, BITS)


def polygon(image: np.ndarray, points: ArrayLike, colour: Rgb | int) -> None:
    """`colour` is one number on a (H, W) mask."""
    cv2.fillPoly(image, [fixed_points(points)], colour, cv2.LINE_AA, BITS)


def box(image: np.ndarray, x0: float, y0: float, x1: float, y1: float, colour: Rgb) -> None:
    polygon(image, ((x0, y0), (x1, y0), (x1, y1), (x0, y1)), colour)


def rounded(image: np.ndarray, corners: tuple[float, float, float, float], radius: float, colour: Rgb) -> None:
    """A box, `corners` = (x0, y0, x1, y1), with round corners."""
    x0, y0, x1, y1 = corners
    radius = min(radius, (x1 - x0) / 2, (y1 - y0) / 2)
    corner = np.linspace(0, np.pi / 2, 6)
    points = []
    for cx, cy, turn in (
        (x1 - radius, y1 - radius, 0),
        (x0 + radius, y1 - radius, 1),
        (x0 + radius, y0 + radius, 2),
        (x1 - radius, y0 + radius, 3),
    ):
        points += [
            (cx + radius * np.cos(a + turn * np.pi / 2), cy + radius * np.sin(a + turn * np.pi / 2)) for a in corner
        ]
    polygon(image, points, colour)
