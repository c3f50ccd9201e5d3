"""Which images an epoch shows: sources first, labels in balance inside each archive, copies counted once."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from training.learning.recipe import Recipe

UPRIGHT_SHARE = 0.7  # of the draws from a source that has an image which is no rotated copy


def draw_images(table: pd.DataFrame, recipe: Recipe, count: int, seed: int) -> NDArray[np.int64]:
    """Return positions of rows in `table`, shape (count,), deterministic from the seed.

    With `balance="archive"` each archive that holds both labels shows them equally often, so that
    where an image comes from says nothing of its label.
    """
    random = np.random.default_rng(seed)
    if not recipe.one_vote:
        return random.permuted(np.resize(random.permutation(len(table)), count))
    cells = _cells(table, recipe.balance)
    weights = np.array([weight for weight, _ in cells])
    chosen = random.choice(len(cells), count, p=weights / weights.sum())
    return np.array([_draw(cells[cell][1], random) for cell in chosen])


def draw_views(table: pd.DataFrame, views: int, seed: int) -> NDArray[np.int64]:
    """Return positions of rows in `table`, shape (views * sources,): an image of each source, `views` times over.

    Every source of the table is drawn, whatever part it is in, so that all folds of a split share the draw.
    """
    random = np.random.default_rng(seed)
    sources = [source for _, group in _cells(table, "none") for source in group]
    return np.array([_draw([source], random) for _ in range(views) for source in sources])


Source = tuple[NDArray[np.int64], NDArray[np.int64]]  # upright images, all images


def _draw(sources: list[Source], random: np.random.Generator) -> int:
    upright, every = sources[random.integers(len(sources))]
    pool = upright if len(upright) and random.random() < UPRIGHT_SHARE else every
    return int(random.choice(pool))


def _cells(table: pd.DataFrame, balance: str) -> list[tuple[float, list[Source]]]:
    """Weight and sources of each cell (archive and label, label, or all)."""
    position = pd.Series(np.arange(len(table)), index=table.index)
    strata = _strata(table) if balance == "archive" else pd.Series("", index=table.index)
    label = table["label"] if balance != "none" else pd.Series(0, index=table.index)
    cells = []
    for (stratum, _), rows in table.groupby([strata, label]):
        sources = [
            (position[group.index[~group["rotated_copy"]]].to_numpy(), position[group.index].to_numpy())
            for _, group in rows.groupby("source_group")
        ]
        total = table.loc[strata == stratum, "source_group"].nunique()
        cells.append((np.sqrt(total), sources))
    return cells


def _strata(table: pd.DataFrame) -> pd.Series:
    """The archive where it holds both labels; one with a single label joins the largest that holds both."""
    labels = table.groupby("archive")["label"].nunique()
    sources = table.groupby("archive")["source_group"].nunique()
    mixed = sources[labels == 2]
    rest = str(mixed.idxmax()) if len(mixed) else ""
    return table["archive"].where(table["archive"].isin(mixed.index), rest)
