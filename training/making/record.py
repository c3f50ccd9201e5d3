"""A checkpoint folder's record, `classifier.json`, and how a folder is replaced: whole or not at all; no TensorFlow."""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd

from bonexray.checkpoint import LABELS, LAYOUT, hash_file, read_checkpoint
from bonexray.errors import BonexrayError
from bonexray.version import __version__
from training.making.provenance import HISTORY, PREDICTIONS

DESCRIBED = (LAYOUT.network, *LAYOUT.keras, HISTORY, PREDICTIONS)  # the files whose hashes the record holds
PARTIAL = ".partial"  # of a file that is being written
FINDER = ".DS_Store"  # left in every folder that was looked at on a Mac


def write_record(folder: Path, record: dict[str, Any]) -> None:
    """Write `classifier.json` with the sizes and hashes of the files beside it, and read it back as a check."""
    files = {name: _describe(folder / name) for name in DESCRIBED if (folder / name).is_file()}
    whole = {
        "format_version": 1, "bonexray_version": __version__, "labels": list(LABELS),
        "gate": None, "metrics": {}, **record, "files": files,
    }  # fmt: skip
    target = folder / LAYOUT.classifier
    partial = target.with_suffix(PARTIAL)
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


def slim(folder: Path, into: Path) -> None:
    """Copy a checkpoint without Keras' weights, which can be rebuilt from the LiteRT network: half the size."""
    if into.resolve() == folder.resolve():
        raise BonexrayError(f"{into} is the checkpoint itself: expected another folder, this one keeps its weights")
    record = read_record(folder)
    with replacing(into) as fresh:
        for name in record["files"]:
            if name != LAYOUT.keras_weights:
                shutil.copyfile(folder / name, fresh / name)
        write_record(fresh, record)


def check_replaceable(folder: Path) -> None:
    """Raise BonexrayError where a checkpoint written to `folder` would take the place of anything but a checkpoint."""
    if not folder.name:
        raise BonexrayError(f"{folder} has no name of its own: expected a folder to write a checkpoint to")
    if folder.exists() and not folder.is_dir():
        raise BonexrayError(f"{folder} is a file: expected a folder to write a checkpoint to")
    own = {LAYOUT.classifier, LAYOUT.card, *DESCRIBED}
    found = {path.name for path in folder.iterdir() if path.suffix != PARTIAL} if folder.is_dir() else set()
    strange = sorted(found - own - {FINDER})
    if strange:
        raise BonexrayError(
            f"{folder} holds {strange[0]}, which is no file of a checkpoint: expected a folder of its own, "
            "which is replaced whole"
        )


@contextmanager
def replacing(folder: Path) -> Iterator[Path]:
    """Give an empty folder that takes the place of `folder` when the block ends without an error.

    Raises:
        BonexrayError: as `check_replaceable`.
    """
    check_replaceable(folder)
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


def _describe(path: Path) -> dict[str, Any]:
    return {"sha256": hash_file(path), "size": path.stat().st_size}
