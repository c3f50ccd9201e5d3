"""Which images a checkpoint may be judged on: those that its own record says it never saw."""

from typing import Any

import pandas as pd

from bonexray.checkpoint import Checkpoint
from bonexray.errors import BonexrayError
from training.data.dataset import fingerprint
from training.data.roles import NOTHING, official_rows
from training.data.split import FOLDS, split_sources
from training.making.provenance import count_role, refuse_seen

NAMES = {"mobilenetv2": "MobileNetV2", "resnet50": "ResNet50"}


def model_name(checkpoint: Checkpoint) -> str:
    """Name a network in tables: its backbone, and its recipe where that is not the default one."""
    recipe = checkpoint.provenance.get("recipe", {}).get("name", "default")
    return NAMES[checkpoint.backbone] + ("" if recipe == "default" else f", {recipe}'s recipe")


def stands_for_recipe(provenance: dict[str, Any]) -> bool:
    """Say whether this is a network of a cross-validation: it stands for its recipe, not for itself."""
    return provenance.get("data", {}).get("held_out") in FOLDS and not is_official(provenance)


def is_official(provenance: dict[str, Any]) -> bool:
    """Say whether the network was trained on the data set's own split, leaks and all."""
    return provenance.get("recipe", {}).get("split") == "official"


def evaluation_rows(table: pd.DataFrame, checkpoint: Checkpoint, whole: bool = False) -> pd.DataFrame:
    """Select what the checkpoint is judged on, with `part`, `role` and `split`.

    The held-out part, which a network that trained on every part has not, and the validation part (for the
    uncertain band alone). The parts are those that the checkpoint's record names.

    Args:
        table: a data set as it is split for training.
        checkpoint: what its `classifier.json` says.
        whole: take all images, of a data set that the network was not made from.

    Raises:
        BonexrayError: the data are those of the training but should be others, or the other way round; or a source
            that is to be held out holds an image that the training saw.
    """
    data = checkpoint.provenance.get("data", {})
    if whole:
        return _external_rows(table, checkpoint)
    if data.get("fingerprint") != fingerprint(table):
        raise BonexrayError(
            f"{checkpoint.backbone} was trained on {data.get('name')!r}, fingerprint {data.get('fingerprint')}, "
            "and these data have another: expected the same, or --part all for data that it never saw"
        )
    if is_official(checkpoint.provenance):
        return official_rows(table, "test").assign(part="test", role="held_out", split="official")
    parts = split_sources(table)
    held_out = _named_part(parts, checkpoint, "held_out", "test").assign(role="held_out")
    checked = _named_part(parts, checkpoint, "validation", "validation").assign(role="validation")
    refuse_seen(held_out, data, checkpoint.backbone)
    return pd.concat([held_out, checked]).assign(split="grouped")


def _external_rows(table: pd.DataFrame, checkpoint: Checkpoint) -> pd.DataFrame:
    data = checkpoint.provenance.get("data", {})
    if data.get("fingerprint") == fingerprint(table):
        raise BonexrayError(f"{checkpoint.backbone} was trained on these very data: expected others for --part all")
    refuse_seen(table, data, checkpoint.backbone)
    return table.assign(part="all", role="held_out", split="grouped")


def _named_part(parts: pd.DataFrame, checkpoint: Checkpoint, key: str, role: str) -> pd.DataFrame:
    """The part that the record names for a role, if it is the one that the training had."""
    data = checkpoint.provenance.get("data", {})
    name = data.get(key)
    rows = parts[parts["part"] == name]
    if name != NOTHING and not len(rows):
        raise BonexrayError(f"{checkpoint.backbone} records the {key} part {name!r}: expected one of this split")
    expected = data.get("split", {}).get(role)
    if len(rows) and expected != count_role(rows):
        raise BonexrayError(
            f"{name} has {count_role(rows)}, and as {key} part of {checkpoint.backbone} it had {expected}: "
            "expected the split of its training"
        )
    return rows
