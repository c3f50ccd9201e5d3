"""The grouped split."""

import pandas as pd
import pytest

from bonexray.errors import BonexrayError
from training.data.split import FOLDS, split_sources


def sources(fractured: int = 60, other: int = 40, copies: int = 3) -> pd.DataFrame:
    """Make a table of sources with `copies` images each, half of them from archive "img"."""
    rows = []
    for label, count in ((1, fractured), (0, other)):
        for number in range(count):
            archive = "img" if number % 2 else "web"
            group = f"{label}/{number}"
            rows += [
                {"file": f"{group}-{copy}.png", "label": label, "archive": archive, "source_group": group}
                for copy in range(copies)
            ]
    return pd.DataFrame(rows)


def test_no_source_stands_on_two_sides() -> None:
    """Every image of a source is in the same part."""
    table = split_sources(sources())
    assert (table.groupby("source_group")["part"].nunique() == 1).all()


def test_each_stratum_meets_its_shares() -> None:
    """Of 20 sources of a stratum 3 are for the test and 17 shared among five folds, give or take one."""
    one_each = split_sources(sources()).drop_duplicates("source_group")
    counts = one_each.groupby(["label", "archive"])["part"].value_counts().unstack(fill_value=0)
    totals = counts.sum(axis=1)
    assert set(counts) == {*FOLDS, "test"}
    assert ((counts["test"] - 0.15 * totals).abs() <= 1).all()
    for fold in FOLDS:
        assert ((counts[fold] - 0.17 * totals).abs() <= 1).all()


def test_row_order_changes_nothing_and_the_seed_does() -> None:
    """The part of a source depends on the sources and the seed alone."""
    table = sources()
    part = split_sources(table, seed=3).set_index("file")["part"]
    shuffled = split_sources(table.sample(frac=1, random_state=1), seed=3).set_index("file")["part"]
    assert part.equals(shuffled.reindex(part.index))
    assert not part.equals(split_sources(table, seed=4).set_index("file")["part"])


@pytest.mark.parametrize("seed", range(25))
def test_seven_sources_of_a_label_reach_every_part(seed: int) -> None:
    """The least number of sources that is accepted leaves no part without a label."""
    table = split_sources(sources(fractured=7, other=7), seed=seed)
    assert (table.groupby("label")["part"].nunique() == 6).all()


def test_a_pair_of_copies_on_two_sides_is_refused() -> None:
    """Copies that were not joined into one source before the split are found at it; those within a part are fine."""
    parts = split_sources(sources()).set_index("file")["part"]
    first = parts.index[0]
    here, there = (parts.index[(parts == parts.iloc[0]) == same][-1] for same in (True, False))
    split_sources(sources(), pairs=pd.DataFrame({"file_a": [first], "file_b": [here]}))
    with pytest.raises(BonexrayError, match=f"1 pairs of copies cross the split, the first of {first}"):
        split_sources(sources(), pairs=pd.DataFrame({"file_a": [first], "file_b": [there]}))


def test_too_few_sources_are_refused() -> None:
    """Six sources of a label cannot fill six parts for sure."""
    message = (
        "6 'not fractured' sources: five folds and a test part need at least 7, and images are one source by their "
        "file names, by the column source_group, or as copies"
    )
    with pytest.raises(BonexrayError, match=message):
        split_sources(sources(other=6))
