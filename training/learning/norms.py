"""Batch normalisation's means and variances, estimated anew on other images than the weights were trained on."""

from collections.abc import Iterable

import keras
import numpy as np
from numpy.typing import NDArray

from training.learning.network import BACKBONE, SCALING, maps_before


def estimate_norms(network: keras.Model, batches: Iterable[NDArray[np.float32]]) -> None:
    """Set each batch normalisation to what its input really is, one after another, each on what the last ones give.

    Args:
        network: as `build_network` returns it; changed in place.
        batches: letterboxed images, (batch, size, size, 3), 0..255.
    """
    backbone, scaling = network.get_layer(BACKBONE), network.get_layer(SCALING)
    scaled = [scaling(batch) for batch in batches]
    for layer in backbone.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            maps = (np.asarray(x, np.float64) for x in maps_before(network, layer, scaled))
            sums = [(x[..., 0].size, x.sum((0, 1, 2)), (x * x).sum((0, 1, 2))) for x in maps]
            count, total, squares = (sum(column) for column in zip(*sums, strict=True))
            mean = total / count
            layer.moving_mean.assign(mean)
            layer.moving_variance.assign(np.maximum(squares / count - mean**2, 0))
