"""Metrics against scikit-learn and numbers worked by hand."""

import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import calibration_curve
from sklearn.metrics import accuracy_score, balanced_accuracy_score, brier_score_loss, recall_score, roc_auc_score

from training.judging import metrics


def draw(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw labels, scores with ties that lean towards the label, and whole weights."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, 2, count).astype(float)
    scores = np.clip(random.random(count) * 0.7 + 0.3 * labels, 0, 1).round(2)
    return labels, scores, random.integers(0, 4, count).astype(float)


def test_auroc_is_that_of_scikit_learn_with_ties_and_weights() -> None:
    """Each row of weights gives what scikit-learn gives for it alone."""
    labels, scores, weights = draw(300)
    both = np.stack([weights, np.ones(300)])
    expected = [roc_auc_score(labels, scores, sample_weight=weights), roc_auc_score(labels, scores)]
    assert metrics.auroc(labels, scores, both) == pytest.approx(expected)


def test_matched_auroc_by_hand() -> None:
    """Archive a: 3 of 4 pairs in order; b: a tie; c has one label. (3 + .5) / 5, though overall it is higher."""
    labels = np.array([1, 1, 0, 0, 1, 0, 0.0])
    scores = np.array([0.9, 0.5, 0.6, 0.1, 0.8, 0.8, 0.0])
    archives = ["a", "a", "a", "a", "b", "b", "c"]
    assert metrics.auroc_matched(labels, scores, archives, np.ones(7)) == pytest.approx(3.5 / 5)
    inside = metrics.auroc_inside(labels, scores, archives, np.ones(7))
    assert {name: float(value) for name, value in inside.items()} == {"auroc_in_a": 0.75, "auroc_in_b": 0.5}
    assert metrics.auroc(labels, scores, np.ones(7)) == pytest.approx(9.5 / 12)


def test_matched_auroc_ignores_what_only_tells_the_archive() -> None:
    """A score that is the archive itself is no better than chance, although overall it predicts the label."""
    labels = np.array([1] * 8 + [0] * 2 + [1] * 2 + [0] * 8, float)
    archives = np.array(["web"] * 10 + ["img"] * 10)
    scores = (archives == "web").astype(float)
    assert metrics.auroc(labels, scores, np.ones(20)) == pytest.approx(0.8)
    assert metrics.auroc_matched(labels, scores, archives, np.ones(20)) == pytest.approx(0.5)


def test_no_pair_gives_no_auroc() -> None:
    """Archives of one label each, or of no name, leave nothing to compare: NaN, not what looks like a result."""
    labels, scores = np.array([1.0, 0.0]), np.array([0.7, 0.2])
    assert np.isnan(metrics.auroc_matched(labels, scores, ["a", "b"], np.ones(2)))
    assert np.isnan(metrics.auroc_matched(labels, scores, ["", ""], np.ones(2)))
    assert np.isnan(metrics.auroc_matched(labels, scores, ["", ""], np.ones((5, 2)))).tolist() == [True] * 5
    assert np.isnan(metrics.auroc(labels, scores, np.array([1.0, 0.0])))


def test_verdict_metrics_are_those_of_scikit_learn() -> None:
    """Sensitivity, specificity and both accuracies, with weights."""
    labels, scores, weights = draw(200, seed=1)
    verdicts = (scores >= 0.4).astype(float)
    rows = pd.DataFrame({"label": labels, "probability": scores, "fractured": verdicts == 1, "archive": "x"})
    found = metrics.measure(rows, weights)
    expected = {
        "sensitivity": recall_score(labels, verdicts, sample_weight=weights),
        "specificity": recall_score(labels, verdicts, pos_label=0, sample_weight=weights),
        "accuracy": accuracy_score(labels, verdicts, sample_weight=weights),
        "balanced_accuracy": balanced_accuracy_score(labels, verdicts, sample_weight=weights),
        "brier": brier_score_loss(labels, scores, sample_weight=weights),
        "calibration_in_the_large": np.average(scores - labels, weights=weights),
    }
    assert {name: float(found[name]) for name in expected} == pytest.approx(expected)


def test_verdicts_inside_archives_by_hand() -> None:
    """Archive a finds 1 of 2 and clears 1 of 1; b has no fractured and clears 1 of 2; no name, no figure."""
    labels, verdicts = np.array([1, 1, 0, 0, 0, 1.0]), np.array([1, 0, 0, 1, 0, 0.0])
    found = metrics.verdicts_inside(labels, verdicts, ["a", "a", "a", "b", "b", ""], np.ones(6))
    expected = {"sensitivity_in_a": 0.5, "specificity_in_a": 1.0, "specificity_in_b": 0.5}
    assert {name: float(value) for name, value in found.items()} == expected


def test_predictive_values_by_hand() -> None:
    """Of 1,000 patients with 100 fractures, .9 and .8 find 90 and raise 180 false alarms, and clear 720 of 730."""
    assert metrics.ppv(0.9, 0.8, 0.1) == pytest.approx(90 / 270)
    assert metrics.npv(0.9, 0.8, 0.1) == pytest.approx(720 / 730)


def test_calibration_error_by_hand() -> None:
    """Two bins: .2 against 1/2 over four rows, .9 against 1 over one; 1.0 belongs to the last bin."""
    labels, probabilities = np.array([0, 1, 0, 1, 1.0]), np.array([0.2, 0.2, 0.2, 0.2, 0.9])
    assert metrics.expected_calibration_error(labels, probabilities, np.ones(5)) == pytest.approx((4 * 0.3 + 0.1) / 5)
    assert metrics.bin_index(np.array([0, 0.1, 0.9999, 1.0]), 10).tolist() == [0, 1, 9, 9]


def test_calibration_error_agrees_with_the_curve_of_scikit_learn() -> None:
    """The same bins of equal width, weighted by their counts."""
    labels, probabilities, _ = draw(500, seed=2)
    probabilities = probabilities * 0.98 + 0.003  # off the edges, which scikit-learn closes on the other side
    shares, means = calibration_curve(labels, probabilities, n_bins=10)
    counts = np.unique(metrics.bin_index(probabilities, 10), return_counts=True)[1]
    expected = np.average(np.abs(shares - means), weights=counts)
    assert metrics.expected_calibration_error(labels, probabilities, np.ones(500)) == pytest.approx(expected)


def test_weights_count_as_copies() -> None:
    """Every metric of weighted rows is the metric of rows written out that often."""
    labels, scores, weights = draw(120, seed=3)
    rows = pd.DataFrame({"label": labels, "probability": scores, "fractured": scores >= 0.5})
    rows["archive"] = np.where(np.arange(120) % 3 == 0, "img", "web")
    weighted = metrics.measure(rows, weights)
    copies = metrics.measure(rows.loc[rows.index.repeat(weights.astype(int))])
    assert {name: float(value) for name, value in weighted.items()} == pytest.approx(
        {name: float(value) for name, value in copies.items()}
    )
