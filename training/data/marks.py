"""Where fractures lie, as someone marked them: boxes by the image's name, drawn onto the letterboxed square."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bonexray.errors import BonexrayError
from bonexray.images import read_image

MARKS = Path(__file__).parents[1] / "marks.csv"
DIGITS = 16  # of a file's SHA-256, by which marks find it under any name
BOX = ("left", "top", "right", "bottom")
SIDE = 112  # of the square that marks are drawn on, pixels

Boxes = NDArray[np.float64]  # (n, 4): left, top, right, bottom; shares of the image's width and height


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
        path: CSV file; None for the project's own `MARKS`, of whose images a data set may hold none. An image is called
            by its name in the data set, or by the first 16 digits of its file's SHA-256.
        table: a data set as `read_dataset` gives it; an image without a row is taken as not marked.

    Raises:
        BonexrayError: no such file, not these columns, a box outside 0..1 or without area; and of a file that was asked
            for, a mark on an image that is not fractured, or not one image of the data set.
    """
    source = path or MARKS
    boxes = _by_name(_read_boxes(source), table)
    inside = (boxes[["left", "top"]] >= 0).all(axis=1) & (boxes[["right", "bottom"]] <= 1).all(axis=1)
    good = inside & (boxes["left"] < boxes["right"]) & (boxes["top"] < boxes["bottom"])
    if not good.all():
        row = boxes[~good].iloc[0]
        raise BonexrayError(f"marks {source}: {row.to_dict()}; expected 0 <= left < right <= 1, and so top and bottom")
    intact = boxes["file"].isin(table.loc[table["label"] == 0, "file"])
    if path is not None and boxes.empty:
        raise BonexrayError(f"marks {source}: none of its rows names an image of the data set")
    if path is not None and intact.any():
        raise BonexrayError(f"marks {source}: {boxes['file'][intact].iloc[0]} is marked, and labelled not fractured")
    return boxes[~intact].reset_index(drop=True)


def _read_boxes(source: Path) -> pd.DataFrame:
    """Read the columns that count, as numbers."""
    try:
        boxes = pd.read_csv(source, dtype={"file": str})
    except (OSError, ValueError) as error:
        raise BonexrayError(f"marks {source}: {error}; expected a CSV file") from error
    missing = [name for name in ("file", *BOX) if name not in boxes]
    if missing:
        raise BonexrayError(f"marks {source} lack the column {missing[0]!r}: expected file, {', '.join(BOX)}")
    try:
        return boxes[["file", *BOX]].astype(dict.fromkeys(BOX, "float64"))
    except ValueError as error:
        raise BonexrayError(f"marks {source}: {error}; expected numbers from 0 to 1") from error


def _by_name(boxes: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """Keep the boxes of the images of `table`, by their names in it."""
    digests = dict(zip(table["file_hash"].str[:DIGITS], table["file"], strict=True))
    found = boxes["file"].where(boxes["file"].isin(table["file"]), boxes["file"].str.split(".").str[0].map(digests))
    return boxes.assign(file=found).dropna(subset="file").reset_index(drop=True)


def boxes_of(marks: pd.DataFrame) -> dict[str, Boxes]:
    """Give the boxes of each image, as `read_marks` reads them, by its name."""
    return {str(file): rows[list(BOX)].to_numpy() for file, rows in marks.groupby("file")}


def draw_marks(boxes: pd.DataFrame, table: pd.DataFrame) -> Marks:
    """Draw the boxes, as `read_marks` gives them, for every row of `table`."""
    drawn = np.zeros((len(table), SIDE, SIDE), np.uint8)
    rows = {name: position for position, name in enumerate(table["file"])}
    for name, of_image in boxes_of(boxes).items():
        position = rows[name]
        shape = read_image(table["path"].iloc[position]).shape
        for box in of_image:
            left, top, right, bottom = _on_square(box, shape)
            drawn[position, top:bottom, left:right] = 255
    labels = table["label"].to_numpy(np.int8)
    return Marks(drawn, (labels == 0) | drawn.any((1, 2)), labels)


def _on_square(box: NDArray[np.float64], shape: tuple[int, int]) -> NDArray[np.int64]:
    """Pixels left, top, right and bottom on the square into whose middle an image of (height, width) is padded."""
    extent = np.array([shape[1], shape[0]]) / max(shape)
    corners = (1 - extent) / 2 + box.reshape(2, 2) * extent
    return np.concatenate([np.floor(corners[0] * SIDE), np.ceil(corners[1] * SIDE)]).astype(np.int64)
