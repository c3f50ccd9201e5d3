"""Every sentence of the page, a JSON file for each language."""

import json
from pathlib import Path

LANGUAGES = {"en": "English", "es": "Español", "zh": "中文", "fr": "Français", "de": "Deutsch", "ar": "العربية"}
RIGHT_TO_LEFT = ("ar",)
TEXTS: dict[str, dict[str, str]] = {
    code: json.loads((Path(__file__).parent / f"{code}.json").read_text("utf-8")) for code in LANGUAGES
}


def translate(language: str, key: str, **values: object) -> str:
    """Return a sentence in a language, its {placeholders} filled."""
    return TEXTS[language][key].format(**values)


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
