"""The out-of-fold answers that a cross-validation keeps, and whether they are of the recipe that asks for them."""

from pathlib import Path
from typing import Any

import pandas as pd

from bonexray.checkpoint import read_checkpoint
from bonexray.errors import BonexrayError
from training.data.split import FOLDS
from training.making.provenance import training_of

ANSWERS = "out_of_fold.csv"


def read_answers(folder: Path, provenance: dict[str, Any]) -> pd.DataFrame:
    """Read the out-of-fold answers of a finished cross-validation of the same recipe, data and initial weights.

    Args:
        folder: what `cross-validate` has written.
        provenance: of the network that is to be calibrated on them, as its record will say it.

    Returns:
        A row a source: `fold`, `file`, `label`, `logit` (before any calibration).

    Raises:
        BonexrayError: there are none, or they are of another recipe.
    """
    if not (folder / ANSWERS).is_file():
        raise BonexrayError(f"{folder} holds no {ANSWERS}: expected the folder of a finished `cross-validate`")
    for fold in FOLDS:
        theirs = training_of(read_checkpoint(folder / fold).provenance)
        ours = training_of(provenance)
        other = next((key for key in ours if theirs.get(key) != ours[key]), None)
        if other:
            raise BonexrayError(f"{folder / fold} has {other}={theirs.get(other)!r}: expected {ours[other]!r}, as here")
    return pd.read_csv(folder / ANSWERS)
