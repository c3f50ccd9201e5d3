"""The form of a data set that says most: `manifest.csv`, comma-separated and in UTF-8, beside the folder `images/`.

One row an image, with these columns; others are not read. The first three are needed:

- `file`: path below `images/`, each one once.
- `label`: "fractured" or "not fractured".
- `source_group`: what the radiograph is called of which this is an image: all images of one name are kept on one side
  of the split, have one label, and are one vote in every measurement. A patient's name does where all radiographs of
  the patient have the same label.
- `rotated_copy`: yes, true or 1 where the image is a rotated copy of another of its source, which then does not speak
  for it; no, false, 0 or nothing where it is not. Without the column the file names tell.
- `archive`: where the image comes from; measurements compare within it. Without the column the file names tell.
- `official_paths`: its places in the data set's own split, "train/...", "val/..." or "test/...", `;` between them.
"""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from bonexray.checkpoint import LABELS
from bonexray.errors import BonexrayError, one_line
from training.data.names import says_rotated
from training.data.readers import SPLITS, label_index, official_path, refuse_mixed_sources

REQUIRED = ("file", "label", "source_group")
ANSWERS = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False, "": False}


def read_manifest(folder: Path, strict: bool = True) -> pd.DataFrame:
    """Read the rows of `manifest.csv`, whose images lie in `images/`.

    Args:
        folder: of the data set.
        strict: raise for a source with both labels.

    Raises:
        BonexrayError: the file is no CSV, lacks a column, names a file that is not there or a file twice, has a value
            that its column does not take, or, if strict, a source with both labels.
    """
    manifest = folder / "manifest.csv"
    rows = _read_columns(manifest)
    check = partial(_check, rows, manifest)
    check("file", lambda file: (folder / "images" / file).is_file(), f"an image in {folder / 'images'}")
    check("label", LABELS.__contains__, "fractured or not fractured")
    check("source_group", str.strip, "the name of a radiograph")
    twice = rows["file"].map(os.path.normpath).duplicated()
    if twice.any():
        raise BonexrayError(f"{manifest} names {rows['file'][twice].iloc[0]} twice: expected each image once")
    read: dict[str, Any] = {"rotated_copy": rows["file"].map(says_rotated)}
    if "rotated_copy" in rows:
        check("rotated_copy", lambda answer: _plain(answer) in ANSWERS, "yes or no")
        read["rotated_copy"] = [ANSWERS[_plain(str(answer))] for answer in rows["rotated_copy"]]
    if "official_paths" in rows:
        check("official_paths", lambda places: _first_folders(places) <= {*SPLITS}, "train/..., val/... or test/...")
        read["official_paths"] = [";".join(_places(str(places))) for places in rows["official_paths"]]
    paths = [os.path.abspath(folder / "images" / file) for file in rows["file"]]
    rows = rows.assign(path=paths, label=rows["label"].map(label_index), **read)
    if strict:
        refuse_mixed_sources(rows, str(manifest))
    return rows.reset_index(drop=True)


def _read_columns(manifest: Path) -> pd.DataFrame:
    """Read all columns as text; the index counts the lines, the empty ones too, which are no rows."""
    try:
        rows = pd.read_csv(manifest, dtype=str, keep_default_na=False, skip_blank_lines=False)
    except (OSError, ValueError) as error:
        raise BonexrayError(f"{manifest}: {one_line(error)}; expected a CSV file in UTF-8") from error
    missing = [column for column in REQUIRED if column not in rows]
    if missing:
        raise BonexrayError(f"{manifest} lacks the column {missing[0]!r}: expected at least {', '.join(REQUIRED)}")
    rows = rows.fillna("")
    return rows[(rows != "").any(axis=1)]


def _check(rows: pd.DataFrame, manifest: Path, column: str, accepts: Callable[[str], object], expected: str) -> None:
    """Raise BonexrayError for the first value of a column that is not accepted, with its line."""
    for index, value in rows[column].items():
        if not accepts(value):
            raise BonexrayError(f"{manifest} line {int(str(index)) + 2} has {column} {value!r}: expected {expected}")


def _plain(answer: str) -> str:
    return answer.strip().lower()


def _places(text: str) -> list[str]:
    return [official_path(place.strip()) for place in text.split(";") if place.strip()]


def _first_folders(text: str) -> set[str]:
    return {place.partition("/")[0] for place in _places(text)}
