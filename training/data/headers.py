"""What the head of an image file says before any pixel is decoded: its format, mode and size."""

from functools import cache
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from bonexray.dicom import HEAD, is_dicom, read_dicom_size
from bonexray.errors import ImageError
from bonexray.images import FORMATS

UNREADABLE = (ImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError)  # of Pillow, and ours


class Header(NamedTuple):
    """Format and mode as Pillow names them (of DICOM, "DICOM" and its bits), width and height in pixels as stored."""

    format: str
    mode: str
    width: int
    height: int


@cache
def image_suffixes() -> frozenset[str]:
    """List the suffixes, in small letters and with their dot, of the files that `read_image` reads."""
    known = {suffix for suffix, kind in Image.registered_extensions().items() if kind in FORMATS}
    return frozenset(known | {".dcm", ".dicom"})


def read_header(path: str | Path) -> Header:
    """Read the head of an image, whatever its suffix, without the turn that EXIF asks for.

    Raises one of `UNREADABLE`: the file is no image that `read_image` reads, or damaged in its head.
    """
    with Path(path).open("rb") as file:
        dicom = is_dicom(file.read(HEAD))
    if dicom:
        width, height, bits = read_dicom_size(Path(path))
        return Header("DICOM", f"{bits} bits", width, height)
    with Image.open(path, formats=FORMATS) as image:
        return Header(str(image.format), image.mode, image.width, image.height)
