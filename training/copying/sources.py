"""Which images come from the same radiograph: the groups of the names, merged along the copies that are found."""

import hashlib
import logging
import os
from pathlib import Path

import pandas as pd

from bonexray.errors import ImageError
from training.copying.copies import find_copies
from training.data.components import connected
from training.data.dataset import listing, read_dataset
from training.data.facts import read_facts
from training.data.readers import CACHE, ignored_files

log = logging.getLogger(__name__)

METHOD = "1"  # raise it when `find_copies` finds other pairs, so that no stale cache is read


def read_table(data: str, cache: Path = CACHE) -> pd.DataFrame:
    """Read a data set as it is split for training: with copies merged into one source."""
    return read_with_copies(data, cache)[0]


def read_with_copies(data: str, cache: Path = CACHE) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read a data set with copies merged into one source, and the pairs of copies.

    This is the call for whoever trains or evaluates. The first call on a data set takes minutes
    and shows a progress bar; later ones read the pairs, as long as no file and no label changes.

    Raises:
        ImageError: an image cannot be decoded.
    """
    table = read_dataset(data)
    if ignored := ignored_files(Path(data), table["file"]):
        log.warning("%d files beside the images were not read, the first %s", len(ignored), ignored[0])
    pairs = cached_copies(table, cache)
    merged = merge_sources(table, pairs)
    named, found = table["source_group"].nunique(), merged["source_group"].nunique()
    log.info("%d images of %d sources: %d by file names or source_group, then copies merged", len(table), found, named)
    return merged, pairs


def cached_copies(table: pd.DataFrame, cache: Path, facts: pd.DataFrame | None = None) -> pd.DataFrame:
    """Read the pairs of `find_copies` from the folder `copies` of `cache`, or find them and keep them there.

    Args:
        table: a data set as `read_dataset` gives it.
        cache: folder that runs share.
        facts: of `read_facts`, to spare their reading.

    Raises:
        ImageError: an image cannot be decoded.
    """
    identity = listing(table.sort_values("file"))
    kept = cache / "copies" / f"{hashlib.sha256(f'{METHOD} {identity}'.encode()).hexdigest()[:20]}.csv"
    if kept.is_file():
        return pd.read_csv(kept, dtype={"file_a": str, "file_b": str})
    facts = read_facts(table) if facts is None else facts
    refuse_unreadable(facts)
    pairs = find_copies(table, facts)
    kept.parent.mkdir(parents=True, exist_ok=True)
    partial = kept.with_suffix(f".{os.getpid()}.part")
    pairs.to_csv(partial, index=False)
    partial.replace(kept)
    return pairs


def refuse_unreadable(facts: pd.DataFrame) -> None:
    """Raise ImageError where an image cannot be decoded, and name the first."""
    damaged = facts[facts["problem"] != ""]
    if len(damaged):
        file, problem = damaged[["file", "problem"]].iloc[0]
        raise ImageError(
            f"{len(damaged)} of {len(facts)} images cannot be decoded, the first {file} ({problem}): expected readable "
            "images; `audit` names all of them, and without them the rest can be used"
        )


def merge_sources(table: pd.DataFrame, pairs: pd.DataFrame) -> pd.DataFrame:
    """Merge `source_group` along the pairs (columns `file_a`, `file_b`); the least name stays."""
    groups = table["source_group"].astype(str)
    codes, names = pd.factorize(groups, sort=True)
    code_of = pd.Series(codes, index=table["file"])
    component = connected(code_of[pairs["file_a"]], code_of[pairs["file_b"]], len(names))
    least = pd.Series(names).groupby(component).transform("min")
    return table.assign(source_group=least.to_numpy()[codes])
