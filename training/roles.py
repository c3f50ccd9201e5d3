"""Which images a training sees: train, validation, test; by grouped folds or by the data set's own split."""

import pandas as pd

from bonexray.errors import BonexrayError
from training.split import split_sources


def assign_roles(table: pd.DataFrame, split: str, validation: str = "fold0", held_out: str = "test") -> pd.DataFrame:
    """Return the table with `role`: "train", "validation", "test" or "unused".

    Args:
        table: a data set as `read_dataset` gives it.
        split: "grouped" (folds by source, always from the same seed) or "official" (the data set's own).
        validation: the fold that chooses epoch, calibration and threshold.
        held_out: the part that is kept for measuring, "test" or a fold; then "test" stays unused.

    Raises:
        BonexrayError: a role would be empty or hold one label only.
    """
    if split == "official":
        names = {"train": "train", "val": "validation", "test": "test"}
        roles = table.assign(role=table["official_split"].map(names).fillna("unused"))
    else:
        parts = split_sources(table)
        role = pd.Series("train", index=table.index)
        role[parts["part"] == "test"] = "unused"
        role[parts["part"] == validation] = "validation"
        role[parts["part"] == held_out] = "test"
        roles = parts.assign(role=role)
    for name in ("train", "validation"):
        labels = set(roles.loc[roles["role"] == name, "label"])
        if labels != {0, 1}:
            raise BonexrayError(f"the {split} split has labels {sorted(labels)} in {name}: expected both 0 and 1")
    return roles


def one_image_each(table: pd.DataFrame) -> pd.DataFrame:
    """Return one row a source: the first image, by file name, that is no rotated copy, else the first of all."""
    return table.sort_values(["rotated_copy", "file"]).groupby("source_group", sort=True).head(1)
