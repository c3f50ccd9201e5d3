"""How the report speaks of the data set's own split: it leaks where copies of its test images are in its training."""

from collections.abc import Mapping
from typing import Any

from training.data.known import is_known

MEMORY = (
    "The official split has copies of its test images in training: figures on it (per image, threshold .5) measure "
    "memory. "
)
PER_IMAGE = "Figures on the official split are per image, at a threshold of .5. "


def own_split_leaks(data: Mapping[str, Any]) -> bool:
    """Say whether copies cross the data set's own split.

    Args:
        data: of a `Measurement`. Where copies were not counted, as for tables that were kept before they were, the
            known set's alone is said to leak.
    """
    return bool(data.get("test_copies", is_known(data)))


def own_split_columns(*, leaks: bool) -> dict[str, str]:
    """Name the figures of the main table that are measured on the data set's own split."""
    if leaks:
        return {"accuracy": "official split, leaky: accuracy", "auroc": "leaky: AUROC"}
    return {"accuracy": "official split: accuracy", "auroc": "official split: AUROC"}
