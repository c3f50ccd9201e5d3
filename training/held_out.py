"""Which images a checkpoint may be judged on: those that its own record says it never saw."""

from typing import Any

import pandas as pd

from bonexray.checkpoint import Checkpoint
from bonexray.errors import BonexrayError
from training.dataset import fingerprint
from training.roles import official_rows
from training.split import split_sources

BACKBONES = {"mobilenetv2": "MobileNetV2", "resnet50": "ResNet50"}


def model_name(checkpoint: Checkpoint) -> str:
    """Name a network in tables: its backbone, and its recipe where that is not the default one."""
    recipe = checkpoint.provenance.get("recipe", {}).get("name", "default")
    return BACKBONES[checkpoint.backbone] + ("" if recipe == "default" else f", {recipe}'s recipe")


def evaluation_rows(table: pd.DataFrame, checkpoint: Checkpoint, whole: bool = False) -> pd.DataFrame:
    """Select what the checkpoint is judged on, with `part`, `role` and `split`.

    The held-out part, and the validation part (for the uncertain band alone), are found by the counts in the
    checkpoint's record: a data set, a merging of sources or a split that is not the one of the training is refused.

    Args:
        table: a data set as it is split for training.
        checkpoint: what its `classifier.json` says.
        whole: take all images, of a data set that the network was not made from.

    Raises:
        BonexrayError: the data are those of the training but should be others, or the other way round.
    """
    data = checkpoint.provenance.get("data", {})
    known = data.get("fingerprint") == fingerprint(table)
    if whole:
        if known:
            raise BonexrayError(f"{checkpoint.backbone} was trained on these very data: expected others for --part all")
        return table.assign(part="all", role="held_out", split="grouped")
    if not known:
        raise BonexrayError(
            f"{checkpoint.backbone} was trained on {data.get('name')!r}, fingerprint {data.get('fingerprint')}, "
            "and these data have another: expected the same, or --part all for data that it never saw"
        )
    if checkpoint.provenance.get("recipe", {}).get("split") == "official":
        return official_rows(table, "test").assign(part="test", role="held_out", split="official")
    parts = split_sources(table)
    held_out = parts[parts["part"] == _part_with(parts, data, "test")].assign(role="held_out")
    checked = parts[parts["part"] == _part_with(parts, data, "validation")].assign(role="validation")
    return pd.concat([held_out, checked]).assign(split="grouped")


def _part_with(parts: pd.DataFrame, data: dict[str, Any], role: str) -> str:
    """The part that has as many images and sources as the record says of the role."""
    expected = data.get("split", {}).get(role)
    for name, rows in parts.groupby("part"):
        found = {
            "images": len(rows),
            "sources": rows["source_group"].nunique(),
            "fractured_sources": rows.loc[rows["label"] == 1, "source_group"].nunique(),
        }
        if found == expected:
            return str(name)
    raise BonexrayError(f"no part of the split is the checkpoint's {role} part ({expected}): train it on this split")
