"""Reads radiographs into grey pixels, letterboxes them for a network, and maps its cells back."""

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from bonexray.dicom import is_dicom, read_dicom
from bonexray.errors import ImageError

Grey = NDArray[np.uint8] | NDArray[np.float32]
ImageInput = str | os.PathLike[str] | Image.Image | NDArray[Any]

LFS_POINTER = b"version https://git-lfs"
LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601, as Pillow's mode "L"


def read_image(image: ImageInput) -> Grey:
    """Return the grey pixels of a radiograph, shape (H, W), values 0..255.

    A path or PIL image is turned upright by its EXIF tag; palettes, alpha (over black) and colour
    become luma; more than 8 bits are stretched from their minimum and maximum; DICOM is windowed. An array is
    (H, W), (H, W, 1), (H, W, 3) RGB or (H, W, 4) RGBA: uint8, 16-bit, or floats in 0..255.

    Raises:
        ImageError: the input is none of these, or cannot be decoded.
    """
    if isinstance(image, str | os.PathLike):
        return _read_file(Path(image), None)[0]
    if isinstance(image, Image.Image):
        return _read_pil(image, "the PIL image")
    if isinstance(image, np.ndarray):
        return _read_array(image)
    raise ImageError(f"expected a path, a PIL image or a NumPy array, got {type(image).__name__}")


def read_reduced(image: ImageInput, side: int) -> tuple[Grey, tuple[int, int]]:
    """Read as `read_image` does, but a huge JPEG at a half, a quarter or an eighth of its size, and much faster.

    Args:
        image: as `read_image` takes it.
        side: what both sides of the pixels keep at least, where the image has as much.

    Returns:
        The grey pixels, and the shape (H, W) of the whole image.

    Raises:
        ImageError: as `read_image`.
    """
    if isinstance(image, str | os.PathLike):
        return _read_file(Path(image), side)
    grey = read_image(image)
    return grey, grey.shape


def letterbox(grey: Grey, size: int) -> NDArray[np.float32]:
    """Pad to a square with black and shrink with antialiasing, as the Keras model's own graph does.

    One axis is resized before the other is padded: the same pixels as padding first, but a
    1 x 100,000 strip never becomes a square of ten gigapixels.

    Args:
        grey: shape (H, W), values 0..255.
        size: side of the network's input, pixels.

    Returns:
        float32, shape (size, size), values 0..255.
    """
    height, width = grey.shape
    image = Image.fromarray(grey)
    if height >= width:
        image = _pad_axis(_resize(image, width, size), height, horizontal=True)
    else:
        image = _pad_axis(_resize(image, size, height), width, horizontal=False)
    return np.asarray(_resize(image, size, size), np.float32)


def spread(cells: NDArray[np.float32], shape: tuple[int, int]) -> NDArray[np.float32]:
    """Interpolate a map over the letterboxed square to the image's own pixels.

    Args:
        cells: float32, shape (h, w), one value a cell of the letterboxed square.
        shape: (H, W) of the image as it was given.

    Returns:
        float32, shape (H, W): bilinear between cell centres, the letterbox removed.
    """
    height, width = shape
    rows, columns = cells.shape
    pad_y, pad_x = _padding(height, width)
    scale_y, scale_x = rows / (height + 2 * pad_y), columns / (width + 2 * pad_x)
    down, across = _weights(rows, height, pad_y * scale_y), _weights(columns, width, pad_x * scale_x)
    # Not `@`: BLAS would start threads for it, which go on to wait, busily, on the cores of the next forward pass.
    return np.einsum("hy,hx->yx", down, np.asarray(cells, np.float32) @ across)


def _weights(cells: int, pixels: int, margin: float) -> NDArray[np.float32]:
    """What each cell of one axis counts in each pixel, shape (cells, pixels): Pillow's own bilinear weights.

    As a product of two such matrices a map costs a tenth of what Pillow takes to resize it.
    """
    each = Image.fromarray(np.eye(cells, dtype=np.float32))
    box = (margin, 0, cells - margin, cells)
    return np.asarray(each.resize((pixels, cells), Image.Resampling.BILINEAR, box=box))


