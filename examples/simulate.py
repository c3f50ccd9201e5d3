"""Draw the examples: parametric bones, projected by Beer-Lambert into simulated radiographs. Run me to redo them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from scipy.ndimage import gaussian_filter

Map = NDArray[np.float64]

PIXEL = 0.25  # mm
SOFT, MARROW, CORTEX = 0.021, 0.034, 0.086  # attenuation, 1/mm, at some 60 keV
PHOTONS = 9000  # a pixel, where nothing is in the way
SCATTER, SCATTER_REACH = 0.25, 22.0  # share of the primary beam, and its spread in mm


@dataclass(frozen=True)
class Piece:
    """A part of a bone that moves as one: the pixels of the bone that belong to it, and where it went.

    Attributes:
        belongs: (along, across) in mm -> 0..1, soft at its edges.
        shift: (along, across), mm.
        turn: radians, about `pivot` mm along the bone.
    """

    belongs: Callable[[Map, Map], Map]
    shift: tuple[float, float] = (0, 0)
    turn: float = 0
    pivot: float = 0


WHOLE = (Piece(lambda along, across: np.ones_like(along)),)


@dataclass(frozen=True)
class Bone:
    """A hollow bone along a line: a shaft, flared ends with a thin cortex, and marrow inside.

    Attributes:
        start, end: (x, y) of its ends, mm.
        shaft: radius at its middle, mm.
        ends: radii at start and end, mm.
        cortex: thickness of its wall at the middle, mm.
        bow: how far its middle is off the straight line, mm.
        pieces: what it consists of.
    """

    start: tuple[float, float]
    end: tuple[float, float]
    shaft: float
    ends: tuple[float, float]
    cortex: float
    bow: float = 0
    pieces: tuple[Piece, ...] = WHOLE

    @property
    def length(self) -> float:
        """Length in mm."""
        return float(np.hypot(self.end[0] - self.start[0], self.end[1] - self.start[1]))


def break_at(
    bone: Bone, place: float, seed: int, *, slope: float = 0, shift: tuple[float, float] = (0, 0), turn: float = 0
) -> Bone:
    """Return the bone broken in two at a share of its length, across it or oblique, with the far part moved."""
    line = _crack(place * bone.length, slope, seed)
    far = Piece(lambda along, across: _side(along - line(across)), shift, turn, place * bone.length)
    return replace(bone, pieces=(Piece(lambda along, across: _side(line(across) - along)), far))


def shatter(bone: Bone, place: float, seed: int) -> Bone:
    """Return the bone broken into four: two ends and two wedges between them, all displaced."""
    middle, reach = place * bone.length, 1.3 * bone.shaft
    upper, lower = _crack(middle - reach, 0.9, seed), _crack(middle + reach, -0.7, seed + 1)
    split = _crack(0, 0.15, seed + 2)
    between = lambda along, across: _side(along - upper(across)) * _side(lower(across) - along)  # noqa: E731
    return replace(
        bone,
        pieces=(
            Piece(lambda along, across: _side(upper(across) - along), turn=0.05, pivot=middle),
            Piece(lambda a, d: between(a, d) * _side(d - split(a - middle)), (1.0, 3.6), 0.22, middle),
            Piece(lambda a, d: between(a, d) * _side(split(a - middle) - d), (0.6, -2.2), -0.12, middle),
            Piece(lambda along, across: _side(along - lower(across)), (1.5, 2.4), -0.10, middle),
        ),
    )


def project(bones: Sequence[Bone], flesh: Sequence[Bone], size: tuple[int, int], seed: int) -> Image.Image:
    """Return the radiograph: attenuation along the beam, scatter, quantum noise, and a display curve.

    Args:
        bones: what is hard.
        flesh: tubes that together make up the soft tissue (their walls are ignored).
        size: (width, height), pixels.
        seed: of texture and noise.
    """
    random = np.random.default_rng(seed)
    y, x = np.mgrid[: size[1], : size[0]] * PIXEL
    grain = _texture(random, y.shape, (0.22, 0.6), 0.22)
    muscle = _texture(random, y.shape, (3, 14), 0.035)
    depth = SOFT * muscle * gaussian_filter(np.max([_chord(x, y, tube)[0] for tube in flesh], axis=0), 1.2 / PIXEL)
    for bone in bones:
        outer, inner = _chord(x, y, bone)
        depth += (CORTEX - SOFT) * (outer - inner) + (MARROW * grain - SOFT) * inner
    primary = np.exp(-depth)
    scatter = SCATTER * gaussian_filter(primary, SCATTER_REACH / PIXEL, truncate=2)
    seen = random.poisson(PHOTONS * (gaussian_filter(primary, 0.18 / PIXEL) + scatter)) / PHOTONS
    dense = -np.log(np.maximum(seen, 1 / PHOTONS) / (1 + SCATTER))
    low, high = np.percentile(dense, (1, 99.7))
    grey = 255 * np.clip((dense - low) / (high - low), 0, 1) ** 0.9
    return _label(Image.fromarray(np.round(8 + grey * 0.95).astype(np.uint8)))


def _chord(x: Map, y: Map, bone: Bone) -> tuple[Map, Map]:
    """Path lengths through the whole bone and through its marrow, mm, for each pixel."""
    outer, inner = np.zeros_like(x), np.zeros_like(x)
    (x0, y0), (x1, y1) = bone.start, bone.end
    ux, uy = (x1 - x0) / bone.length, (y1 - y0) / bone.length
    along, across = (x - x0) * ux + (y - y0) * uy, (y - y0) * ux - (x - x0) * uy
    for piece in bone.pieces:
        a, d = along - piece.shift[0] - piece.pivot, across - piece.shift[1]
        cosine, sine = np.cos(piece.turn), np.sin(piece.turn)
        a, d = a * cosine + d * sine + piece.pivot, d * cosine - a * sine
        share = piece.belongs(a, d)
        d = d - bone.bow * np.sin(np.pi * np.clip(a / bone.length, 0, 1))
        radius, wall = _profile(a, bone)
        outer += share * 2 * np.sqrt(np.maximum(radius**2 - d**2, 0))
        inner += share * 2 * np.sqrt(np.maximum(np.maximum(radius - wall, 0) ** 2 - d**2, 0))
    return outer, inner


def _profile(along: Map, bone: Bone) -> tuple[Map, Map]:
    """Outer radius and wall thickness at a distance along the bone: flared, thin-walled, rounded ends."""
    near, far = along, bone.length - along
    flare = [
        np.exp(-((np.maximum(side, 0) / (2.6 * end)) ** 1.6)) for side, end in zip((near, far), bone.ends, strict=True)
    ]
    radius = bone.shaft + sum(f * (end - bone.shaft) for f, end in zip(flare, bone.ends, strict=True))
    cap = np.ones_like(along)
    for side, end in zip((near, far), bone.ends, strict=True):
        cap *= np.sqrt(np.clip(1 - np.clip(1 - side / (0.55 * end), 0, None) ** 2, 0, 1))
    wall = bone.cortex * (1 - 0.8 * np.maximum(*flare)) + 0.25
    return radius * cap, wall


def _crack(place: float, slope: float, seed: int) -> Callable[[Map], Map]:
    """Return a jagged line: position along the bone for each distance from its axis, mm."""
    random = np.random.default_rng(seed)
    waves = [(random.uniform(0.2, 1.3), random.uniform(0, 6.3), random.uniform(0.1, 0.5)) for _ in range(5)]
    return lambda across: place + slope * across + sum(h * np.sin(f * across + p) for f, p, h in waves)


def _side(distance: Map) -> Map:
    """0 on the negative side, 1 on the positive: soft, as the crack is not parallel to the beam."""
    return np.clip(0.5 + distance / 0.9, 0, 1)


def _texture(random: np.random.Generator, shape: tuple[int, ...], scales: Sequence[float], strength: float) -> Map:
    """Smooth noise around 1, of the given grain sizes in mm."""
    layers = [gaussian_filter(random.standard_normal(shape), scale / PIXEL) for scale in scales]
    return np.clip(1 + strength * np.mean([layer / layer.std() for layer in layers], axis=0), 0.2, 2)


def _label(image: Image.Image) -> Image.Image:
    ImageDraw.Draw(image).text((10, image.height - 24), "SIMULATED", fill=150, font=ImageFont.load_default(15))
    return image


def main() -> None:
    """Write every example beside this file."""
    from anatomy import EXAMPLES

    for name, (bones, flesh, size, seed) in EXAMPLES.items():
        project(bones, flesh, size, seed).save(Path(__file__).parent / f"{name}.jpg", quality=90)


if __name__ == "__main__":
    main()
