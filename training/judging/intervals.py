"""95 % percentile bootstrap over sources: a source is drawn with all its images, within its archive and label."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Measure = Callable[[pd.DataFrame, Floats | None], dict[str, Floats]]
Figures = dict[str, dict[str, float | None]]

RESAMPLES = 2000
STRATA = ("archive", "label")
STATEMENT = (
    "95 % percentile bootstrap over sources (a source is drawn with all its images), "
    "stratified by archive and label; {resamples} resamples, seed {seed}"
)
CHUNK_CELLS = 1_000_000  # weights held at once, so that 10,000 images need no gigabytes


def with_intervals(rows: pd.DataFrame, measure: Measure, resamples: int = RESAMPLES, seed: int = 0) -> Figures:
    """Measure the rows, and again on every resample.

    Args:
        rows: predictions with `source_group`, `archive` and `label` beside what `measure` needs.
        measure: called with the rows and weights of shape (n,) or (chunk, n).
        resamples: how many bootstrap samples.
        seed: of the resampling; the same sources give the same resamples whatever the model.

    Returns:
        By metric: "value", "low" and "high"; None where it is not defined.
    """
    samples = resampled(rows, measure, resamples, seed)
    return {name: _figure(float(value), samples[name]) for name, value in measure(rows, None).items()}


def resampled(rows: pd.DataFrame, measure: Measure, resamples: int = RESAMPLES, seed: int = 0) -> dict[str, Floats]:
    """Measure every resample: by metric, an array whose first axis is the resamples."""
    chunk = max(1, CHUNK_CELLS // max(1, len(rows)))
    counts = source_counts(rows, resamples, seed)
    parts = [measure(rows, counts.rows(start, start + chunk)) for start in range(0, resamples, chunk)]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


class SourceCounts:
    """How often each source was drawn in each resample, given out as weights of the rows."""

    def __init__(self, counts: NDArray[np.int16], codes: NDArray[np.int64]) -> None:
        """Take counts, shape (resamples, sources), and the source number of each row, shape (n,)."""
        self.counts, self.codes = counts, codes

    def rows(self, start: int, stop: int) -> Floats:
        """Give the weights of the rows in some resamples, shape (stop - start, n)."""
        return self.counts[start:stop, self.codes].astype(np.float64)


def source_counts(rows: pd.DataFrame, resamples: int, seed: int) -> SourceCounts:
    """Draw as many sources as there are from each stratum, with replacement; row order does not matter."""
    codes, names = pd.factorize(rows["source_group"], sort=True)
    strata = rows.groupby("source_group", sort=True)[list(STRATA)].first()
    random = np.random.default_rng(seed)
    counts = np.zeros((resamples, len(names)), np.int16)
    for _, members in sorted(strata.groupby(list(STRATA)).indices.items()):
        size = len(members)
        counts[:, members] = random.multinomial(size, np.full(size, 1 / size), resamples)
    return SourceCounts(counts, codes)


def _figure(value: float, samples: Floats) -> dict[str, float | None]:
    samples = samples[np.isfinite(samples)]
    if not np.isfinite(value) or not len(samples):
        return {"value": None, "low": None, "high": None}
    low, high = np.percentile(samples, [2.5, 97.5])
    return {"value": value, "low": float(low), "high": float(high)}
