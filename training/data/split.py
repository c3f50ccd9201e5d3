"""The grouped split: five folds and a final test part, with no source on two sides."""

import itertools

import numpy as np
import pandas as pd

from bonexray.errors import BonexrayError

FOLDS = tuple(f"fold{number}" for number in range(5))
TEST_PLACES = (3, 10, 16)  # of every 20 places in a row: 15 %, never more than 7 apart
LEAST_SOURCES = 7  # of each label: then no part is without it


def split_sources(table: pd.DataFrame, seed: int = 0, pairs: pd.DataFrame | None = None) -> pd.DataFrame:
    """Add the column `part` ("fold0".."fold4" or "test"): whole sources, stratified by label, archive and size.

    Sources are put in order of stratum, shuffled within it by the seed, and dealt by systematic sampling,
    so that each stratum meets each share to within one source or two. The row order does not matter.

    Args:
        table: with `file`, `source_group`, `archive` and `label`.
        seed: of the shuffling.
        pairs: copies (columns `file_a`, `file_b`), of which none may end up on two sides.

    Raises:
        BonexrayError: too few sources, or a pair of copies crosses parts.
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
    table = table.assign(part=table["source_group"].map(part))
    if pairs is not None:
        refuse_crossing(table, pairs)
    return table


def refuse_crossing(table: pd.DataFrame, pairs: pd.DataFrame) -> None:
    """Raise BonexrayError where the two images of a pair of copies are in different parts of the split."""
    part = table.set_index("file")["part"]
    crossing = pairs[part[pairs["file_a"]].to_numpy() != part[pairs["file_b"]].to_numpy()]
    if len(crossing):
        first, second = crossing[["file_a", "file_b"]].iloc[0]
        raise BonexrayError(
            f"{len(crossing)} pairs of copies cross the split, the first of {first} ({part[first]}) and {second} "
            f"({part[second]}): expected none on two sides"
        )


def check_counts(labels: pd.Series) -> None:
    """Raise unless each label has enough sources to be in every part."""
    for label, name in enumerate(("not fractured", "fractured")):
        count = int((labels == label).sum())
        if count < LEAST_SOURCES:
            raise BonexrayError(
                f"{count} {name!r} sources: five folds and a test part need at least {LEAST_SOURCES}, and images are "
                "one source by their file names, by the column source_group, or as copies; `audit` counts them"
            )


def deal(count: int, random: np.random.Generator) -> list[str]:
    """Deal parts to `count` places in a row: the test part takes 3 of every 20, the folds take turns at the others."""
    start = int(random.integers(20))
    folds = itertools.cycle(random.permutation(FOLDS).tolist())
    return ["test" if (start + place) % 20 in TEST_PLACES else next(folds) for place in range(count)]
