"""Kernels rounded to int8, and biases that take back what this shifts."""

import tempfile
from pathlib import Path

import keras
import numpy as np
import pytest
from core_fixtures import draw_bone

from bonexray.runtime import Network
from training.learning.network import BACKBONE, SCALING, build_network
from training.making.export import convert_network
from training.making.quantisation import NO_SHIFTS, convolutions, quantise
from training.making.rounding import mean_shifts, round_kernel

SIZE = 64


@pytest.fixture(scope="module")
def bones() -> np.ndarray:
    """Return four drawn bones, letterboxed."""
    return np.stack([draw_bone(SIZE, SIZE, seed, broken=seed % 2 == 0) for seed in range(4)]).astype(np.float32)


def _network(backbone: str) -> keras.Model:
    """Random weights, of which one input channel in each kernel is so large that the others are rounded coarsely."""
    keras.utils.set_random_seed(0)
    network = build_network(backbone, SIZE, "none")
    for layer in network.get_layer(BACKBONE).layers:
        if type(layer) is keras.layers.Conv2D:
            kernel = np.asarray(layer.kernel).copy()
            kernel[:, :, 0] *= 20
            layer.kernel.assign(kernel)
    return network


def _means(network: keras.Model, name: str, pixels: np.ndarray) -> np.ndarray:
    """Return the means of the named layer's channels over all images and places."""
    backbone = network.get_layer(BACKBONE)
    scaled = network.get_layer(SCALING)(np.repeat(pixels[..., None], 3, axis=-1))
    until = keras.Model(backbone.input, backbone.get_layer(name).output)
    return np.asarray(until(scaled, training=False)).mean((0, 1, 2))


def _features(network: bytes, pixels: np.ndarray) -> np.ndarray:
    """Return the mean features of a LiteRT network."""
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "model.tflite"
        path.write_bytes(network)
        run = Network(path, SIZE)
        return np.mean([run(image)["features"] for image in pixels], axis=0)


def test_a_kernel_is_rounded_to_steps_of_its_output() -> None:
    """By hand: steps of 1/127 of the largest weight, which itself stays; an output of zeros stays zero."""
    kernel = np.array([[[[1.27, 0.0], [0.014, 0.0], [-0.016, 0.0]]]], np.float32)
    np.testing.assert_allclose(round_kernel(kernel)[0, 0, :, 0], [1.27, 0.01, -0.02], atol=1e-7)
    assert (round_kernel(kernel)[..., 1] == 0).all()
    np.testing.assert_array_equal(round_kernel(round_kernel(kernel)), round_kernel(kernel))


@pytest.mark.parametrize(("backbone", "norm"), [("mobilenetv2", "bn_Conv1"), ("resnet50", "conv1_bn")])
def test_a_shift_is_what_the_rounded_kernel_lacks(backbone: str, norm: str, bones: np.ndarray) -> None:
    """Behind the first convolution, means of the exact network less those of the rounded one."""
    network = _network(backbone)
    before, shifts = _means(network, norm, bones), mean_shifts(network, bones)
    convolutions = [layer for layer in network.get_layer(BACKBONE).layers if type(layer) is keras.layers.Conv2D]
    assert list(shifts) == [layer.name for layer in convolutions]
    convolutions[0].kernel.assign(round_kernel(np.asarray(convolutions[0].kernel)))
    lacking = before - _means(network, norm, bones)
    assert np.abs(lacking).max() > 0.01
    np.testing.assert_allclose(shifts[convolutions[0].name], lacking, atol=1e-3)


@pytest.mark.parametrize("backbone", ["mobilenetv2", "resnet50"])
def test_corrected_biases_bring_the_logits_back(backbone: str, bones: np.ndarray) -> None:
    """With the shifts, int8 moves the features' means less than without; what stays float is not corrected."""
    network = _network(backbone)
    exact, shifts = convert_network(network, "float32"), mean_shifts(network, bones)
    names = convolutions(exact)
    want = _features(exact, bones)
    corrected, plain = (_features(quantise(exact, names, some), bones) for some in (shifts, NO_SHIFTS))
    assert np.square(corrected - want).mean() < 0.7 * np.square(plain - want).mean()
    assert quantise(exact, [], shifts) == quantise(exact, [])
