"""Paints people: a figure of limbs, clothes, hair and a face, then light and folds over it all. Who and where is
`stance.py`'s."""

from functools import lru_cache

import cv2
import numpy as np

from finetune.world.desk.body import Brush, soft_lay
from finetune.world.desk.scene import DeskThing
from finetune.world.desk.stance import Person, Pose, extent, person_of
from finetune.world.desk.texture import colour, mixed, noise, poster, shaded, text_lines
from finetune.world.strokes import BITS, Rgb, fixed_points

_SHOULDER, _HIP, _FOOT = 1.62, 4.1, 7.3
_UPPER, _FORE = 1.38, 1.22
"""Lengths of the arm's bones, in heads."""


def paint(image: np.ndarray, thing: DeskThing, side: str, place: Pose, light: float) -> None:
    """Draw somebody on `image` in place."""
    person, unit = person_of(thing.seed, side), place.unit
    height, width = image.shape[:2]
    ex0, ey0, ex1, ey1 = extent(thing, side, place)
    pad = 0.7 * unit
    x0, y0, x1, y1 = (
        int(max(0, ex0 - pad)),
        int(max(0, ey0 - pad)),
        int(min(width, ex1 + pad)),
        int(min(height, ey1 + 0.2 * unit)),
    )
    if x1 - x0 < 4 or y1 - y0 < 4:
        return
    brush = Brush(image[y0:y1, x0:x1].copy(), (place.x - x0, place.y - y0), unit)
    _Figure(brush, person, place).paint()
    light_map = _light(person.seed, round(person.lit_from, 2), round(light, 1))
    scale = np.array(
        [
            [24 / (1.8 * unit), 0, 24 - 24 * (place.x - x0) / (1.8 * unit)],
            [0, 10 / unit, 6 - 10 * (place.y - y0) / unit],
        ],
        np.float32,
    )
    shade = cv2.warpAffine(
        light_map,
        scale,
        (x1 - x0, y1 - y0),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    shadow = (round(-person.lit_from * 0.5 * unit), round(0.2 * unit), 0.35) if person.seed % 3 else None
    soft_lay(image, (x0, y0), brush, shade, min(1.5, 0.012 * unit), shadow)
    if place.speed > 0.4:
        for hx, hy in place.hands:
            _smear(image, place.x + hx * unit, place.y + hy * unit, 0.55 * unit, min(0.35, 0.15 * place.speed) * unit)


def _smear(image: np.ndarray, x: float, y: float, reach: float, length: float) -> None:
    """Hands that move fast are blurred."""
    part = image[max(0, int(y - reach)) : max(0, int(y + reach)), max(0, int(x - reach)) : max(0, int(x + reach))]
    if part.size and length >= 2:
        part[:] = cv2.blur(part, (int(length), int(length)))


@lru_cache(maxsize=32)
def _light(seed: int, lit_from: float, light: float) -> np.ndarray:
    """(80, 48, 3) uint8: light from a side, the roundness of the body, folds; 128 = as it is."""
    rng = np.random.default_rng([seed, 33])
    x, y = np.linspace(-1, 1, 48, dtype=np.float32)[None], np.linspace(-1, 1, 80, dtype=np.float32)[:, None]
    folds = noise(rng, (48, 80), 24, 2, 0.8)
    body = 1.06 + 0.22 * lit_from * x - 0.3 * x * x - 0.1 * y + 0.055 * folds * np.clip(0.6 + 3 * (y + 0.55), 0.15, 1)
    return np.repeat(np.clip(128 * body * (0.35 + 0.65 * light), 20, 255)[..., None], 3, 2).astype(np.uint8)


@lru_cache(maxsize=32)
def _cloth(seed: int, top: Rgb) -> np.ndarray | None:
    """(112, 96, 3) uint8 print of a top, None where it is plain."""
    rng = np.random.default_rng([seed, 34])
    kind = rng.random()
    cloth = np.empty((112, 96, 3), np.uint8)
    cloth[:] = top
    other = colour(rng, None, (0, 0.8), (0.0, 1.0))
    if kind < 0.4:
        return None
    if kind < 0.55:  # stripes or checks
        step, thick, across = int(rng.integers(5, 16)), int(rng.integers(1, 6)), rng.random()
        for start in range(0, 112, step):
            if across < 0.75:
                cloth[start : start + thick] = other
            if across > 0.6:
                cloth[:, start : start + thick] = shaded(other, 0.8)
    elif kind < 0.7:  # a small pattern all over
        for px, py in rng.uniform(0, 112, (int(rng.integers(30, 120)), 2)):
            end = int(px + rng.integers(-6, 7)), int(py + rng.integers(-3, 4))
            cv2.line(cloth, (int(px), int(py)), end, other, int(rng.integers(1, 4)), cv2.LINE_AA)
    elif kind < 0.9:  # a large print on the chest
        _print_on(cloth, other, rng)
    else:
        cloth = mixed(rng, (96, 112), [top, other, colour(rng)], 7)
    return cloth


def _print_on(cloth: np.ndarray, other: Rgb, rng: np.random.Generator) -> None:
    """A picture or a blot, often with a line of text above it."""
    if rng.random() < 0.5:
        art, away = poster(rng, (48, 44)), np.hypot(*np.meshgrid(np.linspace(-2, 2, 48), np.linspace(-2, 2, 44)))
        blob = noise(rng, (48, 44), 3, 3) + 1.2 > away
        cloth[24:68, 24:72][blob] = art[blob]
    else:
        away = np.hypot(*np.meshgrid(np.linspace(-1, 1, 56), np.linspace(-1, 1, 60)))
        blob = away + 0.25 * np.abs(noise(rng, (56, 60), 7, 2)) < 0.85
        cloth[24:84, 20:76][blob] = other
    if rng.random() < 0.6:
        text_lines(rng, cloth, (24, 14, 72, 24), other, 1)


class _Figure:
    """Strokes of one person in one pose."""

    def __init__(self, brush: Brush, person: Person, place: Pose):
        self.brush, self.person, self.place = brush, person, place

    def paint(self) -> None:
        below = self.brush.layer.shape[0] > self.brush.origin[1] + 3.9 * self.brush.unit
        if self.person.style == 3:
            self._long_hair()
        if below:
            self._legs()
        high = [hand[1] < 1.4 for hand in self.place.hands]
        for side in (0, 1):
            if high[side] and abs(self.place.hands[side][0]) > 1.0:
                self._arm(side)
        self._torso()
        self._head()
        for side in (0, 1):
            if not (high[side] and abs(self.place.hands[side][0]) > 1.0):
                self._arm(side)

    def _legs(self) -> None:
        p, b, s = self.person, self.brush, self.place.stride
        for way in (-1, 1):
            foot = (way * 0.42 + 0.25 * way * abs(s), _FOOT - 0.35 * max(0.0, way * s))
            knee = (way * 0.44, 5.7 - 0.2 * max(0.0, way * s))
            b.limb((way * 0.4, _HIP), knee, 0.46 * p.wide, 0.33, p.legs)
            b.limb(knee, foot, 0.33, 0.24, p.legs)
            b.oval(foot[0] + 0.06 * way, foot[1] + 0.05, 0.3, 0.16, (40, 38, 38))
        b.polygon(((-0.78 * p.wide, 3.7), (0.78 * p.wide, 3.7), (0.85 * p.wide, 4.5), (-0.85 * p.wide, 4.5)), p.legs)

    def _torso(self) -> None:
        p, b, lean = self.person, self.brush, self.place.lean
        w = p.wide
        right = [
            (0.26, 1.26),
            (0.5, 1.36),
            (0.82 * w, 1.47),
            (0.98 * w, 1.68),
            (1.0 * w, 2.1),
            (0.9 * w, 2.8),
            (0.86 * w, 3.5),
            (0.92 * w, 4.2),
        ]
        outline = np.array([*right, *[(-x, y) for x, y in reversed(right)]])
        outline[:, 0] -= lean * (4.2 - outline[:, 1]) * 0.35
        b.polygon(outline, p.top)
        cloth = _cloth(p.seed, p.top)
        if cloth is not None:
            corners = b.at([(-1.15 * w - lean, 1.2), (1.15 * w - lean, 1.2), (-1.15 * w, 4.3)]).astype(np.float32)
            move = cv2.getAffineTransform(np.array([[0, 0], [95, 0], [0, 111]], np.float32), corners)
            shape = np.zeros(b.mask.shape, np.uint8)
            cv2.fillPoly(shape, [fixed_points(b.at(outline))], 255, cv2.LINE_8, BITS)
            cv2.copyTo(
                cv2.warpAffine(cloth, move, shape.shape[::-1], flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE),
                shape,
                b.layer,
            )
        shift = -lean * 0.95
        if p.hood:
            b.line(
                [(shift - 0.5, 1.2), (shift - 0.3, 1.5), (shift, 1.72), (shift + 0.3, 1.5), (shift + 0.5, 1.2)],
                shaded(p.top, 0.78),
                0.3,
            )
            for way in (-1, 1):
                b.line([(shift + 0.14 * way, 1.75), (shift + 0.17 * way, 2.4)], shaded(p.top, 0.6), 0.05)
        elif p.seed % 4 == 0:  # an open jacket
            b.polygon(((shift - 0.2, 1.3), (shift + 0.2, 1.3), (0.16, 4.2), (-0.16, 4.2)), shaded(p.legs, 1.5))
            for way in (-1, 1):
                b.line([(shift + way * 0.24, 1.3), (way * 0.2, 4.2)], shaded(p.top, 0.6), 0.09)
        elif p.seed % 4 == 1:  # a collar
            for way in (-1, 1):
                b.polygon(((shift, 1.62), (shift + way * 0.34, 1.2), (shift + way * 0.46, 1.52)), shaded(p.top, 1.25))
        if p.badge:
            b.line([(shift - 0.28, 1.3), (0, 2.5), (shift + 0.28, 1.3)], shaded(p.hat, 0.6), 0.06)
            b.polygon(((-0.16, 2.5), (0.16, 2.5), (0.16, 2.95), (-0.16, 2.95)), (232, 232, 228))
        b.polygon(
            ((shift - 0.26, 0.85), (shift + 0.26, 0.85), (shift + 0.34, 1.36), (shift, 1.58), (shift - 0.34, 1.36)),
            shaded(p.skin, 0.8),
        )

    def _head_at(self) -> tuple[float, float]:
        return -self.place.lean * 1.25, self.place.turn

    def _long_hair(self) -> None:
        b, (x, turn) = self.brush, self._head_at()
        dark = shaded(self.person.hair, 0.8)
        b.oval(x - turn, 0.52, 0.52, 0.54, dark)
        b.polygon(
            ((x - 0.5, 0.5), (x + 0.5, 0.5), (x + 0.6, 1.9), (x + 0.15, 1.6), (x - 0.2, 1.6), (x - 0.58, 2.0)), dark
        )

    def _head(self) -> None:
        p, b, (x, turn) = self.person, self.brush, self._head_at()
        skin, dark, f = p.skin, shaded(p.skin, 0.76), 1.2 * turn
        if p.style == 2:
            b.oval(x, 0.56, 0.5, 0.6, p.hair)
        if p.style == 4:
            b.oval(x, -0.04, 0.22, 0.2, p.hair)
        for way in (-1, 1):
            b.oval(x + 0.385 * way - 0.5 * f, 0.56, 0.07, 0.13, dark)
        if p.style:
            b.oval(x, 0.42, 0.42, 0.45, p.hair)
        b.oval(x, 0.55, 0.375, 0.45, dark)
        b.oval(x + 0.02 * np.sign(p.lit_from), 0.54, 0.355, 0.43, skin)
        b.oval(x + 0.1 * p.lit_from + 0.3 * f, 0.34, 0.2, 0.12, shaded(skin, 1.08))
        for way in (-1, 1):
            b.oval(x + f + 0.2 * way, 0.68, 0.1, 0.08, shaded(skin, 0.95))
        if p.beard:
            b.oval(x + f, 0.82, 0.29, 0.2, shaded(p.hair, 0.95))
            b.oval(x + f, 0.66, 0.2, 0.1, skin)
        elif p.style == 0 or p.seed % 5 == 0:
            b.oval(x + f, 0.84, 0.24, 0.14, shaded(skin, 0.86))
        talk = 0.015 + 0.035 * (self.place.open[0] > 0.6)
        b.oval(x + f, 0.8, 0.125, talk + 0.025, (168, 92, 86) if sum(skin) > 380 else (112, 58, 56))
        b.line([(x + f - 0.1, 0.8), (x + f + 0.1, 0.8)], (92, 44, 42), talk)
        b.line(
            [(x + f * 1.3 + 0.02, 0.46), (x + f * 1.5 + 0.05, 0.65), (x + f * 1.4 - 0.03, 0.68)],
            shaded(skin, 0.82),
            0.055,
        )
        for way in (-1, 1):
            ex = x + f + 0.155 * way
            b.oval(ex, 0.47, 0.1, 0.065, shaded(skin, 0.82))
            b.oval(ex, 0.475, 0.062, 0.034, (236, 232, 228))
            b.oval(ex + 0.3 * turn, 0.475, 0.03, 0.036, (36, 28, 26))
            b.line([(ex - 0.085, 0.385), (ex + 0.085, 0.375)], shaded(p.hair, 0.8), 0.045)
        self._hair(x, turn)
        if p.glasses:
            self._glasses(x + f)

    def _glasses(self, x: float) -> None:
        rim, ring = shaded(self.person.hat, 0.35), np.linspace(0, 2 * np.pi, 11)
        for way in (-1, 1):
            ex = x + 0.165 * way
            glass = np.column_stack([ex + 0.125 * np.cos(ring), 0.475 + 0.095 * np.sin(ring)])
            self.brush.line(glass, rim, 0.035)
        self.brush.line([(x - 0.05, 0.46), (x + 0.05, 0.46)], rim, 0.035)

    def _hair(self, x: float, turn: float) -> None:
        p, b = self.person, self.brush
        if p.style == 5:
            b.polygon([(x + 0.41 * np.cos(a), 0.33 - 0.38 * np.sin(a)) for a in np.linspace(0, np.pi, 9)], p.hat)
            b.oval(x + turn, 0.31, 0.4, 0.07, shaded(p.hat, 0.7))
        elif p.style:
            line = 0.27 + 0.02 * (p.seed % 4)
            arc = [(x + 0.425 * np.cos(a), 0.4 - 0.43 * np.sin(a)) for a in np.linspace(-0.1, np.pi + 0.1, 11)]
            part = 0.12 * (p.seed % 3 - 1)
            fringe = [
                (x - 0.34, 0.42),
                (x - 0.28, line),
                (x + part + turn, line - 0.06),
                (x + 0.28, line),
                (x + 0.34, 0.42),
            ]
            b.polygon([*arc, *fringe], p.hair)
            b.line([(x - 0.2, 0.1), (x + 0.05, 0.03), (x + 0.24, 0.12)], shaded(p.hair, 1.35), 0.06)
        if p.style == 3:
            for way in (-1, 1):
                lock = ((0.32, 0.25), (0.46, 0.35), (0.5, 1.2), (0.56, 1.95), (0.34, 1.8), (0.36, 0.8))
                b.polygon([(x + way * across, down) for across, down in lock], p.hair)

    def _arm(self, side: int) -> None:
        p, b, way = self.person, self.brush, -1 if side == 0 else 1
        shift = -self.place.lean * 0.9
        shoulder = np.array([way * 0.86 * p.wide + shift, _SHOULDER + 0.12])
        wrist = np.array(self.place.hands[side]) * (max(1.0, 0.9 * p.wide), 1.0)
        wrist[0] = way * abs(wrist[0]) if wrist[1] > 3.5 else wrist[0]
        elbow, wrist = _bend(shoulder, wrist, way)
        sleeve = p.top if not p.short_sleeves else p.skin
        b.limb(shoulder, elbow, 0.31 * min(1.15, p.wide), 0.25, p.top)
        if p.short_sleeves:
            cut = shoulder + (elbow - shoulder) * 0.6
            b.limb(cut, elbow, 0.2, 0.19, p.skin)
            b.limb(shoulder, cut, 0.3, 0.27, p.top)
        b.limb(elbow, wrist, 0.24 if not p.short_sleeves else 0.19, 0.17 if not p.short_sleeves else 0.13, sleeve)
        along = np.arctan2(*(wrist - elbow)[::-1])
        if not p.short_sleeves:
            cuff = wrist - 0.05 * np.array([np.cos(along), np.sin(along)])
            b.oval(cuff[0], cuff[1], 0.12, 0.185, shaded(p.top, 0.72), np.degrees(along))
        b.hand(tuple(wrist), along, 0.62, p.skin, self.place.open[side], way)


def _bend(shoulder: np.ndarray, wrist: np.ndarray, way: int) -> tuple[np.ndarray, np.ndarray]:
    """Elbow and wrist: the elbow points down and outward, a wrist out of reach is drawn nearer."""
    gap = wrist - shoulder
    far = float(np.hypot(*gap)) or 1e-6
    reach = _UPPER + _FORE
    if far > 0.99 * reach:
        wrist, far = shoulder + gap * (0.99 * reach / far), 0.99 * reach
        gap = wrist - shoulder
    along = (far**2 + _UPPER**2 - _FORE**2) / (2 * far)
    off = max(0.0, _UPPER**2 - along**2) ** 0.5
    unit = gap / far
    across = np.array([-unit[1], unit[0]])
    if across[0] * way * 0.7 + across[1] < 0:
        across = -across
    return shoulder + unit * along + across * min(off, 0.9), wrist
