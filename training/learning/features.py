"""The frozen backbone's output for augmented views, computed once and kept on disk."""

import hashlib
import json
import math
import shutil
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from filelock import FileLock
from numpy.typing import NDArray
from tqdm import tqdm

from bonexray.errors import BonexrayError

SAVE_EVERY = 8  # batches


def cache_features(
    extractor: keras.Model, batches: tf.data.Dataset, count: int, target: Path, name: str
) -> NDArray[np.float16]:
    """Run `extractor` over `batches` and keep its outputs, float16, shape (count, ...), memory-mapped.

    An interrupted call goes on where the last full write ended; a second one at the same time waits for the first.

    Args:
        extractor: from images to features or maps.
        batches: images in a fixed order, as `image_batches` yields them.
        count: images in `batches`.
        target: the file; what it depends on belongs into its name (`feature_key`).
        name: what the progress bar says.
    """
    shape = (count, *extractor.output_shape[1:])
    if not target.exists():
        with FileLock(target.with_suffix(".lock")):
            if not target.exists():
                check_space(target, shape)
                _write_features(extractor, batches, shape, target, name)
    return np.load(target, mmap_mode="r")


def _write_features(
    extractor: keras.Model, batches: tf.data.Dataset, shape: tuple[int, ...], target: Path, name: str
) -> None:
    partial, progress = target.with_suffix(".partial"), target.with_suffix(".progress.json")
    done = json.loads(progress.read_text()) if progress.exists() and partial.exists() else {"batches": 0, "images": 0}
    features = np.lib.format.open_memmap(partial, "r+" if done["images"] else "w+", np.float16, shape)
    bar = tqdm(batches.skip(done["batches"]), name, initial=done["batches"], unit="batch")
    for images in bar:
        values = extractor.predict_on_batch(images)
        features[done["images"] : done["images"] + len(values)] = values
        done = {"batches": done["batches"] + 1, "images": done["images"] + len(values)}
        if done["batches"] % SAVE_EVERY == 0:
            features.flush()
            fresh = progress.with_suffix(".new")
            fresh.write_text(json.dumps(done))
            fresh.replace(progress)
    features.flush()
    partial.replace(target)
    progress.unlink(missing_ok=True)


def check_space(target: Path, shape: tuple[int, ...]) -> None:
    """Raise BonexrayError unless float16 values of `shape` have room on the disk of `target`."""
    needed, free = 2 * math.prod(shape), shutil.disk_usage(target.parent).free
    if needed > free:
        raise BonexrayError(
            f"{target} needs {needed / 1e9:.1f} GB of {free / 1e9:.1f} GB that are free: expected room or fewer --views"
        )


def feature_key(extractor: keras.Model | None, *parts: object) -> str:
    """Return a short digest of the network's weights and of everything else that the features depend on."""
    digest = hashlib.sha256(repr(parts).encode())
    for weight in extractor.get_weights() if extractor else ():
        digest.update(np.ascontiguousarray(weight).data)
    return digest.hexdigest()[:16]
