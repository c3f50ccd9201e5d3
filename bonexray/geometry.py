"""Letterboxes grey pixels for a network, and maps its cells back over them."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from bonexray.picture import Grey

ALONE = 200_000  # products and sums of a matrix product that BLAS starts no threads for


def letterbox(grey: Grey, size: int) -> NDArray[np.float32]:
    """Pad to a square with black and shrink with antialiasing, as the Keras model's own graph does.

    One axis is resized before the other is padded: the same pixels as padding first, but a
    1 x 100,000 strip never becomes a square of ten gigapixels.

    Args:
        grey: shape (H, W), values 0..255.
        size: side of the network's input, pixels.

    Returns:
        float32, shape (size, size), values 0..255.
    """
    height, width = grey.shape
    image = Image.fromarray(grey).convert("F")  # as fast, and does not round in between
    if height >= width:
        image = _pad_axis(_resize(image, width, size), height, horizontal=True)
    else:
        image = _pad_axis(_resize(image, size, height), width, horizontal=False)
    return np.asarray(_resize(image, size, size), np.float32)


def spread(cells: NDArray[np.float32], shape: tuple[int, int]) -> NDArray[np.float32]:
    """Interpolate a map over the letterboxed square to the image's own pixels.

    Args:
        cells: float32, shape (h, w), one value a cell of the letterboxed square.
        shape: (H, W) of the image as it was given.

    Returns:
        float32, shape (H, W): bilinear between cell centres, the letterbox removed.
    """
    height, width = shape
    rows, columns = cells.shape
    pad_y, pad_x = padding(height, width)
    scale_y, scale_x = rows / (height + 2 * pad_y), columns / (width + 2 * pad_x)
    down, across = _weights(rows, height, pad_y * scale_y), _weights(columns, width, pad_x * scale_x)
    return _product(down, np.asarray(cells, np.float32) @ across)


def _product(down: NDArray[np.float32], across: NDArray[np.float32]) -> NDArray[np.float32]:
    """Multiply (cells, H) and (cells, W) to (H, W), in blocks of rows.

    For the whole, BLAS would start threads, which go on to wait, busily, on the cores of the next forward pass.
    """
    (count, height), width = down.shape, across.shape[1]
    rows = max(1, ALONE // (count * width))
    blocks = -(-height // rows)
    filled = np.zeros((blocks * rows, count), np.float32)
    filled[:height] = down.T
    return (filled.reshape(blocks, rows, count) @ across).reshape(-1, width)[:height]


def _weights(cells: int, pixels: int, margin: float) -> NDArray[np.float32]:
    """What each cell of one axis counts in each pixel, shape (cells, pixels): Pillow's own bilinear weights.

    As a product of two such matrices a map costs a tenth of what Pillow takes to resize it.
    """
    each = Image.fromarray(np.eye(cells, dtype=np.float32))
    box = (margin, 0, cells - margin, cells)
    return np.asarray(each.resize((pixels, cells), Image.Resampling.BILINEAR, box=box))


def padding(height: int, width: int) -> tuple[int, int]:
    """Rows and columns that the letterbox adds on each side (rounded down, as Keras does)."""
    side = max(height, width)
    return (side - height) // 2, (side - width) // 2


def _resize(image: Image.Image, width: int, height: int) -> Image.Image:
    return image.resize((width, height), Image.Resampling.BILINEAR)


def _pad_axis(image: Image.Image, side: int, *, horizontal: bool) -> Image.Image:
    length = image.width if horizontal else image.height
    pad = (side - length) // 2
    border = (pad, 0, pad, 0) if horizontal else (0, pad, 0, pad)
    return ImageOps.expand(image, border, fill=0)
