"""The curves against scikit-learn and numbers worked by hand."""

import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import calibration_curve
from sklearn.metrics import confusion_matrix, precision_recall_curve, precision_score, roc_curve

from training.judging import curves


def draw(count: int = 120) -> pd.DataFrame:
    """Draw one vote each of `count` sources, probabilities with ties."""
    random = np.random.default_rng(0)
    label = np.arange(count) % 3 > 0
    probability = np.clip(random.random(count) * 0.6 + 0.3 * label, 0.004, 0.996).round(2) + 0.001
    return pd.DataFrame(
        {
            "source_group": [f"s{number}" for number in range(count)],
            "archive": np.where(np.arange(count) % 2, "img", "web"),
            "label": label.astype(int),
            "probability": probability,
            "fractured": probability >= 0.5,
        }
    )


def assert_in_band(table: pd.DataFrame, name: str) -> None:
    """The band surrounds the curve and is not everywhere shut."""
    inside = table.dropna()
    assert (inside[f"{name}_low"] <= inside[name] + 1e-9).all()
    assert (inside[name] <= inside[f"{name}_high"] + 1e-9).all()
    assert (inside[f"{name}_high"] > inside[f"{name}_low"]).any()


def test_operating_points_count_at_each_threshold() -> None:
    """At .5 and .25, what counting by hand gives; at 0 all are called, at 1 none, and then no share is right."""
    rows = draw()
    table = curves.operating_points(rows, 50).set_index("threshold")
    for threshold in (0.0, 0.25, 0.5):
        called = rows["probability"] >= threshold
        assert table.loc[threshold, "sensitivity"] == called[rows["label"] == 1].mean()
        assert table.loc[threshold, "specificity"] == (~called[rows["label"] == 0]).mean()
        assert table.loc[threshold, "precision"] == pytest.approx(precision_score(rows["label"], called))
    benefit = curves.decision_curve(rows, 50).set_index("threshold")["net_benefit"]
    assert table["net_benefit"].iloc[:-1].to_numpy() == pytest.approx(benefit.to_numpy())
    assert table[["precision", "precision_high", "net_benefit", "net_benefit_low"]].iloc[-1].isna().all()
    for name in ("sensitivity", "specificity", "precision", "net_benefit"):
        assert_in_band(table, name)


def test_reliability_is_that_of_scikit_learn() -> None:
    """Shares and means in the bins that hold anything."""
    rows = draw()
    table = curves.reliability(rows, resamples=50)
    shares, means = calibration_curve(rows["label"], rows["probability"], n_bins=10)
    assert table["fractured"].to_numpy() == pytest.approx(shares)
    assert table["probability"].to_numpy() == pytest.approx(means)
    assert table["count"].sum() == len(rows)
    assert_in_band(table, "fractured")


def test_roc_is_that_of_scikit_learn() -> None:
    """Read off at the same false alarm rates."""
    rows = draw()
    table = curves.roc(rows, 50)
    alarms, found, _ = roc_curve(rows["label"], rows["probability"], drop_intermediate=False)
    inner = table["false_alarms"] > 0
    assert table["sensitivity"][inner].to_numpy() == pytest.approx(np.interp(curves.GRID, alarms, found)[inner])
    assert_in_band(table, "sensitivity")


def test_precision_and_recall_are_those_of_scikit_learn() -> None:
    """At the highest threshold that reaches each sensitivity."""
    rows = draw()
    table = curves.precision_recall(rows, 50)
    precision, recall, _ = precision_recall_curve(rows["label"], rows["probability"])
    first = [np.flatnonzero(recall >= wanted - 1e-9)[-1] for wanted in table["sensitivity"]]
    assert table["precision"].to_numpy() == pytest.approx(precision[first])
    assert table["sensitivity"].iloc[-1] == 1
    assert_in_band(table, "precision")


def test_net_benefit_by_hand() -> None:
    """Ten patients, five fractured: at .2, four found and two false alarms give .4 - .2 * .25."""
    probability = [0.9, 0.8, 0.7, 0.3, 0.1, 0.6, 0.2, 0.1, 0.1, 0.05]
    rows = draw(10).assign(label=[1] * 5 + [0] * 5, probability=probability)
    table = curves.decision_curve(rows, 50).set_index("threshold")
    assert table.loc[0.2, "net_benefit"] == pytest.approx(0.4 - 0.2 * 0.25)
    assert table.loc[0.2, "act_on_all"] == pytest.approx(0.5 - 0.5 * 0.25)
    assert table.loc[0.0, "net_benefit"] == pytest.approx(0.5)
    assert_in_band(table, "net_benefit")


def test_confusion_is_that_of_scikit_learn() -> None:
    """Truth in rows, verdict in columns."""
    rows = draw()
    assert curves.confusion(rows).tolist() == confusion_matrix(rows["label"], rows["fractured"]).tolist()
