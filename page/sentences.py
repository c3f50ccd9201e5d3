"""What is said of a comparison in plain sentences and numbers, alike on the page, in the PDF and among many."""

from collections.abc import Sequence
from typing import Any

from bonexray import FractureClassifier
from page.comparison import Comparison, Share, is_uncertain, operating_point, verdicts
from page.models import Models, title
from page.texts import finest, percent, threshold_percent, translate

MOST_DECIMALS = 3  # of a percentage
LEAST = 0.001  # no probability is shown nearer to 0 or 1, which no network can promise
SAME = 1e-6  # thresholds nearer than this are one


def joint(decided: Sequence[bool]) -> str:
    """Name what both verdicts come to: "fractured", "intact" or "disagree"."""
    return "disagree" if decided[0] != decided[1] else "fractured" if decided[0] else "intact"


def doubts(comparison: Comparison, models: Models, thresholds: Sequence[float], language: str) -> list[str]:
    """Return what is to be said beside the joint verdict, as plain sentences."""
    decided, names = verdicts(comparison, thresholds), [title(model) for model in models]
    yes, no = names if decided[0] else names[::-1]
    more = "joint.disagree.more" if joint(decided) == "disagree" else "joint.agree.more"
    said = [translate(language, more, yes=yes, no=no)]
    triples = zip(comparison.predictions, models, thresholds, strict=True)
    close = ", ".join(title(triple[1]) for triple in triples if is_uncertain(*triple))
    if close and not comparison.refused:  # else all of it is a guess, which is said beside it
        said.append(translate(language, "joint.uncertain", names=close))
    if comparison.simulated:
        said.append(translate(language, "joint.simulated"))
    return said


def verdict_line(one: dict[str, Any], language: str, *, guess: bool) -> str:
    """Write a network's verdict, of a comparison's record, and what it is worth, without markup."""
    verdict = translate(language, "verdict.fractured" if one["fractured"] else "verdict.intact")
    return f"{verdict} {worth(language, guess=guess, uncertain=one['uncertain'])}".rstrip()


def worth(language: str, *, guess: bool, uncertain: bool) -> str:
    """Say in brackets that a verdict is a guess, for the image was refused, or that it is uncertain."""
    if not (guess or uncertain):
        return ""
    return f"({translate(language, 'verdict.guess' if guess else 'verdict.uncertain')})"


def percents(probability: float, threshold: float, language: str) -> tuple[str, str]:
    """Write both with as many decimals as it takes to see which one is larger, and that none is 0 or 100 %."""
    if within(threshold) == threshold:  # else the probability may lie beyond a threshold near 0 or 1
        probability = within(probability)
    decimals, finer = int(round(probability, 2) in (0, 1)), finest(threshold)
    while decimals < MOST_DECIMALS:
        one, other = round(probability, 2 + decimals), round(threshold, 2 + finer)
        if one != other and (one > other) == (probability > threshold):
            break
        decimals, finer = decimals + 1, max(decimals + 1, finer)
    return percent(language, probability, decimals), percent(language, threshold, finer)


def within(probability: float) -> float:
    """Keep a probability to be shown off 0 and 1."""
    return min(max(probability, LEAST), 1 - LEAST)


def measured(model: FractureClassifier, threshold: float, language: str) -> str:
    """Say at which threshold a network was measured: at this one, or at the nearest; empty where at none."""
    point = operating_point(model, threshold)
    if point is None:
        return ""
    key = "measured" if abs(point.threshold - threshold) < SAME else "measured.near"
    return translate(language, key, threshold=threshold_percent(language, point.threshold))


def interval(share: Share | None, language: str) -> tuple[str, str]:
    """Write a measured share, and its interval in brackets."""
    if share is None:
        return translate(language, "unmeasured"), ""
    if share.low is None or share.high is None:
        return percent(language, share.value), ""
    ends = {"low": percent(language, share.low), "high": percent(language, share.high)}
    return percent(language, share.value), f"({translate(language, 'interval', **ends)})"
