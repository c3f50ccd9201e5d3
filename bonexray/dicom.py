"""Reads the pixels of a DICOM radiograph, and nothing of its header that could name a patient."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bonexray.errors import ImageError

if TYPE_CHECKING:
    import pydicom

MAGIC, MAGIC_AT = b"DICM", 128
HEAD = MAGIC_AT + len(MAGIC)  # bytes of a file that tell
PROJECTIONS = {"CR", "DX", "RG", "RF", "XA", "OT", "SC"}  # modalities whose images are, or may be, radiographs
# The only elements that are read: whatever identifies a patient never leaves the file.
ELEMENTS = (
    "Modality", "PixelData", "Rows", "Columns", "SamplesPerPixel", "PhotometricInterpretation", "PlanarConfiguration",
    "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "NumberOfFrames", "PresentationLUTShape",
    "RescaleIntercept", "RescaleSlope", "ModalityLUTSequence", "WindowCenter", "WindowWidth", "VOILUTFunction",
    "VOILUTSequence", "PixelPaddingValue", "PixelPaddingRangeLimit",
)  # fmt: skip


def is_dicom(head: bytes) -> bool:
    """Say whether a file that begins so has DICOM's signature."""
    return head[MAGIC_AT:HEAD] == MAGIC


def read_dicom(path: Path) -> NDArray[np.float32]:
    """Return the pixels as a viewer shows them: rescaled, windowed, bone bright; shape (H, W), 0..255.

    Without a window, the pixels' own range is stretched, padding left out.

    Raises:
        ImageError: the file is damaged, no single projection radiograph, or pydicom is not installed.
    """
    try:
        import pydicom
        from pydicom.config import disable_value_validation
    except ImportError:
        raise ImageError(f"{path} is DICOM, which needs pydicom: pip install 'bonexray[app]'") from None
    try:
        with disable_value_validation():  # its messages would quote the header
            dataset = pydicom.dcmread(path, specific_tags=list(ELEMENTS))
            _check_kind(dataset, path)
            return _to_grey(dataset)
    except ImageError:
        raise
    except Exception as error:  # damage in a header can raise anything; its text may quote the header
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


def _to_grey(dataset: "pydicom.Dataset") -> NDArray[np.float32]:
    from pydicom.pixels.processing import apply_modality_lut, apply_voi_lut

    stored = dataset.pixel_array
    if stored.ndim == 3:
        return stored[..., :3].astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)
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