def _padding(height: int, width: int) -> tuple[int, int]:
    """Rows and columns that the letterbox adds on each side (rounded down, as Keras does)."""
    side = max(height, width)
    return (side - height) // 2, (side - width) // 2


def _resize(image: Image.Image, width: int, height: int) -> Image.Image:
    return image.resize((width, height), Image.Resampling.BILINEAR)


def _pad_axis(image: Image.Image, side: int, *, horizontal: bool) -> Image.Image:
    length = image.width if horizontal else image.height
    pad = (side - length) // 2
    border = (pad, 0, pad, 0) if horizontal else (0, pad, 0, pad)
    return ImageOps.expand(image, border, fill=0)


def _read_file(path: Path, side: int | None) -> tuple[Grey, tuple[int, int]]:
    if not path.is_file():
        found = "is a folder" if path.is_dir() else "does not exist"
        raise ImageError(f"{path} {found}: expected an image file")
    with path.open("rb") as file:
        if file.read(len(LFS_POINTER)) == LFS_POINTER:
            raise ImageError(f"{path} is a Git LFS pointer, not an image: run `git lfs pull`")
    if is_dicom(path):
        pixels = read_dicom(path)
        return pixels, pixels.shape
    try:
        with Image.open(path) as image:
            width, height = image.size
            if side is not None:
                image.draft(image.mode, (side, side))  # does nothing unless it is a JPEG of twice the size
            grey = _read_pil(image, str(path))
            turned = grey.shape != (image.height, image.width)
            return grey, (width, height) if turned else (height, width)
    except UnidentifiedImageError:
        raise ImageError(f"{path} is no image that can be read: expected JPEG, PNG, ...") from None


def _read_pil(image: Image.Image, name: str) -> Grey:
    try:
        upright = ImageOps.exif_transpose(image)
        if upright.mode.startswith(("I", "F")):
            return _stretch(np.asarray(upright, np.float32), name)
        if upright.has_transparency_data:
            upright = upright.convert("RGBA")
            upright = Image.alpha_composite(Image.new("RGBA", upright.size, "black"), upright)
        return np.asarray(upright.convert("L"))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ImageError(f"{name} cannot be decoded as an image: {error}") from error


def _read_array(array: NDArray[Any]) -> Grey:
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    if array.size == 0 or not (array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (3, 4))):
        raise ImageError(f"array of shape {array.shape}: expected (H, W), (H, W, 1), (H, W, 3) or (H, W, 4)")
    if array.dtype == np.uint8:
        return _read_pil(Image.fromarray(array), "the array")
    if array.dtype == np.bool_:
        array = array * np.float32(255)
    grey = array.astype(np.float32)
    if grey.ndim == 3:
        grey = grey[..., :3] @ LUMA
    if np.issubdtype(array.dtype, np.integer):
        return _stretch(grey, "the array")
    return _check_floats(grey)


def _check_floats(grey: NDArray[np.float32]) -> NDArray[np.float32]:
    low, high = float(grey.min()), float(grey.max())
    if not (low >= 0 and high <= 255.5):
        raise ImageError(f"float array with values {low:g}..{high:g}: expected finite 0..255")
    if 0 < high <= 1:
        raise ImageError(f"float array with values {low:g}..{high:g}: expected 0..255, not 0..1")
    return np.ascontiguousarray(grey)


def _stretch(grey: NDArray[np.float32], name: str) -> NDArray[np.float32]:
    """Map the pixels' own range to 0..255: files of more than 8 bits rarely use all of them."""
    low, high = float(grey.min()), float(grey.max())
    if not np.isfinite(high - low):
        raise ImageError(f"{name} has values {low:g}..{high:g}: expected finite numbers")
    return (grey - np.float32(low)) * np.float32(255 / (high - low) if high > low else 0)
