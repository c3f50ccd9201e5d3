"""Whether the strongest evidence lies where someone marked the fracture."""

import numpy as np
from numpy.typing import NDArray

from bonexray import Prediction
from bonexray.geometry import padding
from training.data.marks import Boxes


def find_cells(answer: Prediction) -> NDArray[np.float64]:
    """Give left, top, right and bottom of each evidence cell in pixels of the image, shape (h, w, 4).

    A cell may reach beyond the image, into the padding of its letterbox.
    """
    pad_y, pad_x = padding(*answer.shape)
    rows, columns = (np.arange(count + 1) / count * max(answer.shape) for count in answer.cells.shape)
    top, left = np.meshgrid(rows[:-1], columns[:-1], indexing="ij")
    bottom, right = np.meshgrid(rows[1:], columns[1:], indexing="ij")
    return np.stack([left - pad_x, top - pad_y, right - pad_x, bottom - pad_y], -1)


def point(answer: Prediction, boxes: Boxes | None) -> tuple[float, float]:
    """Return whether the cell that speaks most for a fracture touches a mark, and the share of all cells that do.

    Both NaN where nothing is marked.
    """
    if boxes is None:
        return np.nan, np.nan
    height, width = answer.shape
    cells, marks = find_cells(answer)[:, :, None], boxes * (width, height, width, height)
    starts, stops = np.maximum(cells[..., :2], marks[:, :2]), np.minimum(cells[..., 2:], marks[:, 2:])
    touched = (starts < stops).all(-1).any(-1)
    return float(touched.flat[np.argmax(answer.cells)]), float(touched.mean())
