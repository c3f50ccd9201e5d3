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
from training.dataset import fingerprint
from training.recipe import Recipe

LIBRARIES = ("tensorflow", "keras", "keras-cv", "numpy", "pandas", "pillow")


def describe_data(table: pd.DataFrame, roles: dict[str, pd.DataFrame], name: str) -> dict[str, Any]:
    """Name, fingerprint and, for each role in the split, how many images and sources of which label."""
    counts = {
        role: {
            "images": len(rows),
            "sources": int(rows["source_group"].nunique()),
            "fractured_sources": int(rows.loc[rows["label"] == 1, "source_group"].nunique()),
        }
        for role, rows in roles.items()
    }
    return {
        "name": Path(name).name if Path(name).exists() else name,
        "fingerprint": fingerprint(table),
        "images": len(table),
        "sources": int(table["source_group"].nunique()),
        "split": counts,
    }


def describe_weights(weights: str, start: str) -> dict[str, str]:
    """Where the training started: what it is, and the hash of the file if it was one."""
    path = Path(weights)
    file = path / LAYOUT.classifier if path.is_dir() else path
    return {"initialised": start, **({"name": path.name, "sha256": hash_file(file)} if file.is_file() else {})}


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
