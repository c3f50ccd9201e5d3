"""The bootstrap over sources."""

import time

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from training.judging.comparison import delong_covariance
from training.judging.intervals import source_counts, with_intervals
from training.judging.metrics import measure


def draw(sources: int, images: int = 1, seed: int = 0) -> pd.DataFrame:
    """Draw predictions of `sources` patients, `images` of each, in two archives."""
    random = np.random.default_rng(seed)
    group = np.repeat(np.arange(sources), images)
    label = (group % 2).astype(int)
    logit = np.repeat(random.normal(2 * (np.arange(sources) % 2) - 1, 1.5), images)
    probability = 1 / (1 + np.exp(-logit))
    return pd.DataFrame(
        {
            "source_group": [f"s{number:04d}" for number in group],
            "archive": np.where(group % 5 < 2, "img", "web"),
            "label": label,
            "probability": probability,
            "fractured": probability >= 0.5,
        }
    )


def test_a_resample_keeps_each_stratum_and_whole_sources() -> None:
    """As many sources of each archive and label as there are; images of one source always count alike."""
    rows = draw(60, images=3)
    weights = source_counts(rows, 50, seed=1).rows(0, 50)
    strata = rows.groupby(["archive", "label"]).indices
    for members in strata.values():
        assert (weights[:, members].sum(1) == len(members)).all()
    by_source = weights.reshape(50, 60, 3)
    assert (by_source == by_source[..., :1]).all()
    assert len(np.unique(weights, axis=0)) == 50


def test_resamples_belong_to_the_sources_not_to_row_order() -> None:
    """Shuffled rows give the same figures, another seed gives others."""
    rows = draw(40)
    figures = with_intervals(rows, measure, 100, seed=0)
    shuffled = with_intervals(rows.sample(frac=1, random_state=1), measure, 100, seed=0)
    assert shuffled["brier"] == pytest.approx(figures["brier"])
    assert with_intervals(rows, measure, 100, seed=1)["brier"] != figures["brier"]


def test_chunks_do_not_change_the_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights held seven at a time give what they give at once."""
    rows = draw(30)
    whole = with_intervals(rows, measure, 40)
    monkeypatch.setattr("training.judging.intervals.CHUNK_CELLS", 7 * 30)
    parts = with_intervals(rows, measure, 40)
    assert all(parts[name] == pytest.approx(figure) for name, figure in whole.items())


def test_interval_is_as_wide_as_theory_says() -> None:
    """A sensitivity of share p over n sources: about 1.96 sqrt(p (1 - p) / n) to each side."""
    rows = draw(800, seed=4)
    figure = with_intervals(rows, measure)["sensitivity"]
    value, low, high = figure["value"], figure["low"], figure["high"]
    assert value is not None and low is not None and high is not None
    assert low < value < high
    assert high - low == pytest.approx(2 * 1.96 * np.sqrt(value * (1 - value) / 400), rel=0.1)


def test_ends_are_those_of_the_binomial_law_and_of_delong() -> None:
    """In one stratum a resampled share is binomial, as scipy has it; the AUROC's spread is what DeLong computes."""
    rows = draw(400, seed=6).assign(archive="img")
    figures = with_intervals(rows, measure)
    share, fractured = figures["sensitivity"], 200
    assert share["value"] is not None
    expected = binom.ppf([0.025, 0.975], fractured, share["value"]) / fractured
    assert [share["low"], share["high"]] == pytest.approx(expected, abs=1.5 / fractured)
    area, covariance = delong_covariance(rows["label"], [rows["probability"]])
    reach = 1.96 * np.sqrt(covariance[0, 0])
    assert [figures["auroc"]["low"], figures["auroc"]["high"]] == pytest.approx(
        [area[0] - reach, area[0] + reach], abs=0.005
    )


def test_copies_of_a_source_do_not_narrow_the_interval() -> None:
    """Ten identical images a source carry no more than one."""
    one, ten = (with_intervals(draw(60, images), measure, 400)["auroc"] for images in (1, 10))
    assert ten == pytest.approx(one)


def test_what_is_not_defined_is_none() -> None:
    """Rows of one label have no AUROC, and the JSON says so."""
    figures = with_intervals(draw(40).query("label == 1"), measure, 20)
    assert figures["auroc"] == {"value": None, "low": None, "high": None}
    assert figures["sensitivity"]["value"] is not None


def test_two_thousand_resamples_take_seconds() -> None:
    """Of 430 sources, every metric."""
    start = time.perf_counter()
    with_intervals(draw(430), measure)
    assert time.perf_counter() - start < 10
