"""Gives a checkpoint its gate: fits it on the radiographs of the training, writes it, and tries it on held-out ones."""

import logging
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from bonexray import FractureClassifier
from bonexray.checkpoint import LAYOUT, read_checkpoint
from bonexray.images import read_picture
from bonexray.picture import Picture
from bonexray.runtime import Network
from training.data.roles import first_images
from training.data.split import FOLDS
from training.making.gate_fit import describe, fit_gate
from training.making.held_out import stands_for_recipe
from training.making.others import draw_others, list_pictures
from training.making.record import read_record, write_record

IMAGES_A_SOURCE = 4
OTHERS_A_KIND = 40
log = logging.getLogger(__name__)


def add_gate(
    folder: Path, roles: dict[str, pd.DataFrame], siblings: Path | None = None, others: Path | None = None
) -> None:
    """Fit a gate for the network in a checkpoint folder, write it, and try it on one image a held-out source.

    Args:
        folder: the checkpoint.
        roles: rows of "train", "validation" (unseen by the network: they set the limit) and "test". For a network of
            a cross-validation, which has no validation part, the fold that is held out stands in for it.
        siblings: without a validation part: the folder of a cross-validation of the same recipe, whose gates tell how
            much closer together a network places what it was trained on; by default a gate that is there already
            tells it.
        others: a folder of pictures that are no radiographs, to tell them apart from besides the generated ones.

    Raises:
        BonexrayError: `others` holds no picture, or one that cannot be read.
    """
    record = read_record(folder)
    if stands_for_recipe(record["provenance"]) and not len(roles["validation"]):
        roles = {**roles, "validation": roles["test"], "test": roles["test"].head(0)}
    size = record["image_size"]
    network = Network(folder / LAYOUT.network, size)
    rows = pd.concat(
        [first_images(roles[role], IMAGES_A_SOURCE).assign(seen=role == "train") for role in ("train", "validation")]
    )
    drawn, found = draw_others(OTHERS_A_KIND), list_pictures(others) if others else []
    strange = describe(chain(map(Picture, drawn), map(read_picture, found)), network, size, len(drawn) + len(found))
    sample = describe((read_picture(path) for path in rows["path"]), network, size, len(rows))
    stretch = mean_stretch(siblings) if siblings else _stretch_of(record["gate"])
    gate = fit_gate(sample, strange, rows["source_group"].to_numpy(), rows["seen"].to_numpy(), stretch)
    counts = f"{rows['source_group'].nunique()} sources of train and validation, {len(drawn)} generated pictures"
    counts += f", {len(found)} pictures that are no radiographs" if found else ""
    record["gate"] = {**gate.record(), "fitted_on": counts}
    write_record(folder, record)
    if len(roles["test"]):
        record["gate"]["held_out"] = held_out = measure_gate(folder, roles["test"])
        write_record(folder, record)
        log.info("the gate of %s refuses %d of %d held-out sources", folder, held_out["refused"], held_out["sources"])


def mean_stretch(folder: Path) -> float:
    """Average the logarithm of the stretch of the gates in a cross-validation's checkpoints; 0 where none has one.

    Raises:
        CheckpointError: a checkpoint is missing.
    """
    gates = [gate for fold in FOLDS if (gate := read_checkpoint(folder / fold).gate)]
    return float(np.mean([_stretch_of(gate) for gate in gates])) if gates else 0.0


def _stretch_of(gate: dict[str, Any] | None) -> float:
    return float(np.log(gate["limits"].get("stretch", 1.0))) if gate else 0.0


def measure_gate(folder: Path, rows: pd.DataFrame) -> dict[str, float]:
    """Count the refused among one image a source, with a 95 % Wilson interval."""
    classifier = FractureClassifier.from_pretrained(folder)
    answers = [classifier.predict(path).in_domain for path in first_images(rows)["path"]]
    refused = answers.count(False)
    interval = binomtest(refused, len(answers)).proportion_ci(method="wilson")
    return {"sources": len(answers), "refused": refused, "low": float(interval.low), "high": float(interval.high)}
