"""Batch normalisation's means and variances, estimated anew on other images than the weights were trained on."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from training.learning.network import BACKBONE, SCALING

Maps = list[Any]  # a layer's input or output, (batch, h, w, channels), for each batch


def estimate_norms(network: keras.Model, batches: Iterable[NDArray[np.float32]]) -> None:
    """Set each batch normalisation to what its input really is, one after another, each on what the last ones give.

    Every layer runs once; its maps are kept for all images until the last layer that reads them has run: over a
    gigabyte for 128 images of 224 pixels, and as many times more as they have more pixels.

    Args:
        network: as `build_network` returns it; changed in place.
        batches: letterboxed images, (batch, size, size, 3), 0..255.
    """
    backbone, scaling = network.get_layer(BACKBONE), network.get_layer(SCALING)
    maps: dict[int, Maps] = {id(backbone.input): [scaling(batch) for batch in batches]}
    layers = [layer for layer in backbone.layers if not isinstance(layer, keras.layers.InputLayer)]
    readers = Counter(id(tensor) for layer in layers for tensor in _inputs(layer))
    for layer in layers:
        given = [maps[id(tensor)] for tensor in _inputs(layer)]
        if isinstance(layer, keras.layers.BatchNormalization):
            _estimate(layer, given[0])
        taken = given[0] if len(given) == 1 else [list(several) for several in zip(*given, strict=True)]
        maps[id(layer.output)] = [layer(one, training=False) for one in taken]
        for tensor in _inputs(layer):
            readers[id(tensor)] -= 1
            if not readers[id(tensor)]:
                del maps[id(tensor)]


def _inputs(layer: keras.layers.Layer) -> list[keras.KerasTensor]:
    return layer.input if isinstance(layer.input, list) else [layer.input]


def _estimate(layer: keras.layers.BatchNormalization, maps: Maps) -> None:
    exact = (np.asarray(batch, np.float64) for batch in maps)
    sums = [(x[..., 0].size, x.sum((0, 1, 2)), (x * x).sum((0, 1, 2))) for x in exact]
    count, total, squares = (sum(column) for column in zip(*sums, strict=True))
    mean = total / count
    layer.moving_mean.assign(mean)
    layer.moving_variance.assign(np.maximum(squares / count - mean**2, 0))
