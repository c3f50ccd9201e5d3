"""What a classifier's answers are worth: every metric takes weights, so that a bootstrap is one call."""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

PREVALENCES = (0.1, 0.2, 0.5)  # shares of fractured patients for which predictive values are stated
ON_MARK, BY_CHANCE = "peak_on_mark", "peak_on_mark_by_chance"
BINS = 10  # of equal width, for calibration


def measure(rows: pd.DataFrame, weights: Floats | None = None) -> dict[str, Floats]:
    """Measure everything that can be said of predictions with labels.

    Args:
        rows: one row an image or a source, with the columns `label`, `probability`, `fractured` and `archive`.
        weights: shape (n,) or (resamples, n), how often each row counts; once by default.

    Returns:
        By name, arrays of shape () or (resamples,); NaN where a metric is not defined (no row of one label).
    """
    label, probability = rows["label"].to_numpy(float), rows["probability"].to_numpy(float)
    verdict = rows["fractured"].to_numpy(float)
    weights = np.ones(len(rows)) if weights is None else weights
    found = sensitivity(label, verdict, weights)
    cleared = specificity(label, verdict, weights)
    return {
        "auroc_matched": auroc_matched(label, probability, rows["archive"], weights),
        **auroc_inside(label, probability, rows["archive"], weights),
        "auroc": auroc(label, probability, weights),
        "sensitivity": found,
        "specificity": cleared,
        **verdicts_inside(label, verdict, rows["archive"], weights),
        "accuracy": share(label == verdict, weights),
        "balanced_accuracy": (found + cleared) / 2,
        **{f"ppv_at_{prevalence:g}": ppv(found, cleared, prevalence) for prevalence in PREVALENCES},
        **{f"npv_at_{prevalence:g}": npv(found, cleared, prevalence) for prevalence in PREVALENCES},
        "brier": share((probability - label) ** 2, weights),
        "ece": expected_calibration_error(label, probability, weights),
        "calibration_in_the_large": share(probability - label, weights),
        **pointing(rows, weights),
    }


def pointing(rows: pd.DataFrame, weights: Floats) -> dict[str, Floats]:
    """Compute the share of marked fractures that the strongest evidence touches, and the share that chance would.

    Nothing where no row has a mark.
    """
    if ON_MARK not in rows or rows[ON_MARK].isna().all():
        return {}
    marked = weights * rows[ON_MARK].notna().to_numpy(float)
    return {ON_MARK: share(rows[ON_MARK].fillna(0), marked), BY_CHANCE: share(rows["marked_cells"].fillna(0), marked)}


def share(values: ArrayLike, weights: Floats) -> Floats:
    """Average `values` (n,) with `weights` (..., n)."""
    with np.errstate(invalid="ignore"):
        return weights @ np.asarray(values, np.float64) / weights.sum(-1)


def sensitivity(labels: Floats, verdicts: Floats, weights: Floats) -> Floats:
    """Share of the fractured that are called fractured."""
    return share(verdicts, weights * labels)


def specificity(labels: Floats, verdicts: Floats, weights: Floats) -> Floats:
    """Share of the others that are not called fractured."""
    return share(1 - verdicts, weights * (1 - labels))


def verdicts_inside(labels: Floats, verdicts: Floats, archives: ArrayLike, weights: Floats) -> dict[str, Floats]:
    """Compute `sensitivity_in_<archive>` and `specificity_in_<archive>`, each where the archive holds such rows.

    Over all archives together both are as confounded as the AUROC is: what is told is in part the origin.
    """
    archive = np.asarray(archives)
    found = {}
    for name in filter(None, np.unique(archive)):
        inside = _select(archive == name, labels, verdicts, weights)
        found |= {f"sensitivity_in_{name}": sensitivity(*inside)} if (inside[0] == 1).any() else {}
        found |= {f"specificity_in_{name}": specificity(*inside)} if (inside[0] == 0).any() else {}
    return found


def ppv(found: ArrayLike, cleared: ArrayLike, prevalence: float) -> Floats:
    """Compute P(fracture | called fractured) from sensitivity, specificity and the share of fractured patients."""
    true, false = np.asarray(found) * prevalence, (1 - np.asarray(cleared)) * (1 - prevalence)
    with np.errstate(invalid="ignore"):
        return true / (true + false)


def npv(found: ArrayLike, cleared: ArrayLike, prevalence: float) -> Floats:
    """Compute P(no fracture | not called fractured) from sensitivity, specificity and the share of fractured."""
    return ppv(cleared, found, 1 - prevalence)


def auroc(labels: Floats, scores: Floats, weights: Floats) -> Floats:
    """Compute the probability that a fractured row scores above one that is not; a tie counts half."""
    concordant, pairs = _concordance(labels, scores, weights)
    return _ratio(concordant, pairs)


def auroc_matched(labels: Floats, scores: Floats, archives: ArrayLike, weights: Floats) -> Floats:
    """Compute the AUROC over those pairs alone whose two rows come from the same archive, pooled over pairs.

    What tells one archive from another then scores nothing, however well it predicts the label. Rows of no known
    archive ("") are in no pair; NaN where no pair is left.
    """
    archive = np.asarray(archives)
    concordant = pairs = np.zeros(weights.shape[:-1])
    for name in filter(None, np.unique(archive)):
        part = _concordance(*_select(archive == name, labels, scores, weights))
        concordant, pairs = concordant + part[0], pairs + part[1]
    return _ratio(concordant, pairs)


def auroc_inside(labels: Floats, scores: Floats, archives: ArrayLike, weights: Floats) -> dict[str, Floats]:
    """Compute the AUROC inside each archive that holds both labels, as `auroc_in_<archive>`."""
    archive = np.asarray(archives)
    mixed = [name for name in np.unique(archive) if name and len(np.unique(labels[archive == name])) == 2]
    return {f"auroc_in_{name}": auroc(*_select(archive == name, labels, scores, weights)) for name in mixed}


def expected_calibration_error(labels: Floats, probabilities: Floats, weights: Floats, bins: int = BINS) -> Floats:
    """Average |share of fractured - mean probability| over bins of equal width, weighted by what lies in each."""
    member = np.eye(bins)[bin_index(probabilities, bins)]
    gaps = (weights * (labels - probabilities)) @ member
    return np.abs(gaps).sum(-1) / weights.sum(-1)


def bin_index(probabilities: Floats, bins: int) -> NDArray[np.int64]:
    """Give the number of the bin [k/bins, (k+1)/bins) of each probability; 1 belongs to the last."""
    return np.minimum((probabilities * bins).astype(int), bins - 1)


def _select(chosen: NDArray[np.bool_], labels: Floats, scores: Floats, weights: Floats) -> tuple[Floats, ...]:
    return labels[chosen], scores[chosen], weights[..., chosen]


def _concordance(labels: Floats, scores: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Weight of the pairs in the right order (a tie counts half), and of all pairs."""
    order = np.argsort(scores, kind="stable")
    starts = np.flatnonzero(np.diff(scores[order], prepend=-np.inf))
    fractured = np.add.reduceat((weights * labels)[..., order], starts, axis=-1)
    others = np.add.reduceat((weights * (1 - labels))[..., order], starts, axis=-1)
    below = np.cumsum(others, axis=-1) - others / 2
    return (fractured * below).sum(-1), fractured.sum(-1) * others.sum(-1)


def _ratio(part: Floats, whole: Floats) -> Floats:
    with np.errstate(invalid="ignore"):
        return np.asarray(part, float) / whole
