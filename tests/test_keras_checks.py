"""Keras' files from strangers: stock layers and data in the file pass, everything else is named and refused."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from core_fixtures import ROOT

from bonexray import FractureClassifier
from bonexray.checkpoint import LAYOUT
from bonexray.errors import CheckpointError
from bonexray.keras_checks import MAX_CONFIG_BYTES, check_config, check_weights
from training.making.record import read_record, write_record

STRANGE = {
    "a lambda": {"module": "keras.layers", "class_name": "Lambda", "config": {}, "registered_name": None},
    "Python code": {"class_name": "__lambda__", "config": {"value": "4wAA"}},
    "another module": {"module": "os", "class_name": "system", "config": "true", "registered_name": None},
    "a function": {"module": "builtins", "class_name": "function", "config": "eval", "registered_name": "function"},
    "a vocabulary": {"module": "keras.layers", "class_name": "StringLookup", "config": {"vocabulary": "/etc/passwd"}},
    "a custom class": {"module": None, "class_name": "Add", "config": {}, "registered_name": "mine>Add"},
    "a registered class": {"module": "keras.layers", "class_name": "Add", "config": {}, "registered_name": "mine>Add"},
    "no class at all": {"module": "keras.layers", "config": {}},
    "a class that is no text": {"module": ["keras"], "class_name": {"a": 1}},
}


def test_the_bundled_networks_pass(bundled: Path) -> None:
    """What is published is made of stock layers."""
    check_config(bundled / "config.json")


@pytest.mark.parametrize("name", STRANGE)
def test_any_other_class_is_refused_however_deep(bundled: Path, tmp_path: Path, name: str) -> None:
    """It is found inside a layer of a real network, and named in one line."""
    config = json.loads((bundled / "config.json").read_text())
    config["config"]["layers"][1]["config"]["activity_regularizer"] = [{"inner": STRANGE[name]}]
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(CheckpointError, match=r"config\.json is refused: .* is no stock layer") as raised:
        check_config(tmp_path / "config.json")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[" * 200_000])
def test_what_is_no_json_is_refused(tmp_path: Path, content: bytes) -> None:
    """Not even nesting without end does more than raise."""
    (tmp_path / "config.json").write_bytes(content)
    with pytest.raises(CheckpointError, match=r"config\.json is not JSON"):
        check_config(tmp_path / "config.json")


def test_a_config_of_any_size_is_not_read(tmp_path: Path) -> None:
    """The limit is on the file."""
    with (tmp_path / "config.json").open("wb") as file:
        file.truncate(MAX_CONFIG_BYTES + 1)
    with pytest.raises(CheckpointError, match="expected the description of one network"):
        check_config(tmp_path / "config.json")


def test_plain_weights_pass(tmp_path: Path) -> None:
    """Groups in groups, with data sets."""
    with h5py.File(tmp_path / "model.weights.h5", "w") as file:
        file.create_group("layers/dense/vars")["0"] = np.zeros(3)
    check_weights(tmp_path / "model.weights.h5")


@pytest.mark.parametrize("link", [h5py.SoftLink("/elsewhere"), h5py.ExternalLink("/etc/passwd", "/")])
def test_links_are_refused(tmp_path: Path, link: object) -> None:
    """Weights are where they are, and nowhere else."""
    with h5py.File(tmp_path / "model.weights.h5", "w") as file:
        file.create_group("layers")["dense"] = link
    with pytest.raises(CheckpointError, match="/layers/dense leads outside the file"):
        check_weights(tmp_path / "model.weights.h5")


def test_data_in_another_file_are_refused(tmp_path: Path) -> None:
    """HDF5 can take a data set's bytes from any file of the machine."""
    (tmp_path / "secret").write_bytes(bytes(16))
    with h5py.File(tmp_path / "model.weights.h5", "w") as file:
        file.create_dataset("0", (16,), "u1", external=[(str(tmp_path / "secret"), 0, 16)])
    with pytest.raises(CheckpointError, match="/0 leads outside the file"):
        check_weights(tmp_path / "model.weights.h5")


def test_what_is_no_hdf5_is_refused(tmp_path: Path) -> None:
    """A pickle called weights is no weights."""
    (tmp_path / "model.weights.h5").write_bytes(b"\x80\x04\x95pickled")
    with pytest.raises(CheckpointError, match="is no HDF5 file of weights"):
        check_weights(tmp_path / "model.weights.h5")


@pytest.mark.parametrize("content", [b"{}", b"[]", b'{"class_name": "Dense", "module": "keras.layers", "config": {}}'])
def test_what_makes_no_network_is_named(content: bytes, tmp_path: Path) -> None:
    """A configuration that passes the checks and is none of a network."""
    folder = tmp_path / "checkpoint"
    shutil.copytree(ROOT / "checkpoints/mobilenetv2", folder)
    (folder / LAYOUT.keras_config).write_bytes(content)
    write_record(folder, read_record(folder))
    with pytest.raises(CheckpointError, match=r"config\.json and the weights make no network: \S"):
        FractureClassifier.from_pretrained(folder).keras_model()


def test_without_keras_a_line_says_what_to_install(tmp_path: Path) -> None:
    """Of a checkpoint with Keras' own weights as of one without, where neither Keras nor HDF5 is installed."""
    folders = [ROOT / "checkpoints/mobilenetv2", tmp_path / "whole"]
    shutil.copytree(*folders)
    (folders[1] / LAYOUT.keras_weights).write_bytes(b"weights")
    write_record(folders[1], read_record(folders[1]))
    code = (
        "import sys\n"
        "sys.modules |= dict.fromkeys(['keras', 'tensorflow', 'h5py'])\n"
        "from bonexray import BonexrayError, FractureClassifier\n"
        "for folder in sys.argv[1:]:\n"
        "    try:\n"
        "        FractureClassifier.from_pretrained(folder).keras_model()\n"
        "    except BonexrayError as error:\n"
        "        print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, *map(str, folders)], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.splitlines() == ["a Keras model needs Keras and TensorFlow: pip install keras tensorflow"] * 2
