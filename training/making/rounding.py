"""What rounding kernels to int8 shifts a network's channels by in the mean, so that its biases can take it back.

Nagel et al. (2019), as for `equalisation`, with shifts that are measured on images.
"""

import numpy as np

from training.making.graph import KERNEL, Floats, Graph, Layer

LEVELS = 127  # of int8 on either side of zero
TINY = 1e-30
HELD = 1e-4  # of the bias: the least that the largest weight of a channel may be


def mean_shifts(network: bytes, pixels: Floats) -> dict[str, Floats]:
    """Return by which each channel falls short, before its activation, when its kernel alone is rounded.

    Args:
        network: a LiteRT file in float32.
        pixels: letterboxed images, (n, size, size), 0..255.

    Returns:
        (out,) for each convolution, by its name as a `Layer`.
    """
    graph, shifts = Graph(network), {}
    patches = _mean_patches(graph, pixels)
    for layer in graph.convolutions:
        kernel = graph.constant(layer, KERNEL)
        lost = kernel - round_kernel(kernel, layer.channel)
        shifts[layer.name] = (lost * patches[layer.name]).sum(layer.within)
    return shifts


def round_kernel(kernel: Floats, channel: int = 0) -> Floats:
    """Round a kernel to 127 steps on either side of zero, up to the largest weight of each output.

    Args:
        kernel: shape (out, h, w, in), or for a depthwise convolution (1, h, w, out).
        channel: the axis of the outputs, 0 or 3.
    """
    others = tuple(axis for axis in range(4) if axis != channel)
    step = np.maximum(np.abs(kernel).max(others, keepdims=True), TINY) / LEVELS
    return (np.round(kernel / step) * step).astype(np.float32)


def hold_scale(kernel: Floats, bias: Floats, channel: int = 0) -> Floats:
    """Give each channel whose weights are next to nothing one of `HELD` times its bias.

    A bias is stored in steps of its kernel's step: a kernel of zeros leaves it none that 32 bits could hold it in.

    Args:
        kernel: as `round_kernel` takes it.
        bias: shape (out,).
        channel: the axis of the outputs, 0 or 3.
    """
    held = np.moveaxis(kernel, channel, 0).copy()
    rows, least = held.reshape(len(bias), -1), HELD * np.abs(bias)
    empty = np.abs(rows).max(1) < least
    rows[empty, 0] = least[empty]
    return np.moveaxis(rows.reshape(held.shape), 0, channel)


def _mean_patches(graph: Graph, pixels: Floats) -> dict[str, Floats]:
    """The mean over images and places of what each convolution's kernel lies upon, (h, w, in)."""
    convolutions = graph.convolutions
    tensors = {tensor for layer in convolutions for tensor in (layer.inputs[0], layer.output)}
    sides = {layer.name: graph.constant(layer, KERNEL).shape[1] for layer in convolutions}
    sums: dict[str, Floats] = {}
    for values in graph.watch(pixels, tensors):
        for layer in convolutions:
            found = _mean_patch(values[layer.inputs[0]], values[layer.output].shape[0], sides[layer.name], layer)
            sums[layer.name] = sums[layer.name] + found if layer.name in sums else found
    return {name: found / np.float32(len(pixels)) for name, found in sums.items()}


def _mean_patch(maps: Floats, places: int, side: int, layer: Layer) -> Floats:
    """The same for one image: maps (h, w, channels), outputs at `places` rows and columns, a square kernel."""
    stride = layer.operator.builtinOptions.strideH
    reach = (places - 1) * stride + 1
    lacking = max(reach + side - 1 - maps.shape[0], 0)  # what the padding "same" adds; "valid" lacks nothing
    before = lacking // 2
    padded = np.pad(maps, ((before, lacking - before), (before, lacking - before), (0, 0)))
    rows = [
        [padded[y : y + reach : stride, x : x + reach : stride].mean((0, 1)) for x in range(side)] for y in range(side)
    ]
    return np.array(rows, np.float32)
