"""Which images come from the same radiograph: source groups from file names and from matched pairs."""

import re
from collections.abc import Iterable
from pathlib import PurePosixPath

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

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


def connected(left: Iterable[int], right: Iterable[int], size: int) -> np.ndarray:
    """Find the component number of each of `size` nodes joined by edges (left[i], right[i]): int array (size,)."""
    rows, columns = np.fromiter(left, int), np.fromiter(right, int)
    edges = coo_array((np.ones(len(rows)), (rows, columns)), shape=(size, size))
    return connected_components(edges, directed=False)[1]


def join_keys(*keys: pd.Series) -> np.ndarray:
    """Find the component number of each row, when rows that share any one of the keys belong together."""
    size = len(keys[0])
    codes, offset = [], size
    for key in keys:
        code = pd.factorize(key)[0]
        codes.append(code + offset)
        offset += int(code.max(initial=-1)) + 1
    rows = np.tile(np.arange(size), len(keys))
    return connected(rows, np.concatenate(codes), offset)[:size]


def name_groups(files: pd.Series, labels: pd.Series, pixels: pd.Series) -> pd.Series:
    """Name the source group of each image: same base name under one label, or same pixels (any hashable) anywhere."""
    bases = labels.astype(str) + "/" + files.map(base_name)
    component = pd.Series(join_keys(bases, pixels), index=files.index)
    return bases.groupby(component).transform("min")


def merge_sources(table: pd.DataFrame, pairs: pd.DataFrame) -> pd.DataFrame:
    """Merge `source_group` along the pairs (columns `file_a`, `file_b`); the least name stays."""
    groups = table["source_group"].astype(str)
    codes, names = pd.factorize(groups, sort=True)
    code_of = pd.Series(codes, index=table["file"])
    component = connected(code_of[pairs["file_a"]], code_of[pairs["file_b"]], len(names))
    least = pd.Series(names).groupby(component).transform("min")
    return table.assign(source_group=least.to_numpy()[codes])
