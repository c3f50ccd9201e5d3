"""DICOM radiographs, written by pydicom as hospitals send them."""

import logging
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.dataset import FileMetaDataset
from pydicom.uid import (
    MPEG2MPML,
    ComputedRadiographyImageStorage,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    JPEGLosslessSV1,
    generate_uid,
)

from bonexray.errors import ImageError
from bonexray.images import read_image, read_picture
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


def test_too_many_pixels_are_refused_before_they_are_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As of any other file; so are bytes without number from a file that is deflated as a whole."""
    plain = write(tmp_path / "plain.dcm")
    deflated = write_deflated(tmp_path / "deflated.dcm", RAMP)
    np.testing.assert_array_equal(read_image(deflated), read_image(plain))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", RAMP.size // 2)
    np.testing.assert_array_equal(read_image(deflated), read_image(plain))
    bomb = write_deflated(tmp_path / "bomb.dcm", RAMP, padding=2 << 20)
    with pytest.raises(ImageError, match="inflates to over 1050976 bytes") as inflated:
        read_image(bomb)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", RAMP.size // 2 - 1)
    with pytest.raises(ImageError, match="1200 pixels: expected 1198 at most") as counted:
        read_image(plain)
    assert inflated.value.kind == counted.value.kind == "large"


def write_deflated(path: Path, pixels: np.ndarray, padding: int = 0) -> Path:
    """Write a radiograph that is deflated as a whole, with zeros behind its pixels."""
    write(path, pixels)
    dataset = pydicom.dcmread(path)
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    if padding:
        dataset.DataSetTrailingPadding = bytes(padding)
    dataset.save_as(path)
    return path


def test_a_compression_that_nothing_installed_reads_is_named(tmp_path: Path) -> None:
    """The file is not damaged, and the visitor can do something about it."""
    path = write(tmp_path / "scan.dcm")
    dataset = pydicom.dcmread(path)
    for syntax, name in ((JPEGLosslessSV1, "JPEG Lossless"), (MPEG2MPML, "MPEG2")):
        dataset.file_meta.TransferSyntaxUID = syntax
        dataset.PixelData = pydicom.encaps.encapsulate([b"compressed"])
        dataset["PixelData"].VR = "OB"
        dataset.save_as(path)
        with pytest.raises(ImageError, match=rf"scan\.dcm is DICOM compressed as {name}.*: expected another") as caught:
            read_image(path)
        assert caught.value.kind == "compressed"


@pytest.mark.parametrize(("bits", "dtype"), [(8, np.uint8), (12, np.uint16), (16, np.uint16)])
def test_a_picture_in_colour_is_as_colourful_as_its_png(tmp_path: Path, bits: int, dtype: type) -> None:
    """However many bits a channel has, so that a gate refuses the one like the other."""
    rgb = np.random.default_rng(0).integers(0, 256, (30, 40, 3)).astype(np.uint8)
    top = 2**bits - 1
    pixels = np.round(rgb * (top / 255)).astype(dtype)
    elements = {"SamplesPerPixel": 3, "PlanarConfiguration": 0, "PhotometricInterpretation": "RGB"}
    depth = {"BitsAllocated": 8 * pixels.itemsize, "BitsStored": bits, "HighBit": bits - 1}
    found, expected = read_picture(write(tmp_path / "a.dcm", pixels, **elements, **depth)), read_picture(rgb)
    np.testing.assert_allclose(found.grey, expected.grey, atol=0.6)
    assert found.colourfulness == pytest.approx(expected.colourfulness, rel=0.02)


def test_a_palette_gives_its_colours(tmp_path: Path) -> None:
    """The numbers of the pixels are places in the palette, no grey levels."""
    places = np.arange(12, dtype=np.uint8).reshape(3, 4)
    tables = np.random.default_rng(0).integers(0, 65536, (3, 12)).astype(np.uint16)
    elements: dict[str, object] = {"PhotometricInterpretation": "PALETTE COLOR"}
    for colour, table in zip(("Red", "Green", "Blue"), tables, strict=True):
        elements[f"{colour}PaletteColorLookupTableDescriptor"] = [12, 0, 16]
        elements[f"{colour}PaletteColorLookupTableData"] = table.tobytes()
    found = read_picture(write(tmp_path / "a.dcm", places, BitsAllocated=8, BitsStored=8, HighBit=7, **elements))
    expected = read_picture((tables.T[places] / 257).astype(np.float32))
    np.testing.assert_allclose(found.grey, expected.grey, atol=0.01)
    assert found.colourfulness == pytest.approx(expected.colourfulness, rel=0.01) and found.colourfulness > 20
