"""The grouped split: five folds and a final test part, with no source on two sides."""

import itertools

import numpy as np
import pandas as pd

from bonexray.errors import BonexrayError

FOLDS = tuple(f"fold{number}" for number in range(5))
TEST_PLACES = (3, 10, 16)  # of every 20 places in a row: 15 %, never more than 7 apart
LEAST_SOURCES = 7  # of each label: then no part is without it


def split_sources(table: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    """Add the column `part` ("fold0".."fold4" or "test"): whole sources, stratified by label, archive and size.

    Sources are put in order of stratum, shuffled within it by the seed, and dealt by systematic sampling,
    so that each stratum meets each share to within one source or two. The row order does not matter.
    """
    sources = table.groupby("source_group").agg(
        label=("label", "max"), archive=("archive", "min"), images=("file", "size")
    )
    check_counts(sources["label"])
    random = np.random.default_rng(seed)
    sources = sources.sort_index().assign(
        magnitude=np.log2(sources["images"]).round().astype(int), ticket=random.random(len(sources))
    )
    sources = sources.sort_values(["label", "archive", "magnitude", "ticket"])
    part = pd.Series(deal(len(sources), random), index=sources.index)
    return table.assign(part=table["source_group"].map(part))


def check_counts(labels: pd.Series) -> None:
    """Raise unless each label has enough sources to be in every part."""
    for label, name in enumerate(("not fractured", "fractured")):
        count = int((labels == label).sum())
        if count < LEAST_SOURCES:
            raise BonexrayError(f"{count} {name!r} sources: five folds and a test part need at least {LEAST_SOURCES}")


def deal(count: int, random: np.random.Generator) -> list[str]:
    """Deal parts to `count` places in a row: the test part takes 3 of every 20, the folds take turns at the others."""
    start = int(random.integers(20))
    folds = itertools.cycle(random.permutation(FOLDS).tolist())
    return ["test" if (start + place) % 20 in TEST_PLACES else next(folds) for place in range(count)]
