"""Fits the gate: how radiographs are distributed, how generated pictures differ, and where the limits lie."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from tqdm import tqdm

from bonexray.gate import Contrast, Gate, Gaussian, join, standardise, unit
from bonexray.geometry import letterbox
from bonexray.picture import Picture
from bonexray.runtime import Network

Floats = NDArray[np.float32]

DIRECTIONS = {"facts": 24, "features": 60}
REFUSED = {"facts": 0.004, "features": 0.02}  # shares of radiographs that each limit is set to refuse
FOLDS = 10
LEAST_SIDE, LEAST_COLOUR, LEAST_ASPECT = 32.0, 5.0, 6.0
REGULARISATION = 0.3  # inverse strength of the contrast's ridge penalty
TILT = 2.0  # spread of what the contrast adds to the log distances of radiographs, of their own


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


def describe(pictures: Iterable[Picture], network: Network, size: int, count: int) -> Sample:
    """Measure pictures as the gate does when it serves."""
    measured = []
    for picture in tqdm(pictures, "gate", count, unit="image", disable=None):
        looks, (short, long) = picture.looks, sorted(picture.grey.shape)
        features = unit(network(letterbox(picture.grey, size))["features"])
        measured.append((features, looks.facts, picture.colourfulness, long / short, looks.spread))
    return Sample(*(np.array(column, np.float32) for column in zip(*measured, strict=True)))


def fit_gate(
    sample: Sample, others: Sample, sources: NDArray[Any], seen: NDArray[np.bool_], stretch: float = 0.0
) -> Gate:
    """Fit on all radiographs, and set the limits by what ten gates say of the sources that each was not fitted on.

    A network places the radiographs that it was trained on closer together than new ones. Distances of
    its own ones are therefore scaled by the ratio of the medians before they join in setting the limit.

    Args:
        sample: radiographs, at most a few a source, a source's voting image first.
        others: pictures that are none.
        sources: the source of each radiograph.
        seen: whether the network was trained on it.
        stretch: logarithm of that ratio, as other networks of the recipe have it; for when there are no new ones.
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
    steepness = TILT * robust_spread(beside) / robust_spread(odds)
    tilted = (beside + np.clip(steepness * odds, -5, 5)).astype(np.float32)
    stretch = measure_stretch(tilted, seen[votes], stretch)
    return replace(
        _fit(sample, others, sources),
        steepness=steepness,
        limits={
            "features": float(np.exp(limit(tilted, seen[votes], REFUSED["features"], stretch))),
            "stretch": float(np.exp(stretch)),
            "facts": float(np.exp(np.quantile(standing, 1 - REFUSED["facts"]))),
            "colour": max(LEAST_COLOUR, 1.5 * float(np.quantile(sample.colours[votes], 0.99))),
            "spread": 0.6 * float(np.quantile(sample.spreads[votes], 0.005)),
            "side": LEAST_SIDE,
            "aspect": max(LEAST_ASPECT, 1.5 * float(sample.aspects[votes].max())),
        },
    )


def measure_stretch(distances: Floats, seen: NDArray[np.bool_], known: float = 0.0) -> float:
    """How much farther, as a difference of log distances, new radiographs lie than those of the training: medians.

    Args:
        distances: logarithms, shape (n,).
        seen: whether the network was trained on each.
        known: what is taken where only one kind is there.
    """
    if seen.all() or not seen.any():
        return known
    return float(np.median(distances[~seen]) - np.median(distances[seen]))


def limit(distances: Floats, seen: NDArray[np.bool_], refused: float, stretch: float) -> float:
    """Log distance that a share of new radiographs exceeds; the known ones are moved by the stretch."""
    return float(np.quantile(distances + stretch * seen, 1 - refused))


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
    mean, directions, kept = (np.asarray(part, np.float32) for part in (mean, directions[:count], kept))
    return Gaussian(mean, directions, kept, rest)


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
