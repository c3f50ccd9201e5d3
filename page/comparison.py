"""One radiograph, both networks: what they say, whether they agree, and the record of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bonexray import FractureClassifier, Prediction, __version__
from bonexray.checkpoint import hash_file
from bonexray.images import read_picture
from page.domain import known
from page.models import Models, network_hash, origin, title
from page.overlay import SHOWN_SIDE, shown

WARNING = "A demonstration, not a medical device: it must not be used to decide about anyone's health."
THUMBNAIL = 240  # pixels a side
DECIMALS = 3  # of a threshold that a visitor sets
KINDS = ("sensitivity", "specificity")


@dataclass(frozen=True, eq=False)
class Comparison:
    """What both networks say of one image.

    Attributes:
        pixels: the image as it is shown, uint8, reduced to at most `SHOWN_SIDE` a side; nothing larger is kept.
        size: (width, height) of the image as it was given.
        sha256: hash of the file as it was given.
        predictions: one a network, in the order of the page's columns; their maps are as large as `pixels`.
        subject: what a link calls it, {"example": name} or {"shared": token}; empty for a visitor's own.
        simulated: whether a program drew the image.
    """

    pixels: NDArray[np.uint8]
    size: tuple[int, int]
    sha256: str
    predictions: tuple[Prediction, ...]
    subject: dict[str, str] = field(default_factory=dict)
    simulated: bool = False

    @property
    def refused(self) -> bool:
        """Whether a network's gate says that the image is unlike those it was trained on."""
        return any(prediction.in_domain is False for prediction in self.predictions)

    @cached_property
    def thumbnail(self) -> "Comparison":
        """The same, small enough to be sent anew at every move of a threshold."""
        pixels = np.asarray(shown(self.pixels, THUMBNAIL))
        return replace(self, pixels=pixels, predictions=_mapped_to(self.predictions, pixels))


@dataclass(frozen=True)
class Share:
    """A share of sources, 0..1, with its 95 % interval where one was measured."""

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class OperatingPoint:
    """Measured sensitivity and specificity at a threshold."""

    threshold: float
    sensitivity: Share
    specificity: Share


def compare(path: Path, models: Models) -> Comparison:
    """Let both networks judge one file, and keep of it what the page shows.

    Raises:
        ImageError: the file is no image that can be read.
    """
    picture = read_picture(path, max(SHOWN_SIDE, *(model.decoded_side for model in models)))
    pixels = np.asarray(shown(picture.grey))
    predictions = tuple(model.predict(picture) for model in models)
    return Comparison(pixels, (picture.shape[1], picture.shape[0]), hash_file(path), _mapped_to(predictions, pixels))


def verdicts(comparison: Comparison, thresholds: Sequence[float]) -> list[bool]:
    """Return each network's verdict, True for fractured, at the thresholds that the visitor set."""
    pairs = zip(comparison.predictions, thresholds, strict=True)
    return [prediction.probability >= threshold for prediction, threshold in pairs]


def exact(thresholds: Sequence[float], models: Models) -> tuple[float, ...]:
    """Return each network's own threshold for a slider that stands there: sliders know only three decimals."""
    pairs = zip(thresholds, models, strict=True)
    return tuple(model.threshold if value == round(model.threshold, DECIMALS) else value for value, model in pairs)


def uncertain_band(model: FractureClassifier, threshold: float) -> tuple[float, float] | None:
    """Return the band within which the network's own threshold is uncertain; None at any other, or if not measured."""
    band = model.checkpoint.metrics.get("uncertain_band")
    return (band[0], band[1]) if band and threshold == model.threshold else None


def is_uncertain(prediction: Prediction, model: FractureClassifier, threshold: float) -> bool:
    """Say whether the probability lies in the uncertain band around the threshold; False where there is none."""
    band = uncertain_band(model, threshold)
    return band is not None and band[0] <= prediction.probability <= band[1]


def operating_point(model: FractureClassifier, threshold: float) -> OperatingPoint | None:
    """Return the measured point whose threshold is nearest, or None where nothing was measured.

    At the network's own threshold it is what the evaluation says of the network, as in every table of it.
    """
    published = model.checkpoint.metrics.get("per_source") or {}
    known = [one for kind in KINDS if (one := published.get(kind, {})).get("value") is not None]
    if len(known) == len(KINDS) and threshold == model.threshold:
        return OperatingPoint(threshold, *(Share(one["value"], one.get("low"), one.get("high")) for one in known))
    points = model.checkpoint.metrics.get("operating_points") or []
    nearest = min(points, key=lambda point: abs(point["threshold"] - threshold), default=None)
    if nearest is None:
        return None
    return OperatingPoint(nearest["threshold"], *(_share(nearest, kind) for kind in KINDS))


def describe(comparison: Comparison, models: Models, thresholds: Sequence[float]) -> dict[str, Any]:
    """Return the comparison as JSON types: each network's numbers, the agreement, and the warning."""
    decided = verdicts(comparison, thresholds)
    rows = zip(models, comparison.predictions, thresholds, decided, strict=True)
    width, height = comparison.size
    return {
        "models": [_describe_model(*row) for row in rows],
        "agreement": len(set(decided)) == 1,
        "in_domain": known(comparison.predictions),
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
            "network_sha256": network_hash(model),
            "image_size": model.checkpoint.image_size,
            "threshold": model.threshold,
            "uncertain_band": uncertain_band(model, model.threshold),
            "calibration": model.checkpoint.calibration,
            "gate": model.checkpoint.gate is not None,
        }
        for model in models
    ]


def _share(point: dict[str, float], kind: str) -> Share:
    return Share(point[kind], point.get(f"{kind}_low"), point.get(f"{kind}_high"))


def _mapped_to(predictions: Sequence[Prediction], pixels: NDArray[np.uint8]) -> tuple[Prediction, ...]:
    """Have the evidence maps drawn as large as these pixels: bilinear between cells, no detail is lost."""
    return tuple(replace(prediction, shape=pixels.shape) for prediction in predictions)


def _describe_model(
    model: FractureClassifier, prediction: Prediction, threshold: float, fractured: bool
) -> dict[str, Any]:
    return {
        "name": title(model),
        "probability": prediction.probability,
        "threshold": threshold,
        "fractured": fractured,
        "uncertain": is_uncertain(prediction, model, threshold),
        "logit": prediction.logit,
        "evidence_cells": prediction.cells.tolist(),
        "in_domain": prediction.in_domain,
        "domain_score": prediction.domain_score,
        "domain_reason": prediction.domain_reason,
        "milliseconds": round(prediction.milliseconds, 2),
        "source": origin(model),
        "revision": model.revision,
        "network_sha256": network_hash(model),
    }
