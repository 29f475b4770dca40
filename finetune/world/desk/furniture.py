"""What hangs and stands in a room: panels, posters, windows, monitors, shelves, doors, curtains, plants, lamps, tables.

Each function paints on `canvas.image` in place, from the canvas's own generator; lengths in pixels.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from finetune.world.desk.items import item
from finetune.world.desk.objects import blend
from finetune.world.desk.texture import colour, noise, paint_colour, poster, scenery, screen, shaded
from finetune.world.strokes import BITS, box, disc, fixed_points, polygon


@dataclass
class Canvas:
    """A room in the making."""

    image: np.ndarray
    """(H, W, 3) uint8 RGB."""
    glow: np.ndarray
    """(H, W) uint8: what shines by itself."""
    rng: np.random.Generator
    floor: float
    """Height in pixels at which tables and floors begin."""

    @property
    def width(self) -> int:
        return self.image.shape[1]

    @property
    def height(self) -> int:
        return self.image.shape[0]


def place(canvas: Canvas, picture: np.ndarray, corners, shines: bool = False) -> None:
    """Warp `picture` onto four corners (clockwise from the upper left)."""
    h, w = picture.shape[:2]
    corners = np.asarray(corners, np.float32)
    move = cv2.getPerspectiveTransform(np.array([[0, 0], [w, 0], [w, h], [0, h]], np.float32), corners)
    size = (canvas.width, canvas.height)
    flat = cv2.warpPerspective(picture, move, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    mask = np.zeros(size[::-1], np.uint8)
    cv2.fillConvexPoly(mask, fixed_points(corners), 255, cv2.LINE_8, BITS)
    cv2.copyTo(flat, mask, canvas.image)
    if shines:
        canvas.glow[mask > 0] = 255


def corners_of(canvas: Canvas, low: float, high: float, tilt: float = 0.05) -> np.ndarray:
    """A slightly skewed rectangle somewhere on the wall, sides of low..high times the shorter side; may hang out of the
    picture."""
    rng, side = canvas.rng, min(canvas.width, canvas.height)
    w, h = (float(v) * side for v in rng.uniform(low, high, 2))
    x, y = (
        float(rng.uniform(-0.3 * w, canvas.width - 0.7 * w)),
        float(rng.uniform(-0.4 * h, max(1.0, canvas.floor - 0.6 * h))),
    )
    shift = rng.normal(0, tilt, (4, 2)) * min(w, h)
    return np.array([(x, y), (x + w, y), (x + w, y + h), (x, y + h)]) + shift


def panel(canvas: Canvas) -> None:
    """A plain board, often of a strong colour."""
    rng, quad = canvas.rng, corners_of(canvas, 0.2, 0.8)
    strong = rng.random() < 0.65
    rgb = colour(rng, None, (0.6, 1.0) if strong else (0.0, 0.4), (0.25, 0.9))
    flat = np.clip(np.array(rgb) * (1 + 0.05 * noise(rng, (48, 48), 3)[..., None]), 0, 255).astype(np.uint8)
    place(canvas, flat, quad)
    if rng.random() < 0.5:
        edge = shaded(rgb, 0.6) if rng.random() < 0.5 else (225, 225, 222)
        cv2.polylines(
            canvas.image, [np.round(quad).astype(np.int32)], True, edge, max(1, canvas.height // 120), cv2.LINE_AA
        )


def picture(canvas: Canvas) -> None:
    quad, rng = corners_of(canvas, 0.12, 0.5, 0.02), canvas.rng
    if rng.random() < 0.6:
        middle = quad.mean(0)
        polygon(
            canvas.image,
            middle + (quad - middle) * float(rng.uniform(1.05, 1.2)),
            colour(rng, None, (0, 0.5), (0.05, 1)),
        )
    place(canvas, poster(rng), quad)


def window(canvas: Canvas) -> None:
    rng, quad = canvas.rng, corners_of(canvas, 0.35, 1.0, 0.03)
    middle = quad.mean(0)
    frame = colour(rng, 0.08, (0, 0.3), (0.3, 1.0))
    polygon(canvas.image, middle + (quad - middle) * 1.07, frame)
    view = scenery(rng)
    if rng.random() < 0.5:
        view = np.clip(
            view.astype(np.float32) * float(rng.uniform(1.1, 2.0)) + float(rng.uniform(0, 60)), 0, 255
        ).astype(np.uint8)
    kind = rng.random()
    if kind < 0.35:  # blinds
        step, rgb = int(rng.integers(4, 9)), colour(rng, None, (0, 0.2), (0.5, 1.0))
        for y in range(0, int(112 * rng.uniform(0.4, 1.0)), step):
            view[y : y + max(1, int(step * rng.uniform(0.4, 0.9)))] = rgb
    for share in np.linspace(0, 1, int(rng.integers(2, 5)))[1:-1]:
        view[:, int(112 * share) - 1 : int(112 * share) + 2] = frame
    if rng.random() < 0.4:
        view[54:57] = frame
    place(canvas, view, quad, shines=True)
    if rng.random() < 0.4:
        x0, x1 = quad[:, 0].min(), quad[:, 0].max()
        for at in (x0 - 0.1 * (x1 - x0), x1 - 0.15 * (x1 - x0)):
            curtain(canvas, at, at + 0.25 * (x1 - x0))


def curtain(canvas: Canvas, x0: float | None = None, x1: float | None = None) -> None:
    rng = canvas.rng
    if x0 is None or x1 is None:
        x0 = float(rng.uniform(-0.1, 0.8)) * canvas.width
        x1 = x0 + float(rng.uniform(0.15, 0.5)) * canvas.width
    a, b = int(max(0, x0)), int(min(canvas.width, x1))
    if b - a < 2:
        return
    rgb = np.array(paint_colour(rng), np.float32)
    folds = 1 + 0.22 * np.sin(np.linspace(0, float(rng.uniform(8, 40)), b - a) + noise(rng, (b - a, 2), 4)[0])
    bottom = int(canvas.height if rng.random() < 0.5 else canvas.floor)
    canvas.image[:bottom, a:b] = np.clip(rgb * folds[None, :, None], 0, 255).astype(np.uint8)


def monitor(canvas: Canvas) -> None:
    rng, side = canvas.rng, min(canvas.width, canvas.height)
    w = float(rng.uniform(0.25, 0.75)) * side
    h = w * float(rng.uniform(0.5, 0.7))
    x, y = float(rng.uniform(-0.5 * w, canvas.width - 0.5 * w)), canvas.floor - h * float(rng.uniform(0.6, 1.25))
    skew = float(rng.normal(0, 0.08)) * w
    quad = np.array([(x, y + skew), (x + w, y - skew), (x + w, y + h + skew), (x, y + h - skew)])
    middle, rim = quad.mean(0), colour(rng, None, (0, 0.15), (0.03, 0.25) if rng.random() < 0.8 else (0.6, 0.95))
    box(canvas.image, middle[0] - 0.06 * w, middle[1], middle[0] + 0.06 * w, middle[1] + 0.75 * h, shaded(rim, 1.3))
    polygon(canvas.image, middle + (quad - middle) * 1.08, rim)
    place(canvas, screen(rng), quad, shines=True)


def shelf(canvas: Canvas) -> None:
    """Boards with books, boxes and bottles."""
    rng, side = canvas.rng, min(canvas.width, canvas.height)
    x0, x1 = float(rng.uniform(-0.1, 0.6)) * canvas.width, 0.0
    x1 = x0 + float(rng.uniform(0.25, 0.8)) * canvas.width
    step, y = float(rng.uniform(0.14, 0.3)) * side, float(rng.uniform(0.08, 0.3)) * canvas.height
    board, back = paint_colour(rng), rng.random() < 0.5
    rows = int(rng.integers(1, 5))
    if back:
        box(canvas.image, x0, y - step, x1, y + (rows - 1) * step, shaded(board, 0.55))
    for row in range(rows):
        level, x = y + row * step, x0 + 0.02 * side
        while x < x1 - 0.04 * side:
            w, h = float(rng.uniform(0.015, 0.06)) * side, float(rng.uniform(0.4, 0.9)) * step
            if rng.random() < 0.75:
                rgb = paint_colour(rng) if rng.random() < 0.6 else colour(rng, None, (0.2, 0.9), (0.15, 0.9))
                box(canvas.image, x, level - h, x + w, level, rgb)
                box(canvas.image, x, level - h, x + 0.2 * w, level, shaded(rgb, 0.75))
            elif rng.random() < 0.6:
                sprite, alpha = item(int(rng.integers(2**31)), max(6, int(h)), 1.0)
                blend(canvas.image, sprite, alpha, x + w, level - alpha.shape[0] / 2)
                w *= 2
            x += w * float(rng.choice([1.0, 1.05, 2.0], p=[0.6, 0.25, 0.15]))
        box(canvas.image, x0, level, x1, level + 0.02 * side, board)
        box(canvas.image, x0, level + 0.014 * side, x1, level + 0.024 * side, shaded(board, 0.6))


def door(canvas: Canvas) -> None:
    rng = canvas.rng
    w = float(rng.uniform(0.2, 0.4)) * canvas.height
    x, top, rgb = (
        float(rng.uniform(-0.3 * w, canvas.width)),
        float(rng.uniform(-0.1, 0.25)) * canvas.height,
        paint_colour(rng),
    )
    bottom = canvas.floor + 0.25 * canvas.height * float(rng.random())
    box(canvas.image, x - 0.05 * w, top - 0.05 * w, x + 1.05 * w, bottom, shaded(rgb, 0.75))
    box(canvas.image, x, top, x + w, bottom, rgb)
    for row in range(int(rng.integers(0, 3))):
        y = top + (0.08 + 0.44 * row) * (bottom - top)
        box(
            canvas.image,
            x + 0.15 * w,
            y,
            x + 0.85 * w,
            y + 0.34 * (bottom - top),
            shaded(rgb, float(rng.choice([0.88, 1.12]))),
        )
    disc(canvas.image, x + 0.88 * w, (top + bottom) / 2, 0.035 * w, (150, 145, 130))


def plant(canvas: Canvas) -> None:
    rng, side = canvas.rng, min(canvas.width, canvas.height)
    x, size = float(rng.uniform(0, 1)) * canvas.width, float(rng.uniform(0.15, 0.5)) * side
    foot = canvas.floor + float(rng.uniform(0, 0.15)) * canvas.height
    rim = foot - 0.3 * size
    polygon(
        canvas.image,
        ((x - 0.17 * size, rim), (x + 0.17 * size, rim), (x + 0.12 * size, foot), (x - 0.12 * size, foot)),
        paint_colour(rng),
    )
    hue = float(rng.uniform(0.2, 0.38))
    for _ in range(int(rng.integers(9, 26))):
        angle, length = float(rng.normal(-1.57, 0.75)), float(rng.uniform(0.3, 0.75)) * size
        tip = np.array([x + length * np.cos(angle), foot - 0.3 * size + length * np.sin(angle)])
        root, side_way = (
            np.array([x, foot - 0.3 * size]),
            np.array([-np.sin(angle), np.cos(angle)]) * float(rng.uniform(0.03, 0.1)) * size,
        )
        middle = root + 0.6 * (tip - root)
        polygon(
            canvas.image, (root, middle + side_way, tip, middle - side_way), colour(rng, hue, (0.25, 0.7), (0.15, 0.55))
        )


def lamp(canvas: Canvas) -> None:
    """A bright patch: a ceiling panel or a shade."""
    rng, side = canvas.rng, min(canvas.width, canvas.height)
    w, h = float(rng.uniform(0.1, 0.4)) * side, float(rng.uniform(0.03, 0.12)) * side
    x, y = float(rng.uniform(0, 1)) * canvas.width, float(rng.uniform(0.0, 0.3)) * canvas.height
    polygon(
        canvas.image,
        ((x - 0.4 * w, y), (x + 0.4 * w, y), (x + 0.5 * w, y + h), (x - 0.5 * w, y + h)),
        colour(rng, 0.13, (0, 0.2), (0.9, 1.0)),
    )


def whiteboard(canvas: Canvas) -> None:
    rng, quad = canvas.rng, corners_of(canvas, 0.4, 0.9, 0.02)
    board = np.full((96, 128, 3), int(rng.integers(205, 250)), np.uint8)
    if rng.random() < 0.2:
        board[:] = colour(rng, 0.4, (0.2, 0.5), (0.15, 0.35))
    for _ in range(int(rng.integers(0, 12))):
        points = np.cumsum(rng.normal(0, 9, (6, 2)), 0) + rng.uniform((10, 10), (118, 86))
        cv2.polylines(board, [points.astype(np.int32)], False, colour(rng, None, (0, 1), (0.1, 0.8)), 1, cv2.LINE_AA)
    polygon(canvas.image, quad.mean(0) + (quad - quad.mean(0)) * 1.04, (150, 152, 155))
    place(canvas, board, quad)


def chair(canvas: Canvas) -> None:
    """The round back of a chair or a sofa in front."""
    rng, side = canvas.rng, min(canvas.width, canvas.height)
    x, w, h = (
        float(rng.uniform(-0.1, 1.1)) * canvas.width,
        float(rng.uniform(0.12, 0.35)) * side,
        float(rng.uniform(0.2, 0.45)) * side,
    )
    rgb = paint_colour(rng) if rng.random() < 0.5 else colour(rng, None, (0, 0.4), (0.05, 0.3))
    foot = canvas.floor + float(rng.uniform(0.05, 0.4)) * canvas.height
    arc = [
        (x + w * np.sign(np.cos(a)) * abs(np.cos(a)) ** 0.5, foot - h * abs(np.sin(a)) ** 0.5)
        for a in np.linspace(0, np.pi, 15)
    ]
    polygon(canvas.image, arc, rgb)


FURNITURE = (panel, picture, window, curtain, monitor, shelf, door, plant, lamp, whiteboard, chair)
SHARES = (0.15, 0.17, 0.13, 0.06, 0.12, 0.11, 0.06, 0.06, 0.04, 0.05, 0.05)
