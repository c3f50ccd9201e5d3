"""What a checkpoint says of its making: recipe, data, weights, libraries, hardware."""

import hashlib
import json
import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

from bonexray.checkpoint import LAYOUT, hash_file
from bonexray.errors import BonexrayError
from training.data.dataset import fingerprint
from training.data.marks import MARKS
from training.learning.recipe import Recipe

HISTORY = "history.csv"  # a row an epoch, beside the network
PREDICTIONS = "predictions.parquet"  # a row an image, beside the network that was evaluated
SEEN_DIGITS = 10  # of a file's SHA-256: of 10,000 strangers, one set in 36,000 meets one of 3,000 by chance
LIBRARIES = ("tensorflow", "keras", "keras-cv", "numpy", "pandas", "pillow")


def describe_data(
    table: pd.DataFrame, roles: dict[str, pd.DataFrame], name: str, before: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Name, fingerprint, the images seen and, for each role in the split, how many images and sources it has.

    `seen` is the beginnings of the hashes of all training and validation files, so that no evaluation calls one of
    them new, in whatever other data set it comes back; those of `before`, the same of the checkpoint that the training
    goes on from, are among them.
    """
    known = pd.concat([roles["train"], roles["validation"]])["file_hash"].str[:SEEN_DIGITS]
    return {
        "name": Path(name).name if Path(name).exists() else name,
        "fingerprint": fingerprint(table),
        "images": len(table),
        "sources": int(table["source_group"].nunique()),
        "split": {role: count_role(rows) for role, rows in roles.items() if len(rows)},
        "seen": "".join(sorted({*known, *_seen(before or {})})),
    }


def describe_marks(path: Path | None, marks: pd.DataFrame) -> dict[str, Any]:
    """Say which file said where fractures lie, and of how many training images; nothing where of none."""
    if marks.empty:
        return {}
    source = path or MARKS
    return {"marks": {"name": source.name, "sha256": hash_file(source), "images": int(marks["file"].nunique())}}


def count_role(rows: pd.DataFrame) -> dict[str, int]:
    """Count images, sources, and fractured sources."""
    return {
        "images": len(rows),
        "sources": int(rows["source_group"].nunique()),
        "fractured_sources": int(rows.loc[rows["label"] == 1, "source_group"].nunique()),
    }


def seen_before(table: pd.DataFrame, data: dict[str, Any]) -> pd.Series:
    """Say of each row whether its file is among those that a training saw.

    Args:
        table: a data set as `read_dataset` gives it.
        data: as `describe_data` gave it; without `seen` nothing is known to be.
    """
    return table["file_hash"].str[:SEEN_DIGITS].isin(_seen(data))


def refuse_seen(rows: pd.DataFrame, data: dict[str, Any], who: str, what: str = "images") -> None:
    """Raise BonexrayError where a training saw images that are to be new.

    Args:
        rows: of a data set as `read_dataset` gives it.
        data: as `describe_data` gave it.
        who: was trained so, for the message.
        what: the rows are, for the message.
    """
    seen = rows[seen_before(rows, data)]
    if len(seen):
        raise BonexrayError(
            f"{who} saw {len(seen)} of these {len(rows)} {what} in its training, {seen['file'].iloc[0]} among them: "
            "expected images that it never saw"
        )


def _seen(data: dict[str, Any]) -> set[str]:
    text = data.get("seen", "")
    return {text[start : start + SEEN_DIGITS] for start in range(0, len(text), SEEN_DIGITS)}


def describe_weights(weights: str, start: str) -> dict[str, str]:
    """Where the training started: what it is, and the hash of the file if it was one."""
    path = Path(weights)
    file = path / LAYOUT.classifier if path.is_dir() else path
    return {"initialised": start, **({"name": path.name, "sha256": hash_file(file)} if file.is_file() else {})}


def training_of(provenance: dict[str, Any]) -> dict[str, Any]:
    """Gather what networks must share to count as one recipe: every choice, the data, the initial weights."""
    weights = provenance.get("weights", {})
    return {
        **provenance.get("recipe", {}),
        "data": provenance.get("data", {}).get("fingerprint"),
        "marks": provenance.get("data", {}).get("marks", {}).get("sha256"),
        "weights": weights.get("sha256", weights.get("initialised")),
    }


def describe_libraries() -> dict[str, str]:
    """Versions of what the result depends on."""
    return {name: version(name) for name in LIBRARIES}


def describe_hardware() -> str:
    """Processor and cores, and the GPUs that TensorFlow sees."""
    import tensorflow as tf

    gpus = [tf.config.experimental.get_device_details(gpu) for gpu in tf.config.list_physical_devices("GPU")]
    names = [str(details.get("device_name", "GPU")) for details in gpus]
    return ", ".join([f"{os.cpu_count()} {platform.machine()} cores", *names])


def digest_run(recipe: Recipe, **inputs: object) -> str:
    """Return a short digest that is the same only for a run that would give the same result."""
    content = json.dumps({"recipe": recipe.as_dict(), **inputs}, sort_keys=True, default=str)
    return hashlib.sha256(content.encode()).hexdigest()[:12]
