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
from pathlib import Path

import pandas as pd

from bonexray.errors import BonexrayError
from training.data.names import says_rotated
from training.data.readers import label_index, refuse_mixed_sources

REQUIRED = ("file", "label", "source_group")
ANSWERS = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False, "": False}


def read_manifest(folder: Path) -> pd.DataFrame:
    """Read the rows of `manifest.csv`, whose images lie in `images/`.

    Raises:
        BonexrayError: the file is no CSV, lacks a column, names a file that is not there or a file twice, has a value
            that its column does not take, or a source with both labels.
    """
    manifest = folder / "manifest.csv"
    rows = _read_columns(manifest)
    paths = [folder / "images" / file for file in rows["file"]]
    for number, path in enumerate(paths, start=2):
        if not path.is_file():
            raise BonexrayError(f"{manifest} line {number} names {path.name}, which is not in {path.parent}")
    if rows["file"].duplicated().any():
        raise BonexrayError(f"{manifest} names {rows['file'][rows['file'].duplicated()].iloc[0]} twice")
    for number, source in enumerate(rows["source_group"], start=2):
        if not source.strip():
            raise BonexrayError(f"{manifest} line {number} has no source_group: expected the name of a radiograph")
    rows = rows.assign(
        path=[os.path.abspath(path) for path in paths],
        label=rows["label"].map(label_index),
        rotated_copy=_read_rotated(rows, manifest),
    )
    refuse_mixed_sources(rows, str(manifest))
    return rows


def _read_columns(manifest: Path) -> pd.DataFrame:
    """Read all columns as text."""
    try:
        rows = pd.read_csv(manifest, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise BonexrayError(f"{manifest}: {reason}; expected a CSV file in UTF-8") from error
    missing = [column for column in REQUIRED if column not in rows]
    if missing:
        raise BonexrayError(f"{manifest} lacks the column {missing[0]!r}: expected at least {', '.join(REQUIRED)}")
    return rows


def _read_rotated(rows: pd.DataFrame, manifest: Path) -> pd.Series:
    """Read the column `rotated_copy` as bool; without it the file names tell."""
    if "rotated_copy" not in rows:
        return rows["file"].map(says_rotated)
    answers = rows["rotated_copy"].str.strip().str.lower()
    for number, answer in enumerate(answers, start=2):
        if answer not in ANSWERS:
            raise BonexrayError(f"{manifest} line {number} has rotated_copy {answer!r}: expected yes or no")
    return answers.map(ANSWERS).astype(bool)
