"""Evidence maps as pictures: over the radiograph for a file, and as a layer of their own for the page."""

import base64
import io
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bonexray.picture import Grey

AGAINST, FOR = (56, 139, 253), (255, 128, 24)  # blue and orange: told apart with every colour vision
SHOWN_SIDE = 900  # pixels: more than a column of the page is wide
LAYER_SIDE = 256  # the map has some ten cells a side: the browser's own scaling is smooth enough
STRONGEST = 0.85  # opacity of the strongest evidence
LEVELS = 127  # of evidence, each way: a layer has a palette, and so is encoded in a seventh of the time of RGBA


def evidence_layer(evidence: NDArray[np.float32], scale: float) -> Image.Image:
    """Return the map as a picture with a palette: orange speaks for, blue against, transparent where there is nothing.

    Args:
        evidence: float32, shape (H, W), in units of the logit.
        scale: the absolute value that is shown at full strength.
    """
    levels = np.rint(evidence * np.float32(LEVELS / scale if scale > 0 else 0))
    layer = Image.fromarray((np.clip(levels, -LEVELS, LEVELS) + LEVELS).astype(np.uint8))
    layer.putpalette(_palette(), "RGBA")
    return layer


def overlay(grey: Grey, evidence: NDArray[np.float32]) -> Image.Image:
    """Return the radiograph with its evidence map over it, RGB, at most SHOWN_SIDE pixels a side."""
    radiograph = shown(grey).convert("RGB")
    layer = evidence_layer(_fit(evidence, radiograph.size), scale_of(evidence))
    radiograph.paste(layer.convert("RGB"), mask=layer.convert("RGBA").getchannel("A"))
    return radiograph


def shown(grey: Grey, side: int = SHOWN_SIDE) -> Image.Image:
    """Return the radiograph as an 8-bit picture of at most so many pixels a side."""
    image = Image.fromarray(grey if grey.dtype == np.uint8 else np.round(grey).astype(np.uint8))
    # A whole factor is averaged first: a third of the time, and what is left is still filtered properly.
    image.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=1.0)
    return image


def layer_image(evidence: NDArray[np.float32], scale: float) -> Image.Image:
    """Return a small evidence layer for the browser to stretch over the radiograph: every so many pixels of the map."""
    step = -(-max(evidence.shape) // LAYER_SIDE)
    rows, columns = (slice(min(step, side) // 2, None, step) for side in evidence.shape)
    return evidence_layer(evidence[rows, columns], scale)


def scale_of(evidence: NDArray[np.float32]) -> float:
    """Return the largest absolute evidence: the end of the map's colour scale."""
    return max(float(evidence.max()), -float(evidence.min()))


def peak(evidence: NDArray[np.float32]) -> tuple[float, float] | None:
    """Return where the evidence for a fracture is strongest, as fractions (x, y); None if none speaks for it."""
    row, column = np.unravel_index(evidence.argmax(), evidence.shape)
    if evidence[row, column] <= 0:
        return None
    height, width = evidence.shape
    return (column + 0.5) / width, (row + 0.5) / height


def data_uri(image: Image.Image) -> str:
    """Return a picture as a `data:` address, so that it never becomes a file on the server."""
    buffer = io.BytesIO()
    kind = "PNG" if image.mode == "P" else "JPEG"
    image.save(buffer, kind, quality=88)
    return f"data:image/{kind.lower()};base64,{base64.b64encode(buffer.getvalue()).decode()}"


def _fit(evidence: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    """Resize a map to (width, height); the page's own maps have that size already."""
    if evidence.shape == size[::-1]:
        return evidence
    return np.asarray(Image.fromarray(evidence).resize(size, Image.Resampling.BILINEAR))


@cache
def _palette() -> bytes:
    """RGBA of every level, from the strongest evidence against to the strongest for."""
    levels = range(-LEVELS, LEVELS + 1)
    return bytes(
        part
        for level in levels
        for part in (*(FOR if level > 0 else AGAINST), round(255 * STRONGEST * abs(level) / LEVELS))
    )
