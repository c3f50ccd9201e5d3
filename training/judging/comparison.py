"""Whether two networks differ on the same sources: DeLong, McNemar, and a paired bootstrap of any metric."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.stats import binomtest, norm, rankdata

from bonexray.errors import BonexrayError
from training.judging.intervals import RESAMPLES, Figures, Floats, with_intervals
from training.judging.metrics import measure
from training.making.calibration import check_scores


@dataclass(frozen=True)
class DeLong:
    """Two AUROCs on the same rows, the 95 % interval of their difference (first - second), and the two-sided p."""

    first: float
    second: float
    low: float
    high: float
    p: float


def delong(labels: ArrayLike, first: ArrayLike, second: ArrayLike) -> DeLong:
    """Compare two AUROCs on the same rows (DeLong 1988, by the midranks of Sun & Xu, doi:10.1109/LSP.2014.2337313).

    Args:
        labels: shape (n,), 1 for fractured, at least two of each.
        first: scores of one model, shape (n,).
        second: scores of the other, shape (n,).
    """
    areas, covariance = delong_covariance(labels, [first, second])
    difference = areas[0] - areas[1]
    variance = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
    spread = float(np.sqrt(max(variance, 0)))
    reach = norm.ppf(0.975) * spread
    # Scores that rank alike have no variance between them: no difference, and no evidence of one.
    p = 2 * norm.sf(abs(difference) / spread) if spread > 1e-12 else float(abs(difference) < 1e-12)
    return DeLong(*map(float, (areas[0], areas[1], difference - reach, difference + reach, p)))


def delong_covariance(labels: ArrayLike, scores: list[ArrayLike]) -> tuple[Floats, Floats]:
    """Return the AUROC of each of k models on the same rows, shape (k,), and their covariance, shape (k, k)."""
    truth = np.asarray(labels) == 1
    for one in scores:
        check_scores(one, labels)
    if min(truth.sum(), (~truth).sum()) < 2:
        raise BonexrayError(f"{truth.sum()} fractured and {(~truth).sum()} other rows: DeLong needs two of each")
    of_fractured, of_others = zip(*(_placements(np.asarray(one, float), truth) for one in scores), strict=True)
    covariance = np.cov(of_fractured) / truth.sum() + np.cov(of_others) / (~truth).sum()
    return np.mean(of_fractured, axis=1), np.atleast_2d(covariance)


def _placements(scores: Floats, truth: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """For each fractured row the share of others below it; for each other row the share of fractured above it."""
    ranks = rankdata(scores)
    fractured, others = truth.sum(), (~truth).sum()
    below = (ranks[truth] - rankdata(scores[truth])) / others
    above = 1 - (ranks[~truth] - rankdata(scores[~truth])) / fractured
    return below, above


@dataclass(frozen=True)
class McNemar:
    """Rows that only the first, and only the second model gets right, and the exact two-sided p."""

    first_only: int
    second_only: int
    p: float


def mcnemar(labels: ArrayLike, first: ArrayLike, second: ArrayLike) -> McNemar:
    """Compare two models' verdicts on the same rows by the exact McNemar test.

    Args:
        labels: shape (n,), 1 for fractured.
        first: verdicts of one model, shape (n,), 1 for fractured.
        second: verdicts of the other, shape (n,).
    """
    truth = np.asarray(labels)
    right, also = np.asarray(first) == truth, np.asarray(second) == truth
    first_only, second_only = int((right & ~also).sum()), int((~right & also).sum())
    discordant = first_only + second_only
    return McNemar(first_only, second_only, float(binomtest(first_only, discordant).pvalue) if discordant else 1.0)


def compare(first: pd.DataFrame, second: pd.DataFrame, resamples: int = RESAMPLES, seed: int = 0) -> dict[str, Any]:
    """Compare two models by everything that is here.

    Args:
        first: one vote a source, as `training.judging.predictions.votes` gives it.
        second: the same sources of the other model.
        resamples: how many bootstrap samples.
        seed: of the resampling.

    Returns:
        "sources" (how many), "delong" (None where a label has fewer than the two sources that it needs), "mcnemar" and
        "differences", as plain values.
    """
    first, second = align(first, second)
    enough = first["label"].value_counts().reindex([0, 1], fill_value=0).min() >= 2
    return {
        "sources": len(first),
        "delong": asdict(delong(first["label"], first["probability"], second["probability"])) if enough else None,
        "mcnemar": asdict(mcnemar(first["label"], first["fractured"], second["fractured"])),
        "differences": differences(first, second, resamples, seed),
    }


def differences(first: pd.DataFrame, second: pd.DataFrame, resamples: int = RESAMPLES, seed: int = 0) -> Figures:
    """Measure first - second for every metric of both, with intervals from resampling the same sources for both.

    Args:
        first: one vote a source, as `training.judging.predictions.votes` gives it.
        second: the same sources of the other model.
        resamples: how many bootstrap samples.
        seed: of the resampling.
    """
    first, second = align(first, second)

    def difference(rows: pd.DataFrame, weights: Floats | None) -> dict[str, Floats]:
        other = measure(second, weights)
        return {name: value - other[name] for name, value in measure(rows, weights).items() if name in other}

    return with_intervals(first, difference, resamples, seed)


def align(first: pd.DataFrame, second: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Put two models' votes in the same order of sources."""
    first, second = (votes.sort_values("source_group", ignore_index=True) for votes in (first, second))
    if not first["source_group"].equals(second["source_group"]):
        odd = set(first["source_group"]) ^ set(second["source_group"])
        raise BonexrayError(f"source {min(odd, default='')!r} has one model's vote only: expected the same sources")
    return first, second
