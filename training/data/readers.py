"""The two forms of a data set that hold no more than images and labels, Kaggle folders and Hub, read into rows."""

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from bonexray.checkpoint import LABELS
from bonexray.errors import BonexrayError, HubError
from training.data.headers import image_suffixes

if TYPE_CHECKING:
    import datasets

SPLITS = ("train", "val", "test")
LAYOUT = "train|val|test/{fractured,not fractured}"
ALSO_VAL = ("validation", "valid")
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "bonexray"


def label_index(name: object) -> int:
    """Give 1 for "fractured", 0 for "not fractured"; BonexrayError for any other name."""
    if name not in LABELS:
        raise BonexrayError(f"unknown label {name!r}: expected 'fractured' or 'not fractured'")
    return LABELS.index(str(name))


def refuse_mixed_sources(rows: pd.DataFrame, name: str) -> None:
    """Raise BonexrayError for a `source_group` whose images have both labels: a source has one vote, for one of them.

    Args:
        rows: with `source_group` as the data set itself gives it, and `label`.
        name: of the data set, for the message.
    """
    mixed = rows.groupby("source_group")["label"].nunique() > 1
    if mixed.any():
        raise BonexrayError(
            f"{name}: {int(mixed.sum())} of {len(mixed)} source_groups hold images of both labels, the first "
            f"{mixed.idxmax()!r}: expected one label each; use one source per radiograph, not one per patient"
        )


def read_folders(folder: Path, strict: bool = True) -> pd.DataFrame:
    """Read the rows of the Kaggle layout `train|val|test/{fractured,not fractured}`: images by their suffix.

    Args:
        folder: it; `validation` and `valid` are other names for `val`.
        strict: raise for a split that has no image of a class.

    Raises:
        BonexrayError: a folder is none of the layout, or a class is empty.
    """
    found = []
    for split in split_folders(folder):
        check_split(split, strict)
        found += [(path, label) for label, name in enumerate(LABELS) for path in list_images(split / name)]
    files = [path.relative_to(folder).as_posix() for path, _ in found]
    return pd.DataFrame({
        "path": [os.path.abspath(path) for path, _ in found],
        "label": [label for _, label in found],
        "file": files,
        "official_paths": [official_path(file) for file in files],
    })  # fmt: skip


def split_folders(folder: Path) -> list[Path]:
    """List the folders of the splits in a folder of the Kaggle layout."""
    return sorted(path for path in folder.iterdir() if path.name in (*SPLITS, *ALSO_VAL) and path.is_dir())


def list_images(folder: Path) -> list[Path]:
    """List the images of a class, by suffix; hidden files, which some systems put beside each image, are none."""
    inside = sorted(folder.iterdir()) if folder.is_dir() else []
    shown = [path for path in inside if path.suffix.lower() in image_suffixes() and not path.name.startswith(".")]
    return [path for path in shown if path.is_file()]


def official_path(file: str) -> str:
    """Give the place of a file in the official split, where `val` has one name."""
    split, slash, rest = file.partition("/")
    return f"val{slash}{rest}" if split in ALSO_VAL else file


def check_split(split: Path, strict: bool) -> None:
    """Raise BonexrayError for a folder of a split that is none of the layout, and, where strict, for an empty class."""
    for inside in sorted(path for path in split.iterdir() if path.is_dir()):
        if inside.name not in LABELS:
            raise BonexrayError(f"{inside}: unknown label {inside.name!r}: expected 'fractured' or 'not fractured'")
        if deeper := next((path for path in inside.iterdir() if path.is_dir()), None):
            raise BonexrayError(f"{deeper} is a folder: expected images alone in {inside}")
    if strict and (empty := [name for name in LABELS if not list_images(split / name)]):
        raise BonexrayError(f"{split / empty[0]} holds no image: expected images of both classes in {split}")


def ignored_files(folder: Path, files: Iterable[str]) -> list[str]:
    """List the files beside the images that were not read: not in the manifest, or no images by name or place.

    Args:
        folder: the data set, in whatever form; one on the Hub has no such files.
        files: names of the images that were read, as in the column `file`.
    """
    if (folder / "manifest.csv").is_file():
        root = folder / "images"
        found = list(root.rglob("*"))
    elif folder.is_dir():
        root = folder
        found = [path for split in _labelled_folders(folder) for depth in ("*", "*/*") for path in split.glob(depth)]
    else:
        return []
    read = {Path(file).as_posix() for file in files}
    return sorted({path.relative_to(root).as_posix() for path in found if not path.is_dir()} - read)


def _labelled_folders(folder: Path) -> list[Path]:
    """List the splits, and what looks like one under a name that is none."""
    others = [path for path in folder.iterdir() if any((path / name).is_dir() for name in LABELS)]
    return sorted({*split_folders(folder), *others})


def read_hub(name: str, strict: bool = True) -> pd.DataFrame:
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
    if strict and "source_group" in rows:
        refuse_mixed_sources(rows, name)
    return rows.assign(file=files, official_paths=[official_path(file) for file in files])


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
