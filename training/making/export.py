"""Writes a checkpoint folder: LiteRT network, Keras directory, `classifier.json`; whole or not at all."""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import pandas as pd

from bonexray.checkpoint import LABELS, LAYOUT, Checkpoint, hash_file, read_checkpoint
from bonexray.errors import BonexrayError
from bonexray.hub import resolve
from bonexray.keras_model import load_keras_model
from bonexray.version import __version__
from training.learning.network import HEAD, LETTERBOX
from training.making.conversion import convert_network
from training.making.provenance import HISTORY, PREDICTIONS


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


def write_record(folder: Path, record: dict[str, Any]) -> None:
    """Write `classifier.json` with the sizes and hashes of the files beside it, and read it back as a check."""
    names = (LAYOUT.network, *LAYOUT.keras, HISTORY, PREDICTIONS)
    files = {name: _describe(folder / name) for name in names if (folder / name).is_file()}
    whole = {
        "format_version": 1, "bonexray_version": __version__, "labels": list(LABELS),
        "gate": None, "metrics": {}, **record, "files": files,
    }  # fmt: skip
    target = folder / LAYOUT.classifier
    partial = target.with_suffix(".partial")
    partial.write_text(json.dumps(whole, indent=1, allow_nan=False) + "\n")
    partial.replace(target)
    read_checkpoint(folder)


def read_record(folder: Path) -> dict[str, Any]:
    """Return `classifier.json` as plain values, after the checks that the package makes of it."""
    read_checkpoint(folder)
    return json.loads((folder / LAYOUT.classifier).read_bytes())


def read_history(folder: Path) -> pd.DataFrame:
    """Return `history.csv`, a row an epoch."""
    return pd.read_csv(folder / HISTORY)


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


def slim(folder: Path, into: Path) -> None:
    """Copy a checkpoint without Keras' weights, which can be rebuilt from the LiteRT network: half the size."""
    record = read_record(folder)
    with replacing(into) as fresh:
        for name in record["files"]:
            if name != LAYOUT.keras_weights:
                shutil.copyfile(folder / name, fresh / name)
        write_record(fresh, record)


@contextmanager
def replacing(folder: Path) -> Iterator[Path]:
    """Give an empty folder that takes the place of `folder` when the block ends without an error."""
    if folder.exists() and not folder.is_dir():
        raise BonexrayError(f"{folder} is a file: expected a folder to write a checkpoint to")
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    fresh.chmod(0o755)
    try:
        yield fresh
        if folder.exists():
            retired = fresh.with_name(fresh.name + ".old")
            os.rename(folder, retired)
            os.rename(fresh, folder)
            shutil.rmtree(retired)
        else:
            os.rename(fresh, folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _add_keras(folder: Path, checkpoint: Checkpoint, fresh: Path) -> None:
    network = load_keras_model(resolve(folder), checkpoint)
    _save_keras(network, fresh)


def _save_keras(network: keras.Model, folder: Path) -> None:
    """Write Keras' three files; its own call wants a fresh folder and leaves an empty `assets` in it."""
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        network.save(Path(scratch) / "keras", zipped=False)
        for name in LAYOUT.keras:
            (Path(scratch) / "keras" / name).rename(folder / name)


def _describe(path: Path) -> dict[str, Any]:
    return {"sha256": hash_file(path), "size": path.stat().st_size}
