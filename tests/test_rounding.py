"""Kernels rounded to int8, and what that shifts in the mean."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from core_fixtures import build_short, draw_bone

from training.learning.network import BACKBONE
from training.making.conversion import convert_network
from training.making.graph import KERNEL, Graph
from training.making.rounding import hold_scale, mean_shifts, round_kernel

SIZE = 64


@pytest.fixture(scope="module")
def bones() -> np.ndarray:
    """Return three drawn bones, letterboxed."""
    return np.stack([draw_bone(SIZE, SIZE, seed, broken=seed % 2 == 0) for seed in range(3)]).astype(np.float32)


def _network(backbone: str) -> bytes:
    """Random weights, of which one input channel in each kernel is so large that the others are rounded coarsely."""
    keras.utils.set_random_seed(0)
    network = build_short(backbone, SIZE)
    for layer in network.get_layer(BACKBONE).layers:
        if type(layer) is keras.layers.Conv2D:
            kernel = np.asarray(layer.kernel).copy()
            kernel[:, :, 0] *= 20
            layer.kernel.assign(kernel)
    return convert_network(network, "float32")


def test_a_kernel_is_rounded_to_steps_of_its_output() -> None:
    """By hand: steps of 1/127 of the largest weight, which itself stays; an output of zeros stays zero."""
    kernel = np.array([[1.27, 0.014, -0.016], [0, 0, 0]], np.float32).reshape(2, 1, 1, 3)
    np.testing.assert_allclose(round_kernel(kernel)[0, 0, 0], [1.27, 0.01, -0.02], atol=1e-7)
    assert (round_kernel(kernel)[1] == 0).all()
    np.testing.assert_array_equal(round_kernel(round_kernel(kernel)), round_kernel(kernel))
    depthwise = np.array([1.27, 0.0, 0.014, 0.0], np.float32).reshape(1, 1, 2, 2)
    np.testing.assert_allclose(round_kernel(depthwise, 3).ravel(), [1.27, 0, 0.01, 0], atol=1e-7)


def test_a_channel_of_zeros_gets_a_weight_that_holds_its_bias() -> None:
    """One ten-thousandth of it; channels that have weights, or neither weight nor bias, stay as they are."""
    kernel = np.array([[0.5, -0.2], [0, 0], [0, 1e-9], [0, 0]], np.float32).reshape(4, 1, 1, 2)
    held = hold_scale(kernel, np.array([3.0, -2.0, 1.0, 0.0], np.float32))
    np.testing.assert_allclose(held[:, 0, 0], [[0.5, -0.2], [2e-4, 0], [1e-4, 1e-9], [0, 0]])
    depthwise = np.moveaxis(kernel, 0, 3)
    np.testing.assert_array_equal(
        hold_scale(depthwise, np.array([3.0, -2.0, 1.0, 0.0], np.float32), 3), np.moveaxis(held, 0, 3)
    )


@pytest.mark.parametrize("backbone", ["mobilenetv2", "resnet50"])
def test_a_shift_is_what_the_rounded_kernel_lacks(backbone: str, bones: np.ndarray) -> None:
    """In every convolution, whatever its stride and padding: TensorFlow's with what the kernel lost, averaged."""
    network = _network(backbone)
    graph, shifts = Graph(network), mean_shifts(network, bones)
    assert list(shifts) == [layer.name for layer in graph.convolutions]
    maps = list(graph.watch(bones, {layer.inputs[0] for layer in graph.convolutions}))
    for layer in graph.convolutions:
        kernel, options = graph.constant(layer, KERNEL), layer.operator.builtinOptions
        across = layer.kind == "DEPTHWISE_CONV_2D"
        lost = (kernel - round_kernel(kernel, 3 if across else 0)).transpose(1, 2, 3, 0)
        stride, padding = options.strideH, ("SAME", "VALID")[options.padding]
        given = np.stack([one[layer.inputs[0]] for one in maps])
        if across:
            lacking = tf.nn.depthwise_conv2d(given, lost, [1, stride, stride, 1], padding)
        else:
            lacking = tf.nn.conv2d(given, lost, stride, padding)
        want, name = np.asarray(lacking).mean((0, 1, 2)), layer.name
        np.testing.assert_allclose(shifts[name], want, rtol=1e-3, atol=1e-4 * np.abs(want).max(), err_msg=layer.name)
    assert max(np.abs(shift).max() for shift in shifts.values()) > 0.01
