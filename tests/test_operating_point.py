"""Calibration in the head: what goes in comes out, and nothing is calibrated twice."""

import keras
import numpy as np
import pytest
from scipy.special import expit, logit

from bonexray.errors import BonexrayError
from training.learning.logistic import fit_logistic
from training.learning.network import HEAD
from training.making.operating_point import fit_operating_point, fold_into_head, uncalibrated


@pytest.fixture
def network() -> keras.Model:
    """Return a head alone."""
    inputs = keras.Input((3,))
    network = keras.Model(inputs, keras.layers.Dense(1, activation="sigmoid", name=HEAD)(inputs))
    network.get_layer(HEAD).set_weights([np.array([[1.0], [-2.0], [0.5]]), np.array([0.25])])
    return network


def test_the_head_gives_the_calibrated_logit(network: keras.Model) -> None:
    """Logit / T + b, and a second calibration replaces the first."""
    features = np.random.default_rng(0).normal(size=(20, 3), scale=0.5).astype("float32")
    raw = logit(network.predict(features, verbose=0)[:, 0].astype(float))
    first, second = {"temperature": 2.0, "shift": -1.0}, {"temperature": 0.5, "shift": 1.0}
    fold_into_head(network, first)
    np.testing.assert_allclose(logit(network.predict(features, verbose=0)[:, 0]), raw / 2 - 1, atol=1e-4)
    np.testing.assert_allclose(uncalibrated(raw / 2 - 1, first), raw)
    fold_into_head(network, second, first)
    np.testing.assert_allclose(logit(network.predict(features, verbose=0)[:, 0]), raw * 2 + 1, atol=2e-3)


def test_the_operating_point_reaches_its_aim_where_it_is_fitted() -> None:
    """And says on what that was."""
    random = np.random.default_rng(1)
    labels = random.random(400) < 0.7
    logits = 3 * random.normal(size=400) + 4 * labels
    found = fit_operating_point(logits, labels, 0.95, "validation")
    calibrated = expit(logits / found["calibration"]["temperature"] + found["calibration"]["shift"])
    assert found["validation"]["sensitivity"] >= 0.95
    assert (calibrated[labels] >= found["threshold"]).mean() == found["validation"]["sensitivity"]
    assert calibrated.mean() == pytest.approx(labels.mean(), abs=0.02)
    assert found["calibration"]["fitted_on"] == "validation: 400 sources, one image each"


def test_the_head_starts_as_scikit_learns_regression_of_standardised_features() -> None:
    """A channel that never varies gets no weight that could explode."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    random = np.random.default_rng(2)
    labels = random.random(200) < 0.5
    features = np.column_stack([random.normal(size=(200, 4)) * [1, 5, 0.1, 2] + labels[:, None], np.full(200, 7.0)])
    kernel, bias = fit_logistic(features, labels, 0.1)
    trusted = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=1000)).fit(features, labels)
    np.testing.assert_allclose(features @ kernel + bias, trusted.decision_function(features), atol=1e-6)
    assert abs(kernel[-1]) < 1e-6


def test_a_head_is_not_fitted_on_one_label() -> None:
    """As few drawn images may have; the choice that draws more is named."""
    with pytest.raises(BonexrayError, match="images_per_epoch: the 2 images drawn share one label: expected both"):
        fit_logistic(np.zeros((2, 3)), np.ones(2), 0.1)
