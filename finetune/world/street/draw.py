"""One frame of a `street` clip as pixels, and the boxes of what is on it.

    image = draw(clip, 4.0)                  # (H, W, 3) uint8 RGB, as the frame at t = 4 s looks
    small = draw(clip, 4.0, (320, 180))      # any size of the clip's aspect ratio; cheaper than shrinking
    boxes(clip, 4.0)                         # [("red car", x0, y0, x1, y1), ("to right", ...), ("green light", ...)] in
    0..1

Deterministic in (clip, t). What stands still is painted once per clip and size (`backdrop.py`); a call copies it,
paints the movers and the lit lamp, and adds noise from a fixed field: about 0.5 ms at 320x180. Safe to call from
several threads.
"""

from functools import lru_cache

import cv2
import numpy as np

from finetune.world.street.backdrop import LAMP_RGB, MARGIN_PX, backdrop, tone
from finetune.world.street.layout import GroundSpot, Viewport, shake, spot, viewport_of
from finetune.world.street.movers import paint
from finetune.world.street.scene import StreetClip, StreetThing, light_at, things_at
from finetune.world.strokes import disc

_ROOM_PX = 64
"""The noise field is larger than the frame by this much, so that each frame takes another part of it."""


def draw(clip: StreetClip, t: float, size: tuple[int, int] | None = None) -> np.ndarray:
    """The frame at t: (H, W, 3) uint8 RGB; `size` = (width, height), by default the clip's own."""
    size = size or clip.size
    look, view = clip.look, viewport_of(clip.look, size)
    dx, dy = shake(clip, t, view.side)
    dx, dy = max(-MARGIN_PX, min(MARGIN_PX, dx)), max(-MARGIN_PX, min(MARGIN_PX, dy))
    still = backdrop(look, size)
    image = still[MARGIN_PX - dy : MARGIN_PX - dy + size[1], MARGIN_PX - dx : MARGIN_PX - dx + size[0]].copy()
    _paint_lamp(image, clip, view, t, dx, dy)
    for thing, place in _placed(clip, view, t):
        paint(
            image,
            look,
            thing,
            GroundSpot(place.x + dx, place.ground + dy, place.width, place.height, place.facing, place.stride),
        )
    return _add_noise(image, clip, t)


def boxes(clip: StreetClip, t: float) -> list[tuple[str, float, float, float, float]]:
    """(label, x0, y0, x1, y1) in 0..1 of the frame: each thing by its name, again as "to right" or "to left", and the
    lit lamp.

    The camera's shaking (under 1 % of the shorter side) is left out.
    """
    view = viewport_of(clip.look, clip.size)
    colour = light_at(clip, t)
    x, y = view.lamp_centre(colour)
    found = [
        (
            f"{colour} light",
            *_share(view, x - view.lamp / 2, y - view.lamp / 2, x + view.lamp / 2, y + view.lamp / 2),
        )
    ]
    for thing, place in _placed(clip, view, t):
        share = _share(view, *place.box)
        found.append((thing.name, *share))
        if thing.direction in ("right", "left"):
            found.append((f"to {thing.direction}", *share))
    return found


def _share(view: Viewport, x0: float, y0: float, x1: float, y1: float) -> tuple[float, float, float, float]:
    def clip01(v: float) -> float:
        return min(max(v, 0.0), 1.0)

    return clip01(x0 / view.width), clip01(y0 / view.height), clip01(x1 / view.width), clip01(y1 / view.height)


def _placed(clip: StreetClip, view: Viewport, t: float) -> list[tuple[StreetThing, GroundSpot]]:
    """Things in view with their places, the far ones first."""
    places = [(thing, spot(view, thing, t)) for thing in things_at(clip, t)]
    return sorted(places, key=lambda pair: pair[1].ground)


def _paint_lamp(image, clip: StreetClip, view: Viewport, t: float, dx: int, dy: int) -> None:
    colour = light_at(clip, t)
    x, y = view.lamp_centre(colour)
    x, y, radius = x + dx, y + dy, view.lamp / 2
    rgb = LAMP_RGB[colour]
    _add_glow(image, x, y, 2.4 * radius, rgb, 0.34 if clip.look.time_of_day == "day" else 0.6)
    disc(image, x, y, radius, tone(clip.look, rgb, 0.9))
    disc(image, x, y, 0.84 * radius, tone(clip.look, rgb))
    disc(image, x - 0.2 * radius, y - 0.25 * radius, 0.3 * radius, tone(clip.look, tuple(v * 0.55 + 115 for v in rgb)))


def _add_glow(image, x: float, y: float, reach: float, rgb, strength: float) -> None:
    """A soft halo of light, added where it falls on the image."""
    halo = _halo(max(3, round(reach)), rgb, strength)
    half = halo.shape[0] // 2
    x0, y0 = round(x) - half, round(y) - half
    left, top = max(0, -x0), max(0, -y0)
    part = image[max(0, y0) : y0 + halo.shape[0], max(0, x0) : x0 + halo.shape[1]]
    if part.size:
        cv2.add(part, halo[top : top + part.shape[0], left : left + part.shape[1]], part)


@lru_cache(maxsize=64)
def _halo(reach: int, rgb, strength: float) -> np.ndarray:
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1] / reach
    fall = np.clip(1 - np.hypot(x, y), 0, 1) ** 2 * strength
    return (fall[..., None] * np.array(rgb)).astype(np.uint8)


@lru_cache(maxsize=24)
def _noise_field(size: tuple[int, int], sigma: float) -> np.ndarray:
    """(H + _ROOM_PX, W + _ROOM_PX, 3) int16: the same unit field for all, scaled."""
    return np.round(_unit_noise(size) * np.float32(sigma)).astype(np.int16)


@lru_cache(maxsize=8)
def _unit_noise(size: tuple[int, int]) -> np.ndarray:
    return np.random.default_rng(7).standard_normal((size[1] + _ROOM_PX, size[0] + _ROOM_PX, 3), dtype=np.float32)


def _add_noise(image: np.ndarray, clip: StreetClip, t: float) -> np.ndarray:
    height, width = image.shape[:2]
    if clip.look.noise <= 0:
        return image
    field = _noise_field((width, height), clip.look.noise)
    y, x = divmod((clip.look.grain + round(t * 1000) * 2654435761) % (_ROOM_PX * _ROOM_PX), _ROOM_PX)
    return cv2.add(image, field[y : y + height, x : x + width], dtype=cv2.CV_8U)
