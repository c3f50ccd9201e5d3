"""Plain facts of how a picture looks: its grey levels, its edges at three scales, its colours; cheap at any size."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Floats = NDArray[np.float32]

SIDE, LEAST_SIDE = 128, 16  # of the thumbnail that facts are taken from, pixels
SAMPLES = 64  # rows and columns of pixels that colours are taken from
SCALES = 3
PERCENTILES = (1, 5, 25, 50, 75, 95, 99)
BLACK, WHITE, BIN = 10, 245, 8  # grey levels; width of a bin of the histogram
LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601, as Pillow's mode "L"
COUNT = 16 + 3 + 10 * SCALES


class Looks(NamedTuple):
    """How a picture looks.

    Attributes:
        facts: of its thumbnail, shape (COUNT,).
        spread: standard deviation of the thumbnail, grey levels.
    """

    facts: Floats
    spread: float


def describe(grey: NDArray[np.uint8] | Floats) -> Looks:
    """Describe a picture, shape (H, W), values 0..255."""
    small = thumbnail(grey)
    return Looks(facts(small), float(small.std()))


def thumbnail(grey: NDArray[np.uint8] | Floats) -> Floats:
    """Shrink to a longest side of 128 pixels with antialiasing, float32; the shorter side keeps at least 16."""
    image = Image.fromarray(grey)
    scale = SIDE / max(image.size)
    width, height = (max(LEAST_SIDE, round(side * scale)) for side in image.size)
    return np.asarray(image.resize((width, height), Image.Resampling.BILINEAR, reducing_gap=3.0), np.float32)


def facts(small: Floats) -> Floats:
    """Describe a thumbnail: float32, shape (COUNT,), always finite.

    Args:
        small: as `thumbnail` returns it, grey values 0..255.
    """
    values, spread = [*_levels(small), *_border(small)], float(small.std()) + 1e-3
    for _ in range(SCALES):
        values += _edges(small, spread)
        small = _half(small)
    return np.array(values, np.float32)


def colourfulness(image: Image.Image) -> float:
    """Mean distance of the pixels' colours from those of a tinted scan, in grey levels; 0 for grey.

    A tint makes each channel a smooth function of luma. What a parabola in luma cannot explain is
    colour that belongs to things: small for a scan that has yellowed, or carries a coloured arrow.
    """
    pixels = image.resize((SAMPLES, SAMPLES), Image.Resampling.NEAREST).convert("RGB")
    rgb = np.asarray(pixels, np.float32).reshape(-1, 3)
    luma = rgb @ LUMA
    chroma, level = rgb - luma[:, None], luma / 255
    terms = np.stack([np.ones_like(level), level, level**2], axis=1)
    tint, *_ = np.linalg.lstsq(terms, chroma, rcond=None)
    return float(np.abs(chroma - terms @ tint).sum(axis=1).mean())


def _levels(small: Floats) -> list[float]:
    spread = float(small.std()) + 1e-3
    standard = (small - small.mean()) / spread
    squared = standard * standard
    share = np.bincount(np.clip(small, 0, 255).astype(int).ravel() // BIN, minlength=256 // BIN) / small.size
    filled = share[share > 0]
    return [
        *map(float, np.percentile(small, PERCENTILES)),
        float(small.mean()), float(np.log(spread)),
        float((squared * standard).mean()), float(np.log((squared * squared).mean() + 1e-3)),
        float(share.max()), float(-(filled * np.log(filled)).sum()),
        float((small <= BLACK).mean()), float((small >= WHITE).mean()), float(len(filled)) / len(share),
    ]  # fmt: skip


def _border(small: Floats) -> list[float]:
    """Mean and spread of a frame, and how much brighter the middle is."""
    height, width = small.shape
    thick = max(2, min(height, width) // 16)
    framed = np.ones(small.shape, bool)
    framed[thick:-thick, thick:-thick] = False
    middle = small[height // 4 : -(height // 4), width // 4 : -(width // 4)]
    frame = small[framed]
    return [float(frame.mean()), float(frame.std()), float(middle.mean() - frame.mean())]


def _edges(small: Floats, spread: float) -> list[float]:
    """Strength, tails, sparsity and directions of the gradient at one scale."""
    across, down = np.diff(small, axis=1)[:-1], np.diff(small, axis=0)[:, :-1]
    xx, yy, xy = across * across, down * down, across * down
    squares = xx + yy
    steps = np.sqrt(squares)
    inner = small[1:-1, 1:-1]
    laplacian = 4 * inner - small[:-2, 1:-1] - small[2:, 1:-1] - small[1:-1, :-2] - small[1:-1, 2:]
    mean = float(steps.mean()) + 0.01
    tails = np.log((np.percentile(steps, (50, 90, 99)) + 0.1) / mean)
    total, squares = steps.sum() + 1e-6, np.maximum(squares, np.float32(1e-12))
    cosine, sine = (xx - yy) / squares, 2 * xy / squares  # of twice the angle
    one_way = float(np.hypot((steps * cosine).sum(), (steps * sine).sum()) / total)
    upright = float((steps * (cosine * cosine - sine * sine)).sum() / total)
    xx, yy, xy = map(_half, (xx, yy, xy))
    coherence = float(np.hypot(xx - yy, 2 * xy).sum() / (xx.sum() + yy.sum() + 1e-3))
    sharpness = float(np.log((np.abs(laplacian).mean() + 0.01) / mean))
    flat = float((steps < 0.5).mean())
    return [float(np.log(mean)), float(np.log(mean / spread)), sharpness, *map(float, tails), flat,
            one_way, upright, coherence]  # fmt: skip


def _half(values: Floats) -> Floats:
    """Average blocks of 2 x 2; an odd last row or column is left out."""
    height, width = values.shape[0] // 2 * 2, values.shape[1] // 2 * 2
    even = values[:height, :width]
    return (even[::2, ::2] + even[1::2, ::2] + even[::2, 1::2] + even[1::2, 1::2]) / np.float32(4)
