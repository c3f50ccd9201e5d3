"""Batch norm's statistics, estimated anew."""

import keras
import numpy as np
import pytest
from core_fixtures import build_short, draw_bone

from training.learning.network import BACKBONE, SCALING
from training.learning.norms import estimate_norms

SIZE = 64


@pytest.mark.parametrize("backbone", ["mobilenetv2", "resnet50"])
def test_every_channel_is_normalised_on_the_images_themselves(backbone: str) -> None:
    """Behind each batch norm of a network with random weights, means are beta and variances gamma squared."""
    keras.utils.set_random_seed(0)
    network = build_short(backbone, SIZE, scaling="unit")
    bones = [draw_bone(SIZE, SIZE, seed, broken=seed % 2 == 0) for seed in range(6)]
    pixels = np.repeat(np.stack(bones).astype(np.float32)[..., None], 3, axis=-1)
    estimate_norms(network, [pixels[:4], pixels[4:]])
    base = network.get_layer(BACKBONE)
    norms = [layer for layer in base.layers if isinstance(layer, keras.layers.BatchNormalization)]
    outputs = keras.Model(base.input, [layer.output for layer in norms])(network.get_layer(SCALING)(pixels))
    for layer, values in zip(norms, outputs, strict=True):
        varied = np.asarray(layer.moving_variance) > 100 * layer.epsilon  # the rest is damped by epsilon
        np.testing.assert_allclose(np.mean(values, (0, 1, 2)), 0.0, atol=0.01, err_msg=layer.name)
        np.testing.assert_allclose(np.var(values, (0, 1, 2))[varied], 1.0, atol=0.02, err_msg=layer.name)
    assert any((np.asarray(layer.moving_variance) > 100 * layer.epsilon).any() for layer in norms)
