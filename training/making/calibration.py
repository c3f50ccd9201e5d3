"""Calibrates probabilities and chooses thresholds; every function here is for validation data, never for test data."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize

from bonexray.errors import BonexrayError

Floats = NDArray[np.float64]

TEMPERATURES = (0.05, 20.0)  # beyond these the fit has run away: separable labels, or scores that say nothing


def fit_platt(logits: ArrayLike, labels: ArrayLike) -> tuple[float, float]:
    """Find T and b so that sigmoid(logit / T + b) is calibrated: Platt scaling with his smoothed targets.

    The shift undoes what balanced sampling did to the prior; both fold into the network's last layer
    (Platt 1999, "Probabilistic outputs for support vector machines", section 2.2). The smoothed targets
    keep the fit finite where a small validation part is separable. With a shift of 0 it is temperature scaling (Guo
    et al. 2017, arXiv:1706.04599).

    Args:
        logits: shape (n,).
        labels: shape (n,), 1 for fractured.

    Returns:
        Temperature T > 0, within `TEMPERATURES`, and shift b.
    """
    logits, labels = check_scores(logits, labels)
    positives, negatives = labels.sum(), (1 - labels).sum()
    targets = np.where(labels == 1, (positives + 1) / (positives + 2), 1 / (negatives + 2))

    def loss(parameters: Floats) -> float:
        scaled = logits * np.exp(-parameters[0]) + parameters[1]
        return float(np.sum(np.logaddexp(0, scaled) - targets * scaled))

    bounds = [tuple(np.log(TEMPERATURES)), (-20.0, 20.0)]
    best: Any = minimize(loss, np.zeros(2), bounds=bounds, method="L-BFGS-B")
    return float(np.exp(best.x[0])), float(best.x[1])


def choose_threshold(probabilities: ArrayLike, labels: ArrayLike, sensitivity: float = 0.95) -> float:
    """Find the highest threshold at which `probability >= threshold` still has the sensitivity that is asked for.

    It lies midway between the last fractured image that it must catch and the next lower probability, so
    that a rounding error moves no verdict.

    Args:
        probabilities: shape (n,), 0..1.
        labels: shape (n,), 1 for fractured.
        sensitivity: share of the fractured to be caught, above 0, at most 1.
    """
    if not 0 < sensitivity <= 1:
        raise BonexrayError(f"sensitivity {sensitivity}: expected above 0 and at most 1")
    probabilities, labels = check_scores(probabilities, labels)
    order = np.argsort(-probabilities, kind="stable")
    descending, caught = probabilities[order], np.cumsum(labels[order])
    # At a tie the threshold catches all of it or none, which counting to the first that suffices respects.
    last = descending[np.searchsorted(caught, sensitivity * caught[-1] * (1 - 1e-12))]
    lower = probabilities[probabilities < last]
    return float((last + lower.max(initial=0.0)) / 2)


def threshold_band(
    probabilities: ArrayLike,
    labels: ArrayLike,
    sensitivity: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
    sizes: tuple[int, int] | None = None,
) -> tuple[float, float]:
    """Measure how far the chosen threshold itself is uncertain: its 95 % bootstrap interval.

    A probability inside it would get the other verdict had other patients been in the validation part, so
    this is the band that is shown as uncertain.

    Args:
        probabilities: shape (n,), one vote a source, 0..1.
        labels: shape (n,), 1 for fractured; resampled within each label.
        sensitivity: as `choose_threshold`.
        resamples: how many bootstrap samples.
        seed: of the resampling.
        sizes: how many of either label (not fractured, fractured) the part held that chose the threshold; as many as
            there are by default.
    """
    probabilities, labels = check_scores(probabilities, labels)
    random = np.random.default_rng(seed)
    groups = [np.flatnonzero(labels == label) for label in (0, 1)]
    drawn = sizes or (len(groups[0]), len(groups[1]))
    chosen = []
    for _ in range(resamples):
        rows = np.concatenate([random.choice(group, size) for group, size in zip(groups, drawn, strict=True)])
        chosen.append(choose_threshold(probabilities[rows], labels[rows], sensitivity))
    low, high = np.percentile(chosen, [2.5, 97.5])
    return float(low), float(high)


def check_scores(scores: ArrayLike, labels: ArrayLike) -> tuple[Floats, Floats]:
    """Return scores and labels as float arrays of one shape (n,), or say what is wrong with them."""
    values, truth = np.asarray(scores, np.float64), np.asarray(labels, np.float64)
    if values.ndim != 1 or values.shape != truth.shape:
        raise BonexrayError(f"scores {values.shape}, labels {truth.shape}: expected one (n,)")
    if not np.isfinite(values).all():
        raise BonexrayError(f"score {values[~np.isfinite(values)][0]}: expected finite numbers")
    if set(np.unique(truth)) != {0.0, 1.0}:
        raise BonexrayError(f"labels {np.unique(truth).tolist()}: expected both 0 and 1")
    return values, truth
