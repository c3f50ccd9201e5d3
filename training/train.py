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

from bonexray.errors import BonexrayError
from training.calibration import choose_threshold, fit_platt
from training.pixels import load_pixels
from training.provenance import describe_data, describe_hardware, describe_libraries, describe_weights, digest_run
from training.readers import CACHE
from training.recipe import RECIPES, Recipe, add_recipe_flags, recipe_from
from training.roles import assign_roles, one_image_each
from training.sources import read_table
from training.split import FOLDS

if TYPE_CHECKING:
    import keras

log = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags of `train`."""
    add = parser.add_argument
    add("backbone", metavar="{mobilenetv2,resnet50}", help="network to fine-tune")
    add("--data", required=True, help="folder with manifest.csv, folder train|val|test/{fractured,not fractured}, "
        "or a Hub data set owner/name[@revision]")  # fmt: skip
    add("--weights", default="imagenet", help="'imagenet' (downloaded), a layer-named .h5 file, a checkpoint "
        "folder to go on from, or 'none' for a random start (default: imagenet)")  # fmt: skip
    add("--output", type=Path, help="checkpoint folder to write (default: runs/NETWORK)")
    add("--validation", default="fold0", choices=FOLDS, help="fold that chooses epoch, calibration and threshold "
        "(default: fold0)")  # fmt: skip
    add("--hold-out", default="test", choices=(*FOLDS, "test"), help="part that the training never sees "
        "(default: test)")  # fmt: skip
    add("--cache", type=Path, default=CACHE, help=f"folder for decoded pixels and features (default: {CACHE})")
    add_recipe_flags(parser)


def run(arguments: argparse.Namespace) -> None:
    """Train, calibrate on validation, and write the checkpoint; a killed run is taken up where it stopped."""
    if arguments.backbone not in RECIPES:
        raise BonexrayError(f"unknown network {arguments.backbone!r}: expected one of {', '.join(RECIPES)}")
    if arguments.validation == arguments.hold_out:
        raise BonexrayError(f"{arguments.hold_out} cannot be both --validation and --hold-out: expected two parts")
    if arguments.weights not in ("imagenet", "none") and not Path(arguments.weights).exists():
        raise BonexrayError(f"weights {arguments.weights!r} do not exist: expected 'imagenet', a file or a folder")
    recipe = recipe_from(arguments)
    output = arguments.output or Path("runs") / arguments.backbone
    table = read_table(arguments.data, arguments.cache)
    roles = assign_roles(table, recipe.split, arguments.validation, arguments.hold_out)
    data = describe_data(table, roles, arguments.data)
    network = _build(arguments, recipe)
    weights = describe_weights(arguments.weights, _start_of(arguments))
    parts = {"validation": arguments.validation, "held_out": arguments.hold_out}
    work = output.with_name(f"{output.name}.state-{digest_run(recipe, data=data, weights=weights, parts=parts)}")
    began = _open_state(work)
    history = _fit(network, recipe, table, roles, work, arguments.cache, data["fingerprint"])
    network = _in_float32(network, arguments, recipe)
    record = calibrate(network, one_image_each(roles["validation"]), recipe)
    record["provenance"] = {
        "recipe": {"name": arguments.recipe, **recipe.as_dict()}, "data": {**data, **parts}, "weights": weights,
        "libraries": describe_libraries(), "hardware": describe_hardware(),
        "created": datetime.now(UTC).isoformat(timespec="seconds"), "seconds": round(time.time() - began),
    }  # fmt: skip
    from training.export import write_checkpoint
    from training.gate import add_gate

    write_checkpoint(network, output, record, history)
    add_gate(output, roles)
    shutil.rmtree(work)
    log.info("wrote %s: threshold %.3f, validation %s", output, record["threshold"], record["validation"])


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
    probabilities = 1 / (1 + np.exp(-(logits / temperature + shift)))
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


def _build(arguments: argparse.Namespace, recipe: Recipe) -> "keras.Model":
    import keras

    from training.network import build_network, set_trainable

    keras.utils.set_random_seed(recipe.seed)
    keras.config.set_dtype_policy(recipe.precision if recipe.precision == "float32" else f"mixed_{recipe.precision}")
    try:
        size = recipe.image_size
        network = build_network(arguments.backbone, size, arguments.weights, recipe.dropout, recipe.scaling)
    finally:
        keras.config.set_dtype_policy("float32")
    set_trainable(network, recipe.first_trained)
    return network


def _in_float32(network: "keras.Model", arguments: argparse.Namespace, recipe: Recipe) -> "keras.Model":
    """The network as it is saved: layers of a mixed precision would be saved with it."""
    from training.network import build_network

    if recipe.precision == "float32":
        return network
    exact = build_network(arguments.backbone, recipe.image_size, "none", recipe.dropout, recipe.scaling)
    exact.set_weights(network.get_weights())
    return exact


def _start_of(arguments: argparse.Namespace) -> str:
    from training.network import initialised_layers

    return initialised_layers(arguments.backbone, arguments.weights)


def _fit(
    network: "keras.Model",
    recipe: Recipe,
    table: pd.DataFrame,
    roles: dict[str, pd.DataFrame],
    work: Path,
    cache: Path,
    origin: str,
) -> pd.DataFrame:
    from training.fitting import Material, train_network

    material = Material(
        pixels=load_pixels(table, recipe.stored_size, cache),
        labels=table["label"].to_numpy(np.float32),
        train=roles["train"],
        validation=one_image_each(roles["validation"]).index.to_numpy(),
        work=work,
        cache=cache,
        origin=origin,
    )
    return train_network(network, recipe, material)


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
