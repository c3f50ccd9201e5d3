"""`python -m training quantise`: serve a checkpoint in int8 from where its logits bear it, and measure that."""

import argparse
import logging
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit

from bonexray import FractureClassifier
from bonexray.checkpoint import LAYOUT, Checkpoint, read_checkpoint
from bonexray.errors import BonexrayError
from training.copying.sources import read_table
from training.data.pixels import read_pixels
from training.data.readers import CACHE
from training.data.roles import first_images
from training.judging.intervals import STATEMENT, with_intervals
from training.judging.metrics import auroc, share
from training.making.gating import measure_gate
from training.making.held_out import evaluation_rows
from training.making.provenance import PREDICTIONS, seen_before
from training.making.record import check_replaceable, read_record, replacing, write_record

log = logging.getLogger(__name__)

LIMIT = 0.1  # of the logits' root mean square difference; they spread over some 2.4
LEAST_EQUAL = 0.99  # share of held-out images whose verdict stays
MOST_LOST = 0.005  # of AUROC
RESAMPLES = 2000
TINY = 1e-12  # a network of which nothing was learnt has cells of zero
FITTED = 1200  # images that the head is fitted to, at most; ranges and biases take the first of them
CHOSEN = 80  # sources that the limit is kept on, where there is no validation part


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags of `quantise`."""
    add = parser.add_argument
    add("checkpoint", type=Path, help="checkpoint folder that `train` wrote, with Keras' weights; changed in place")
    add("--data", required=True, help="data set that the network was trained on, as for `train`")
    add("--limit", type=float, default=LIMIT, help="root mean square difference of the logits, on validation "
        f"or else training images, that int8 may cost; it decides where int8 begins (default: {LIMIT})")  # fmt: skip
    add("--cache", type=Path, default=CACHE, help=f"folder that keeps the found copies (default: {CACHE})")


def run(arguments: argparse.Namespace) -> None:
    """Choose where int8 begins, compare with float32 on held-out images, replace `model.tflite` if both bounds hold."""
    from training.making.conversion import convert_network
    from training.making.quantisation import Judged, choose_start, prepare

    folder: Path = arguments.checkpoint
    if not 0 < arguments.limit < np.inf:
        raise BonexrayError(f"--limit {arguments.limit}: expected a number above 0")
    checkpoint = read_checkpoint(folder)
    check_replaceable(folder)
    if not (folder / LAYOUT.keras_weights).is_file():
        raise BonexrayError(f"{folder} has no {LAYOUT.keras_weights}: expected the float weights that `train` wrote")
    table = read_table(arguments.data, arguments.cache)
    rows = evaluation_rows(table, checkpoint)
    held_out = held_out_rows(rows, folder)
    network = convert_network(FractureClassifier.from_pretrained(folder).keras_model(), "float32")
    fitted, chosen = (
        Judged.by(network, read_pixels(some, checkpoint.image_size)) for some in rows_to_fit(table, rows, checkpoint)
    )
    prepared = prepare(network, fitted.pixels)
    fast, start = choose_start(prepared, fitted, chosen, arguments.limit)
    layers = len(prepared.layers)
    log.info("the last %d of %d layers in int8", layers - start, layers)
    figures = compare_networks(network, fast, held_out, checkpoint)
    _require(figures, arguments.limit)
    record = read_record(folder)
    record["provenance"]["serving"] = {
        "int8_layers": layers - start, "layers": layers, "limit": arguments.limit,
        "fitted_on": len(fitted.logits), "chosen_on": len(chosen.logits),
        "images": len(held_out), "sources": int(held_out["source_group"].nunique()),
        "intervals": STATEMENT.format(resamples=RESAMPLES, seed=0), "against_float32": figures,
    }  # fmt: skip
    record["metrics"] = {}  # and the predictions: of the network that is replaced
    with replacing(folder) as fresh:
        shutil.copytree(folder, fresh, ignore=shutil.ignore_patterns(PREDICTIONS), dirs_exist_ok=True)
        (fresh / LAYOUT.network).write_bytes(fast)
        write_record(fresh, record)
    if record["gate"]:  # fitted to the features that int8 imitates: kept, and measured again
        record["gate"]["held_out"] = measure_gate(folder, held_out)
        write_record(folder, record)
    log.info("wrote %s: %s", folder / LAYOUT.network, {name: figure["value"] for name, figure in figures.items()})


def held_out_rows(rows: pd.DataFrame, folder: Path) -> pd.DataFrame:
    """Return the images that int8 is compared with float32 on: the held-out part of what `evaluation_rows` gave.

    Raises:
        BonexrayError: the network of this folder was trained on every part.
    """
    held_out = rows[rows["role"] == "held_out"].reset_index(drop=True)
    if not len(held_out):
        raise BonexrayError(f"{folder} held nothing out: expected a network with images left to compare int8 on")
    return held_out


def rows_to_fit(table: pd.DataFrame, rows: pd.DataFrame, checkpoint: Checkpoint) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the images to fit int8 to, and one image a source of others to choose on; no label is looked at.

    Args:
        table: the data set.
        rows: its held-out and its validation part. The latter, or else some training sources, are chosen on.
        checkpoint: whose record says which images were trained on: a fold's network leaves the test part alone.
    """
    seen = table[seen_before(table, checkpoint.provenance["data"])]
    training = seen[~seen["source_group"].isin(rows["source_group"])].sample(frac=1, random_state=0)
    validation = rows[rows["role"] == "validation"]
    if not len(validation):
        groups = pd.Series(training["source_group"].unique()).sort_values().sample(frac=1, random_state=0)
        apart = training["source_group"].isin(groups.head(min(CHOSEN, max(1, len(groups) // 4))))
        validation, training = training[apart], training[~apart]
    first = first_images(training).sample(frac=1, random_state=0)
    return pd.concat([first, training.drop(first.index)]).head(FITTED), first_images(validation)


def compare_networks(exact: bytes, fast: bytes, rows: pd.DataFrame, checkpoint: Checkpoint) -> dict[str, Any]:
    """Run both networks on the images of `rows` and return what differs, with intervals where it is a share.

    Verdicts count per image; AUROC has one vote a source; the differences of logits and of evidence cells are the
    largest of any image (of the cells: root mean square over that of the exact cells).
    """
    from training.making.quantisation import logits_of, run_network

    pixels = read_pixels(rows, checkpoint.image_size)
    cells = [run_network(network, pixels)["cells"] for network in (exact, fast)]
    logits = [logits_of(one) + checkpoint.bias for one in cells]
    before, after = (expit(one) for one in logits)
    table = rows.assign(before=before, after=after)
    same = (before >= checkpoint.threshold) == (after >= checkpoint.threshold)
    size = np.maximum((cells[0] ** 2).mean((1, 2)), TINY)
    moved = np.sqrt(((cells[1] - cells[0]) ** 2).mean((1, 2)) / size)
    equal = with_intervals(
        table.assign(same=same), lambda some, weights: {"verdicts_equal": _share(some["same"], weights)}, RESAMPLES
    )
    lost = with_intervals(first_images(table), _auroc_difference, RESAMPLES)
    return {
        **equal, **lost,
        "largest_logit_difference": _figure(np.abs(logits[1] - logits[0]).max()),
        "median_logit_difference": _figure(np.median(np.abs(logits[1] - logits[0]))),
        "median_evidence_difference": _figure(np.median(moved)),
    }  # fmt: skip


def _auroc_difference(rows: pd.DataFrame, weights: np.ndarray | None) -> dict[str, Any]:
    weights = np.ones(len(rows)) if weights is None else weights
    label = rows["label"].to_numpy(float)
    before, after = (auroc(label, rows[name].to_numpy(float), weights) for name in ("before", "after"))
    return {"auroc_difference": after - before, "auroc_float32": before, "auroc_served": after}


def _share(values: pd.Series, weights: np.ndarray | None) -> Any:  # noqa: ANN401 - () or (resamples,)
    return share(values, np.ones(len(values)) if weights is None else weights)


def _figure(value: float) -> dict[str, float]:
    return {"value": float(value)}


def _require(figures: dict[str, Any], limit: float) -> None:
    equal, lost = figures["verdicts_equal"]["value"], figures["auroc_difference"]["value"]
    if equal < LEAST_EQUAL or (lost is not None and abs(lost) > MOST_LOST):
        raise BonexrayError(
            f"--limit {limit:g} leaves {equal:.2%} of the verdicts and moves the AUROC by {lost or 0:+.4f}: "
            f"expected at least {LEAST_EQUAL:.0%}, and {MOST_LOST} at most; try a smaller --limit"
        )
