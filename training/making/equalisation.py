"""Brings the channels of a network to like ranges without changing what it computes, so that one int8 scale fits all.

Between layers that meet at nothing or at a ReLU, a channel may be made smaller before and its weights larger behind:
Nagel et al. (2019), "Data-Free Quantization Through Weight Equalization and Bias Correction", with ranges that are
measured on images.
"""

from collections.abc import Callable, Mapping

import numpy as np

from training.making.graph import BIAS, CARRIERS, KERNEL, Floats, Graph, Layer

WHOLE = 1.0  # power of a channel's largest value by which it is divided, between two convolutions
SHARED = 0.75  # the same where sums or maxima are taken, on which several must agree; both chosen in experiments.md
FLOOR = 0.01  # of the largest channel: smaller ones are not blown up further
AGREEING = ("ADD", "MAX_POOL_2D")  # operations of several values, whose channels must then be of one scale
JOINING = ("ADD", *CARRIERS)  # operations whose channels are those of their inputs
HOMOGENEOUS = ("NONE", "RELU")  # activations that let a positive factor pass


def equalise(network: bytes, pixels: Floats) -> bytes:
    """Return the same function, up to float32's rounding, with channels of like ranges.

    Args:
        network: a LiteRT file in float32.
        pixels: letterboxed images that the ranges are measured on, (n, size, size).
    """
    graph = Graph(network)
    find = _join(graph)
    joined = {find(one.output) for one in graph.operations if one.kind in AGREEING}
    free = {find(layer.output) for layer in graph.convolutions} - _bound(graph, find)
    scales = {
        root: _scale(largest, SHARED if root in joined else WHOLE)
        for root, largest in _largest_values(graph, find, free, pixels).items()
    }
    for layer in graph.convolutions:
        _rescale(graph, layer, scales.get(find(layer.inputs[0])), scales.get(find(layer.output)))
    return graph.to_bytes()


def _join(graph: Graph) -> Callable[[int], int]:
    """Return what finds, for a tensor, the one that stands for all whose channels are the same."""
    parents: dict[int, int] = {}

    def find(tensor: int) -> int:
        while tensor in parents:
            tensor = parents[tensor]
        return tensor

    for one in graph.operations:
        if one.kind in JOINING:
            for given in one.inputs:
                if find(given) != find(one.output):
                    parents[find(given)] = find(one.output)
    return find


def _bound(graph: Graph, find: Callable[[int], int]) -> set[int]:
    """Tensors whose channels something else reads, or that an activation cuts at a fixed height."""
    bound, outputs = set(), {layer.output for layer in graph.convolutions}
    for one in graph.operations:
        passes = one.kind in JOINING and not (one.kind == "ADD" and len(one.inputs) == 1)
        if not passes and one.output not in outputs:
            bound |= {find(tensor) for tensor in (*one.inputs, one.output)}
        elif one.activation not in HOMOGENEOUS:
            bound.add(find(one.output))
    return bound


def _largest_values(graph: Graph, find: Callable[[int], int], roots: set[int], pixels: Floats) -> Mapping[int, Floats]:
    """The largest absolute value of each channel, (channels,), by the tensor that stands for it."""
    members = {one.output: find(one.output) for one in graph.operations if find(one.output) in roots}
    largest: dict[int, Floats] = {}
    for values in graph.watch(pixels, members):
        for tensor, maps in values.items():
            found, before = np.abs(maps).max((0, 1)), largest.get(members[tensor])
            largest[members[tensor]] = found if before is None else np.maximum(before, found)
    return largest


def _scale(largest: Floats, power: float) -> Floats:
    """What each channel is divided by; their geometric mean is 1."""
    if not largest.any():
        return np.ones_like(largest)
    logs = power * np.log(np.maximum(largest, FLOOR * largest.max()))
    return np.exp(logs - logs.mean())


def _rescale(graph: Graph, layer: Layer, before: Floats | None, behind: Floats | None) -> None:
    """Multiply a kernel's inputs by `before`, and divide its outputs and biases by `behind`."""
    if before is not None:
        graph.replace(layer, KERNEL, graph.constant(layer, KERNEL) * before)
    if behind is not None:
        graph.replace(layer, KERNEL, graph.constant(layer, KERNEL) / np.expand_dims(behind, layer.within))
        graph.replace(layer, BIAS, graph.constant(layer, BIAS) / behind)
