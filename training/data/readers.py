"""The three forms a data set comes in (manifest, Kaggle folders, Hub), each read into rows of the same columns."""

import hashlib
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from bonexray.checkpoint import LABELS
from bonexray.errors import BonexrayError, HubError
from training.data.names import says_rotated

if TYPE_CHECKING:
    import datasets

SPLITS = ("train", "val", "test")
LAYOUT = "train|val|test/{fractured,not fractured}"
REQUIRED = ("file", "label", "source_group")
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "bonexray"


def label_index(name: object) -> int:
    """Give 1 for "fractured", 0 for "not fractured"; BonexrayError for any other name."""
    if name not in LABELS:
        raise BonexrayError(f"unknown label {name!r}: expected 'fractured' or 'not fractured'")
    return LABELS.index(str(name))


def read_manifest(folder: Path) -> pd.DataFrame:
    """Read the rows of `manifest.csv`, whose images lie in `images/`."""
    manifest = folder / "manifest.csv"
    rows = pd.read_csv(manifest, dtype=str, keep_default_na=False)
    missing = [column for column in REQUIRED if column not in rows]
    if missing:
        raise BonexrayError(f"{manifest} lacks the column {missing[0]!r}: expected at least {', '.join(REQUIRED)}")
    paths = [folder / "images" / file for file in rows["file"]]
    for number, path in enumerate(paths, start=2):
        if not path.is_file():
            raise BonexrayError(f"{manifest} line {number} names {path.name}, which is not in {path.parent}")
    if rows["file"].duplicated().any():
        raise BonexrayError(f"{manifest} names {rows['file'][rows['file'].duplicated()].iloc[0]} twice")
    rotated = rows["rotated_copy"] == "yes" if "rotated_copy" in rows else rows["file"].map(says_rotated)
    return rows.assign(
        path=[os.path.abspath(path) for path in paths], label=rows["label"].map(label_index), rotated_copy=rotated
    )


def read_folders(folder: Path, strict: bool = True) -> pd.DataFrame:
    """Read the rows of the Kaggle layout `train|val|test/{fractured,not fractured}`, read with `datasets`.

    Args:
        folder: it; `validation` is another name for `val`.
        strict: raise for a split that has no image of a class.
    """
    import datasets

    for split in split_folders(folder):
        check_split(split, strict)
    loaded = datasets.load_dataset("imagefolder", data_dir=str(folder), cache_dir=str(CACHE / "datasets"))
    rows = pd.concat([split_rows(split, str(name)) for name, split in loaded.items()], ignore_index=True)
    relative = [Path(path).relative_to(os.path.abspath(folder)).as_posix() for path in rows["path"]]
    return rows.assign(file=relative, official_paths=[re.sub("^validation/", "val/", path) for path in relative])


def split_folders(folder: Path) -> list[Path]:
    """List the folders of the splits in a folder of the Kaggle layout."""
    return sorted(path for path in folder.iterdir() if path.name in (*SPLITS, "validation") and path.is_dir())


def check_split(split: Path, strict: bool) -> None:
    """Raise BonexrayError for a folder of a split that is none of the layout, and, where strict, for an empty class."""
    for inside in sorted(path for path in split.iterdir() if path.is_dir()):
        if inside.name not in LABELS:
            raise BonexrayError(f"{inside}: unknown label {inside.name!r}: expected 'fractured' or 'not fractured'")
        if deeper := next((path for path in inside.iterdir() if path.is_dir()), None):
            raise BonexrayError(f"{deeper} is a folder: expected images alone in {inside}")
    if strict and (empty := [name for name in LABELS if not any((split / name).glob("*.*"))]):
        raise BonexrayError(f"{split / empty[0]} holds no image: expected images of both classes in {split}")


def ignored_files(folder: Path, files: Iterable[str]) -> list[str]:
    """List the files beside the images that were not read: not in the manifest, or no images by their name."""
    if (folder / "manifest.csv").is_file():
        found = {path.name for path in (folder / "images").iterdir()}
    elif folder.is_dir():
        found = {path.relative_to(folder).as_posix() for split in split_folders(folder) for path in split.glob("*/*")}
    else:
        return []
    return sorted(found - set(files))


def read_hub(name: str) -> pd.DataFrame:
    """Read the rows of the Hub data set `owner/name[@revision]` with the columns `image` and `label`."""
    import datasets

    repo, _, revision = name.partition("@")
    try:
        loaded = datasets.load_dataset(repo, revision=revision or None)
    except Exception as error:  # datasets raises a dozen unrelated types for a missing, private or empty repository
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise HubError(f"cannot read the data set {name!r}: expected a folder or a Hub data set ({reason})") from error
    for split, part in loaded.items():
        if not {"image", "label"} <= set(part.column_names):
            raise HubError(f"the data set {name!r} has no columns 'image' and 'label' in its split {split!r}")
    rows = pd.concat([split_rows(part, str(split)) for split, part in loaded.items()], ignore_index=True)
    files = [
        f"{split}/{LABELS[label]}/{Path(path).name}"
        for split, label, path in zip(rows["split"], rows["label"], rows["path"], strict=True)
    ]
    if len(set(files)) < len(files):
        files = [f"{Path(file).with_suffix('')}-{number:06d}{Path(file).suffix}" for number, file in enumerate(files)]
    return rows.assign(file=files, official_paths=files)


def split_rows(split: "datasets.Dataset", name: str) -> pd.DataFrame:
    """Read path, label and split of each row, and its source group and archive where the data set has them."""
    import datasets

    split = split.cast_column("image", datasets.Image(decode=False))
    feature = split.features["label"]
    texts = [feature.int2str(value) for value in split["label"]] if hasattr(feature, "int2str") else split["label"]
    extra = {
        column: [str(value) for value in split[column]]
        for column in ("source_group", "archive")
        if column in split.column_names
    }
    return pd.DataFrame(
        {
            "path": [image_path(image) for image in split["image"]],
            "label": [label_index(text) for text in texts],
            "split": "val" if name == "validation" else name,
            **extra,
        }
    )


def image_path(image: dict) -> str:
    """Give the path of an undecoded image; bytes without a file are kept in a cache folder by their hash."""
    if image["bytes"] is None:
        return os.path.abspath(image["path"])
    name = Path(image["path"] or "image.png").name
    target = CACHE / "images" / hashlib.sha256(image["bytes"]).hexdigest()[:16] / name
    if not target.is_file():
        target.parent.mkdir(parents=True, exist_ok=True)
        target.with_name(name + ".part").write_bytes(image["bytes"])
        target.with_name(name + ".part").replace(target)
    return str(target)
