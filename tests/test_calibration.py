"""Temperature and threshold, against scikit-learn and numbers worked by hand."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from bonexray.errors import BonexrayError
from training.making.calibration import TEMPERATURES, choose_threshold, fit_platt, threshold_band


def overconfident(count: int, temperature: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Draw logits whose labels follow sigmoid(logit / temperature)."""
    random = np.random.default_rng(seed)
    logits = random.normal(0, 4, count)
    return logits, (random.random(count) < 1 / (1 + np.exp(-logits / temperature))).astype(int)


def test_temperature_is_found_again() -> None:
    """Labels drawn at temperature 3 without a shift give about 3 and 0 back."""
    temperature, shift = fit_platt(*overconfident(20000, 3.0))
    assert temperature == pytest.approx(3.0, rel=0.1)
    assert shift == pytest.approx(0.0, abs=0.1)


def test_temperature_of_reversed_labels_stays_in_bounds() -> None:
    """Logits that say the opposite would push it to infinity."""
    logits, labels = overconfident(400, 1.0)
    assert fit_platt(logits, 1 - labels)[0] == pytest.approx(TEMPERATURES[1], rel=1e-3)


def test_platt_is_a_logistic_regression_on_smoothed_targets() -> None:
    """Each row counts as fractured by its smoothed target and as not fractured by the rest, in scikit-learn."""
    logits, labels = overconfident(300, 2.0, seed=5)
    fractured = labels.sum()
    target = np.where(labels == 1, (fractured + 1) / (fractured + 2), 1 / (300 - fractured + 2))
    reference = LogisticRegression(C=1e12, tol=1e-10)
    reference.fit(np.tile(logits, 2)[:, None], [1] * 300 + [0] * 300, sample_weight=[*target, *(1 - target)])
    temperature, shift = fit_platt(logits, labels)
    assert temperature == pytest.approx(1 / reference.coef_[0, 0], rel=1e-3)
    assert shift == pytest.approx(reference.intercept_[0], abs=1e-3)


def test_threshold_by_hand() -> None:
    """Three of four fractured lie at .6 or more; the next lower probability is .5, so .55 has sensitivity .75."""
    probabilities, labels = [0.9, 0.8, 0.7, 0.6, 0.5, 0.2, 0.1], [1, 1, 0, 1, 0, 1, 0]
    assert choose_threshold(probabilities, labels, 0.75) == pytest.approx(0.55)
    assert choose_threshold(probabilities, labels, 0.76) == pytest.approx(0.15)
    assert choose_threshold(probabilities, labels, 0.25) == pytest.approx(0.85)


def test_threshold_at_the_lowest_probability_halves_it() -> None:
    """Nothing lies below the last fractured image but zero."""
    assert choose_threshold([0.9, 0.4], [0, 1], 1.0) == pytest.approx(0.2)


def test_threshold_takes_a_tie_whole() -> None:
    """Tied images are caught together: the threshold never falls on one of them."""
    threshold = choose_threshold([0.8, 0.5, 0.5, 0.5, 0.1], [1, 1, 1, 0, 0], 0.6)
    assert threshold == pytest.approx(0.3)


@pytest.mark.parametrize("sensitivity", [0.5, 0.9, 0.95, 1.0])
def test_threshold_is_the_highest_with_its_sensitivity(sensitivity: float) -> None:
    """A brute-force search over every cut finds no higher one that still suffices."""
    random = np.random.default_rng(3)
    probabilities, labels = random.random(200).round(2), random.integers(0, 2, 200)
    threshold = choose_threshold(probabilities, labels, sensitivity)
    fractured = probabilities[labels == 1]
    best = max(cut for cut in np.unique(probabilities) if (fractured >= cut).mean() >= sensitivity)
    assert (probabilities >= threshold).tolist() == (probabilities >= best).tolist()


def test_a_share_that_is_met_exactly_suffices() -> None:
    """7 of 100 are .07 of them, though .07 * 100 is a little more than 7 in floating point: it must not ask for 8."""
    probabilities = np.arange(1, 102) / 102
    for share in (0.07, 0.14, 0.28, 0.55, 0.56):
        assert share * 100 > round(share * 100)
        least = choose_threshold(probabilities, [0] + [1] * 100, share)
        assert (probabilities >= least).sum() == round(100 * share)


def test_band_holds_the_threshold_and_narrows_with_more_patients() -> None:
    """The interval surrounds the chosen threshold; ten times the sources make it smaller."""
    widths = []
    for count in (100, 1000):
        logits, labels = overconfident(count, 2.0, seed=count)
        probabilities = 1 / (1 + np.exp(-logits / 2))
        low, high = threshold_band(probabilities, labels, 0.9, resamples=200)
        assert low <= choose_threshold(probabilities, labels, 0.9) <= high
        widths.append(high - low)
    assert widths[1] < widths[0] / 2


def test_band_can_be_that_of_a_smaller_part() -> None:
    """The same votes give a wider band for a validation part of 60 than for one of their own size."""
    logits, labels = overconfident(1000, 2.0, seed=3)
    probabilities = 1 / (1 + np.exp(-logits / 2))
    whole = threshold_band(probabilities, labels, 0.9, resamples=200)
    small = threshold_band(probabilities, labels, 0.9, resamples=200, sizes=(30, 30))
    assert small[0] < whole[0] < whole[1] < small[1]


@pytest.mark.parametrize(("arguments", "message"), [
    (([0.1, 0.2], [1, 1]), r"labels \[1.0\]: expected both 0 and 1"),
    (([0.1, np.nan], [0, 1]), "score nan: expected finite"),
    (([0.1, 0.2, 0.3], [0, 1]), r"scores \(3,\), labels \(2,\)"),
    (([0.1, 0.2], [0, 1], 1.5), "sensitivity 1.5: expected above 0"),
])  # fmt: skip
def test_bad_input_is_named(arguments: tuple, message: str) -> None:
    """One line names the value and what was expected."""
    with pytest.raises(BonexrayError, match=message):
        choose_threshold(*arguments)
