"""Plain facts of how a picture looks: its grey levels, its edges at three scales, its colours; cheap at any size."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Floats = NDArray[np.float32]

SIDE, LEAST_SIDE = 128, 16  # of the thumbnail that facts are taken from, pixels
SAMPLES = 64  # rows and columns of pixels that colours are taken from
SCALES = 3
PERCENTILES = (1, 5, 25, 50, 75, 95, 99)
BLACK, WHITE = np.float32(10), np.float32(245)  # grey levels
BINS = np.arange(0, 257, 8, dtype=np.float32)  # of the histogram
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
    """Shrink to a longest side of 128 pixels with antialiasing; the shorter side keeps at least 16.

    Returns whole grey levels in float32, whatever it is given: 8 bits and floats shall look alike.
    """
    image = Image.fromarray(grey)
    scale = SIDE / max(image.size)
    width, height = (max(LEAST_SIDE, round(side * scale)) for side in image.size)
    small = image.resize((width, height), Image.Resampling.BILINEAR, reducing_gap=3.0)
    return np.rint(np.asarray(small, np.float32))


def facts(small: Floats) -> Floats:
    """Describe a thumbnail: float32, shape (COUNT,), always finite.

    Args:
        small: as `thumbnail` returns it, grey values 0..255.
    """
    spread = float(small.std()) + 1e-3
    values = [*_levels(small, spread), *_border(small)]
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


def _levels(small: Floats, spread: float) -> list[float]:
    mean, ordered = small.mean(), np.sort(small, axis=None)
    standard = (small - mean).ravel() / spread
    squared, size = standard * standard, small.size
    share = np.diff(np.searchsorted(ordered, BINS)) / size
    filled = share[share > 0]
    return [
        *_quantiles(ordered, PERCENTILES),
        float(mean), float(np.log(spread)),
        float(squared @ standard) / size, float(np.log(squared @ squared / size + 1e-3)),
        float(share.max()), float(-(filled * np.log(filled)).sum()),
        float(np.searchsorted(ordered, BLACK, "right")) / size,
        1 - float(np.searchsorted(ordered, WHITE)) / size, float(len(filled)) / len(share),
    ]  # fmt: skip


def _quantiles(ordered: Floats, percentiles: Sequence[float]) -> list[float]:
    """Percentiles of sorted values, between neighbours by their distance, as `np.percentile` but much faster."""
    places = np.array(percentiles) / 100 * (len(ordered) - 1)
    below = places.astype(int)
    low, high = ordered[below], ordered[np.minimum(below + 1, len(ordered) - 1)]
    return [float(value) for value in low + (high - low) * (places - below)]


def _border(small: Floats) -> list[float]:
    """Mean and spread of a frame, and how much brighter the middle is."""
    height, width = small.shape
    thick = max(2, min(height, width) // 16)
    middle = small[height // 4 : -(height // 4), width // 4 : -(width // 4)]
    between = small[thick:-thick]
    frame = np.concatenate(
        [part.ravel() for part in (small[:thick], small[-thick:], between[:, :thick], between[:, -thick:])]
    )
    return [float(frame.mean()), float(frame.std()), float(middle.mean() - frame.mean())]


def _edges(small: Floats, spread: float) -> list[float]:
    """Strength, tails, sparsity and directions of the gradient at one scale."""
    corner = small[:-1, :-1]
    across, down = small[:-1, 1:] - corner, small[1:, :-1] - corner
    xx, yy = across * across, down * down
    squares = xx + yy
    along = xx - yy  # the squares times the cosine of twice the angle
    double = np.float32(2) * across * down  # and times its sine
    steps = np.sqrt(squares)
    ordered, size = np.sort(steps, axis=None), steps.size
    total = float(steps.sum())
    mean = total / size + 0.01
    tails = np.log((np.array(_quantiles(ordered, (50, 90, 99))) + 0.1) / mean)
    inverse = 1 / np.maximum(steps, np.float32(1e-6)).ravel()
    cosine, sine = along.ravel() * inverse, double.ravel() * inverse  # times the step
    one_way = np.hypot(cosine.sum(), sine.sum()) / (total + 1e-6)
    upright = float((cosine * cosine - sine * sine) @ inverse) / (total + 1e-6)
    halves = _half(along), _half(double)
    coherence = np.sqrt(halves[0] ** 2 + halves[1] ** 2).sum() / (_half(squares).sum() + 1e-3)
    around = small[:-2, 1:-1] + small[2:, 1:-1] + small[1:-1, :-2] + small[1:-1, 2:]
    sharpness = np.log((np.abs(4 * small[1:-1, 1:-1] - around).mean() + 0.01) / mean)
    flat = np.searchsorted(ordered, 0.5) / size
    values = [np.log(mean), np.log(mean / spread), sharpness, *tails, flat, one_way, upright, coherence]
    return list(map(float, values))


def _half(values: NDArray[Any]) -> NDArray[Any]:
    """Average blocks of 2 x 2; an odd last row or column is left out."""
    height, width = values.shape[0] // 2 * 2, values.shape[1] // 2 * 2
    even = values[:height, :width]
    return (even[::2, ::2] + even[1::2, ::2] + even[::2, 1::2] + even[1::2, 1::2]) / np.float32(4)
