"""Reads radiographs into grey pixels, from files, PIL images and arrays."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from bonexray.appearance import LUMA, colourfulness
from bonexray.dicom import HEAD, is_dicom, read_dicom
from bonexray.errors import ImageError
from bonexray.picture import Grey, Picture

LFS_POINTER = b"version https://git-lfs"
FORMATS = ("BMP", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "TIFF", "WEBP")  # no EPS: Pillow runs programs for it
PAGED = ("GIF", "PNG", "TIFF", "WEBP")  # those whose frames are pictures of their own, not previews of one
SIDEWAYS = (5, 6, 7, 8)  # EXIF orientations that exchange height and width

ImageInput = str | os.PathLike[str] | Image.Image | NDArray[Any] | Picture


def read_image(image: ImageInput) -> Grey:
    """Return the grey pixels alone of what `read_picture` reads."""
    return read_picture(image).grey


def read_picture(image: ImageInput, side: int | None = None) -> Picture:
    """Read a radiograph into grey pixels, and say how colourful it was.

    A path or PIL image is turned upright by its EXIF tag; palettes, alpha (over black) and colour
    become luma; more than 8 bits are stretched from their minimum and maximum; DICOM is windowed. An array is
    (H, W), (H, W, 1), (H, W, 3) RGB or (H, W, 4) RGBA: uint8, 16-bit, or floats in 0..255.

    Args:
        image: any of these, or what this function returned before.
        side: what both sides of the pixels keep at least, where the image has as much: a huge JPEG is then decoded at
            a half, a quarter or an eighth of its size, and much faster. None for every pixel.

    Raises:
        ImageError: the input is none of these, or cannot be decoded.
    """
    if isinstance(image, Picture):
        return image
    if isinstance(image, str | os.PathLike):
        return _read_file(Path(image), side)
    if isinstance(image, Image.Image):
        return _read_pil(image, "the PIL image")
    if isinstance(image, np.ndarray):
        return _read_array(image)
    raise ImageError(f"expected a path, a PIL image or a NumPy array, got {type(image).__name__}")


def _read_file(path: Path, side: int | None) -> Picture:
    try:
        with path.open("rb") as file:
            head = file.read(HEAD)
            if head.startswith(LFS_POINTER):
                raise ImageError(f"{path} is a Git LFS pointer, not an image: run `git lfs pull`")
            return Picture(read_dicom(path)) if is_dicom(head) else _read_opened(file, path, side)
    except (FileNotFoundError, IsADirectoryError) as error:
        found = "does not exist" if isinstance(error, FileNotFoundError) else "is a folder"
        raise ImageError(f"{path} {found}: expected an image file") from None
    except OSError as error:  # no permission, or no name that a file can have
        raise ImageError(f"{str(path)[:200]} cannot be opened: {error.strerror or error}") from error


def _read_opened(file: BinaryIO, path: Path, side: int | None) -> Picture:
    file.seek(0)
    try:
        with Image.open(file, formats=FORMATS) as image:
            width, height = image.size
            if side is not None:
                image.draft(image.mode, (side, side))  # does nothing unless it is a JPEG of twice the size
            picture = _read_pil(image, str(path))
            turned = _orientation(image) in SIDEWAYS
            return replace(picture, whole=(width, height) if turned else (height, width))
    except UnidentifiedImageError:
        raise ImageError(f"{path} is no image that can be read: expected JPEG, PNG, ...") from None
    except (OSError, Image.DecompressionBombError) as error:  # a damaged head, or one that promises too many pixels
        raise _undecodable(str(path), error) from error


def _read_pil(image: Image.Image, name: str) -> Picture:
    if image.format in PAGED and (frames := getattr(image, "n_frames", 1)) != 1:
        raise ImageError(f"{name} holds {frames} pictures: expected one", "several")
    if 0 in image.size:
        raise ImageError(f"{name} is of {image.width} x {image.height} pixels: expected one at least")
    try:
        upright = ImageOps.exif_transpose(image) if _orientation(image) != 1 else image  # it would copy what is upright
        if upright.mode.startswith(("I", "F")):
            return Picture(_stretch(np.asarray(upright, np.float32), name))
        if upright.has_transparency_data:
            upright = upright.convert("RGBA")
            upright = Image.alpha_composite(Image.new("RGBA", upright.size, "black"), upright)
        colours = 0.0 if upright.mode in ("1", "L") else colourfulness(upright)
        return Picture(np.asarray(upright if upright.mode == "L" else upright.convert("L")), colours)
    except ImageError:
        raise
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise _undecodable(name, error) from error


def _undecodable(name: str, error: Exception) -> ImageError:
    kind = "large" if isinstance(error, Image.DecompressionBombError) else "unreadable"
    return ImageError(f"{name} cannot be decoded as an image: {error}", kind)


def _orientation(image: Image.Image) -> int:
    return image.getexif().get(ExifTags.Base.Orientation, 1)


def _read_array(array: NDArray[Any]) -> Picture:
    if array.dtype.kind not in "buif":
        raise ImageError(f"array of {array.dtype}: expected uint8, 16-bit integers, or floats in 0..255")
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    if array.size == 0 or not (array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (3, 4))):
        raise ImageError(f"array of shape {array.shape}: expected (H, W), (H, W, 1), (H, W, 3) or (H, W, 4)")
    if array.dtype == np.uint8:
        return _read_pil(Image.fromarray(array), "the array")
    if array.dtype == np.bool_:
        array = array * np.float32(255)
    grey, colours = array.astype(np.float32), 0.0
    if grey.ndim == 3:
        colours = _colours_of(grey[..., :3])
        grey = _luma(grey, np.iinfo(array.dtype).max if np.issubdtype(array.dtype, np.integer) else 255)
    if np.issubdtype(array.dtype, np.integer):
        return Picture(_stretch(grey, "the array"), colours)
    return Picture(_check_floats(grey), colours)


def _luma(colour: NDArray[np.float32], opaque: float) -> NDArray[np.float32]:
    """Weigh three channels, over black where there is alpha; where they are equal, they give just their value."""
    red = colour[..., 0]
    grey = red + (colour[..., :3] - red[..., None]) @ LUMA
    if colour.shape[-1] == 4:
        grey = grey * (colour[..., 3] / np.float32(opaque))
    return grey.astype(np.float32, copy=False)


def _colours_of(rgb: NDArray[np.float32]) -> float:
    """Measure colours that have no image of 8 bits: integers in their own range, floats in 0..255."""
    if not np.isfinite(rgb).all():
        return 0.0  # it is refused as an image a moment later
    top = max(float(rgb.max()), 255.0)
    return colourfulness(Image.fromarray((np.clip(rgb, 0, top) * (255 / top)).astype(np.uint8)))


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
