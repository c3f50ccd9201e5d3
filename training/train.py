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
from scipy.special import expit

from training.calibration import choose_threshold, fit_platt
from training.pixels import load_pixels
from training.plan import Plan, make_plan
from training.provenance import describe_hardware, describe_libraries
from training.readers import CACHE
from training.recipe import Recipe, add_recipe_flags
from training.roles import NOTHING, one_image_each
from training.split import FOLDS

if TYPE_CHECKING:
    import keras

log = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags of `train`."""
    add_training_flags(parser)
    add = parser.add_argument
    add("--output", type=Path, help="checkpoint folder to write (default: runs/NETWORK)")
    add("--validation", default="fold0", choices=FOLDS, help="fold that chooses epoch, calibration and threshold "
        "(default: fold0)")  # fmt: skip
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
    record = calibrate(network, one_image_each(plan.roles["validation"]), plan.recipe)
    record["provenance"] = {
        "recipe": {"name": plan.named, **plan.recipe.as_dict()}, "data": plan.data, "weights": plan.weights,
        "digest": plan.digest, "libraries": describe_libraries(), "hardware": describe_hardware(),
        "created": datetime.now(UTC).isoformat(timespec="seconds"), "seconds": round(time.time() - began),
    }  # fmt: skip
    from training.export import write_checkpoint

    write_checkpoint(network, plan.output, record, history)
    shutil.rmtree(plan.work)
    log.info("wrote %s: threshold %.3f, validation %s", plan.output, record["threshold"], record["validation"])


def calibrate(network: "keras.Model", chosen: pd.DataFrame, recipe: Recipe) -> dict[str, Any]:
    """Fold a Platt calibration into the head, and choose the threshold; both on validation, one vote a source.

    Args:
        network: trained; its head is changed in place.
        chosen: one validation image a source.
        recipe: tells the size of the input and the aim of the threshold.

    Returns:
        The record's "threshold", "calibration" and "validation" (what was reached there).
    """
    logits = _logits(network, chosen, recipe)
    labels = chosen["label"].to_numpy()
    temperature, shift = fit_platt(logits, labels)
    head = network.get_layer("probability")
    kernel, bias = head.get_weights()
    head.set_weights([kernel / temperature, bias / temperature + np.float32(shift)])
    probabilities = expit(logits / temperature + shift)
    threshold = choose_threshold(probabilities, labels, recipe.sensitivity)
    verdicts = probabilities >= threshold
    return {
        "threshold": threshold,
        "calibration": {
            "method": "platt", "temperature": temperature, "shift": shift,
            "fitted_on": f"validation: {len(chosen)} sources, one image each",
            "aim": f"sensitivity of at least {recipe.sensitivity} on validation",
        },
        "validation": {
            "sources": len(chosen),
            "sensitivity": float(verdicts[labels == 1].mean()),
            "specificity": float((~verdicts[labels == 0]).mean()),
        },
    }  # fmt: skip


def _open_state(work: Path) -> float:
    """Make the folder of this run's state, or find it, and return when the run first began, in seconds."""
    work.mkdir(parents=True, exist_ok=True)
    started = work / "started"
    if not started.exists():
        started.touch()
    return started.stat().st_mtime


def _build(plan: Plan) -> "keras.Model":
    import keras

    from training.network import build_network, set_trainable

    recipe = plan.recipe
    keras.utils.set_random_seed(recipe.seed)
    keras.config.set_dtype_policy(recipe.precision if recipe.precision == "float32" else f"mixed_{recipe.precision}")
    try:
        network = build_network(plan.backbone, recipe.image_size, plan.initial, recipe.dropout, recipe.scaling)
    finally:
        keras.config.set_dtype_policy("float32")
    set_trainable(network, recipe.first_trained)
    return network


def _in_float32(network: "keras.Model", plan: Plan) -> "keras.Model":
    """The network as it is saved: layers of a mixed precision would be saved with it."""
    from training.network import build_network

    recipe = plan.recipe
    if recipe.precision == "float32":
        return network
    exact = build_network(plan.backbone, recipe.image_size, "none", recipe.dropout, recipe.scaling)
    exact.set_weights(network.get_weights())
    return exact


def _fit(network: "keras.Model", plan: Plan) -> pd.DataFrame:
    from training.fitting import train_network
    from training.material import Material

    material = Material(
        pixels=load_pixels(plan.table, plan.recipe.stored_size, plan.cache),
        table=plan.table,
        train=plan.roles["train"],
        validation=one_image_each(plan.roles["validation"]).index.to_numpy(),
        work=plan.work,
        cache=plan.cache,
        origin=plan.data["fingerprint"],
    )
    return train_network(network, plan.recipe, material)


def _logits(network: "keras.Model", table: pd.DataFrame, recipe: Recipe) -> np.ndarray:
    """Logits of the images as serving would letterbox them, shape (n,)."""
    from bonexray.images import letterbox, read_image

    head = network.get_layer("probability")
    pixels = np.stack([letterbox(read_image(path), recipe.image_size) for path in table["path"]])
    features = _features(network, recipe).predict(np.repeat(pixels[..., None], 3, -1), batch_size=16, verbose=0)
    kernel, bias = head.get_weights()
    return (features.astype(np.float64) @ kernel + bias)[:, 0]


def _features(network: "keras.Model", recipe: Recipe) -> "keras.Model":
    import keras

    from training.network import letterboxed_part

    return keras.Model(*letterboxed_part(network, recipe.image_size))
