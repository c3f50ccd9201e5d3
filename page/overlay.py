"""Evidence maps as pictures: over the radiograph for a file, and as a layer of their own for the page."""

import base64
import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bonexray.images import Grey

AGAINST = np.array([56, 139, 253], np.float32)  # blue and orange: told apart with every colour vision
FOR = np.array([255, 128, 24], np.float32)
SHOWN_SIDE = 900  # pixels: more than a column of the page is wide
LAYER_SIDE = 256  # the map has some ten cells a side: the browser's own scaling is smooth enough
STRONGEST = 0.85  # opacity of the strongest evidence


def evidence_layer(evidence: NDArray[np.float32], scale: float) -> Image.Image:
    """Return the map as RGBA: orange speaks for, blue against, transparent where there is nothing.

    Args:
        evidence: float32, shape (H, W), in units of the logit.
        scale: the absolute value that is shown at full strength.
    """
    strength = np.clip(evidence / scale, -1, 1) if scale > 0 else np.zeros_like(evidence)
    pixels = np.empty((*evidence.shape, 4), np.uint8)
    pixels[..., :3] = np.where(strength[..., None] > 0, FOR, AGAINST).astype(np.uint8)
    pixels[..., 3] = np.round(255 * STRONGEST * np.abs(strength))
    return Image.fromarray(pixels)


def overlay(grey: Grey, evidence: NDArray[np.float32]) -> Image.Image:
    """Return the radiograph with its evidence map over it, RGB, at most SHOWN_SIDE pixels a side."""
    radiograph = shown(grey).convert("RGBA")
    layer = evidence_layer(_shrink(evidence, SHOWN_SIDE), scale_of(evidence))
    return Image.alpha_composite(radiograph, layer.resize(radiograph.size)).convert("RGB")


def shown(grey: Grey, side: int = SHOWN_SIDE) -> Image.Image:
    """Return the radiograph as an 8-bit picture of at most so many pixels a side."""
    image = Image.fromarray(np.round(grey).astype(np.uint8))
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    return image


def layer_image(evidence: NDArray[np.float32], scale: float) -> Image.Image:
    """Return a small evidence layer for the browser to stretch over the radiograph."""
    return evidence_layer(_shrink(evidence, LAYER_SIDE), scale)


def scale_of(evidence: NDArray[np.float32]) -> float:
    """Return the largest absolute evidence: the end of the map's colour scale."""
    return float(np.abs(evidence).max())


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
    kind = "PNG" if image.mode == "RGBA" else "JPEG"
    image.save(buffer, kind, quality=88)
    return f"data:image/{kind.lower()};base64,{base64.b64encode(buffer.getvalue()).decode()}"


def _shrink(evidence: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    image = Image.fromarray(evidence)
    image.thumbnail((side, side), Image.Resampling.BILINEAR)
    return np.asarray(image)
