"""Brush strokes for bodies: tapered limbs, hands, reaching arms. Strokes go on a layer and on its mask at once."""

import math

import cv2
import numpy as np

from finetune.world.desk.texture import shaded
from finetune.world.strokes import BITS, Rgb, fixed, fixed_points


class Brush:
    """Paints on `layer` (h, w, 3 uint8) and marks what it painted in `mask` (h, w uint8). Points in units of `unit`
    pixels from `origin`."""

    def __init__(self, layer: np.ndarray, origin: tuple[float, float], unit: float):
        self.layer, self.origin, self.unit = layer, origin, unit
        self.mask: np.ndarray = np.zeros(layer.shape[:2], np.uint8)

    def at(self, points) -> np.ndarray:
        """Pixels of (N, 2) points."""
        return np.asarray(points, np.float64).reshape(-1, 2) * self.unit + self.origin

    def polygon(self, points, rgb: Rgb) -> None:
        corners = [fixed_points(self.at(points))]
        cv2.fillPoly(self.layer, corners, rgb, cv2.LINE_AA, BITS)
        cv2.fillPoly(self.mask, corners, 255, cv2.LINE_AA, BITS)

    def oval(
        self,
        x: float,
        y: float,
        rx: float,
        ry: float,
        rgb: Rgb,
        turn: float = 0.0,
    ) -> None:
        """Filled; `turn` in degrees."""
        cx, cy = self.at((x, y))[0]
        middle, axes = fixed(cx, cy), fixed(max(0.5, rx * self.unit), max(0.5, ry * self.unit))
        cv2.ellipse(self.layer, middle, axes, turn, 0, 360, rgb, -1, cv2.LINE_AA, BITS)
        cv2.ellipse(self.mask, middle, axes, turn, 0, 360, 255, -1, cv2.LINE_AA, BITS)

    def line(self, points, rgb: Rgb, thick: float) -> None:
        pixels = [fixed_points(self.at(points))]
        width = max(1, round(thick * self.unit))
        cv2.polylines(self.layer, pixels, False, rgb, width, cv2.LINE_AA, BITS)
        cv2.polylines(self.mask, pixels, False, 255, width, cv2.LINE_AA, BITS)

    def limb(self, a, b, ra: float, rb: float, rgb: Rgb) -> None:
        """A tapered limb from a to b, round at both ends, darker along its lower edge."""
        (ax, ay), (bx, by) = a, b
        length = math.hypot(bx - ax, by - ay) or 1e-6
        nx, ny = -(by - ay) / length, (bx - ax) / length
        if ny < 0:
            nx, ny = -nx, -ny
        dark = shaded(rgb, 0.74)
        self.oval(ax, ay, ra, ra, dark)
        self.oval(bx, by, rb, rb, dark)
        self.polygon(
            (
                (ax + nx * ra, ay + ny * ra),
                (bx + nx * rb, by + ny * rb),
                (bx - nx * rb, by - ny * rb),
                (ax - nx * ra, ay - ny * ra),
            ),
            dark,
        )
        k, q = 0.12, 0.84
        self.oval(ax - k * nx * ra, ay - k * ny * ra, q * ra, q * ra, rgb)
        self.oval(bx - k * nx * rb, by - k * ny * rb, q * rb, q * rb, rgb)
        s = 0.7
        near, far = (ax + nx * ra * s, ay + ny * ra * s), (bx + nx * rb * s, by + ny * rb * s)
        self.polygon((near, far, (bx - nx * rb, by - ny * rb), (ax - nx * ra, ay - ny * ra)), rgb)

    def hand(self, wrist, direction: float, scale: float, skin: Rgb, spread: float, side: int) -> None:
        """A hand from `wrist` along `direction` (radians), `scale` long; spread 0 = fist, 1 = open."""
        ca, sa = math.cos(direction), math.sin(direction)

        def at(along: float, across: float) -> tuple[float, float]:
            return wrist[0] + scale * (along * ca - across * side * sa), wrist[1] + scale * (
                along * sa + across * side * ca
            )

        dark = shaded(skin, 0.78)
        px, py = at(0.32, 0)
        self.oval(px, py, 0.36 * scale, 0.27 * scale, dark, math.degrees(direction))
        self.oval(*at(0.31, 0.02), 0.34 * scale, 0.24 * scale, skin, math.degrees(direction))
        reach = 0.5 + 0.5 * spread
        for finger in range(4):
            start, fan = at(0.52, 0.2 - 0.13 * finger), (0.2 - 0.13 * finger) * (1 + 0.9 * spread)
            tip = at(0.52 + (0.46 - 0.06 * abs(finger - 1.4)) * reach, fan)
            self.line((start, tip), dark if finger % 2 else skin, 0.13 * scale)
        self.line((at(0.2, 0.2), at(0.42, 0.36 + 0.14 * spread)), skin, 0.15 * scale)


def soft_lay(
    image: np.ndarray,
    corner: tuple[int, int],
    brush: Brush,
    light: np.ndarray | None,
    edge: float,
    shadow: tuple[int, int, float] | None = None,
) -> None:
    """Lay a brush's layer over the image, its upper left corner at `corner` = (x, y): times `light` (3-channel uint8,
    128 = as it is), edge blurred by `edge` pixels.

    `shadow` = (dx, dy, strength): a soft shadow that falls on what is behind.
    """
    x0, y0 = corner
    part = image[y0 : y0 + brush.layer.shape[0], x0 : x0 + brush.layer.shape[1]]
    layer = brush.layer if light is None else cv2.multiply(brush.layer, light, scale=1 / 128)
    mask = brush.mask if edge < 0.3 else cv2.GaussianBlur(brush.mask, (0, 0), edge)
    weight = mask.astype(np.float32)
    weight *= np.float32(1 / 255)
    behind = part
    if shadow:
        dx, dy, strength = shadow
        dark = cv2.warpAffine(
            mask,
            np.array([[0.25, 0, dx / 4], [0, 0.25, dy / 4]], np.float32),
            (mask.shape[1] // 4 + 1, mask.shape[0] // 4 + 1),
        )
        size = 2 * (max(dark.shape) // 16) + 1
        dark = cv2.resize(cv2.blur(dark, (size, size)), (mask.shape[1], mask.shape[0]))
        keep = cv2.convertScaleAbs(dark, alpha=-strength, beta=255)
        behind = cv2.multiply(part, cv2.merge([keep] * 3), scale=1 / 255)
    part[:] = cv2.blendLinear(layer, np.ascontiguousarray(behind), weight, 1 - weight)
