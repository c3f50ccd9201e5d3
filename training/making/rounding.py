"""What rounding kernels to int8 shifts a network's channels by in the mean, so that its biases can take it back.

Nagel et al. (2019), "Data-Free Quantization Through Weight Equalization and Bias Correction", with shifts that are
measured on a few images instead of derived from batch normalisation.
"""

import keras
import numpy as np
from numpy.typing import NDArray

from training.learning.network import BACKBONE, SCALING, maps_before

Floats = NDArray[np.float32]

BATCH = 16
LEVELS = 127  # of int8 on either side of zero
TINY = 1e-30


def mean_shifts(network: keras.Model, pixels: Floats) -> dict[str, Floats]:
    """Return by which each channel falls short, behind its batch normalisation, when its kernel alone is rounded.

    Args:
        network: as `build_network` returns it.
        pixels: letterboxed images, (n, size, size), 0..255.

    Returns:
        (out,) for each convolution of the backbone that is not depthwise, by its layer's name.
    """
    backbone = network.get_layer(BACKBONE)
    norms = {id(layer.input): layer for layer in backbone.layers if isinstance(layer, keras.layers.BatchNormalization)}
    batches = np.split(pixels[..., None], range(BATCH, len(pixels), BATCH))
    scaled = [network.get_layer(SCALING)(np.repeat(batch, 3, axis=-1)) for batch in batches]
    shifts = {}
    for layer in backbone.layers:
        if type(layer) is keras.layers.Conv2D:  # not its depthwise kin
            norm, kernel = norms[id(layer.output)], np.asarray(layer.kernel)
            scale = np.asarray(norm.gamma) / np.sqrt(np.asarray(norm.moving_variance) + norm.epsilon)
            lost, maps = kernel - round_kernel(kernel), maps_before(network, layer, scaled)
            means = [np.asarray(keras.ops.conv(x, lost, layer.strides, layer.padding)).mean((1, 2)) for x in maps]
            shifts[layer.name] = scale * np.concatenate(means).mean(0)
    return shifts


def round_kernel(kernel: Floats) -> Floats:
    """Round a kernel, (h, w, in, out), to 127 steps on either side of zero, up to the largest weight of each output."""
    step = np.maximum(np.abs(kernel).max((0, 1, 2)), TINY) / LEVELS
    return (np.round(kernel / step) * step).astype(np.float32)
