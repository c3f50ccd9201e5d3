"""From a trained checkpoint to the Hub and back: the same bits, in our class and in stock Keras."""

import argparse
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import real_hub
from loopback_hub import LoopbackHub
from numpy.typing import NDArray

from bonexray import FractureClassifier
from training import publish

STOCK = """
import sys
import keras, numpy
network = keras.saving.load_model("hf://tester/wrist")
image = numpy.load(sys.argv[1]).astype("float32")
print(float(network(numpy.repeat(image[None, :, :, None], 3, -1))[0, 0]))
assert not [name for name in sys.modules if name.split(".")[0] in ("bonexray", "training")]
"""


@pytest.fixture
def published(hub: LoopbackHub, whole: Path) -> Path:
    """Publish a whole checkpoint as tester/wrist, tagged v1, and return its folder."""
    parser = argparse.ArgumentParser()
    publish.add_arguments(parser)
    publish.run(parser.parse_args([str(whole), "tester/wrist", "--tag", "v1"]))
    return whole


def test_a_pulled_tag_predicts_the_same_bits(hub: LoopbackHub, published: Path, radiograph: NDArray) -> None:
    """The class from the Hub and the class from the folder agree in every cell, and Keras' weights stay there."""
    hub.calls.clear()
    pulled = FractureClassifier.from_pretrained("tester/wrist", revision="v1")
    here, there = FractureClassifier.from_pretrained(published).predict(radiograph), pulled.predict(radiograph)
    assert (here.logit, here.probability, here.threshold) == (there.logit, there.probability, there.threshold)
    assert np.array_equal(here.cells, there.cells)
    assert pulled.revision == hub.repo("tester/wrist").tags["v1"]
    assert not [call for call in hub.calls if "weights" in call]


def test_keras_weights_are_pulled_when_asked_for(published: Path, radiograph: NDArray) -> None:
    """`keras_model` of a pulled checkpoint is the trained one, not rebuilt."""
    pulled = FractureClassifier.from_pretrained("tester/wrist", revision="v1")
    network = pulled.keras_model()
    assert (pulled.folder / "model.weights.h5").exists()
    pixels = np.repeat(radiograph.astype(np.float32)[None, :, :, None], 3, -1)
    assert abs(float(network(pixels)[0, 0]) - pulled.predict(radiograph).probability) < 1e-2


def test_stock_keras_reads_the_repository(published: Path, radiograph: NDArray, tmp_path: Path) -> None:
    """A process that never imported our code gets the same probability from hf://."""
    np.save(tmp_path / "image.npy", radiograph)
    command = [sys.executable, "-c", STOCK, str(tmp_path / "image.npy")]
    child = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert child.returncode == 0, child.stderr[-2000:]
    probability = FractureClassifier.from_pretrained(published).predict(radiograph).probability
    assert abs(float(child.stdout) - probability) < 1e-2


def test_the_check_of_the_real_hub_itself_works(hub: LoopbackHub, whole: Path) -> None:
    """Here it runs against the loopback Hub, and leaves nothing behind."""
    real_hub.check("tester", whole)
    assert hub.store.repos == {}
