"""Makes grey pixels of numbers: of arrays, and of what has more than 8 bits."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bonexray.appearance import LUMA, colourfulness
from bonexray.errors import ImageError
from bonexray.picture import Picture

Floats = NDArray[np.float32]


def check_array(array: NDArray[Any]) -> NDArray[Any]:
    """Return an array that is an image, shape (H, W), (H, W, 3) or (H, W, 4); a single channel has lost its axis.

    Raises:
        ImageError: it is none, by its type or its shape.
    """
    if array.dtype.kind not in "buif" or array.dtype == np.int8:
        raise ImageError(f"array of {array.dtype}: expected uint8, 16-bit integers, or floats in 0..255")
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    if array.size == 0 or not (array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (3, 4))):
        raise ImageError(f"array of shape {array.shape}: expected (H, W), (H, W, 1), (H, W, 3) or (H, W, 4)")
    return array


def from_array(array: NDArray[Any]) -> Picture:
    """Make a picture of an array that `check_array` gave, of any type but uint8.

    Raises:
        ImageError: its values are not finite, or are floats outside 0..255.
    """
    if array.dtype == np.bool_:
        return to_picture(array * np.float32(255))
    deep = array.dtype.kind in "ui" and not _holds_bytes(array)
    picture = to_picture(array.astype(np.float32), np.iinfo(array.dtype).max if deep else 255)
    grey = picture.grey.astype(np.float32, copy=False)
    return replace(picture, grey=stretch(grey, "the array") if deep else _checked(grey))


def to_picture(values: Floats, opaque: float = 255) -> Picture:
    """Make a picture of values in 0..255, or in 0..opaque where they are still to be stretched.

    Args:
        values: shape (H, W), (H, W, 3) RGB or (H, W, 4) RGBA.
        opaque: the largest alpha.
    """
    if values.ndim == 2:
        return Picture(np.ascontiguousarray(values))
    return Picture(_luma(values, opaque), _colours_of(values[..., :3]))


def stretch(grey: Floats, name: str) -> Floats:
    """Map the pixels' own range to 0..255: files of more than 8 bits rarely use all of them.

    Raises:
        ImageError: a value is not finite.
    """
    low, high = float(grey.min()), float(grey.max())
    if not np.isfinite(high - low):
        raise ImageError(f"{name} has values {low:g}..{high:g}: expected finite numbers")
    return (grey - np.float32(low)) * np.float32(255 / (high - low) if high > low else 0)


def _holds_bytes(integers: NDArray[Any]) -> bool:
    """Say whether integers of more than 16 bits are those of an 8-bit image, as `astype(int)` gives them."""
    return integers.dtype.itemsize > 2 and integers.min() >= 0 and integers.max() <= 255


def _checked(grey: Floats) -> Floats:
    low, high = float(grey.min()), float(grey.max())
    if not (low >= 0 and high <= 255.5):
        raise ImageError(f"array with values {low:g}..{high:g}: expected finite 0..255")
    if 0 < high <= 1:
        raise ImageError(f"array with values {low:g}..{high:g}: expected 0..255, not 0..1")
    return grey


def _luma(colour: Floats, opaque: float) -> Floats:
    """Weigh three channels, over black where there is alpha; where they are equal, they give just their value."""
    red = colour[..., 0]
    grey = red + (colour[..., :3] - red[..., None]) @ LUMA
    if colour.shape[-1] == 4:
        grey = grey * (colour[..., 3] / np.float32(opaque))
    return np.ascontiguousarray(grey, np.float32)


def _colours_of(rgb: Floats) -> float:
    """Measure colours that have no image of 8 bits: integers in their own range, floats in 0..255."""
    if not np.isfinite(rgb).all():
        return 0.0  # it is refused as an image a moment later
    top = max(float(rgb.max()), 255.0)
    return colourfulness(Image.fromarray((np.clip(rgb, 0, top) * (255 / top)).astype(np.uint8)))
