"""What a network's threshold trades, as numbers: all computed from the operating points in its checkpoint."""

from typing import Any, NamedTuple

from bonexray import FractureClassifier
from page.texts import TEXTS, translate

Point = dict[str, Any]  # an operating point as `classifier.json` holds it
NONE = 1e-9  # a share of the sources that is as good as none


class Counts(NamedTuple):
    """How many sources were measured, and how many of them are fractured."""

    sources: int
    fractured: int

    @property
    def prevalence(self) -> float:
        """The share of fractured sources."""
        return self.fractured / self.sources


def counts(model: FractureClassifier) -> Counts | None:
    """Count the sources that a network was measured on, or None where nothing was measured."""
    bins = model.checkpoint.metrics.get("reliability") or []
    total = sum(one["count"] for one in bins)
    return Counts(round(total), round(sum(one["count"] * one["fractured"] for one in bins))) if total else None


def measured_on(model: FractureClassifier, language: str) -> str:
    """Say what a network was measured on; in English where the page has no words for it."""
    metrics, counted = model.checkpoint.metrics, counts(model)
    key = f"set.{metrics.get('set')}"
    if counted and key in TEXTS[language]:
        return translate(language, key, count=counted.sources)
    return metrics.get("split", "held-out sources")


def points(model: FractureClassifier) -> list[Point]:
    """Return the measured operating points at which both shares are known, by rising threshold."""
    measured = model.checkpoint.metrics.get("operating_points") or []
    return [one for one in measured if one["sensitivity"] is not None and one["specificity"] is not None]


def chosen(model: FractureClassifier) -> Point:
    """Return the measured point that is nearest to the network's threshold."""
    return min(points(model), key=lambda one: abs(one["threshold"] - model.threshold))


def precision(point: Point, prevalence: float) -> float | None:
    """Return the share of alarms that are right, None where there is no alarm: as measured, or else computed.

    A measured point keeps the prevalence that it was measured at; `prevalence` is for the others.
    """
    if "precision" in point:
        return point["precision"]
    true, false = point["sensitivity"] * prevalence, (1 - point["specificity"]) * (1 - prevalence)
    return true / (true + false) if true + false > NONE else None


def net_benefit(point: Point, prevalence: float) -> float | None:
    """Return the net benefit (Vickers & Elkin 2006) of acting from this threshold on, None at a threshold of 1.

    As measured, or else computed.
    """
    if "net_benefit" in point:
        return point["net_benefit"]
    if point["threshold"] >= 1:
        return None
    odds = point["threshold"] / (1 - point["threshold"])
    return point["sensitivity"] * prevalence - (1 - point["specificity"]) * (1 - prevalence) * odds
