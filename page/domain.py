"""What a network's gate says of an image: whether it is of the kind that the network knows, and why not."""

from collections.abc import Sequence

from bonexray import Prediction
from page.texts import TEXTS, number, translate

FARTHEST = 100  # times the limit: beyond, a number tells nothing more


def known(predictions: Sequence[Prediction]) -> bool | None:
    """False if any gate refuses, None if there is no gate, else True."""
    answers = [prediction.in_domain for prediction in predictions]
    return False if False in answers else None if set(answers) == {None} else True


def sentence(code: str | None, language: str) -> str:
    """Say why an image was refused."""
    key = f"refused.{code}"
    return translate(language, key if key in TEXTS[language] else "refused.unlike")


def distance(score: float | None, language: str) -> str:
    """Say how far an image is from what a network knows; empty without a gate."""
    if score is None:
        return ""
    shown = number(language, score, 1) if score < FARTHEST else f"{number(language, FARTHEST, 0)}+"
    return translate(language, "refused.score", score=shown)


def refusals(predictions: Sequence[Prediction], names: Sequence[str], language: str) -> list[str]:
    """Return a sentence for each reason, the networks that give it named before it, and how far off the image is."""
    grounds: dict[str, list[str]] = {}
    for prediction, name in zip(predictions, names, strict=True):
        if prediction.in_domain is False:
            far = distance(prediction.domain_score, language)
            why = sentence(prediction.domain_reason, language)
            grounds.setdefault(why, []).append(f"{name} ({far})" if far else name)
    return [translate(language, "refused.by", names=", ".join(by), reason=why) for why, by in grounds.items()]
