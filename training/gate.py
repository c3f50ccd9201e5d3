"""`python -m training gate`: fit the gate of a checkpoint, which refuses what is no radiograph, without training."""

import argparse
import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import binomtest
from tqdm import tqdm

from bonexray import FractureClassifier
from bonexray.appearance import facts, thumbnail
from bonexray.checkpoint import LAYOUT, read_checkpoint
from bonexray.errors import BonexrayError
from bonexray.gate import Contrast, Gate, Gaussian, join, standardise, unit
from bonexray.images import Picture, letterbox, read_picture
from bonexray.runtime import Network
from training.others import draw_others
from training.provenance import describe_data
from training.readers import CACHE
from training.roles import assign_roles, one_image_each
from training.sources import read_table

Floats = NDArray[np.float32]

IMAGES_A_SOURCE = 4
OTHERS_A_KIND = 40
DIRECTIONS = {"facts": 24, "features": 48}
REFUSED = {"facts": 0.004, "features": 0.015}  # shares of radiographs that each limit is set to refuse
FOLDS = 5
LEAST_SIDE, LEAST_COLOUR, LEAST_ASPECT = 32.0, 5.0, 6.0
REGULARISATION = 0.01  # inverse strength of the contrast's ridge penalty
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Sample:
    """What is known of some pictures: a row each.

    Attributes:
        features: of unit length, shape (n, channels).
        facts: shape (n, COUNT).
        colours: colourfulness, shape (n,).
        aspects: longer by shorter side, shape (n,).
        spreads: standard deviation of the thumbnail, shape (n,).
    """

    features: Floats
    facts: Floats
    colours: Floats
    aspects: Floats
    spreads: Floats

    def __getitem__(self, rows: NDArray[Any]) -> "Sample":
        """Select rows."""
        return Sample(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the checkpoint and its data."""
    parser.add_argument("checkpoint", type=Path, help="checkpoint folder; its classifier.json is rewritten")
    parser.add_argument("--data", required=True, help="the data set that it was trained on")
    parser.add_argument("--cache", type=Path, default=CACHE, help=f"folder for what is found again (default: {CACHE})")


def run(arguments: argparse.Namespace) -> None:
    """Fit the gate on the parts that the training used, and try it on the part that it did not."""
    provenance = read_checkpoint(arguments.checkpoint).provenance
    data, split = provenance.get("data", {}), provenance.get("recipe", {}).get("split", "grouped")
    table = read_table(arguments.data, arguments.cache)
    roles = assign_roles(table, split, data.get("validation", "fold0"), data.get("held_out", "test"))
    found = describe_data(table, roles, arguments.data)
    for key in ("fingerprint", "split"):
        if found[key] != data.get(key):
            raise BonexrayError(
                f"the {key} of these data is {found[key]}: expected {data.get(key)}, as in the training"
            )
    add_gate(arguments.checkpoint, roles)


def add_gate(folder: Path, roles: dict[str, pd.DataFrame]) -> None:
    """Fit a gate for the network in a checkpoint folder, write it, and try it on one image a held-out source.

    Args:
        folder: the checkpoint.
        roles: rows of "train", "validation" (unseen by the network: they set the limit) and "test".
    """
    from training.export import read_record, write_record

    network = Network(folder / LAYOUT.network, read_checkpoint(folder).image_size)
    size = read_checkpoint(folder).image_size
    rows = pd.concat([few_images_each(roles[role]).assign(seen=role == "train") for role in ("train", "validation")])
    sample = describe((read_picture(path) for path in rows["path"]), network, size, len(rows))
    drawn = draw_others(OTHERS_A_KIND)
    others = describe((Picture(grey) for grey in drawn), network, size, len(drawn))
    gate = fit_gate(sample, others, rows["source_group"].to_numpy(), rows["seen"].to_numpy())
    counts = f"{rows['source_group'].nunique()} sources of train and validation, {len(drawn)} generated pictures"
    record = {**read_record(folder), "gate": {**gate.record(), "fitted_on": counts}}
    write_record(folder, record)
    if len(roles["test"]):
        record["gate"]["held_out"] = held_out = measure_gate(folder, roles["test"])
        write_record(folder, record)
        log.info("the gate of %s refuses %d of %d held-out sources", folder, held_out["refused"], held_out["sources"])


def measure_gate(folder: Path, rows: pd.DataFrame) -> dict[str, float]:
    """Count the refused among one image a source, with a 95 % Wilson interval."""
    classifier = FractureClassifier.from_pretrained(folder)
    answers = [classifier.predict(path).in_domain for path in one_image_each(rows)["path"]]
    refused = answers.count(False)
    interval = binomtest(refused, len(answers)).proportion_ci(method="wilson")
    return {"sources": len(answers), "refused": refused, "low": float(interval.low), "high": float(interval.high)}


def few_images_each(rows: pd.DataFrame) -> pd.DataFrame:
    """Select at most `IMAGES_A_SOURCE` images a source, the one that votes first."""
    return rows.sort_values(["rotated_copy", "file"]).groupby("source_group", sort=True).head(IMAGES_A_SOURCE)


def describe(pictures: Any, network: Network, size: int, count: int) -> Sample:  # noqa: ANN401 - any iterable
    """Measure pictures as the gate does when it serves."""
    measured = []
    for picture in tqdm(pictures, "gate", count, unit="image", disable=None):
        small, (short, long) = thumbnail(picture.grey), sorted(picture.grey.shape)
        features = unit(network(letterbox(picture.grey, size))["features"])
        measured.append((features, facts(small), picture.colourfulness, long / short, small.std()))
    return Sample(*(np.array(column, np.float32) for column in zip(*measured, strict=True)))


def fit_gate(sample: Sample, others: Sample, sources: NDArray[Any], seen: NDArray[np.bool_]) -> Gate:
    """Fit on all radiographs, and set the limits by what five gates say of the sources that each was not fitted on.

    A network places the radiographs that it was trained on closer together than new ones. Distances of
    its own ones are therefore scaled by the ratio of the medians before they join in setting the limit.

    Args:
        sample: radiographs, at most a few a source, a source's voting image first.
        others: pictures that are none.
        sources: the source of each radiograph.
        seen: whether the network was trained on it.
    """
    names, codes = np.unique(sources, return_inverse=True)
    folds = np.random.default_rng(0).permutation(len(names))[codes] % FOLDS
    votes = np.flatnonzero(~pd.Series(sources).duplicated())
    found = {name: np.zeros(len(sources), np.float32) for name in ("beside", "odds", "facts")}
    for fold in range(FOLDS):
        inside, outside = folds != fold, folds == fold
        gate = _fit(sample[inside], others, sources[inside])
        standard = standardise(sample.facts[outside], gate.mean, gate.scale)
        found["beside"][outside] = np.log(gate.features.distance(sample.features[outside]))
        found["odds"][outside] = gate.contrast.odds(join(sample.features[outside], standard))
        found["facts"][outside] = np.log(gate.facts.distance(standard))
    beside, odds, standing = (values[votes] for values in found.values())
    steepness = robust_spread(beside) / robust_spread(odds)
    tilted = beside + np.clip(steepness * odds, -5, 5)
    return replace(
        _fit(sample, others, sources),
        steepness=steepness,
        limits={
            "features": float(np.exp(limit(tilted, seen[votes], REFUSED["features"]))),
            "facts": float(np.exp(np.quantile(standing, 1 - REFUSED["facts"]))),
            "colour": max(LEAST_COLOUR, 1.5 * float(np.quantile(sample.colours[votes], 0.99))),
            "spread": 0.6 * float(np.quantile(sample.spreads[votes], 0.005)),
            "side": LEAST_SIDE,
            "aspect": max(LEAST_ASPECT, 1.5 * float(sample.aspects[votes].max())),
        },
    )


def limit(distances: Floats, seen: NDArray[np.bool_], refused: float) -> float:
    """Log distance that a share of new radiographs exceeds; those of the training are shifted to the median of those."""
    new = distances[~seen]
    known = distances[seen] + np.median(new) - np.median(distances[seen])
    return float(np.quantile(np.concatenate([known, new]), 1 - refused))


def robust_spread(values: Floats) -> float:
    """Spread by the median absolute deviation: standard deviation for normal values, unmoved by a few strays."""
    return 1.4826 * float(np.median(np.abs(values - np.median(values)))) + 1e-6


def fit_gaussian(values: Floats, weights: Floats, count: int) -> Gaussian:
    """Fit weighted probabilistic principal components.

    Args:
        values: shape (n, d).
        weights: shape (n,).
        count: of directions that keep a variance of their own.
    """
    share = weights / weights.sum()
    mean = share @ values
    _, lengths, directions = np.linalg.svd((values - mean) * np.sqrt(share)[:, None], full_matrices=False)
    variances, count = lengths**2, min(count, len(lengths) - 1)
    rest = max(float(variances[count:].sum()) / max(1, values.shape[1] - count), 1e-9)
    kept = np.maximum(variances[:count], rest)
    return Gaussian(*(np.asarray(part, np.float32) for part in (mean, directions[:count], kept)), rest)


def _fit(sample: Sample, others: Sample, sources: NDArray[Any]) -> Gate:
    """Fit everything but steepness and limits; every source weighs the same."""
    from sklearn.linear_model import LogisticRegression

    counts = pd.Series(sources).map(pd.Series(sources).value_counts())
    weights = (1 / counts).to_numpy(np.float32)
    mean = np.average(sample.facts, axis=0, weights=weights).astype(np.float32)
    scale = np.sqrt(np.average((sample.facts - mean) ** 2, axis=0, weights=weights)).astype(np.float32) + 1e-3
    standard = standardise(sample.facts, mean, scale)
    inputs = [join(sample.features, standard), join(others.features, standardise(others.facts, mean, scale))]
    total = weights.sum() / len(others.facts)
    regression = LogisticRegression(C=REGULARISATION, max_iter=500).fit(
        np.concatenate(inputs), np.repeat([0, 1], [len(standard), len(others.facts)]),
        sample_weight=np.concatenate([weights, np.full(len(others.facts), total, np.float32)]),
    )  # fmt: skip
    return Gate(
        mean=mean,
        scale=scale,
        facts=fit_gaussian(standard, weights, DIRECTIONS["facts"]),
        features=fit_gaussian(sample.features, weights, DIRECTIONS["features"]),
        contrast=Contrast(regression.coef_[0].astype(np.float32), float(regression.intercept_[0])),
        steepness=0.0,
        limits={},
    )
