"""What file names say of an image's origin: its source, its archive, and whether it is a rotated copy."""

import re
from pathlib import PurePosixPath

import numpy as np
import pandas as pd

from training.data.components import join_keys

# "IMG12-rotated1-rotated3 (1).jpg" and "IMG12 - Copy.jpg" are made from "IMG12.jpg", while "12(1).jpg" is another.
COPY_SUFFIX = re.compile(r"(?:-rotated\d*|\s+\(\d+\)|\s*-\s*Copy)+$", re.IGNORECASE)
NUMBERED = re.compile(r"IMG\d{5,}.*")
ROTATED = re.compile(r"-rotated\d*", re.IGNORECASE)


def base_name(file: str) -> str:
    """Give the name of the image that `file` says it was made from, without folder and suffix."""
    return COPY_SUFFIX.sub("", PurePosixPath(file).stem)


def says_rotated(file: str) -> bool:
    """Tell whether the file name says that this is a rotated copy."""
    return ROTATED.search(PurePosixPath(file).name) is not None


def name_archives(table: pd.DataFrame) -> pd.Series:
    """Guess where each image comes from, for sets that hold the numbered hospital archive IMG000...; else "".

    "img": that archive; "rotated": sources of which only rotated copies exist; "web": everything else.
    """
    numbered = table["file"].map(base_name).str.fullmatch(NUMBERED)
    if not numbered.any():
        return pd.Series("", index=table.index)
    only_rotated = table["rotated_copy"].groupby(table["source_group"]).transform("all")
    archive = np.where(
        numbered.groupby(table["source_group"]).transform("any"), "img", np.where(only_rotated, "rotated", "web")
    )
    return pd.Series(archive, index=table.index)


def name_groups(files: pd.Series, labels: pd.Series, pixels: pd.Series) -> pd.Series:
    """Name the source group of each image: same base name under one label, or same pixels (any hashable) anywhere."""
    bases = labels.astype(str) + "/" + files.map(base_name)
    component = pd.Series(join_keys(bases, pixels), index=files.index)
    return bases.groupby(component).transform("min")
