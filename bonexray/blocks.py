"""What a served network takes: blocks of 2 x 2 grey pixels, and a one for each, on which its first layer runs.

The first convolution of both backbones takes every second row and column. On blocks it takes every one, sums fewer
products, and gives the same. The image's three equal channels, scaled, are each a times grey plus b: so the kernel is
summed over them, weighted by a, and the ones carry what b adds. Where the image is padded with zeros, both are zero,
as the scaled channels are.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bonexray.errors import BonexrayError

Floats = NDArray[np.float32]

PLANES = 5  # of a block: its pixels row by row, then 1
WIDEST = 7  # first kernel of the backbones, pixels: a larger one of a stranger's file is not worth its memory


def block_shape(size: int) -> tuple[int, ...]:
    """Return the input of a network for letterboxed squares of this side.

    Raises:
        BonexrayError: the side is odd.
    """
    if size % 2:
        raise BonexrayError(f"image size {size}: expected an even number, as networks serve blocks of 2 x 2 pixels")
    return 1, size // 2, size // 2, PLANES


def input_shapes(size: int) -> list[tuple[int, ...]]:
    """Return the inputs that a file for this side may have: blocks, or grey three times, as a plain conversion has."""
    blocks = [] if size % 2 else [block_shape(size)]
    return [*blocks, (1, size, size, 3)]


def fill(batch: Floats, pixels: Floats) -> None:
    """Write letterboxed pixels into a network's input.

    Args:
        batch: float32, of one of `input_shapes`; changed in place.
        pixels: shape (size, size), grey values 0..255.
    """
    if batch.shape[-1] == 3:
        batch[0] = pixels[:, :, None]
        return
    half = len(pixels) // 2
    batch[0, :, :, :4].reshape(half, half, 2, 2)[:] = pixels.reshape(half, 2, half, 2).swapaxes(1, 2)
    batch[0, :, :, 4] = 1


def sides_on_blocks(sides: Sequence[int], lead: int) -> tuple[int, ...]:
    """Return how many blocks a kernel of these sides, pixels, lies upon, with `kernel_on_blocks`' lead."""
    return tuple((lead + side + 1) // 2 for side in sides)


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
    rows, columns = sides_on_blocks(kernel.shape[:2], lead)
    margins = [(lead, (lead + side) % 2) for side in kernel.shape[:2]]
    padded = np.pad(grey_and_ones, (*margins, (0, 0), (0, 0)))
    blocks = padded.reshape(rows, 2, columns, 2, 2, -1)
    grey = blocks[..., 0, :].swapaxes(1, 2).reshape(rows, columns, 4, -1)
    return np.concatenate([grey, blocks[..., 1, :].sum((1, 3))[:, :, None]], axis=2)


def kernel_off_blocks(
    kernel: NDArray[np.floating], shape: tuple[int, ...], terms: NDArray[np.float64], lead: int
) -> NDArray[np.float64]:
    """Return the kernel of which `kernel_on_blocks` makes what comes nearest to this one, the smallest of those.

    Args:
        kernel: shape (rows, columns, 5, out).
        shape: (h, w, 3, out) of what is wanted; h and w are 7 at most.
        terms: as `kernel_on_blocks` takes it.
        lead: the same.

    Returns:
        Of that shape.

    Raises:
        ValueError: the kernel is not of the shape that `kernel_on_blocks` gives.
    """
    height, width, channels, out = shape
    wanted = *sides_on_blocks((height, width), lead), PLANES, out
    if kernel.shape != wanted or max(height, width) > WIDEST:
        raise ValueError(f"a kernel of {kernel.shape} for one of {shape}: expected {wanted}, and sides up to {WIDEST}")
    units = np.eye(height * width * channels).reshape(height, width, channels, -1)
    matrix = kernel_on_blocks(units, terms, lead).reshape(-1, height * width * channels)
    return (np.linalg.pinv(matrix) @ kernel.reshape(-1, out)).reshape(shape)
