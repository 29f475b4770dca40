"""Things without a colour that stand about: bottles, glasses, tins, boxes, cups, piles of books. As cached sprites."""

from functools import lru_cache

import cv2
import numpy as np

from finetune.world.desk.texture import colour, noise

_OUTLINES = {  # half widths by height, from the top down, as (height, half width)
    "bottle": (
        (0.0, 0.07),
        (0.09, 0.07),
        (0.1, 0.05),
        (0.18, 0.06),
        (0.32, 0.13),
        (0.4, 0.14),
        (0.97, 0.14),
        (1.0, 0.12),
    ),
    "flask": ((0.0, 0.08), (0.12, 0.08), (0.13, 0.11), (0.2, 0.13), (1.0, 0.13)),
    "glass": ((0.45, 0.17), (1.0, 0.12)),
    "tin": ((0.55, 0.13), (0.57, 0.15), (1.0, 0.15)),
    "cup": ((0.62, 0.18), (0.95, 0.16), (1.0, 0.13)),
    "carton": ((0.35, 0.26), (1.0, 0.26)),
    "books": ((0.7, 0.3), (1.0, 0.32)),
    "jar": ((0.4, 0.1), (0.5, 0.1), (0.55, 0.17), (1.0, 0.17)),
}


@lru_cache(maxsize=48)
def item(seed: int, size: int, light: float) -> tuple[np.ndarray, np.ndarray]:
    """((h, w, 3) uint8, (h, w) float32 alpha) of a thing that stands on the lower edge; `size` = h in pixels."""
    rng = np.random.default_rng([seed, 51])
    kind = str(rng.choice(list(_OUTLINES), p=[0.34, 0.1, 0.1, 0.08, 0.1, 0.14, 0.07, 0.07]))
    width = max(6, round(0.74 * size))
    y, x = np.mgrid[0:size, 0:width].astype(np.float32)
    y, x = (y + 0.5) / size, (x + 0.5 - width / 2) / size
    heights, halves = zip(*_OUTLINES[kind], strict=True)
    half = np.interp(y, heights, halves, left=0.0).astype(np.float32)
    inside = (np.abs(x) < half) & (y >= heights[0])
    across = np.clip(x / np.maximum(half, 1e-3), -1, 1)
    if kind in ("carton", "books"):
        base = np.array(colour(rng, float(rng.uniform(0.05, 0.11)), (0.2, 0.55), (0.35, 0.85)), np.float32)
        if rng.random() < 0.4:
            base = np.array(colour(rng, None, (0.0, 0.12), (0.2, 0.9)), np.float32)
        strength = 1 - 0.12 * across + 0.06 * noise(rng, (width, size), 6)
        strength = strength * np.where(np.mod(y * float(rng.choice([3, 7, 12])), 1) < 0.06, 0.8, 1)
        alpha = inside.astype(np.float32)
    else:
        clear = kind in ("bottle", "glass", "jar") and rng.random() < 0.75
        base = np.array(colour(rng, float(rng.uniform(0.5, 0.6)), (0.0, 0.22), (0.35, 0.9)), np.float32)
        if not clear and rng.random() < 0.4:
            base = np.array(colour(rng, float(rng.uniform(0.05, 0.1)), (0.3, 0.6), (0.2, 0.6)), np.float32)
        strength = 0.75 + 0.35 * np.sqrt(1 - across**2) + 0.1 * noise(rng, (width, size), 5)
        for at, wide, strong in ((float(rng.uniform(-0.6, -0.2)), 0.1, 0.6), (0.7, 0.06, 0.3)):
            strength = strength + strong * np.exp(-(((across - at) / wide) ** 2)) * (y > heights[0] + 0.12)
        alpha = inside * np.float32(1.0)
        if clear:
            alpha = inside * (float(rng.uniform(0.4, 0.75)) + 0.35 * np.abs(across) ** 3)
            strength = np.where(y > float(rng.uniform(0.5, 0.8)), strength * 0.9, strength * 1.05)
    pixels = base * strength[..., None]
    if kind == "bottle":
        cap = np.array(colour(rng, None, (0.0, 0.9), (0.1, 0.8)), np.float32)
        top = (inside & (y < 0.09))[..., None]
        pixels = np.where(top, cap * (0.7 + 0.4 * np.sqrt(1 - across**2))[..., None], pixels)
        alpha = np.where(top[..., 0], 1, alpha)
    if kind in ("bottle", "tin", "flask") and rng.random() < 0.4:
        paper = (inside & (y > 0.62) & (y < 0.82))[..., None]
        label = np.array(colour(rng, None, (0, 0.35), (0.4, 1)), np.float32)
        pixels, alpha = (
            np.where(paper, label * (0.65 + 0.35 * np.sqrt(1 - across**2))[..., None], pixels),
            np.where(paper[..., 0], 1, alpha),
        )
    alpha = cv2.GaussianBlur(np.clip(alpha, 0, 1).astype(np.float32), (0, 0), max(0.5, 0.004 * size))
    return np.clip(pixels * (0.35 + 0.65 * light), 0, 255).astype(np.uint8), alpha
