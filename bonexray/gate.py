"""The domain gate: says when a picture is not like the radiographs that a network was trained on."""

from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from bonexray.appearance import COUNT
from bonexray.arrays import read_array, write_array
from bonexray.errors import CheckpointError
from bonexray.picture import Picture

Floats = NDArray[np.float32]

REASONS = {
    "blank": "The picture is blank, or nearly so.",
    "colour": "The picture is in colour; radiographs are grey.",
    "size": "The picture is too small or too narrow to judge.",
    "facts": "Its grey levels and edges are unlike those of radiographs.",
    "features": "The network finds it unlike the radiographs that it was trained on.",
}
FLOOR = 1e-6  # keeps a division finite where a picture is perfectly blank
CLIP = 6.0  # standard deviations: one wild fact must not decide alone
SOFTENING = 20.0  # brings unit-length features to about the scale of standardised facts


class Verdict(NamedTuple):
    """What the gate says of a picture.

    Attributes:
        in_domain: whether it may be judged.
        score: its distance in units of the limit; above 1 it is refused.
        reason: a key of `REASONS` where it is refused, else None.
    """

    in_domain: bool
    score: float
    reason: str | None


@dataclass(frozen=True)
class Gaussian:
    """A normal distribution with a few principal directions and one variance for all others (PPCA).

    Tipping and Bishop, Probabilistic principal component analysis, J. R. Stat. Soc. B 61, 1999.

    Attributes:
        mean: shape (n,).
        directions: orthonormal rows, shape (k, n).
        variances: along the directions, shape (k,).
        rest: variance along every other direction.
    """

    mean: Floats
    directions: Floats
    variances: Floats
    rest: float

    def distance(self, values: Floats) -> Floats:
        """Mahalanobis distance of `values` (..., n), shape (...), divided by the root of n."""
        centred = values - self.mean
        along = centred @ self.directions.T
        beside = np.maximum((centred**2).sum(-1) - (along**2).sum(-1), 0)
        return np.sqrt(((along**2 / self.variances).sum(-1) + beside / self.rest) / len(self.mean))

    @classmethod
    def read(cls, record: dict[str, Any], length: int) -> Self:
        """Read it from `classifier.json`, for values of a known length."""
        count = record["variances"]["shape"][0]
        mean, variances = read_array(record["mean"], (length,)), read_array(record["variances"], (count,))
        gaussian = cls(mean, read_array(record["directions"], (count, length)), variances, record["rest"])
        if not (variances > 0).all():
            raise CheckpointError("the gate has a variance that is not positive")
        return gaussian

    def record(self) -> dict[str, Any]:
        """Return it as plain values for `classifier.json`."""
        arrays = {"mean": self.mean, "directions": self.directions, "variances": self.variances}
        return {**{name: write_array(values) for name, values in arrays.items()}, "rest": self.rest}


@dataclass(frozen=True)
class Contrast:
    """Log odds of a picture that was generated against a radiograph, linear in features and facts.

    Attributes:
        weights: shape (channels + COUNT,).
        bias: added to the product.
    """

    weights: Floats
    bias: float

    def odds(self, values: Floats) -> Floats:
        """Log odds of `values` (..., channels + COUNT), as `Gate.inputs` joins them, shape (...)."""
        return values @ self.weights + np.float32(self.bias)


@dataclass(frozen=True)
class Gate:
    """Everything that the gate knows; `training.gate` fits it, `classifier.json` keeps it.

    Attributes:
        mean: of the facts of the training radiographs, shape (COUNT,).
        scale: standard deviation of the same, shape (COUNT,).
        facts: distribution of the standardised facts.
        features: distribution of the features brought to unit length.
        contrast: radiographs against generated pictures.
        steepness: how much the log odds of `contrast` add to the logarithm of the distance.
        limits: "features", "facts" (largest distances), "colour" (largest colourfulness), "spread" (least
            standard deviation, grey levels), "side" (least shorter side, pixels), "aspect" (largest long / short).
    """

    mean: Floats
    scale: Floats
    facts: Gaussian
    features: Gaussian
    contrast: Contrast
    steepness: float
    limits: dict[str, float]

    @classmethod
    def read(cls, record: dict[str, Any], channels: int) -> Self:
        """Read the "gate" of `classifier.json`, already held against the schema.

        Raises:
            CheckpointError: an array is damaged, not finite, or does not fit the network.
        """
        scale, contrast = read_array(record["scale"], (COUNT,)), record["contrast"]
        if not (scale > 0).all():
            raise CheckpointError("the gate has a scale that is not positive")
        return cls(
            mean=read_array(record["mean"], (COUNT,)),
            scale=scale,
            facts=Gaussian.read(record["facts"], COUNT),
            features=Gaussian.read(record["features"], channels),
            contrast=Contrast(read_array(contrast["weights"], (channels + COUNT,)), contrast["bias"]),
            steepness=record["steepness"],
            limits=record["limits"],
        )

    def record(self) -> dict[str, Any]:
        """Return it as plain values for `classifier.json`."""
        return {
            "mean": write_array(self.mean), "scale": write_array(self.scale),
            "facts": self.facts.record(), "features": self.features.record(),
            "contrast": {"weights": write_array(self.contrast.weights), "bias": self.contrast.bias},
            "steepness": self.steepness, "limits": self.limits,
        }  # fmt: skip

    def judge(self, picture: Picture, features: Floats) -> Verdict:
        """Compare a picture, and the network's features of it, shape (channels,), with the training radiographs."""
        looks = picture.looks
        standard = standardise(looks.facts, self.mean, self.scale)
        short, long = sorted(picture.shape)
        distances = {
            "size": max(self.limits["side"] / short, long / short / self.limits["aspect"]),
            "blank": self.limits["spread"] / max(looks.spread, FLOOR),
            "colour": picture.colourfulness / self.limits["colour"],
            "facts": float(self.facts.distance(standard)) / self.limits["facts"],
            "features": float(self.distance(unit(features), standard)) / self.limits["features"],
        }
        first = next((reason for reason in ("size", "blank", "colour") if distances[reason] > 1), None)
        reason = first or max(distances, key=lambda name: distances[name])
        score = distances[reason]
        return Verdict(score <= 1, score, reason if score > 1 else None)

    def distance(self, features: Floats, standard: Floats) -> Floats:
        """Distance by features, tilted by the contrast.

        Args:
            features: of unit length, shape (..., channels).
            standard: standardised facts, shape (..., COUNT).
        """
        odds = np.clip(self.contrast.odds(join(features, standard)) * self.steepness, -5, 5)
        return self.features.distance(features) * np.exp(odds)


def unit(features: Floats) -> Floats:
    """Bring features (..., channels) to length 1: their length goes with contrast, their direction with content."""
    return features / np.maximum(np.linalg.norm(features, axis=-1, keepdims=True), np.float32(FLOOR))


def standardise(values: Floats, mean: Floats, scale: Floats) -> Floats:
    """Centre and scale facts (..., COUNT), clipped."""
    return np.clip((values - mean) / scale, -CLIP, CLIP)


def join(features: Floats, standard: Floats) -> Floats:
    """Join unit features and standardised facts into what `Contrast` weighs, shape (..., channels + COUNT)."""
    return np.concatenate([SOFTENING * features, standard], axis=-1)
