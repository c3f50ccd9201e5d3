"""What an epoch shows: sources count once, and an archive says nothing of the label."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from training.learning.draws import draw_images, draw_views
from training.learning.recipe import Recipe

COUNT = 20_000


@pytest.fixture
def table() -> pd.DataFrame:
    """Three archives: "a" mostly fractured, "b" even, "c" without fractures; one source with 50 copies."""
    rows = []
    for archive, label, sources in [("a", 1, 30), ("a", 0, 5), ("b", 1, 8), ("b", 0, 8), ("c", 0, 10)]:
        for source in range(sources):
            copies = 50 if (archive, label, source) == ("a", 1, 0) else 1
            name = f"{archive}{label}-{source}"
            rows += [(name, archive, label, copy > 0) for copy in range(copies)]
    return pd.DataFrame(rows, columns=["source_group", "archive", "label", "rotated_copy"])


def test_each_archive_shows_both_labels_equally_often(table: pd.DataFrame) -> None:
    """The archive without fractures joins the largest one that has both."""
    drawn = table.iloc[draw_images(table, Recipe(), COUNT, seed=1)]
    assert drawn.loc[drawn["archive"] == "b", "label"].mean() == pytest.approx(0.5, abs=0.02)
    assert drawn.loc[drawn["archive"] != "b", "label"].mean() == pytest.approx(0.5, abs=0.02)
    assert set(drawn["archive"]) == {"a", "b", "c"}


def test_a_source_with_many_copies_counts_once(table: pd.DataFrame) -> None:
    """And its upright image makes at least the share that is promised."""
    drawn = table.iloc[draw_images(table, Recipe(), COUNT, seed=2)]
    shares = drawn.loc[(drawn["archive"] == "a") & (drawn["label"] == 1), "source_group"].value_counts(normalize=True)
    assert len(shares) == 30
    assert shares.max() < 2 / 30
    copied = drawn[drawn["source_group"] == "a1-0"]
    assert 0.6 < (~copied["rotated_copy"]).mean() < 0.85


def test_without_balance_and_votes_every_image_counts(table: pd.DataFrame) -> None:
    """Then the copies dominate: each of the 110 images is drawn equally often."""
    recipe = replace(Recipe(), one_vote=False)
    drawn = draw_images(table, recipe, 10 * len(table), seed=3)
    assert np.unique(drawn, return_counts=True)[1].tolist() == [10] * len(table)


def test_the_seed_alone_decides(table: pd.DataFrame) -> None:
    """The same seed draws the same, another draws otherwise."""
    first, again, other = (draw_images(table, Recipe(), 100, seed).tolist() for seed in (5, 5, 6))
    assert first == again != other


def test_labels_are_balanced_where_no_archive_is_known(table: pd.DataFrame) -> None:
    """With one archive for all, or asked for."""
    for recipe, rows in [(Recipe(), table.assign(archive="")), (replace(Recipe(), balance="label"), table)]:
        drawn = rows.iloc[draw_images(rows, recipe, COUNT, seed=4)]
        assert drawn["label"].mean() == pytest.approx(0.5, abs=0.02)


def test_every_source_has_as_many_views(table: pd.DataFrame) -> None:
    """One after the other, so that the first views of all come first; the seed alone decides."""
    rows = draw_views(table, 3, seed=1)
    sources = table["source_group"].iloc[rows].to_numpy().reshape(3, -1)
    assert (sources == sources[0]).all()
    assert set(sources[0]) == set(table["source_group"])
    assert rows.tolist() == draw_views(table, 3, seed=1).tolist() != draw_views(table, 3, seed=2).tolist()
