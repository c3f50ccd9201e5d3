"""DeLong and McNemar against statsmodels, scikit-learn and a count of all pairs."""

from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score
from statsmodels.stats.contingency_tables import mcnemar as reference_mcnemar

from bonexray.errors import BonexrayError
from training.judging.comparison import compare, delong, delong_covariance, differences, mcnemar
from training.judging.intervals import with_intervals
from training.judging.metrics import measure


def draw(seed: int, count: int = 80) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw labels and two correlated scores with ties."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, 2, count)
    shared = random.normal(size=count) + labels
    return labels, (shared + random.normal(size=count)).round(1), (shared + random.normal(size=count) + labels).round(1)


def test_delong_is_the_covariance_over_all_pairs() -> None:
    """The midranks give what the definition of 1988 gives when every pair is compared."""
    labels, *scores = draw(0)
    kernels = [
        (one[labels == 1][:, None] > one[labels == 0]) + 0.5 * (one[labels == 1][:, None] == one[labels == 0])
        for one in scores
    ]
    fractured, others = kernels[0].shape
    expected = np.cov([kernel.mean(1) for kernel in kernels]) / fractured
    expected += np.cov([kernel.mean(0) for kernel in kernels]) / others
    areas, covariance = delong_covariance(labels, scores)
    assert covariance == pytest.approx(expected)
    assert areas == pytest.approx([roc_auc_score(labels, one) for one in scores])


def test_delong_by_hand() -> None:
    """Placements 1, .5 and .5, 1 against 1, 1 and 1, 1: difference -.25, variance 2 * .125 / 2 = .125."""
    result = delong([1, 1, 0, 0], [0.9, 0.4, 0.5, 0.1], [0.9, 0.8, 0.5, 0.1])
    assert (result.first, result.second) == (0.75, 1.0)
    assert (result.low, result.high) == pytest.approx((-0.25 - 1.959964 * 0.125**0.5, -0.25 + 1.959964 * 0.125**0.5))
    assert result.p == pytest.approx(0.4795, abs=1e-4)


def test_delong_p_is_uniform_when_there_is_no_difference() -> None:
    """Two scores of one quality are called different at 5 % in about 5 of 100 samples."""
    rejected = 0
    for seed in range(400):
        random = np.random.default_rng(seed)
        labels = np.repeat([0, 1], 40)
        rejected += delong(labels, random.normal(labels), random.normal(labels)).p < 0.05
    assert 8 <= rejected <= 34


def test_scores_that_rank_alike_do_not_differ() -> None:
    """No variance: p is 1, not a division by zero."""
    labels, score, _ = draw(1)
    assert delong(labels, score, 2 * score + 1).p == 1.0


def test_delong_needs_two_of_each() -> None:
    """One fractured row has no variance."""
    with pytest.raises(BonexrayError, match="1 fractured and 2 other rows"):
        delong([1, 0, 0], [1, 2, 3], [1, 2, 3])


def test_mcnemar_is_that_of_statsmodels() -> None:
    """Exact, on the discordant rows."""
    labels, first, second = draw(2)
    verdicts = [(one > 0.8).astype(int) for one in (first, second)]
    right = [one == labels for one in verdicts]
    table = [[(a & b).sum() for b in (right[1], ~right[1])] for a in (right[0], ~right[0])]
    result = mcnemar(labels, *verdicts)
    assert (result.first_only, result.second_only) == (table[0][1], table[1][0])
    assert result.p == pytest.approx(reference_mcnemar(table, exact=True).pvalue)


def test_mcnemar_by_hand() -> None:
    """Five discordant rows, all for the first: 2 / 2**5; none at all: 1."""
    assert mcnemar([1] * 5 + [0], [1] * 6, [0] * 5 + [1]).p == pytest.approx(2 / 32)
    assert mcnemar([1, 0], [1, 1], [1, 1]).p == 1.0


def votes(seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Make two models' votes for the same sources, the second in another order."""
    labels, first, second = draw(seed)
    tables = []
    for score in (first, second):
        probability = 1 / (1 + np.exp(-score))
        names = [f"s{number}" for number in range(len(labels))]
        table = pd.DataFrame({"source_group": names, "label": labels, "probability": probability, "archive": "img"})
        tables.append(table.assign(fractured=probability > 0.6))
    return tables[0], tables[1].sample(frac=1, random_state=0)


def test_differences_are_paired() -> None:
    """The value is the difference of the metrics, its interval narrower than if the models had other patients."""
    first, second = votes(3)
    figure = differences(first, second, 500)["auroc"]
    alone = [with_intervals(one, measure, 500)["auroc"] for one in (first, second)]
    assert figure["value"] == pytest.approx(alone[0]["value"] - alone[1]["value"])
    widths = [one["high"] - one["low"] for one in alone]
    assert figure["high"] - figure["low"] < np.hypot(*widths)
    assert all(value == 0 for value in differences(first, first, 50)["brier"].values())


def test_only_what_both_were_measured_by_is_compared() -> None:
    """A baseline has no evidence that could lie on a mark."""
    first, second = votes(3)
    pointed = first.assign(peak_on_mark=1.0, marked_cells=0.1)
    plain = differences(first, second, 50)
    assert "peak_on_mark" not in plain
    assert differences(pointed, second, 50) == differences(first, second, 50) == plain
    assert differences(second, pointed, 50).keys() == plain.keys()
    assert differences(pointed, pointed, 50)["peak_on_mark"]["value"] == 0


def test_sources_of_nearly_one_label_are_compared_without_delong() -> None:
    """One fractured source has no variance of its AUROC; what needs none is still computed."""
    first, second = votes(5)
    keep = pd.concat([first[first["label"] == 1].head(1), first[first["label"] == 0]])["source_group"]
    compared = compare(*(one[one["source_group"].isin(keep)] for one in (first, second)), resamples=20)
    assert compared["delong"] is None
    assert compared["sources"] == len(keep)
    assert compared["mcnemar"]["p"] <= 1
    assert compare(first, second, 20)["delong"] == pytest.approx(
        asdict(delong(first["label"], *scores_of(first, second)))
    )


def scores_of(first: pd.DataFrame, second: pd.DataFrame) -> list[pd.Series]:
    """Give both models' probabilities in the order of the first."""
    return [one.set_index("source_group")["probability"][first["source_group"]] for one in (first, second)]


def test_different_sources_are_not_compared() -> None:
    """A source that one model did not see is named."""
    first, second = votes(4)
    with pytest.raises(BonexrayError, match="'s7' has one model's vote only"):
        differences(first, second[second["source_group"] != "s7"])
