"""Whether the strongest evidence lies where someone marked the fracture."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bonexray import Prediction
from training.data.marks import BOX

Boxes = NDArray[np.float64]  # (n, 4): left, top, right, bottom; shares of the image's width and height


def boxes_of(marks: pd.DataFrame) -> dict[str, Boxes]:
    """Give the boxes of each image, as `read_marks` reads them, by its name."""
    return {str(file): rows[list(BOX)].to_numpy() for file, rows in marks.groupby("file")}


def find_cells(answer: Prediction) -> NDArray[np.float64]:
    """Give left, top, right and bottom of each evidence cell in pixels of the image, shape (h, w, 4).

    A cell may reach beyond the image, into the padding of its letterbox.
    """
    height, width = answer.shape
    side = max(height, width)
    rows, columns = (np.arange(count + 1) / count * side for count in answer.cells.shape)
    top, left = np.meshgrid(rows[:-1], columns[:-1], indexing="ij")
    bottom, right = np.meshgrid(rows[1:], columns[1:], indexing="ij")
    pad_x, pad_y = (side - width) // 2, (side - height) // 2
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
