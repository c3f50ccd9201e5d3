"""Writes a checkpoint folder: LiteRT network, Keras directory, `classifier.json`; whole or not at all."""

import shutil
import tempfile
from pathlib import Path
from typing import Any

import keras
import pandas as pd

from bonexray.checkpoint import LAYOUT, Checkpoint, read_checkpoint
from bonexray.hub import resolve
from bonexray.keras_model import load_keras_model
from training.learning.network import HEAD, LETTERBOX
from training.making.conversion import convert_network
from training.making.provenance import HISTORY
from training.making.record import read_record, replacing, write_record


def write_checkpoint(network: keras.Model, folder: Path, record: dict[str, Any], history: pd.DataFrame) -> None:
    """Write a trained network and what is known of it, replacing what was in `folder`.

    Args:
        network: as `build_network` returns it, calibrated.
        folder: the checkpoint folder; it holds either the old content or the new, never a mixture.
        record: "threshold", "calibration", "provenance" and what else `classifier.json` shall hold.
        history: a row an epoch, kept as `history.csv`.
    """
    with replacing(folder) as fresh:
        _save_keras(network, fresh)
        history.to_csv(fresh / HISTORY, index=False)
        (fresh / LAYOUT.network).write_bytes(convert_network(network))
        bias = float(network.get_layer(HEAD).get_weights()[1][0])
        described = {"backbone": network.name, "image_size": network.get_layer(LETTERBOX).height, "bias": bias}
        write_record(fresh, {**described, **record})


def complete(folder: Path, into: Path) -> None:
    """Copy a checkpoint, adding Keras' own directory where its weights are left out (as in the bundled ones)."""
    checkpoint = read_checkpoint(folder)
    with replacing(into) as fresh:
        for name in checkpoint.files:
            if (folder / name).is_file():
                shutil.copyfile(folder / name, fresh / name)
        if not (fresh / LAYOUT.keras_weights).is_file():
            _add_keras(folder, checkpoint, fresh)
        write_record(fresh, read_record(folder))


def _add_keras(folder: Path, checkpoint: Checkpoint, fresh: Path) -> None:
    network = load_keras_model(resolve(folder), checkpoint)
    _save_keras(network, fresh)


def _save_keras(network: keras.Model, folder: Path) -> None:
    """Write Keras' three files; its own call wants a fresh folder and leaves an empty `assets` in it."""
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        network.save(Path(scratch) / "keras", zipped=False)
        for name in LAYOUT.keras:
            (Path(scratch) / "keras" / name).rename(folder / name)
