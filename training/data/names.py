"""What file names say of an image's origin: its source, its archive, and whether it is a rotated copy."""

import re
from pathlib import PurePosixPath

import numpy as np
import pandas as pd

from training.data.components import join_keys

# "IMG12-rotated1-rotated3 (1).jpg" and "IMG12 - Copy.jpg" are made from "IMG12.jpg", while "12(1).jpg" is another.
COPY_SUFFIX = re.compile(r"(?:(?:-rotated\d*|\s*-\s*Copy)(?:\s+\(\d+\))*)+$", re.IGNORECASE)
COUNT = re.compile(r"\s+\(\d+\)$")  # of a copy "image (1).png" of "image.png", or of a series that was renamed so
NUMBERED = re.compile(r"IMG\d{5,}.*")
ROTATED = re.compile(r"-rotated\d*", re.IGNORECASE)


def says_rotated(file: str) -> bool:
    """Tell whether the file name says that this is a rotated copy."""
    return ROTATED.search(PurePosixPath(file).name) is not None


def name_archives(table: pd.DataFrame) -> pd.Series:
    """Guess where each image comes from, for sets that hold the numbered hospital archive IMG000...; else "".

    "img": that archive; "rotated": sources of which only rotated copies exist; "web": everything else.
    """
    numbered = table["file"].map(_stem).str.fullmatch(NUMBERED)
    if not numbered.any():
        return pd.Series("", index=table.index)
    only_rotated = table["rotated_copy"].groupby(table["source_group"]).transform("all")
    archive = np.where(
        numbered.groupby(table["source_group"]).transform("any"), "img", np.where(only_rotated, "rotated", "web")
    )
    return pd.Series(archive, index=table.index)


def name_groups(files: pd.Series, labels: pd.Series, pixels: pd.Series) -> pd.Series:
    """Name the source group of each image: same origin under one label, or same pixels (any hashable) anywhere.

    Names of copies ("a-rotated1.png") join all files of their origin, in all folders, though some may be others: that
    costs a source, while a copy on the other side of the split would leak. Where no name of an origin says that it is
    a copy, equal names in two folders join nothing: numbering often starts anew in each folder, and a file that lies
    in both is found by its content, here or as `find_copies` does.
    """
    origins = name_origins(files, labels)
    folders = files.map(_folder)
    plain = (origins == labels.astype(str) + "/" + files.map(_stem)).groupby(origins).transform("all")
    restarted = plain & (folders.groupby(origins).transform("nunique") > 1)
    placed = origins.where(~restarted, origins + " in " + folders)
    component = pd.Series(join_keys(placed, pixels), index=files.index)
    names = origins.groupby(component).transform("min")
    shared = component.groupby(names).transform("nunique") > 1
    return names.where(~shared, placed.groupby(component).transform("min"))


def name_origins(files: pd.Series, labels: pd.Series) -> pd.Series:
    """Name the image that each file says it was made from, as "label/name", in whatever folder either lies.

    "a-rotated1.png" and "a - Copy.png" are made from "a"; "a (1).png" too, where another name under its label tells of
    an "a". Else it is one of a series, "a (1)", "a (2)", ...
    """
    roots = files.map(_stem).str.replace(COPY_SUFFIX, "", regex=True)
    known = labels.map(roots.groupby(labels).agg(set))
    origins = [f"{label}/{_origin(root, names)}" for label, root, names in zip(labels, roots, known, strict=True)]
    return pd.Series(origins, index=files.index)


def _origin(root: str, known: set[str]) -> str:
    """Take off the counts "(1)" at the end of a name, as far as what is left is a name that is known."""
    forms = [root]
    while (shorter := COUNT.sub("", forms[-1])) != forms[-1]:
        forms.append(shorter)
    return next(form for form in reversed(forms) if form in known)


def _stem(file: str) -> str:
    return PurePosixPath(file).stem


def _folder(file: str) -> str:
    return str(PurePosixPath(file).parent)
