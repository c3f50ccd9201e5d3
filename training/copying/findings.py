"""What pairs of copies mean for a data set: leaks between splits, contradictions of labels, agreement with names."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from bonexray.checkpoint import LABELS
from training.copying.copies import KINDS
from training.data.components import connected
from training.data.readers import SPLITS
from training.data.roles import official_rows


def copy_components(table: pd.DataFrame, pairs: pd.DataFrame, kinds: tuple[str, ...] = KINDS) -> pd.Series:
    """Number the components of the images under the pairs of these kinds."""
    chosen = pairs[pairs["kind"].isin(kinds)]
    row = pd.Series(np.arange(len(table)), index=table["file"])
    return pd.Series(connected(row[chosen["file_a"]], row[chosen["file_b"]], len(table)), index=table.index)


def count_copies(pairs: pd.DataFrame) -> dict[str, dict[str, int]]:
    """Count pairs, and images in them, by kind."""
    return {
        kind: {"pairs": len(part), "images": len(set(part["file_a"]) | set(part["file_b"]))}
        for kind, part in ((kind, pairs[pairs["kind"] == kind]) for kind in KINDS)
    }


def split_leaks(table: pd.DataFrame, pairs: pd.DataFrame) -> dict[str, dict[str, int]]:
    """Count, for each of the data set's own splits, the images that have a copy in another of them.

    Returns:
        By split: "images" (files, where one row may hold several), how many of them are "fractured", and "same pixels",
        "near" and "any" of them with such a copy in another split; each of these counts includes the one before it.
    """
    levels = {"same pixels": KINDS[:2], "near": KINDS[:3], "any": KINDS}
    components = {name: copy_components(table, pairs, kinds) for name, kinds in levels.items()}
    places = table["official_paths"].str.split(";").explode().str.split("/").str[0]
    places = places[places.isin(SPLITS)]
    found = {name: part.reindex(places.index) for name, part in components.items()}
    frame = pd.DataFrame({"split": places, "label": table["label"].reindex(places.index), **found})
    leaking = {name: frame.groupby(name)["split"].transform("nunique") > 1 for name in levels}
    return {
        split: {
            "images": int(here.sum()),
            "fractured": int(frame.loc[here, "label"].sum()),
            **{name: int((here & leaks).sum()) for name, leaks in leaking.items()},
        }
        for split, here in ((split, frame["split"] == split) for split in SPLITS)
        if here.any()
    }


def count_test_copies(table: pd.DataFrame, pairs: pd.DataFrame) -> int:
    """Count the files of the data set's own test split that have a copy in its own training split, or lie there too."""
    component = copy_components(table, pairs)
    tested, trained = (component[official_rows(table, split).index] for split in ("test", "train"))
    return int(tested.isin(trained).sum())


def label_conflicts(table: pd.DataFrame, pairs: pd.DataFrame) -> list[list[str]]:
    """List the files of each component whose images do not all have the same label."""
    groups = table.assign(component=copy_components(table, pairs)).groupby("component")
    return [sorted(files) for _, files in groups.filter(_mixed).groupby("component")["file"]] if len(table) else []


def pair_agreement(found: ArrayLike, named: ArrayLike) -> dict[str, float | None]:
    """Compare two groupings of the same images, pair by pair.

    Returns:
        "named" and "found" (pairs in one group), "both", "recall" (both / named), "precision" (both / found); None
        where there is no such pair.
    """
    frame = pd.DataFrame({"found": np.asarray(found), "named": np.asarray(named)})
    count = {name: _pairs(frame.groupby(columns).size()) for name, columns in
             (("named", "named"), ("found", "found"), ("both", ["named", "found"]))}  # fmt: skip
    recall, precision = (count["both"] / count[of] if count[of] else None for of in ("named", "found"))
    return {**count, "recall": recall, "precision": precision}


def name_agreement(table: pd.DataFrame, component: pd.Series) -> dict[str, float | None]:
    """Compare the copies that were found with what the file names say.

    Names also merge unrelated radiographs ("1.jpg" of two archives), which pair by pair looks like many misses; so it
    is counted too how many of the rotated copies were joined to another image of their name at all.

    Args:
        table: distinct images, with `source_group` as the names give it.
        component: the component of each under the copies that were found.

    Returns:
        What `pair_agreement` gives; "rotated" (copies that say so in their name, and are not alone under it) and
        "rotated_joined" of them; "merging_names" (names under which several components lie).
    """
    named = table["source_group"]
    beside = named.groupby(named).transform("size") > 1
    rotated = table["rotated_copy"].to_numpy() & beside.to_numpy()
    joined = named.groupby([named, component]).transform("size").to_numpy() > 1
    return {
        **pair_agreement(component, named),
        "rotated": int(rotated.sum()),
        "rotated_joined": int((rotated & joined).sum()),
        "merging_names": int((component.groupby(named).nunique() > 1).sum()),
    }


def summarise_table(table: pd.DataFrame) -> dict[str, Any]:
    """Count images and sources by archive and label."""
    named = table.assign(label=table["label"].map(dict(enumerate(LABELS))))
    counts = named.groupby(["archive", "label"]).agg(images=("file", "size"), sources=("source_group", "nunique"))
    names = [f"{archive or 'all'}, {label}" for archive, label in counts.index]
    return dict(zip(names, counts.to_dict("records"), strict=True))


def _mixed(part: pd.DataFrame) -> bool:
    return part["label"].nunique() > 1


def _pairs(sizes: pd.Series) -> int:
    return int((sizes * (sizes - 1) // 2).sum())
