"""Every sentence of the page: for each language a JSON file of short ones and a Markdown file of long ones."""

import json
from pathlib import Path

LANGUAGES = {"en": "English", "es": "Español", "zh": "中文", "fr": "Français", "de": "Deutsch", "ar": "العربية"}
RIGHT_TO_LEFT = ("ar",)
DECIMAL_COMMA = ("es", "fr", "de")  # they also put a space before the percent sign
SECTIONS: tuple[str, ...] = ("method", "limits", "programs", "assistants")
TENTH_OF_TENTH = 0.01  # of a percent: less is not seen
FOLDER = Path(__file__).parent
TEXTS: dict[str, dict[str, str]] = {
    code: json.loads((FOLDER / f"{code}.json").read_text("utf-8")) for code in LANGUAGES
}


def translate(language: str, key: str, **values: object) -> str:
    """Return a sentence in a language, its {placeholders} filled."""
    return TEXTS[language][key].format(**values)


def section(language: str, name: str) -> str:
    """Return a section of the long text, Markdown."""
    parts = (FOLDER / f"{language}.md").read_text("utf-8").split("\n---\n")
    return dict(zip(SECTIONS, parts, strict=True))[name].strip()


def number(language: str, value: float, decimals: int) -> str:
    """Write a number as the language does."""
    text = f"{value:.{decimals}f}"
    return text.replace(".", ",") if language in DECIMAL_COMMA else text


def percent(language: str, value: float, decimals: int = 0) -> str:
    """Write a share 0..1 as a percentage, as the language does."""
    return number(language, 100 * value, decimals) + ("\u00a0%" if language in DECIMAL_COMMA else "%")


def threshold_percent(language: str, value: float) -> str:
    """Write a threshold, which is set in tenths of a percent, as exactly as that."""
    return percent(language, value, finest(value))


def finest(value: float) -> int:
    """Return how many decimals a share needs as a percentage: one, or none where it is a whole one."""
    return 0 if abs(100 * value - round(100 * value)) < TENTH_OF_TENTH else 1


def direction(language: str) -> str:
    """Return the HTML writing direction of a language."""
    return "rtl" if language in RIGHT_TO_LEFT else "ltr"


def choose_language(asked: str | None, accepted: str) -> str:
    """Choose the language that was asked for, else the first accepted one that the page speaks, else English.

    Args:
        asked: a language code, or None.
        accepted: the browser's `Accept-Language` header.
    """
    wanted = [asked or "", *(part.partition(";")[0].strip() for part in accepted.split(","))]
    codes = (tag.lower().split("-")[0] for tag in wanted)
    return next((code for code in codes if code in LANGUAGES), "en")
