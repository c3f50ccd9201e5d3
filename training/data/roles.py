"""Which images a training sees: train, validation, test; by grouped folds or by the data set's own split."""

import pandas as pd

from bonexray.errors import BonexrayError
from training.data.split import split_sources

ROLES = ("train", "validation", "test")
NOTHING = "none"  # no part: the network is calibrated, or measured, by others of its recipe alone


def assign_roles(
    table: pd.DataFrame,
    split: str,
    validation: str = "fold0",
    held_out: str = "test",
    pairs: pd.DataFrame | None = None,
) -> dict[str, pd.DataFrame]:
    """Return the rows of each of `ROLES`, with the index that they have in `table`.

    Args:
        table: a data set as `read_dataset` gives it.
        split: "grouped" (folds by source, always from the same seed: no source in two roles), or "official"
            (the data set's own folders: an image that lies in several of them has several roles, as for whoever
            trains on the folders as they are).
        validation: the fold that chooses calibration and threshold, or `NOTHING` (then that role is empty).
        held_out: the part that is kept for measuring: "test", a fold (then "test" stays unused), or `NOTHING`
            (then the role "test" is empty).
        pairs: copies that must not be on two sides of the grouped split, as `split_sources` takes them.

    Raises:
        BonexrayError: train or validation would hold one label only, or a pair of copies crosses.
    """
    if split == "official":
        folders = dict(zip(ROLES, ("train", "val", "test"), strict=True))
        roles = {role: official_rows(table, folder) for role, folder in folders.items()}
        roles = {role: rows[~rows.index.duplicated()] for role, rows in roles.items()}
    else:
        parts = split_sources(table, pairs=pairs)
        unused = {"test"} if held_out != NOTHING else set()
        left_out = parts["part"].isin({validation, held_out, *unused})
        roles = {"train": parts[~left_out]}
        roles |= {"validation": parts[parts["part"] == validation], "test": parts[parts["part"] == held_out]}
    for role in ("train", "validation") if validation != NOTHING or split == "official" else ("train",):
        labels = sorted(set(roles[role]["label"]))
        if labels != [0, 1]:
            raise BonexrayError(f"the {split} split has labels {labels} in {role}: expected both 0 and 1")
    return roles


def first_images(table: pd.DataFrame, each: int = 1) -> pd.DataFrame:
    """Return at most `each` rows a source: first images that are no rotated copies, by file name, then others."""
    return table.sort_values(["rotated_copy", "file"]).groupby("source_group", sort=True).head(each)


def official_rows(table: pd.DataFrame, split: str) -> pd.DataFrame:
    """List the images of one official split, one row for each place that holds them; an image may be in several."""
    places = table["official_paths"].str.split(";").explode()
    return table.loc[places.index[places.str.startswith(f"{split}/").to_numpy()]]
