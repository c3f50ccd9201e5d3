"""The curves behind the figures, each a table with its 95 % bootstrap band over sources."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from training.judging.intervals import RESAMPLES, Floats, Measure, resampled
from training.judging.metrics import BINS, bin_index

GRID = np.linspace(0, 1, 101)


def operating_points(rows: pd.DataFrame, resamples: int = RESAMPLES, seed: int = 0) -> pd.DataFrame:
    """Measure what each threshold of `GRID` would give, with bands; precision and benefit at the rows' prevalence.

    Returns:
        Columns `threshold`, and `sensitivity`, `specificity`, `precision` (NaN where nothing is called fractured) and
        `net_benefit` (NaN at a threshold of 1), each with `_low` and `_high` beside it.
    """
    label = rows["label"].to_numpy(float)
    called = (rows["probability"].to_numpy()[:, None] >= GRID).astype(float)

    def measure(_: pd.DataFrame, weights: Floats | None) -> dict[str, Floats]:
        weights = np.ones(len(rows)) if weights is None else weights
        return {
            "sensitivity": _shares(called, weights * label),
            "specificity": _shares(1 - called, weights * (1 - label)),
            "precision": _ratio((weights * label) @ called, weights @ called),
            "net_benefit": _net_benefit(label, called, GRID, weights),
        }

    return _table(rows, measure, resamples, seed).assign(threshold=GRID)


def reliability(rows: pd.DataFrame, bins: int = BINS, resamples: int = RESAMPLES, seed: int = 0) -> pd.DataFrame:
    """Compare probability and share of fractured in bins of equal width; empty bins are left out.

    Returns:
        Columns `probability` (mean in the bin), `count`, and `fractured` with its band.
    """
    member = np.eye(bins)[bin_index(rows["probability"].to_numpy(), bins)]
    filled = member.sum(0) > 0
    label = rows["label"].to_numpy(float)

    def measure(_: pd.DataFrame, weights: Floats | None) -> dict[str, Floats]:
        weights = np.ones(len(rows)) if weights is None else weights
        return {"fractured": _ratio((weights * label) @ member, weights @ member)[..., filled]}

    mean = rows["probability"].to_numpy() @ member[:, filled] / member[:, filled].sum(0)
    return _table(rows, measure, resamples, seed).assign(probability=mean, count=member.sum(0)[filled].astype(int))


def roc(rows: pd.DataFrame, resamples: int = RESAMPLES, seed: int = 0) -> pd.DataFrame:
    """Measure sensitivity at every false alarm rate of `GRID` (column `false_alarms`), with its band."""
    label, score = rows["label"].to_numpy(float), rows["probability"].to_numpy()
    order, ends = _descending(score)

    def measure(_: pd.DataFrame, weights: Floats | None) -> dict[str, Floats]:
        weights = np.ones(len(rows)) if weights is None else weights
        found, alarms = (_running(weights * side, order, ends) for side in (label, 1 - label))
        curves = [np.interp(GRID, x, y) for x, y in zip(np.atleast_2d(alarms), np.atleast_2d(found), strict=True)]
        return {"sensitivity": np.array(curves).reshape(*weights.shape[:-1], len(GRID))}

    return _table(rows, measure, resamples, seed).assign(false_alarms=GRID)


def precision_recall(rows: pd.DataFrame, resamples: int = RESAMPLES, seed: int = 0) -> pd.DataFrame:
    """Measure the share of true alarms at the highest threshold that reaches each sensitivity, with its band.

    Returns:
        Columns `sensitivity` (0.01..1) and `precision` with its band.
    """
    label = rows["label"].to_numpy(float)
    order, ends = _descending(rows["probability"].to_numpy())
    wanted = GRID[1:]

    def measure(_: pd.DataFrame, weights: Floats | None) -> dict[str, Floats]:
        weights = np.ones(len(rows)) if weights is None else weights
        true, called = (np.cumsum(side[..., order], -1)[..., ends] for side in (weights * label, weights))
        curves = [
            (hits / np.maximum(calls, 1e-12))[np.searchsorted(hits, hits[-1] * wanted * (1 - 1e-12))]
            for hits, calls in zip(np.atleast_2d(true), np.atleast_2d(called), strict=True)
        ]
        return {"precision": np.array(curves).reshape(*weights.shape[:-1], len(wanted))}

    return _table(rows, measure, resamples, seed).assign(sensitivity=wanted)


def decision_curve(rows: pd.DataFrame, resamples: int = RESAMPLES, seed: int = 0) -> pd.DataFrame:
    """Compute the net benefit of acting on P(fractured) >= threshold (Vickers & Elkin 2006), at the rows' prevalence.

    Returns:
        Columns `threshold` (0..0.99), `net_benefit` with its band, and `act_on_all`.
    """
    label, thresholds = rows["label"].to_numpy(float), GRID[:-1]
    called = (rows["probability"].to_numpy()[:, None] >= thresholds).astype(float)

    def measure(_: pd.DataFrame, weights: Floats | None) -> dict[str, Floats]:
        weights = np.ones(len(rows)) if weights is None else weights
        return {"net_benefit": _net_benefit(label, called, thresholds, weights)}

    everyone = _net_benefit(label, np.ones_like(called), thresholds, np.ones(len(rows)))
    return _table(rows, measure, resamples, seed).assign(threshold=thresholds, act_on_all=everyone)


def confusion(rows: pd.DataFrame) -> NDArray[np.int64]:
    """Count rows by truth (row: not fractured, fractured) and verdict (column), shape (2, 2)."""
    return np.bincount(2 * rows["label"].astype(int) + rows["fractured"].astype(int), minlength=4).reshape(2, 2)


def _table(rows: pd.DataFrame, measure: Measure, resamples: int, seed: int) -> pd.DataFrame:
    """Each measured curve as three columns: value, low, high."""
    samples = resampled(rows, measure, resamples, seed)
    columns = {}
    for name, value in measure(rows, None).items():
        known = np.isfinite(value)
        ends = np.full((2, *value.shape), np.nan)
        ends[:, known] = np.nanpercentile(samples[name][:, known], [2.5, 97.5], axis=0)
        columns |= {name: value, f"{name}_low": ends[0], f"{name}_high": ends[1]}
    return pd.DataFrame(columns)


def _net_benefit(label: Floats, called: Floats, thresholds: Floats, weights: Floats) -> Floats:
    """True alarms less false ones at the odds of the threshold, of all rows; NaN at a threshold of 1."""
    odds = _ratio(thresholds, 1 - thresholds)
    true, false = (weights * label) @ called, (weights * (1 - label)) @ called
    return (true - false * odds) / weights.sum(-1, keepdims=True)


def _shares(values: Floats, weights: Floats) -> Floats:
    return _ratio(weights @ values, weights.sum(-1, keepdims=True))


def _ratio(part: Floats, whole: Floats) -> Floats:
    """The quotient, NaN where nothing was drawn."""
    return np.divide(part, whole, out=np.full(np.broadcast_shapes(part.shape, whole.shape), np.nan), where=whole > 0)


def _descending(scores: Floats) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Order of falling score, and where in it each run of ties ends."""
    order = np.argsort(-scores, kind="stable")
    return order, np.flatnonzero(np.diff(scores[order], append=-np.inf))


def _running(weights: Floats, order: NDArray[np.int64], ends: NDArray[np.int64]) -> Floats:
    """The share of the weight that lies at or above each distinct score, from 0 to 1."""
    total = np.cumsum(weights[..., order], axis=-1)[..., ends]
    total = np.concatenate([np.zeros_like(total[..., :1]), total], axis=-1)
    return _ratio(total, total[..., -1:])
