"""DICOM radiographs, written by pydicom as hospitals send them."""

import logging
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ComputedRadiographyImageStorage, ExplicitVRLittleEndian, generate_uid

from bonexray.errors import ImageError
from bonexray.images import read_image
from bonexray.reading import read_ahead

RAMP = np.linspace(100, 3900, 30 * 40).reshape(30, 40).astype(np.uint16)


def write(path: Path, pixels: np.ndarray = RAMP, **elements: object) -> Path:
    """Write a 12-bit radiograph of a patient with a name."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = ComputedRadiographyImageStorage
    meta.MediaStorageSOPInstanceUID = generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset = pydicom.Dataset()
    dataset.file_meta = meta
    dataset.SOPClassUID, dataset.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    dataset.PatientName, dataset.PatientID = "Secret^Name", "SECRET-ID"
    dataset.Modality, dataset.PhotometricInterpretation, dataset.SamplesPerPixel = "DX", "MONOCHROME2", 1
    dataset.Rows, dataset.Columns = pixels.shape[:2]
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 12, 11, 0
    dataset.PixelData = pixels.tobytes()
    for name, value in elements.items():
        setattr(dataset, name, value)
    dataset.save_as(path, enforce_file_format=True)
    return path


def test_pixels_are_stretched_where_there_is_no_window(tmp_path: Path) -> None:
    """12 bits become 0..255, in the same order."""
    grey = read_image(write(tmp_path / "a.dcm"))
    assert grey.shape == (30, 40) and grey.dtype == np.float32
    assert (grey.min(), grey.max()) == (0, 255)
    assert np.all(np.diff(grey.ravel()) >= 0)


def test_monochrome1_is_inverted(tmp_path: Path) -> None:
    """Where the file's zero is white, bone still comes out bright."""
    plain, inverted = write(tmp_path / "a"), write(tmp_path / "b", PhotometricInterpretation="MONOCHROME1")
    np.testing.assert_allclose(read_image(inverted), 255 - read_image(plain), atol=1e-3)


def test_window_and_rescale_are_applied(tmp_path: Path) -> None:
    """Values outside the window, counted after rescaling, are black or white; those inside are a ramp."""
    grey = read_image(
        write(tmp_path / "a", RescaleSlope="2", RescaleIntercept="-1000", WindowCenter="2000", WindowWidth="2000")
    ).ravel()
    rescaled = RAMP.ravel() * 2.0 - 1000
    assert np.all(grey[rescaled < 990] == 0) and np.all(grey[rescaled > 3010] == 255)
    inside = (rescaled > 1010) & (rescaled < 2990)
    np.testing.assert_allclose(grey[inside], (rescaled[inside] - 1000) / 2000 * 255, atol=0.3)


def test_padding_is_black_and_does_not_count(tmp_path: Path) -> None:
    """What lies outside the detector does not squeeze the radiograph's own range."""
    pixels = RAMP.copy()
    pixels[:, :5] = 0
    grey = read_image(write(tmp_path / "a", pixels, PixelPaddingValue=0, PhotometricInterpretation="MONOCHROME1"))
    assert np.all(grey[:, :5] == 0)
    assert (grey[:, 5:].min(), grey[:, 5:].max()) == (0, 255)


@pytest.mark.parametrize(
    ("elements", "message", "kind"),
    [
        ({"Modality": "CT"}, "modality CT", "other"),
        ({"NumberOfFrames": 3}, "3 frames", "several"),
        ({"Rows": 9999}, "cannot be decoded", "unreadable"),
    ],
)
def test_what_is_no_radiograph_is_refused(tmp_path: Path, elements: dict[str, object], message: str, kind: str) -> None:
    """The message names the file and the reason, alone as in a list; of what kind the reason is goes with it."""
    path = write(tmp_path / "scan.dcm", **elements)
    with pytest.raises(ImageError, match=rf"scan\.dcm .*{message}") as caught:
        read_image(path)
    with pytest.raises(ImageError, match=rf"image 0 of the list: .*{message}") as listed:
        list(read_ahead([path], read_image))
    assert caught.value.kind == listed.value.kind == kind


def test_nothing_of_the_patient_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Neither an error nor a log line quotes the header, however damaged the file is."""
    content = write(tmp_path / "whole.dcm").read_bytes()
    messages = []
    with caplog.at_level(logging.DEBUG):
        for cut in (140, 300, 500, 700, len(content) - 50):
            (tmp_path / "cut.dcm").write_bytes(content[:cut])
            with pytest.raises(ImageError) as error:
                read_image(tmp_path / "cut.dcm")
            messages.append(str(error.value))
    assert not [text for text in [*messages, caplog.text] if "secret" in text.lower()]
