"""Pictures that are no radiographs, generated from a seed or found: what the gate's contrast learns to tell apart."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont
from scipy import ndimage

from bonexray.errors import BonexrayError

Grey = NDArray[np.uint8]
Random = np.random.Generator

SIDE = 256  # pixels
FREQUENCY = np.hypot(np.fft.fftfreq(SIDE)[:, None], np.fft.fftfreq(SIDE)[None])  # of each coefficient, cycles a pixel
FREQUENCY[0, 0] = 1  # the mean, which is taken away
WORDS = (
    "the", "of", "and", "to", "in", "is", "with", "for", "on", "as", "by", "from", "this", "are", "was", "page",
    "table", "figure", "value", "total", "date", "name",
)  # fmt: skip


@cache
def draw_others(each: int, seed: int = 0) -> tuple[Grey, ...]:
    """Draw `each` pictures of every kind in `KINDS`, grey, uint8, shape (256, 256); once for all folds."""
    random = np.random.default_rng(seed)
    return tuple(_grey(draw(random)) for draw in KINDS for _ in range(each))


def list_pictures(folder: Path) -> list[Path]:
    """List the picture files in a folder and those below it, in a stable order.

    Raises:
        BonexrayError: there is no such folder, or no picture in it.
    """
    kinds = Image.registered_extensions()
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in kinds)
    if not found:
        raise BonexrayError(f"{folder} holds no pictures: expected a folder of pictures that are no radiographs")
    return found


def spectral_noise(random: Random, exponent: float) -> NDArray[np.float64]:
    """Noise whose amplitude falls with frequency to a power, of mean 0 and spread 1, shape (256, 256)."""
    field = np.fft.ifft2(np.fft.fft2(random.normal(size=(SIDE, SIDE))) / FREQUENCY**exponent).real
    return ((field - field.mean()) / field.std()).astype(np.float64)


def _clouds(random: Random) -> NDArray[np.float64]:
    return random.uniform(60, 190) + random.uniform(15, 70) * spectral_noise(random, random.uniform(0.3, 2))


def _static(random: Random) -> NDArray[np.float64]:
    noise = random.uniform(0, 255, (SIDE, SIDE)) if random.random() < 0.5 else random.normal(128, 45, (SIDE, SIDE))
    if random.random() < 0.3:
        return np.where(noise > random.uniform(20, 230), 255.0, 0.0)
    smooth = ndimage.gaussian_filter(noise, random.uniform(0, 3))
    return 128 + (smooth - smooth.mean()) * random.uniform(20, 70) / smooth.std()


def _gradient(random: Random) -> NDArray[np.float64]:
    down, across = np.mgrid[:SIDE, :SIDE] / SIDE
    angle = random.uniform(0, 2 * np.pi)
    ramp = np.cos(angle) * across + np.sin(angle) * down
    if random.random() < 0.4:
        ramp = np.hypot(across - random.random(), down - random.random()) * random.choice([-1, 1])
    low, high = np.sort(random.uniform(0, 255, 2))
    return low + (high - low) * (ramp - ramp.min()) / (np.ptp(ramp) + 1e-6)


def _dead_leaves(random: Random) -> NDArray[np.float64]:
    """Occluding textured shapes of sizes by a power law: the statistics of photographs (Lee, Mumford, Huang 2001)."""
    image = Image.new("L", (SIDE, SIDE), int(random.integers(256)))
    for size in np.sort(4 / random.power(2, 300))[::-1].clip(4, 150):
        x, y = random.uniform(-20, SIDE + 20, 2)
        turns = np.sort(random.uniform(0, 2 * np.pi, int(random.integers(3, 24))))
        radius = size * random.uniform(0.6, 1.4, len(turns))
        points = [(x + r * np.cos(t), y + r * np.sin(t)) for r, t in zip(radius, turns, strict=True)]
        patch = spectral_noise(random, 1.2) if size > 60 else None
        level, texture = random.uniform(10, 245), random.uniform(0, 30)
        leaf = int(level) if patch is None else Image.fromarray(_grey(level + texture * patch))
        ImageDraw.Draw(mask := Image.new("L", (SIDE, SIDE))).polygon(points, fill=255)
        image.paste(leaf, None, mask)
    blurred = image.filter(ImageFilter.GaussianBlur(random.uniform(0.3, 2.5)))
    return np.asarray(blurred, float) * random.uniform(0.6, 1) + random.normal(0, 3, (SIDE, SIDE))


def _scene(random: Random) -> NDArray[np.float64]:
    """Sky over ground, with a few soft objects: photographs with much that is smooth."""
    horizon = int(random.uniform(0.2, 0.8) * SIDE)
    field = _gradient(random)
    field[horizon:] = _clouds(random)[horizon:]
    down, across = np.mgrid[:SIDE, :SIDE]
    for _ in range(int(random.integers(1, 7))):
        x, y, a, b = *random.uniform(0, SIDE, 2), *random.uniform(8, 90, 2)
        inside = ((across - x) / a) ** 2 + ((down - y) / b) ** 2 < 1
        field[inside] = (random.uniform(0, 255) + random.uniform(0, 40) * spectral_noise(random, 1))[inside]
    return ndimage.gaussian_filter(field, random.uniform(0.3, 3))


def _document(random: Random) -> Image.Image:
    paper, ink = (255, 20) if random.random() < 0.75 else (20, 230)
    image = Image.new("L", (2 * SIDE, 2 * SIDE), paper)
    pen, y = ImageDraw.Draw(image), 10
    while y < 2 * SIDE:
        size = int(random.integers(10, 30))
        line = " ".join(random.choice(WORDS, int(random.integers(2, 14))))
        pen.text((int(random.integers(5, 60)), y), line, fill=ink, font=ImageFont.load_default(size))
        if random.random() < 0.15:
            pen.rectangle((20, y, int(random.integers(100, 500)), y + 2 * size), outline=ink)
        y += int(size * random.uniform(1.1, 2.5))
    return image


def _drawing(random: Random) -> Image.Image:
    image = Image.new("L", (2 * SIDE, 2 * SIDE), int(random.choice((0, 255, int(random.integers(256))))))
    pen, filled = ImageDraw.Draw(image), random.random() < 0.5
    for _ in range(int(random.integers(3, 30))):
        (x0, x1), (y0, y1) = np.sort(random.integers(0, 2 * SIDE, 2)), np.sort(random.integers(0, 2 * SIDE, 2))
        grey, width = int(random.integers(256)), int(random.integers(1, 12))
        box, kind = (int(x0), int(y0), int(x1), int(y1)), int(random.integers(4))
        if kind == 0:
            pen.ellipse(box, outline=grey, width=width, fill=grey if filled else None)
        elif kind == 1:
            pen.rectangle(box, outline=grey, width=width, fill=grey if filled else None)
        elif kind == 2:
            pen.line(box, fill=grey, width=width)
        else:
            path = np.cumsum(random.normal(0, 35, (40, 2)), 0) + SIDE
            pen.line([(float(x), float(y)) for x, y in path], fill=grey, width=width)
    return image


def _ultrasound(random: Random) -> NDArray[np.float64]:
    """Speckle in a sector, fading with depth."""
    down, across = np.mgrid[:SIDE, :SIDE].astype(float)
    centre, top = SIDE / 2, -random.uniform(0, 0.5) * SIDE
    depth, angle = np.hypot(across - centre, down - top), np.arctan2(across - centre, down - top)
    first, last, half = 15 - top, 15 - top + 0.85 * SIDE, random.uniform(0.4, 0.9)
    inside = (np.abs(angle) < half) & (depth > first) & (depth < last)
    speckle = np.hypot(*(ndimage.gaussian_filter(random.normal(size=(SIDE, SIDE)), (1, 2)) for _ in range(2)))
    tissue = np.exp(0.8 * spectral_noise(random, 1.2)) * np.exp(-(depth - first) / SIDE)
    bright = np.log1p(random.uniform(3, 12) * tissue * speckle / speckle.mean())
    return bright * inside * 255 / np.percentile(bright[inside], 99)


def _histology(random: Random) -> Image.Image:
    tissue = np.clip(random.uniform(150, 225) + 18 * spectral_noise(random, 1.3), 0, 255)
    image = Image.fromarray(tissue.astype(np.uint8))
    pen = ImageDraw.Draw(image)
    for _ in range(int(random.integers(60, 600))):
        x, y, a, b = *random.uniform(0, SIDE, 2), *random.uniform(1.5, 7, 2)
        pen.ellipse((x - a, y - b, x + a, y + b), fill=int(random.uniform(50, 130)))
    return image.filter(ImageFilter.GaussianBlur(random.uniform(0.5, 1.2)))


def _fundus(random: Random) -> Image.Image:
    down, across = np.mgrid[:SIDE, :SIDE] / SIDE - 0.5
    radius = np.hypot(down, across) / random.uniform(0.44, 0.6)
    disc = random.uniform(70, 160) * (1 - 0.45 * radius**2) * (radius < 1)
    image = Image.fromarray(disc.clip(0, 255).astype(np.uint8))
    pen, start = ImageDraw.Draw(image), SIDE * random.uniform(0.3, 0.7, 2)
    for _ in range(int(random.integers(8, 20))):
        turns = random.uniform(0, 2 * np.pi) + np.cumsum(random.normal(0, 0.15, 40))
        path = start + np.cumsum(3 * np.stack([np.cos(turns), np.sin(turns)], 1), 0)
        inside = [(float(x), float(y)) for x, y in path if np.hypot(x / SIDE - 0.5, y / SIDE - 0.5) < 0.43]
        pen.line(inside, fill=int(random.integers(30, 60)), width=int(random.integers(1, 5)))
    x, y = start
    pen.ellipse((x - 14, y - 15, x + 14, y + 15), fill=int(random.integers(170, 235)))
    return image.filter(ImageFilter.GaussianBlur(1))


def _slice(random: Random) -> NDArray[np.float64]:
    """Nested ellipses on black: sections through a head or a trunk."""
    down, across = np.mgrid[:SIDE, :SIDE] - SIDE / 2
    a, b = random.uniform(80, 122, 2)
    field, body = np.zeros((SIDE, SIDE)), (across / a) ** 2 + (down / b) ** 2
    field[body < 1] = random.uniform(60, 250)
    field[body < random.uniform(0.75, 0.9)] = random.uniform(40, 140)
    for _ in range(int(random.integers(4, 22))):
        x, y, wide, high = *random.uniform(-0.7, 0.7, 2) * (a, b), *random.uniform(3, 45, 2)
        organ = ((across - x) / wide) ** 2 + ((down - y) / high) ** 2 < 1
        field[organ & (body < 0.85)] = random.uniform(5, 200)
    field += (body < 1) * 14 * spectral_noise(random, 1.3)
    noisy = ndimage.gaussian_filter(field, random.uniform(0.6, 1.6)) + random.normal(0, 6, field.shape) * (field > 3)
    return noisy


KINDS: tuple[Callable[[Random], NDArray[np.float64] | Image.Image], ...] = (
    _clouds, _static, _gradient, _dead_leaves, _scene, _document, _drawing, _ultrasound, _histology, _fundus, _slice,
)  # fmt: skip


def _grey(picture: NDArray[np.float64] | Image.Image) -> Grey:
    if isinstance(picture, Image.Image):
        return np.asarray(picture.resize((SIDE, SIDE), Image.Resampling.BILINEAR))
    return np.clip(picture, 0, 255).astype(np.uint8)
