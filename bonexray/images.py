"""Reads radiographs into grey pixels, from files, PIL images and arrays."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, UnidentifiedImageError
from PIL.Image import Transpose

from bonexray.appearance import colourfulness
from bonexray.dicom import HEAD, is_dicom, read_dicom
from bonexray.errors import ImageError, one_line
from bonexray.picture import Grey, Picture
from bonexray.pixels import check_array, from_array, stretch, to_picture

LFS_POINTER = b"version https://git-lfs"
FORMATS = ("BMP", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "TIFF", "WEBP")  # no EPS: Pillow runs programs for it
PAGED = ("GIF", "PNG", "TIFF", "WEBP")  # those whose frames are pictures of their own, not previews of one
# What turns an image upright, by its EXIF orientation; the last four exchange height and width.
UPRIGHT = {
    2: Transpose.FLIP_LEFT_RIGHT, 3: Transpose.ROTATE_180, 4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE, 6: Transpose.ROTATE_270, 7: Transpose.TRANSVERSE, 8: Transpose.ROTATE_90,
}  # fmt: skip
SIDEWAYS = (5, 6, 7, 8)
PHOTOMETRIC, WHITE_IS_ZERO = 262, 0  # TIFF's tag, and its value where the largest number is black
# An opened image of the caller's is decoded where it is first needed, which two threads must not do at once.
DECODING = tuple(Lock() for _ in range(61))

ImageInput = str | os.PathLike[str] | Image.Image | NDArray[Any] | Picture


def read_image(image: ImageInput) -> Grey:
    """Return the grey pixels alone of what `read_picture` reads."""
    return read_picture(image).grey


def read_picture(image: ImageInput, side: int | None = None) -> Picture:
    """Read a radiograph into grey pixels, and say how colourful it was.

    A path or PIL image is turned upright by its EXIF tag; palettes, alpha (over black) and colour
    become luma; more than 8 bits are stretched from their minimum and maximum; DICOM is windowed. An array is
    (H, W), (H, W, 1), (H, W, 3) RGB or (H, W, 4) RGBA: uint8, 16-bit, or floats in 0..255; wider integers count as
    such floats where all lie in 0..255, else they are stretched like 16-bit ones.

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
        with _decoding("the PIL image"):
            with DECODING[id(image) % len(DECODING)]:
                _load(image, "the PIL image")
            return _read_pil(image, "the PIL image")
    if isinstance(image, np.ndarray):
        array = check_array(image)
        return _read_pil(Image.fromarray(array), "the array") if array.dtype == np.uint8 else from_array(array)
    raise ImageError(f"expected a path, a PIL image or a NumPy array, got {type(image).__name__}")


def _read_file(path: Path, side: int | None) -> Picture:
    try:
        file = path.open("rb")
    except (FileNotFoundError, IsADirectoryError) as error:
        found = "does not exist" if isinstance(error, FileNotFoundError) else "is a folder"
        raise ImageError(f"{path} {found}: expected an image file") from None
    except (OSError, ValueError) as error:  # no permission, or no name that a file can have
        raise ImageError(f"{str(path)[:200]!r} cannot be opened: {getattr(error, 'strerror', error)}") from error
    with file, _decoding(str(path)):
        head = file.read(HEAD)
        if head.startswith(LFS_POINTER):
            raise ImageError(f"{path} is a Git LFS pointer, not an image: run `git lfs pull`")
        return to_picture(read_dicom(path)) if is_dicom(head) else _read_opened(file, path, side)


@contextmanager
def _decoding(name: str) -> Iterator[None]:
    """Turn whatever goes wrong into an ImageError: a stranger's file may break a decoder in any way."""
    try:
        yield
    except ImageError:
        raise
    except UnidentifiedImageError:
        raise ImageError(f"{name} is no image that can be read: expected JPEG, PNG, ...") from None
    except Exception as error:
        kind = "large" if isinstance(error, Image.DecompressionBombError | MemoryError) else "unreadable"
        raise ImageError(f"{name} cannot be decoded as an image: {one_line(error)}", kind) from error


def _read_opened(file: BinaryIO, path: Path, side: int | None) -> Picture:
    file.seek(0)
    with Image.open(file, formats=FORMATS) as image:
        width, height = image.size
        if side is not None:
            image.draft(image.mode, (side, side))  # does nothing unless it is a JPEG of twice the size
        _load(image, str(path))
        turned = _orientation(image) in SIDEWAYS
        return replace(_read_pil(image, str(path)), whole=(width, height) if turned else (height, width))


def _load(image: Image.Image, name: str) -> None:
    if image.format in PAGED and (frames := getattr(image, "n_frames", 1)) != 1:
        raise ImageError(f"{name} holds {frames} pictures: expected one", "several")
    if 0 in image.size:
        raise ImageError(f"{name} is of {image.width} x {image.height} pixels: expected one at least")
    image.load()


def _read_pil(image: Image.Image, name: str) -> Picture:
    turn = UPRIGHT.get(_orientation(image))
    upright = image if turn is None else image.transpose(turn)
    if upright.mode.startswith(("I", "F")):
        grey = stretch(np.asarray(upright, np.float32), name)
        return Picture(255 - grey if _white_is_zero(image) else grey)
    if upright.has_transparency_data:
        upright = upright.convert("RGBA")
        upright = Image.alpha_composite(Image.new("RGBA", upright.size, "black"), upright)
    colours = 0.0 if upright.mode in ("1", "L") else colourfulness(upright)
    return Picture(np.asarray(upright if upright.mode == "L" else upright.convert("L")), colours)


def _orientation(image: Image.Image) -> int:
    try:
        return image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # a damaged EXIF block harms no pixel: viewers pass over it
        return 1


def _white_is_zero(image: Image.Image) -> bool:
    """Say whether a TIFF of more than 8 bits, which Pillow gives as it is, counts from white to black."""
    return getattr(image, "tag_v2", {}).get(PHOTOMETRIC) == WHITE_IS_ZERO
