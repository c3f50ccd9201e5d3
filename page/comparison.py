"""One radiograph, both networks: what they say, whether they agree, and the record of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bonexray import FractureClassifier, Prediction, __version__
from bonexray.checkpoint import hash_file
from bonexray.images import Grey, read_image
from page.models import Models, origin, title

WARNING = "Research software, not a medical device: it must not be used to decide about anyone's health."


@dataclass(frozen=True, eq=False)
class Comparison:
    """What both networks say of one image.

    Attributes:
        grey: the image, shape (H, W), 0..255.
        sha256: hash of the file as it was given.
        predictions: one a network, in the order of the page's columns.
        subject: what a link calls it, {"example": name} or {"shared": token}; empty for a visitor's own.
        simulated: whether a program drew the image.
    """

    grey: Grey
    sha256: str
    predictions: tuple[Prediction, ...]
    subject: dict[str, str] = field(default_factory=dict)
    simulated: bool = False

    @property
    def refused(self) -> bool:
        """Whether a network's gate says that the image is unlike those it was trained on."""
        return any(prediction.in_domain is False for prediction in self.predictions)


@dataclass(frozen=True)
class OperatingPoint:
    """Measured sensitivity and specificity at a threshold, 0..1."""

    threshold: float
    sensitivity: float
    specificity: float

    def percents(self) -> dict[str, str]:
        """Return the three as texts for a sentence."""
        return {name: f"{value:.0%}" for name, value in vars(self).items()}


def compare(path: Path, models: Models) -> Comparison:
    """Read one file and let both networks judge the same pixels.

    Raises:
        ImageError: the file is no image that can be read.
    """
    grey = read_image(path)
    return Comparison(grey, hash_file(path), tuple(model.predict(grey) for model in models))


def verdicts(comparison: Comparison, thresholds: Sequence[float]) -> list[bool]:
    """Return each network's verdict, True for fractured, at the thresholds that the visitor set."""
    pairs = zip(comparison.predictions, thresholds, strict=True)
    return [prediction.probability >= threshold for prediction, threshold in pairs]


def uncertain_band(model: FractureClassifier) -> tuple[float, float] | None:
    """Return the measured band of probabilities in which the network is often wrong, or None."""
    band = model.checkpoint.metrics.get("uncertain_band")
    return (band[0], band[1]) if band else None


def is_uncertain(prediction: Prediction, model: FractureClassifier) -> bool:
    """Say whether the probability lies in the network's uncertain band; False where none was measured."""
    band = uncertain_band(model)
    return band is not None and band[0] <= prediction.probability <= band[1]


def operating_point(model: FractureClassifier, threshold: float) -> OperatingPoint | None:
    """Return the measured point whose threshold is nearest, or None where nothing was measured."""
    points = model.checkpoint.metrics.get("operating_points") or []
    nearest = min(points, key=lambda point: abs(point["threshold"] - threshold), default=None)
    if nearest is None:
        return None
    return OperatingPoint(nearest["threshold"], nearest["sensitivity"], nearest["specificity"])


def describe(comparison: Comparison, models: Models, thresholds: Sequence[float]) -> dict[str, Any]:
    """Return the comparison as JSON types: each network's numbers, the agreement, and the warning."""
    decided = verdicts(comparison, thresholds)
    rows = zip(models, comparison.predictions, thresholds, decided, strict=True)
    height, width = comparison.grey.shape
    return {
        "models": [_describe_model(*row) for row in rows],
        "agreement": len(set(decided)) == 1,
        "in_domain": _known([prediction.in_domain for prediction in comparison.predictions]),
        "image": {"sha256": comparison.sha256, "width": width, "height": height},
        "bonexray": __version__,
        "warning": WARNING,
    }


def describe_models(models: Models) -> list[dict[str, Any]]:
    """Return what there is to know of each network before it has seen an image, as JSON types."""
    return [
        {
            "name": title(model),
            "source": origin(model),
            "revision": model.revision,
            "network_sha256": model.checkpoint.files["model.tflite"]["sha256"],
            "image_size": model.checkpoint.image_size,
            "threshold": model.threshold,
            "uncertain_band": uncertain_band(model),
            "calibration": model.checkpoint.calibration,
            "gate": model.checkpoint.gate is not None,
        }
        for model in models
    ]


def _known(answers: Sequence[bool | None]) -> bool | None:
    """False if any gate refuses, None if there is no gate, else True."""
    return False if False in answers else None if set(answers) == {None} else True


def _describe_model(
    model: FractureClassifier, prediction: Prediction, threshold: float, fractured: bool
) -> dict[str, Any]:
    cells = prediction.cells
    return {
        "name": title(model),
        "probability": prediction.probability,
        "threshold": threshold,
        "fractured": fractured,
        "uncertain": is_uncertain(prediction, model),
        "logit": prediction.logit,
        "evidence_cells": cells.tolist(),
        "in_domain": prediction.in_domain,
        "milliseconds": round(prediction.milliseconds, 2),
        "source": origin(model),
        "revision": model.revision,
        "network_sha256": model.checkpoint.files["model.tflite"]["sha256"],
    }
