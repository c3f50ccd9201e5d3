"""A data set as one table, whatever form it comes in: a row an image."""

import hashlib
import re
from pathlib import Path

import pandas as pd

from bonexray.checkpoint import LABELS, hash_file
from bonexray.errors import BonexrayError, ImageError
from training.data.headers import UNREADABLE, read_header
from training.data.manifest import read_manifest
from training.data.names import name_archives, name_groups, says_rotated
from training.data.readers import LAYOUT, SPLITS, read_folders, read_hub

COLUMNS = {
    "path": "str",
    "file": "str",
    "file_hash": "str",
    "label": "int8",
    "source_group": "str",
    "archive": "str",
    "width": "int64",
    "height": "int64",
    "rotated_copy": "bool",
    "official_paths": "str",
    "official_split": "str",
}
HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+(@\S+)?")


def read_dataset(data: str | Path, strict: bool = True) -> pd.DataFrame:
    """Read one row an image, with the columns of `COLUMNS`; `label` is 1 for fractured.

    Args:
        data: a folder with `manifest.csv` (see `training.data.manifest`) and `images/`; a folder in the Kaggle layout
            `train|val|test/{fractured,not fractured}`; or a Hub data set `owner/name[@revision]`.
        strict: raise for an image that cannot be opened, for a split without one class, and for a source with both
            labels; else such an image has width and height 0, and such a split or source is taken as it is.

    Raises:
        BonexrayError: the data set cannot be read, or lacks a class.
    """
    rows = read_rows(data, strict)
    for label, name in enumerate(LABELS):
        if not (rows["label"] == label).any():
            raise BonexrayError(f"{data} has no image labelled {name!r}: expected images of both classes")
    sizes = [image_size(path, strict) for path in rows["path"]]
    rows["width"], rows["height"] = zip(*sizes, strict=True)
    rows["file_hash"] = [hash_file(Path(path)) for path in rows["path"]]
    if "official_paths" not in rows:
        rows["official_paths"] = ""
    if "rotated_copy" not in rows:
        rows["rotated_copy"] = rows["file"].map(says_rotated)
    if "source_group" not in rows:
        rows["source_group"] = name_groups(rows["file"], rows["label"], rows["file_hash"])
    if "archive" not in rows:
        rows["archive"] = name_archives(rows)
    rows["official_split"] = rows["official_paths"].map(official_split)
    return rows[list(COLUMNS)].astype(COLUMNS).sort_values("file", ignore_index=True)


def read_rows(data: str | Path, strict: bool = True) -> pd.DataFrame:
    """Read the rows as their own form gives them; `strict` as `read_dataset` takes it."""
    folder = Path(data)
    if (folder / "manifest.csv").is_file():
        return read_manifest(folder, strict)
    if any((folder / split).is_dir() for split in SPLITS):
        return read_folders(folder, strict)
    if folder.is_dir():
        raise BonexrayError(f"{folder} holds neither manifest.csv nor the folders {LAYOUT}")
    if HUB_NAME.fullmatch(str(data)):
        return read_hub(str(data), strict)
    raise BonexrayError(f"no data at {str(data)!r}: expected an existing folder or a Hub data set 'owner/name'")


def image_size(path: str, strict: bool) -> tuple[int, int]:
    """Read width and height from the header alone, as stored (no EXIF turn)."""
    try:
        header = read_header(path)
    except UNREADABLE as error:
        if strict and isinstance(error, ImageError):
            raise
        if strict:
            raise BonexrayError(f"{path} is not a readable image") from error
        return 0, 0
    return header.width, header.height


def official_split(paths: str) -> str:
    """Choose the split of an image that the official split may hold several times: train before val before test."""
    found = {path.split("/", 1)[0] for path in paths.split(";")}
    return next((split for split in SPLITS if split in found), "")


def listing(table: pd.DataFrame) -> str:
    """Give one SHA-256 over the names, hashes and labels of all files in their order: what positions in it mean."""
    entries = table[["file", "file_hash", "label"]].itertuples(index=False, name=None)
    return hashlib.sha256(repr(list(entries)).encode()).hexdigest()


def fingerprint(table: pd.DataFrame) -> str:
    """Give one SHA-256 over the sorted file hashes with their labels: neither order nor place matters."""
    entries = sorted(f"{digest} {label}" for digest, label in zip(table["file_hash"], table["label"], strict=True))
    return hashlib.sha256("\n".join(entries).encode()).hexdigest()
