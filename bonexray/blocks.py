"""What a served network takes: blocks of 2 x 2 grey pixels, and a one for each, on which its first layer runs.

The first convolution of both backbones takes every second row and column. On blocks it takes every one, sums fewer
and longer products, and gives the same. Its three equal channels, scaled, are each a times grey plus b: so the kernel
is summed over them, weighted by a, and the ones carry what b adds. Where the image is padded with zeros, both are
zero, as the scaled channels are.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

PLANES = 5  # of a block: its pixels row by row, and 1


def input_shapes(size: int) -> list[tuple[int, ...]]:
    """Return the inputs that a network for letterboxed squares of this side may have: blocks, or grey three times."""
    blocks = [(1, size // 2, size // 2, PLANES)] if size % 2 == 0 else []
    return [*blocks, (1, size, size, 3)]


def fill(batch: Floats, pixels: Floats) -> None:
    """Write letterboxed pixels (size, size) into a network's input, of one of `input_shapes`."""
    if batch.shape[-1] == 3:
        batch[0] = pixels[:, :, None]
        return
    half = len(pixels) // 2
    batch[0, :, :, :4].reshape(half, half, 2, 2)[:] = pixels.reshape(half, 2, half, 2).swapaxes(1, 2)
    batch[0, :, :, 4] = 1


def kernel_on_blocks(kernel: NDArray[np.floating], terms: NDArray[np.float64], lead: int) -> NDArray[np.float64]:
    """Return the kernel that gives on blocks, at a stride of 1, what this one gives at a stride of 2.

    Args:
        kernel: for scaled channels, shape (h, w, 3, out).
        terms: what scaling makes of grey, shape (2, 3), as `bonexray.keras_model.scaling_terms` returns it.
        lead: 1 where the kernel begins at the second pixel of a block, else 0.

    Returns:
        Shape (rows, columns, 5, out).
    """
    grey_and_ones = np.einsum("yxco,gc->yxgo", kernel, terms)
    whole = [(lead, (lead + side) % 2) for side in kernel.shape[:2]]
    padded = np.pad(grey_and_ones, (*whole, (0, 0), (0, 0)))
    rows, columns = padded.shape[0] // 2, padded.shape[1] // 2
    blocks = padded.reshape(rows, 2, columns, 2, 2, -1)
    grey = blocks[..., 0, :].swapaxes(1, 2).reshape(rows, columns, 4, -1)
    return np.concatenate([grey, blocks[..., 1, :].sum((1, 3))[:, :, None]], axis=2)


def kernel_off_blocks(
    kernel: NDArray[np.floating], shape: tuple[int, ...], terms: NDArray[np.float64], lead: int
) -> NDArray[np.float64]:
    """Return the smallest kernel of this shape of which `kernel_on_blocks` makes this one.

    Args:
        kernel: shape (rows, columns, 5, out).
        shape: (h, w, 3, out) of what is wanted.
        terms: as `kernel_on_blocks` takes it.
        lead: the same.
    """
    height, width, channels, out = shape
    each = np.eye(height * width * channels).reshape(height, width, channels, -1)
    makes = kernel_on_blocks(each, terms, lead).reshape(-1, height * width * channels)
    return (np.linalg.pinv(makes) @ kernel.reshape(-1, out)).reshape(shape)
