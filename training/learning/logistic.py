"""The convex fit that a head begins with."""

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from bonexray.errors import BonexrayError


def fit_logistic(features: NDArray[np.float64], labels: NDArray, strength: float) -> tuple[NDArray[np.float64], float]:
    """Fit kernel (channels,) and bias of a logistic regression with an L2 penalty on the standardised features.

    Args:
        features: shape (n, channels).
        labels: shape (n,), 1 for fractured.
        strength: inverse of the penalty, as scikit-learn's C.

    Raises:
        BonexrayError: all labels are the same, as they may be where few images are drawn.
    """
    if len(np.unique(labels)) < 2:
        raise BonexrayError(f"images_per_epoch: the {len(labels)} images drawn share one label: expected both")
    scaler = StandardScaler().fit(features)
    scale = np.maximum(scaler.scale_, 1e-3)  # channels that hardly vary would get huge weights
    model = LogisticRegression(C=strength, max_iter=1000).fit((features - scaler.mean_) / scale, labels)
    kernel = model.coef_[0] / scale
    return kernel, float(model.intercept_[0] - scaler.mean_ @ kernel)
