"""Numbers that describe an image without a trained network: thumbnails, grey statistics, frozen ImageNet features."""

import hashlib
import os
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image
from scipy.stats import kurtosis, skew

from bonexray.checkpoint import hash_file
from bonexray.errors import BonexrayError
from training.data.dataset import listing
from training.data.pixels import load_pixels

Floats = NDArray[np.float32]

SIDE = 224  # of the letterboxed square that everything here is computed from, pixels
THUMBNAIL = 64
PERCENTILES = (5, 25, 50, 75, 95)
WEIGHTS = {"mobilenetv2": "mobilenet_v2*.h5", "resnet50": "resnet50*.h5"}
# ResNet50's conv5 may be absent from a weights file; what follows conv4 is the same whether it is or not.
LAST_LAYERS = {"mobilenetv2": "out_relu", "resnet50": "conv4_block6_out"}


def thumbnails(table: pd.DataFrame, cache: Path) -> Floats:
    """Give the letterboxed pixels at 64 x 64, flattened, shape (n, 4096)."""
    return np.array([_thumbnail(image) for image in load_pixels(table, SIDE, cache)], np.float32)


def grey_statistics(table: pd.DataFrame, cache: Path) -> Floats:
    """Give 44 statistics of the grey values and of their gradient, shape (n, 44)."""
    return np.array([_statistics(image) for image in load_pixels(table, SIDE, cache)], np.float32)


def frozen_features(table: pd.DataFrame, backbone: str, weights: str, cache: Path) -> Floats:
    """Average the last maps of an ImageNet backbone, shape (n, channels); ResNet50's after conv4.

    Args:
        table: a data set as `read_dataset` gives it.
        backbone: "mobilenetv2" or "resnet50".
        weights: "imagenet" (downloaded), or a folder with an .h5 file of each backbone.
        cache: folder that keeps the result, by data and weights.
    """
    file = weights if weights == "imagenet" else str(_weights_file(Path(weights), backbone))
    digest = file if weights == "imagenet" else hash_file(Path(file))
    key = hashlib.sha256(f"{listing(table)} {backbone} {digest}".encode()).hexdigest()[:16]
    target = cache / f"frozen-{backbone}-{key}.npy"
    if not target.exists():
        features = _extract(load_pixels(table, SIDE, cache), backbone, file)
        partial = target.with_suffix(f".{os.getpid()}.npy")
        np.save(partial, features)
        partial.replace(target)
    return np.load(target)


def _thumbnail(image: NDArray[np.uint8]) -> Floats:
    small = Image.fromarray(image).resize((THUMBNAIL, THUMBNAIL), Image.Resampling.BILINEAR)
    return np.asarray(small, np.float32).ravel()


def _statistics(image: NDArray[np.uint8]) -> Floats:
    grey = image.astype(np.float32) / 255
    edges = np.hypot(np.gradient(grey, axis=0), np.gradient(grey, axis=1))
    values = grey.ravel()
    spread = values.std()
    shape = [skew(values), kurtosis(values)] if spread > 0 else [0.0, 0.0]
    histogram = np.bincount(image.ravel() // 8, minlength=32) / image.size
    whole = [values.mean(), spread, *shape, edges.mean(), edges.std(), np.percentile(edges, 95)]
    return np.array([*histogram, *np.percentile(values, PERCENTILES), *whole], np.float32)


def _weights_file(folder: Path, backbone: str) -> Path:
    found = sorted(folder.glob(WEIGHTS[backbone]))
    if not found:
        raise BonexrayError(f"{folder} holds no {WEIGHTS[backbone]}: expected 'imagenet' or a folder of weights")
    return found[0]


def _extract(pixels: NDArray[np.uint8], backbone: str, weights: str) -> Floats:
    import keras

    from training.learning.network import BACKBONE, SCALING, build_network

    network = build_network(backbone, SIDE, weights)
    base = network.get_layer(BACKBONE)
    maps = keras.Model(base.input, base.get_layer(LAST_LAYERS[backbone]).output)
    inputs = keras.Input((SIDE, SIDE, 3))
    pooled = keras.layers.GlobalAveragePooling2D()(maps(network.get_layer(SCALING)(inputs), training=False))
    extractor = keras.Model(inputs, pooled)
    batches = np.array_split(pixels, max(1, len(pixels) // 64))
    return np.concatenate(
        [extractor.predict(np.repeat(batch[..., None], 3, -1).astype(np.float32), verbose=0) for batch in batches]
    )
