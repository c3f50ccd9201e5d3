"""Fixtures of the core: drawn radiographs, the bundled checkpoints, and whole ones made from them."""

import struct
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import patch

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from bonexray import FractureClassifier

if TYPE_CHECKING:
    import keras

ROOT = Path(__file__).parents[1]
BACKBONES = ("mobilenetv2", "resnet50")


def draw_bone(height: int, width: int, seed: int, *, broken: bool = False) -> NDArray[np.uint8]:
    """Draw a crude long bone in soft tissue, broken or not: input of a real size, no radiograph."""
    random = np.random.default_rng(seed)
    image = Image.new("L", (width, height), 12)
    draw = ImageDraw.Draw(image)
    x, tilt = width * random.uniform(0.4, 0.6), width * random.uniform(-0.15, 0.15)
    for share, value in ((0.5, 70), (0.2, 200), (0.1, 150)):
        draw.line([(x - tilt, -9), (x + tilt, height + 9)], fill=value, width=max(1, int(width * share)))
    if broken:
        y = height * random.uniform(0.3, 0.7)
        draw.line([(x - width * 0.15, y), (x + width * 0.15, y + height * 0.08)], fill=70, width=max(2, height // 25))
    blurred = np.asarray(image.filter(ImageFilter.GaussianBlur(max(height, width) / 150)), float)
    return np.clip(blurred + random.normal(0, 6, blurred.shape), 0, 255).astype(np.uint8)


def write_folders(folder: Path, sources: int = 12, size: int = 48) -> Path:
    """Write drawn bones in the Kaggle layout, the same number of each label."""
    for index in range(sources):
        split = ("train", "train", "val", "test")[index % 4]
        for label in ("fractured", "not fractured"):
            target = folder / split / label / f"{label[:3]}-{index}.png"
            target.parent.mkdir(parents=True, exist_ok=True)
            pixels = draw_bone(size, size, seed=2 * index + (label == "fractured"), broken=label == "fractured")
            Image.fromarray(pixels).save(target)
    return folder


def build_short(backbone: str, size: int, scaling: str = "backbone") -> "keras.Model":
    """Build a network with a random start; ResNet50 ends at conv4, as the bundled one does, and converts in half."""
    from training.learning.network import build_network

    with patch("training.learning.network.reaches_conv5", return_value=False):
        return build_network(backbone, size, "none", scaling=scaling)


@pytest.fixture(scope="session", params=BACKBONES)
def bundled(request: pytest.FixtureRequest) -> Path:
    """Return each checkpoint that is committed beside the app."""
    return ROOT / "checkpoints" / request.param


@pytest.fixture(scope="session")
def clf(bundled: Path) -> FractureClassifier:
    """Return the classifier of each bundled checkpoint."""
    return FractureClassifier.from_pretrained(bundled)


@pytest.fixture(scope="session")
def whole(bundled: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a whole checkpoint, exported anew from the Keras model of each bundled one."""
    import pandas as pd

    from training.making.export import write_checkpoint
    from training.making.record import read_record

    folder = tmp_path_factory.mktemp("whole") / bundled.name
    record = read_record(bundled)
    kept = {name: record[name] for name in ("threshold", "calibration", "provenance")}
    network = FractureClassifier.from_pretrained(bundled).keras_model()
    write_checkpoint(network, folder, kept, pd.DataFrame({"phase": ["head"], "epoch": [0]}))
    return folder


@pytest.fixture
def few_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each training fit its gate to few pictures that are none: that takes as long as the rest of a short one."""
    monkeypatch.setattr("training.making.gating.OTHERS_A_KIND", 2)


@pytest.fixture
def broken_tiff(tmp_path: Path) -> Path:
    """Return a TIFF that says of an empty directory that it is its second page, at which Pillow raises a TypeError."""
    path = tmp_path / "broken.tif"
    Image.new("L", (20, 20)).save(path)
    content = bytearray(path.read_bytes())
    (directory,) = struct.unpack_from("<I", content, 4)
    (entries,) = struct.unpack_from("<H", content, directory)
    struct.pack_into("<I", content, directory + 2 + 12 * entries, len(content))
    path.write_bytes(content + bytes(6))
    return path


@pytest.fixture
def radiograph() -> NDArray[np.uint8]:
    """Return an image of the size that hospitals send."""
    return draw_bone(1800, 1100, seed=3, broken=True)
