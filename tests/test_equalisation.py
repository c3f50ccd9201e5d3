"""Channels brought to like ranges: the function stays, and what may not be scaled is left alone."""

import keras
import numpy as np
import pytest
from core_fixtures import build_short, draw_bone

from training.learning.network import BACKBONE
from training.making.conversion import convert_network
from training.making.equalisation import FLOOR, equalise
from training.making.graph import BIAS, KERNEL, Graph, Layer
from training.making.quantisation import run_network

SIZE = 64


@pytest.fixture(scope="module")
def bones() -> np.ndarray:
    """Return four drawn bones, letterboxed."""
    return np.stack([draw_bone(SIZE, SIZE, seed, broken=seed % 2 == 0) for seed in range(4)]).astype(np.float32)


@pytest.fixture(scope="module", params=["mobilenetv2", "resnet50"])
def network(request: pytest.FixtureRequest) -> bytes:
    """Return a network in float32 whose channels differ a hundredfold."""
    keras.utils.set_random_seed(0)
    made, random = build_short(request.param, SIZE), np.random.default_rng(0)
    for layer in made.get_layer(BACKBONE).layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.gamma.assign(10 ** random.uniform(-1, 1, layer.gamma.shape))
    return convert_network(made, "float32")


def test_the_function_stays(network: bytes, bones: np.ndarray) -> None:
    """Cells and features of images that no range was measured on are the same, to float32's rounding."""
    others = bones[:, ::-1].copy()
    before, after = run_network(network, others), run_network(equalise(network, bones), others)
    for name, values in before.items():
        np.testing.assert_allclose(after[name], values, rtol=1e-3, atol=1e-4 * np.abs(values).max())


def test_channels_are_brought_to_like_ranges(network: bytes, bones: np.ndarray) -> None:
    """Between two convolutions alone, all channels that were not below the floor then reach as far."""
    before, after = Graph(network), Graph(equalise(network, bones))
    pairs = list(zip(_largest_values(before, bones), _largest_values(after, bones), strict=True))
    assert pairs
    for was, now in pairs:
        counted = was > FLOOR * was.max()
        assert was[counted].min() < 0.5 * was.max()
        np.testing.assert_allclose(now[counted], now.max(), rtol=1e-3)


def _largest_values(graph: Graph, bones: np.ndarray) -> list[np.ndarray]:
    outputs = [layer.output for layer in _between(graph)]
    seen = list(graph.watch(bones, outputs))
    return [np.max([np.abs(maps[output]).max((0, 1)) for maps in seen], axis=0) for output in outputs]


def test_what_is_cut_at_six_and_what_the_head_reads_are_left_alone(network: bytes, bones: np.ndarray) -> None:
    """Outputs of ReLU6, and the last features, keep their scale: their biases are as before; others' are not."""
    before, after = Graph(network), Graph(equalise(network, bones))
    read = {head.inputs[0] for head in before.heads}
    changed = 0
    for one, other in zip(before.convolutions, after.convolutions, strict=True):
        same = np.array_equal(before.constant(one, BIAS), after.constant(other, BIAS))
        if one.activation == "RELU6" or one.output in read:
            assert same, one.name
        changed += not np.array_equal(before.constant(one, KERNEL), after.constant(other, KERNEL))
    assert changed > 10


def test_channels_of_nothing_stay_nothing(bones: np.ndarray) -> None:
    """A network of which nothing comes is not divided by zero."""
    made = build_short("resnet50", SIZE)
    for layer in made.get_layer(BACKBONE).layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.gamma.assign(0 * layer.gamma)
    same = run_network(equalise(convert_network(made, "float32"), bones), bones)
    assert all(np.isfinite(values).all() for values in same.values())


def _between(graph: Graph) -> list[Layer]:
    """Convolutions whose output one other convolution reads, and nothing else, cut at no height."""
    readers = [tensor for one in graph.operations for tensor in one.inputs]
    alone = {layer.inputs[0] for layer in graph.convolutions if readers.count(layer.inputs[0]) == 1}
    return [layer for layer in graph.convolutions if layer.output in alone and layer.activation != "RELU6"]
