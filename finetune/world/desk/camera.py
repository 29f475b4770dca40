"""What the camera and the light do to a scene: exposure, white balance, grain, vignette, shaking, lights off, something
over the lens.

A `Camera` belongs to a clip; each interval of darkness or covering has its own numbers. Safe to call from several
threads.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from finetune.world.desk.scene import DeskClip
from finetune.world.desk.texture import colour, noise

VISIBLE_GAIN = 0.06
"""In darkness below this the eye finds nobody any more."""
_ROOM_PX = 48
"""The noise field is larger than the frame by this much, so that each frame takes another part of it."""


@dataclass(frozen=True)
class Camera:
    gain: float
    wander: tuple[float, float, float]
    """Exposure: share by which it drifts, slow cycles per second, share by which it hunts."""
    balance: tuple[float, float, float]
    balance_drift: float
    saturation: float
    gamma: float
    haze: float
    """Black level in grey levels."""
    vignette: float
    noise: float
    soft_grain: bool
    blur: float
    """Defocus, in 0..1 of the shorter side."""
    smear: float
    """Length of the blur by a moving camera, in 0..1 of the shorter side."""
    shake: float
    """How far it shakes, in 0..1 of the shorter side; 0 on a tripod."""
    grain: int


@dataclass(frozen=True)
class Night:
    """One interval with the lights off."""

    gain: float
    tint: tuple[float, float, float]
    glow: float
    """How bright screens and windows stay, 0 = they are off too."""
    noise: float


@lru_cache(maxsize=32)
def camera_of(seed: int) -> Camera:
    rng = np.random.default_rng([seed, 11])
    warm = float(rng.normal(0, 0.06))
    return Camera(
        gain=float(np.clip(rng.normal(1.0, 0.16), 0.75, 1.35)),
        wander=(float(rng.uniform(0, 0.07)), float(rng.uniform(0.02, 0.12)), float(rng.choice([0.0, 0.0, 0.03, 0.06]))),
        balance=(1 + warm, 1.0 + float(rng.normal(0, 0.025)), 1 - warm),
        balance_drift=float(rng.choice([0.0, 0.01, 0.03])),
        saturation=float(rng.choice([rng.uniform(0.8, 1.2), rng.uniform(0.65, 0.88)], p=[0.75, 0.25])),
        gamma=float(rng.uniform(0.82, 1.2)),
        haze=float(rng.choice([0.0, rng.uniform(0, 22)])),
        vignette=float(rng.choice([0.0, rng.uniform(0.05, 0.45)])),
        noise=float(rng.choice([rng.uniform(0.3, 2.0), rng.uniform(1.5, 7.0)], p=[0.6, 0.4])),
        soft_grain=bool(rng.random() < 0.5),
        blur=float(rng.choice([0.0, rng.uniform(0.001, 0.005), rng.uniform(0.005, 0.012)], p=[0.52, 0.4, 0.08])),
        smear=float(rng.choice([0.0, rng.uniform(0.005, 0.02)], p=[0.85, 0.15])),
        shake=float(rng.choice([0.0, rng.uniform(0.001, 0.006), rng.uniform(0.006, 0.022)], p=[0.55, 0.3, 0.15])),
        grain=int(rng.integers(2**31)),
    )


@lru_cache(maxsize=64)
def night_of(seed: int, start: float) -> Night:
    rng = np.random.default_rng([seed, 12, round(start * 1000)])
    gain = float(rng.uniform(0.04, 0.15)) if rng.random() < 0.75 else float(rng.uniform(0.03, 0.35))
    red, green, blue = (float(v) for v in 1 + rng.normal(0, 0.12, 3))
    glow = float(rng.uniform(0.2, 0.9)) if rng.random() < 0.3 else 0.0
    return Night(gain, (red, green, blue), glow, float(rng.choice([rng.uniform(0.2, 1.5), rng.uniform(1, 6)])))


def interval_at(intervals: tuple[tuple[float, float], ...], t: float) -> float | None:
    """Start of the interval that holds t, None outside of all."""
    return next((start for start, end in intervals if start <= t < end), None)


def shake(clip: DeskClip, t: float, side: float) -> tuple[int, int]:
    """(dx, dy) in pixels by which the picture is off at t."""
    camera = camera_of(clip.rooms[0])
    if camera.shake == 0:
        return 0, 0
    phase = camera.grain % 628 / 100
    x = math.sin(2.1 * t + phase) + 0.6 * math.sin(5.3 * t + 2 * phase) + 0.3 * math.sin(13.7 * t)
    y = math.sin(1.7 * t + 3 * phase) + 0.6 * math.sin(4.7 * t + phase) + 0.3 * math.sin(11.9 * t)
    return round(camera.shake * side * x / 1.9), round(camera.shake * side * y / 1.9)


def develop(image: np.ndarray, clip: DeskClip, t: float, glow: np.ndarray | None) -> np.ndarray:
    """The scene (H, W, 3 uint8 RGB, changed) as the camera gives it at t; `glow` (H, W) float32 0..1: what shines by
    itself."""
    camera = camera_of(clip.rooms[0])
    height, width = image.shape[:2]
    side, sigma = min(height, width), camera.noise
    drift, cycles, hunt = camera.wander
    phase = camera.grain % 100
    gain = camera.gain * (
        1 + drift * math.sin(2 * math.pi * cycles * t + phase) + hunt * math.sin(1.9 * t + phase) * math.sin(0.31 * t)
    )
    warm = camera.balance_drift * math.sin(0.25 * t + phase)
    balance = np.array(camera.balance) * (1 + warm, 1, 1 - warm)
    if camera.blur:
        image = cv2.GaussianBlur(image, (0, 0), max(0.4, camera.blur * side))
    if camera.smear:
        length = max(1, round(camera.smear * side * abs(math.sin(1.3 * t + phase))))
        image = cv2.blur(image, (length, 1))
    gray = np.full((3, 3), 1 / 3) * (1 - camera.saturation) + np.eye(3) * camera.saturation
    start = interval_at(clip.dark, t)
    shining = None
    if start is not None:
        night = night_of(clip.rooms[0], start)
        if night.glow and glow is not None:
            shining = cv2.multiply(image, cv2.merge([_glow_weights(glow, night.glow)] * 3), scale=gain, dtype=cv2.CV_8U)
        gain, sigma, balance = gain * night.gain, night.noise, balance * night.tint
    image = cv2.transform(image, (gain * balance)[:, None] * gray)
    if start is None:
        image = cv2.LUT(image, _curve(camera.gamma, camera.haze))
    if shining is not None:
        image = cv2.add(image, shining)
    if camera.vignette:
        image = cv2.multiply(image, _vignette((width, height), camera.vignette), scale=1 / 255)
    return grain(image, camera, t, sigma)


def _glow_weights(glow: np.ndarray, share: float) -> np.ndarray:
    """Kept low on large windows, or the room would not look dark any more."""
    return glow * np.float32(min(share, 0.05 / max(float(glow.mean()), 1e-3)))


def covered(clip: DeskClip, t: float, still: np.ndarray) -> np.ndarray:
    """The frame while something lies on the lens: nearly uniform; `still` (H, W, 3 uint8) is the room behind it.
    Returns a new image."""
    start = interval_at(clip.covered, t)
    assert start is not None, "nothing covers the camera"
    camera, height, width = camera_of(clip.rooms[0]), *still.shape[:2]
    kind, base, uneven, leak, sigma = _cover(clip.rooms[0], start)
    small = cv2.resize(still, (8, 6), interpolation=cv2.INTER_AREA).astype(np.float32) * leak
    rng = np.random.default_rng([clip.rooms[0], 14, round(start * 1000)])
    field = noise(rng, (8, 6), 3, 2)
    breath = 1 + 0.05 * math.sin(1.1 * (t - start) + kind)
    small += np.array(base, np.float32) * breath * np.clip(1 + uneven * field, 0.75, 1.25)[..., None]
    image = cv2.resize(np.clip(small, 0, 255), (width, height), interpolation=cv2.INTER_CUBIC)
    image = cv2.multiply(np.clip(image, 0, 255).astype(np.uint8), _vignette((width, height), 0.2), scale=1 / 255)
    return grain(image, camera, t, sigma)


@lru_cache(maxsize=64)
def _cover(seed: int, start: float) -> tuple[int, tuple[int, int, int], float, float, float]:
    rng = np.random.default_rng([seed, 13, round(start * 1000)])
    kind = int(rng.choice(4, p=[0.5, 0.25, 0.15, 0.1]))
    if kind == 0:
        base = colour(rng, float(rng.uniform(-0.04, 0.12)), (0.0, 0.6), (0.008, 0.1))  # a palm, nearly black
    elif kind == 1:
        base = colour(rng, float(rng.uniform(-0.03, 0.06)), (0.4, 0.9), (0.08, 0.45))  # light through a finger
    elif kind == 2:
        base = colour(rng, None, (0.0, 0.2), (0.08, 0.42))  # paper, a sleeve
    else:
        base = colour(rng, None, (0.2, 0.8), (0.05, 0.35))  # cloth
    return (
        kind,
        base,
        float(rng.uniform(0.02, 0.1)),
        float(rng.choice([0.0, rng.uniform(0, 0.05)])),
        float(rng.choice([0.3, rng.uniform(0.3, 4)])),
    )


@lru_cache(maxsize=64)
def _curve(gamma: float, haze: float) -> np.ndarray:
    levels = np.linspace(0, 1, 256) ** gamma
    return np.clip(haze + (255 - haze) * levels, 0, 255).astype(np.uint8)


@lru_cache(maxsize=16)
def _vignette(size: tuple[int, int], strength: float) -> np.ndarray:
    x, y = np.linspace(-1, 1, size[0], dtype=np.float32)[None], np.linspace(-1, 1, size[1], dtype=np.float32)[:, None]
    fall = 255 * (1 - strength * np.minimum(1, (x * x + y * y) / 2) ** 1.3)
    return np.repeat(fall[..., None], 3, 2).astype(np.uint8)


def grain(image: np.ndarray, camera: Camera, t: float, sigma: float) -> np.ndarray:
    """The image with sensor noise of deviation `sigma` grey levels."""
    height, width = image.shape[:2]
    if sigma < 0.25:
        return image
    field = _field((width, height), camera.soft_grain, round(4 * sigma))
    y, x = divmod((camera.grain + round(t * 1000) * 2654435761) % (_ROOM_PX * _ROOM_PX), _ROOM_PX)
    return cv2.add(image, field[y : y + height, x : x + width], dtype=cv2.CV_8U)


@lru_cache(maxsize=16)
def _field(size: tuple[int, int], soft: bool, quarters: int) -> np.ndarray:
    """(H + _ROOM_PX, W + _ROOM_PX, 3) int16 of deviation quarters / 4."""
    return np.round(_unit(size, soft) * np.float32(quarters / 4)).astype(np.int16)


@lru_cache(maxsize=8)
def _unit(size: tuple[int, int], soft: bool) -> np.ndarray:
    field = np.random.default_rng(7).standard_normal((size[1] + _ROOM_PX, size[0] + _ROOM_PX, 3), dtype=np.float32)
    if soft:
        field = cv2.GaussianBlur(field, (0, 0), 0.8)
        field /= field.std()
    return 0.6 * field + 0.8 * field.mean(2, keepdims=True) * np.float32(3**0.5) * 0.7
