"""The operating point of a network: calibration folded into its head, and a threshold; never from test sources."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

from training.making.calibration import choose_threshold, fit_platt

if TYPE_CHECKING:
    import keras


def fit_operating_point(logits: ArrayLike, labels: ArrayLike, sensitivity: float, where: str) -> dict[str, Any]:
    """Fit a Platt calibration and choose the threshold on one vote a source.

    Args:
        logits: of a network without calibration, shape (n,).
        labels: shape (n,), 1 for fractured.
        sensitivity: least sensitivity that the threshold is chosen for, 0..1.
        where: what these sources are, in words.

    Returns:
        The record's "threshold", "calibration" and "validation" (what was reached there).
    """
    values, truth = np.asarray(logits, np.float64), np.asarray(labels)
    temperature, shift = fit_platt(values, truth)
    probabilities = expit(values / temperature + shift)
    threshold = choose_threshold(probabilities, truth, sensitivity)
    verdicts = probabilities >= threshold
    return {
        "threshold": threshold,
        "calibration": {
            "method": "platt", "temperature": temperature, "shift": shift,
            "fitted_on": f"{where}: {len(truth)} sources, one image each",
            "aim": f"sensitivity of at least {sensitivity}",
        },
        "validation": {
            "sources": len(truth),
            "sensitivity": float(verdicts[truth == 1].mean()),
            "specificity": float((~verdicts[truth == 0]).mean()),
        },
    }  # fmt: skip


def uncalibrated(logits: NDArray[np.float64], calibration: dict[str, Any]) -> NDArray[np.float64]:
    """Undo a record's calibration: the logits before it, shape (n,)."""
    return (logits - calibration.get("shift", 0.0)) * calibration.get("temperature", 1.0)


def fold_into_head(network: "keras.Model", calibration: dict[str, Any], before: dict[str, Any] | None = None) -> None:
    """Make the network's own output calibrated, in place.

    Args:
        network: as `build_network` returns it.
        calibration: "temperature" and "shift", as `fit_operating_point` gives them.
        before: the calibration that the head has now, which is undone; None for none.
    """
    was = {"temperature": 1.0, "shift": 0.0} | (before or {})
    scale = was["temperature"] / calibration["temperature"]
    head = network.get_layer("probability")
    kernel, bias = head.get_weights()
    head.set_weights([kernel * scale, (bias - np.float32(was["shift"])) * scale + np.float32(calibration["shift"])])
