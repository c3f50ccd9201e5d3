"""`python -m training train`: fine-tune a network on a data set and write a checkpoint."""

import argparse
import logging
import shutil
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from training.data.dataset import listing
from training.data.marks import draw_marks
from training.data.pixels import load_pixels, read_pixels
from training.data.readers import CACHE
from training.data.roles import NOTHING, first_images
from training.data.split import FOLDS
from training.learning.recipe import Recipe, add_recipe_flags
from training.making.gating import add_gate
from training.making.operating_point import fit_operating_point, fold_into_head
from training.making.plan import Plan, make_plan
from training.making.provenance import describe_hardware, describe_libraries

if TYPE_CHECKING:
    import keras

log = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags of `train`."""
    add_training_flags(parser)
    add = parser.add_argument
    add("--output", type=Path, help="checkpoint folder to write (default: runs/NETWORK)")
    add("--validation", default="fold0", choices=(*FOLDS, NOTHING), help="fold that chooses calibration and threshold; "
        "'none' trains on it too (default: fold0)")  # fmt: skip
    add("--calibration", type=Path, metavar="DIR", help="without a validation part: the folder of a finished "
        "`cross-validate` of the same recipe, whose out-of-fold answers choose calibration and threshold")  # fmt: skip
    add("--hold-out", default="test", choices=(*FOLDS, "test", NOTHING), help="part that the training never sees; "
        "'none' trains on all but the validation part, and leaves the measuring to `cross-validate` "
        "(default: test)")  # fmt: skip
    add_recipe_flags(parser)


def add_training_flags(parser: argparse.ArgumentParser) -> None:
    """Declare what every training takes, but the parts of the split and the recipe."""
    add = parser.add_argument
    add("backbone", metavar="{mobilenetv2,resnet50}", help="network to fine-tune")
    add("--data", required=True, help="folder with manifest.csv, folder train|val|test/{fractured,not fractured}, "
        "or a Hub data set owner/name[@revision]")  # fmt: skip
    add("--weights", default="imagenet", help="'imagenet' (downloaded), a layer-named .h5 file, a checkpoint "
        "folder to go on from, or 'none' for a random start (default: imagenet)")  # fmt: skip
    add("--marks", type=Path, metavar="FILE", help="CSV of boxes around fractures (file, left, top, right, bottom; "
        "shares of width and height), for --location (default: the project's own, where the data hold "
        "their images)")  # fmt: skip
    add("--cache", type=Path, default=CACHE, help=f"folder for decoded pixels and features (default: {CACHE})")


def run(arguments: argparse.Namespace) -> None:
    """Train, calibrate on validation, and write the checkpoint; a killed run is taken up where it stopped."""
    train(make_plan(arguments))


def train(plan: Plan) -> None:
    """Carry out a plan, or what is left of it after a kill."""
    began = _open_state(plan.work)
    network = _build(plan)
    history = _fit(network, plan)
    network = _in_float32(network, plan)
    record = calibrate(network, plan)
    record["provenance"] = {
        **plan.provenance, "libraries": describe_libraries(), "hardware": describe_hardware(),
        "created": datetime.now(UTC).isoformat(timespec="seconds"), "seconds": round(time.time() - began),
    }  # fmt: skip
    from training.making.export import write_checkpoint

    write_checkpoint(network, plan.output, record, history)
    add_gate(plan.output, plan.roles, plan.calibration)
    shutil.rmtree(plan.work)
    log.info("wrote %s: threshold %.3f, validation %s", plan.output, record["threshold"], record.get("validation"))


def calibrate(network: "keras.Model", plan: Plan) -> dict[str, Any]:
    """Fold a calibration into the head, and choose the threshold, one vote a source.

    Both come from the validation part; without one, from the out-of-fold answers of the recipe's cross-validation;
    without these, the network keeps its own scale, and .5.

    Returns:
        The record's "threshold", "calibration" and "validation" (what was reached there).
    """
    chosen, where = first_images(plan.roles["validation"]), "validation"
    if len(chosen):
        chosen = chosen.assign(logit=_logits(network, chosen, plan.recipe))
    elif plan.answers is not None:
        chosen, where = plan.answers, "out of fold, by networks of the same recipe"
    else:
        return {"threshold": 0.5, "calibration": {"method": "none"}}
    found = fit_operating_point(chosen["logit"], chosen["label"], plan.recipe.sensitivity, where)
    fold_into_head(network, found["calibration"])
    return found


def _open_state(work: Path) -> float:
    """Make the folder of this run's state, or find it, and return when the run first began, in seconds."""
    work.mkdir(parents=True, exist_ok=True)
    started = work / "started"
    if not started.exists():
        started.touch()
    return started.stat().st_mtime


def _build(plan: Plan) -> "keras.Model":
    import keras

    from training.learning.network import set_trainable

    recipe = plan.recipe
    keras.utils.set_random_seed(recipe.seed)
    keras.config.set_dtype_policy(recipe.precision if recipe.precision == "float32" else f"mixed_{recipe.precision}")
    try:
        network = _start_network(plan)
    finally:
        keras.config.set_dtype_policy("float32")
    set_trainable(network, recipe.first_trained)
    return network


def _start_network(plan: Plan) -> "keras.Model":
    """The network as a training begins, in the precision that is set; its initial weights decide where it ends."""
    from training.learning.network import build_network

    recipe = plan.recipe
    return build_network(plan.backbone, recipe.image_size, plan.initial, recipe.dropout, recipe.scaling)


def _in_float32(network: "keras.Model", plan: Plan) -> "keras.Model":
    """The network as it is saved: layers of a mixed precision would be saved with it."""
    if plan.recipe.precision == "float32":
        return network
    exact = _start_network(plan)
    exact.set_weights(network.get_weights())
    return exact


def _fit(network: "keras.Model", plan: Plan) -> pd.DataFrame:
    from training.learning.fitting import train_network
    from training.learning.material import Material

    material = Material(
        pixels=load_pixels(plan.table, plan.recipe.stored_size, plan.cache),
        table=plan.table,
        train=plan.roles["train"],
        validation=first_images(plan.roles["validation"]).index.to_numpy(),
        work=plan.work,
        cache=plan.cache,
        origin=listing(plan.table),
        marks=draw_marks(plan.marks, plan.table) if len(plan.marks) else None,
    )
    return train_network(network, plan.recipe, material)


def _logits(network: "keras.Model", table: pd.DataFrame, recipe: Recipe) -> np.ndarray:
    """Logits of the images as serving would letterbox them, shape (n,)."""
    from training.learning.network import letterboxed_part

    head = network.get_layer("probability")
    pixels = read_pixels(table, recipe.image_size)
    features = letterboxed_part(network, recipe.image_size).predict(
        np.repeat(pixels[..., None], 3, -1), batch_size=16, verbose=0
    )
    kernel, bias = head.get_weights()
    return (features.astype(np.float64) @ kernel + bias)[:, 0]
