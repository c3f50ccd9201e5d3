"""Reads the pixels of a DICOM radiograph, and nothing of its header that could name a patient."""

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bonexray.errors import ImageError

if TYPE_CHECKING:
    import pydicom

MAGIC, MAGIC_AT = b"DICM", 128
HEAD = MAGIC_AT + len(MAGIC)  # bytes of a file that tell
PROJECTIONS = {"CR", "DX", "RG", "RF", "XA", "OT", "SC"}  # modalities whose images are, or may be, radiographs
# The only elements that are read: whatever identifies a patient never leaves the file.
ELEMENTS = (
    "Modality", "PixelData", "Rows", "Columns", "SamplesPerPixel", "PhotometricInterpretation", "PlanarConfiguration",
    "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "NumberOfFrames",
    "RescaleIntercept", "RescaleSlope", "ModalityLUTSequence", "WindowCenter", "WindowWidth", "VOILUTFunction",
    "VOILUTSequence", "PixelPaddingValue", "PixelPaddingRangeLimit",
    *(f"{name}PaletteColorLookupTable{part}" for name in ("Red", "Green", "Blue") for part in ("Descriptor", "Data")),
)  # fmt: skip
SIZE = ("Rows", "Columns", "BitsStored")
GROUP_LENGTH = 12  # bytes of the element that says how long the rest of the file's head is
BLOCK, BESIDE = 1 << 16, 1 << 20  # bytes that are inflated at once, and that a file may have beside its pixels


def is_dicom(head: bytes) -> bool:
    """Say whether a file that begins so has DICOM's signature."""
    return head[MAGIC_AT:HEAD] == MAGIC


def read_dicom(path: Path) -> NDArray[np.float32]:
    """Return the pixels as a viewer shows them, 0..255: rescaled, windowed, bone bright; shape (H, W).

    Without a window, the pixels' own range is stretched, padding left out. A picture in colour or with a palette of
    colours is RGB, shape (H, W, 3).

    Raises:
        ImageError: the file is damaged, too large, compressed in a way that no installed library reads, or no single
            projection radiograph, or pydicom is not installed.
    """
    with _reading(path):
        import pydicom

        _check_inflated(path)
        dataset = pydicom.dcmread(path, specific_tags=list(ELEMENTS))
        _check_kind(dataset, path)
        _check_compression(dataset, path)
        return _to_values(dataset)


def read_dicom_size(path: Path) -> tuple[int, int, int]:
    """Return width and height, pixels, and the bits of a pixel, as the header says; no pixel is decoded.

    Raises:
        ImageError: the file is damaged or too large, or pydicom is not installed.
    """
    with _reading(path):
        import pydicom

        _check_inflated(path)
        dataset = pydicom.dcmread(path, specific_tags=list(SIZE), stop_before_pixels=True)
        return int(dataset.Columns), int(dataset.Rows), int(dataset.BitsStored)


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Turn whatever goes wrong into an ImageError; damage in a header can raise anything, and quote the header."""
    try:
        from pydicom.config import disable_value_validation
    except ImportError:
        raise ImageError(f"{path} is DICOM, which needs pydicom: pip install 'bonexray[app]'") from None
    try:
        with disable_value_validation():  # its messages would quote the header
            yield
    except ImageError:
        raise
    except Exception as error:
        raise ImageError(f"{path} is DICOM that cannot be decoded ({type(error).__name__})") from None


def _check_kind(dataset: "pydicom.Dataset", path: Path) -> None:
    modality = str(dataset.get("Modality", ""))
    if modality and modality not in PROJECTIONS:
        expected = f"expected a radiograph ({', '.join(sorted(PROJECTIONS))})"
        raise ImageError(f"{path} has DICOM modality {modality}: {expected}", "other")
    if "PixelData" not in dataset:
        raise ImageError(f"{path} is DICOM without pixels: expected a radiograph", "other")
    frames = int(dataset.get("NumberOfFrames") or 1)
    if frames != 1:
        raise ImageError(f"{path} is DICOM with {frames} frames: expected one image", "several")
    pixels = int(dataset.get("Rows") or 0) * int(dataset.get("Columns") or 0)
    if pixels > _most_pixels():
        raise ImageError(f"{path} is DICOM of {pixels} pixels: expected {_most_pixels():.0f} at most", "large")


def _check_compression(dataset: "pydicom.Dataset", path: Path) -> None:
    from pydicom.pixels.decoders.base import get_decoder

    syntax = dataset.file_meta.TransferSyntaxUID
    try:
        known = get_decoder(syntax).is_available
    except NotImplementedError:  # a film, or a syntax of its maker's own
        known = False
    if not known:
        wanted = "expected another compression, or python-gdcm installed"
        raise ImageError(f"{path} is DICOM compressed as {syntax.name}: {wanted}", "compressed")


def _check_inflated(path: Path) -> None:
    """Refuse a file, deflated as a whole, that fills the memory: pydicom inflates it before it looks at anything."""
    from pydicom.filereader import read_file_meta_info
    from pydicom.uid import DeflatedExplicitVRLittleEndian

    meta = read_file_meta_info(path)
    if meta.get("TransferSyntaxUID") != DeflatedExplicitVRLittleEndian:
        return
    most, size, inflate = 2 * _most_pixels() + BESIDE, 0, zlib.decompressobj(-zlib.MAX_WBITS)
    with path.open("rb") as file:
        file.seek(HEAD + GROUP_LENGTH + meta.FileMetaInformationGroupLength)
        for block in iter(partial(file.read, BLOCK), b""):
            size += len(inflate.decompress(block))
            if size > most:
                raise ImageError(f"{path} is DICOM that inflates to over {most:.0f} bytes: expected fewer", "large")


def _most_pixels() -> float:
    """As many as Pillow reads of any other file."""
    return 2 * Image.MAX_IMAGE_PIXELS if Image.MAX_IMAGE_PIXELS else np.inf


def _to_values(dataset: "pydicom.Dataset") -> NDArray[np.float32]:
    from pydicom.pixels.processing import apply_color_lut, apply_modality_lut, apply_voi_lut

    stored = dataset.pixel_array
    if dataset.get("PhotometricInterpretation") == "PALETTE COLOR":
        colours = apply_color_lut(stored, dataset)
        return colours.astype(np.float32) * np.float32(255 / np.iinfo(colours.dtype).max)
    if stored.ndim == 3:
        return stored[..., :3].astype(np.float32) * np.float32(255 / (2**dataset.BitsStored - 1))
    shown = apply_modality_lut(stored, dataset)
    if "VOILUTSequence" in dataset or dataset.get("WindowWidth"):
        shown = apply_voi_lut(shown, dataset)
    shown, outside = np.asarray(shown, np.float32), _padding(stored, dataset)
    inside = shown[~outside] if not outside.all() else shown
    low, high = float(inside.min()), float(inside.max())
    grey = np.clip((shown - low) * (255 / (high - low) if high > low else 0), 0, 255)
    inverted = dataset.get("PhotometricInterpretation") == "MONOCHROME1"
    grey = 255 - grey if inverted else grey
    return np.ascontiguousarray(np.where(outside, 0, grey), np.float32)


def _padding(stored: NDArray[Any], dataset: "pydicom.Dataset") -> NDArray[np.bool_]:
    """Mark the pixels outside the detector or the shutter, which the file gives a value of their own."""
    value = dataset.get("PixelPaddingValue")
    if value is None:
        return np.zeros(stored.shape, bool)
    limit = dataset.get("PixelPaddingRangeLimit", value)
    return (stored >= min(value, limit)) & (stored <= max(value, limit))
