"""Where fractures lie, as someone marked them: boxes by the image's name, drawn onto the letterboxed square."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bonexray.errors import BonexrayError
from bonexray.images import read_image

MARKS = Path(__file__).parents[1] / "marks.csv"  # by names that are digests of the pixels: no other image has them
BOX = ("left", "top", "right", "bottom")
SIDE = 112  # of the square that marks are drawn on, pixels


@dataclass(frozen=True)
class Marks:
    """What is known of where the fractures of a data set lie.

    Attributes:
        drawn: uint8, shape (n, SIDE, SIDE), 255 inside a mark; the squares of the images as serving letterboxes them.
        known: shape (n,), whether that is all there is to mark: the image is marked, or has no fracture.
        labels: shape (n,), 1 for fractured.
    """

    drawn: NDArray[np.uint8]
    known: NDArray[np.bool_]
    labels: NDArray[np.int8]


def read_marks(path: Path | None, table: pd.DataFrame) -> pd.DataFrame:
    """Read the boxes of the images of `table`: columns "file" and `BOX`, shares of the image's width and height.

    Args:
        path: CSV file; None for the project's own `MARKS`, of which a data set may hold none.
        table: a data set as `read_dataset` gives it; an image without a row is taken as not marked.

    Raises:
        BonexrayError: no such file, not these columns, a box outside 0..1 or without area, a mark on an image that is
            not fractured, or no image of the data set in a file that was asked for.
    """
    source = path or MARKS
    try:
        boxes = pd.read_csv(source, dtype={"file": str})
    except (OSError, ValueError) as error:
        raise BonexrayError(f"marks {source}: {error}; expected a CSV file") from error
    if list(boxes.columns) != ["file", *BOX] or not all(pd.api.types.is_numeric_dtype(boxes[name]) for name in BOX):
        raise BonexrayError(
            f"marks {source}: columns {', '.join(map(str, boxes))}; expected file, {', '.join(BOX)}, in numbers"
        )
    found = boxes[boxes["file"].isin(table["file"])].reset_index(drop=True)
    if path is not None and found.empty:
        raise BonexrayError(f"marks {source}: none of its {len(boxes)} rows names an image of the data set")
    inside = (found[["left", "top"]] >= 0).all(axis=1) & (found[["right", "bottom"]] <= 1).all(axis=1)
    good = inside & (found["left"] < found["right"]) & (found["top"] < found["bottom"])
    if not good.all():
        row = found[~good].iloc[0]
        raise BonexrayError(f"marks {source}: {row.to_dict()}; expected 0 <= left < right <= 1, and so top and bottom")
    intact = found["file"].isin(table.loc[table["label"] == 0, "file"])
    if intact.any():
        raise BonexrayError(f"marks {source}: {found['file'][intact].iloc[0]} is marked, and labelled not fractured")
    return found


def draw_marks(boxes: pd.DataFrame, table: pd.DataFrame) -> Marks:
    """Draw the boxes, as `read_marks` gives them, for every row of `table`."""
    drawn = np.zeros((len(table), SIDE, SIDE), np.uint8)
    rows = {name: position for position, name in enumerate(table["file"])}
    for name, of_image in boxes.groupby("file"):
        position = rows[str(name)]
        shape = read_image(table["path"].iloc[position]).shape
        for box in of_image[list(BOX)].to_numpy():
            left, top, right, bottom = _on_square(box, shape)
            drawn[position, top:bottom, left:right] = 255
    labels = table["label"].to_numpy(np.int8)
    return Marks(drawn, (labels == 0) | drawn.any((1, 2)), labels)


def _on_square(box: NDArray[np.float64], shape: tuple[int, int]) -> NDArray[np.int64]:
    """Pixels left, top, right and bottom on the square into whose middle an image of (height, width) is padded."""
    extent = np.array([shape[1], shape[0]]) / max(shape)
    corners = (1 - extent) / 2 + box.reshape(2, 2) * extent
    return np.concatenate([np.floor(corners[0] * SIDE), np.ceil(corners[1] * SIDE)]).astype(np.int64)
