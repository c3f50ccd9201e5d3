"""One comparison to keep: a PDF to read and a JSON file to compute with."""

import json
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gradio.utils import get_upload_folder

from page.comparison import Comparison, describe, operating_point
from page.models import Models
from page.overlay import overlay
from page.texts import translate

LATIN = ("en", "es", "fr", "de")  # what the PDF's own fonts can write; other languages get English
PLAIN = str.maketrans({"“": '"', "”": '"', "„": '"', "’": "'", "–": "-", "—": "-", "−": "-", "…": "...", "\u202f": " "})  # noqa: RUF001


def write_json(comparison: Comparison, models: Models, thresholds: Sequence[float]) -> str:
    """Write the comparison's record, evidence cells included, and return the file's path."""
    path = _file("bonexray-report.json")
    record = {**describe(comparison, models, thresholds), "created": _now()}
    path.write_text(json.dumps(record, indent=1))
    return str(path)


def write_pdf(comparison: Comparison, models: Models, thresholds: Sequence[float], language: str) -> str:
    """Write a page with both verdicts, both maps, and what it takes to find them again; return its path."""
    from fpdf import FPDF

    language = language if language in LATIN else "en"
    record = describe(comparison, models, thresholds)
    pdf = FPDF(format="A4")
    pdf.set_title("bonexray")
    pdf.set_lang(language)
    pdf.add_page()
    _line(pdf, "bonexray", 20, bold=True)
    _line(pdf, translate(language, "warning"), 10, bold=True)
    _line(pdf, _joint(record, language), 15, bold=True)
    if comparison.refused:
        _line(pdf, translate(language, "refused"), 11, bold=True)
    if comparison.simulated:
        _line(pdf, translate(language, "joint.simulated"), 10)
    _columns(pdf, comparison, models, record, language)
    _line(pdf, translate(language, "map.scale", scale="max."), 8)
    image = record["image"]
    _line(pdf, f"SHA-256 {image['sha256']} ({image['width']} x {image['height']})", 8)
    _line(pdf, f"bonexray {record['bonexray']}, {_now()}", 8)
    path = _file("bonexray-report.pdf")
    pdf.output(str(path))
    return str(path)


def _columns(pdf: Any, comparison: Comparison, models: Models, record: dict[str, Any], language: str) -> None:  # noqa: ANN401
    """Write one column a network: map, verdict, numbers, origin."""
    top, width = pdf.get_y() + 4, 88
    bottom = top
    for index, (model, one) in enumerate(zip(models, record["models"], strict=True)):
        left = 10 + index * (width + 6)
        picture = overlay(comparison.grey, comparison.predictions[index].evidence)
        height = min(110, width * picture.height / picture.width)
        pdf.image(picture, left, top, w=width, h=height, keep_aspect_ratio=True, alt_text=f"evidence of {one['name']}")
        verdict = translate(language, "verdict.fractured" if one["fractured"] else "verdict.intact")
        point = operating_point(model, one["threshold"])
        lines = [
            f"{one['name']}: {verdict}",
            f"{translate(language, 'probability')}: {one['probability']:.1%}",
            f"{translate(language, 'threshold')}: {one['threshold']:.1%}",
            translate(language, "point", **point.percents()) if point else translate(language, "point.none"),
            f"{one['source']} {one['revision'] or ''}".strip(),
            f"model.tflite SHA-256 {one['network_sha256'][:16]}...",
        ]
        pdf.set_xy(left, top + height + 3)
        pdf.set_font("helvetica", size=9)
        pdf.multi_cell(width, 4.6, "\n".join(lines).translate(PLAIN))
        bottom = max(bottom, pdf.get_y())
    pdf.set_xy(10, bottom + 4)


def _joint(record: dict[str, Any], language: str) -> str:
    if not record["agreement"]:
        return translate(language, "joint.disagree")
    return translate(language, "joint.fractured" if record["models"][0]["fractured"] else "joint.intact")


def _line(pdf: Any, text: str, size: int, *, bold: bool = False) -> None:  # noqa: ANN401
    pdf.set_font("helvetica", style="B" if bold else "", size=size)
    pdf.multi_cell(0, size * 0.5, text.translate(PLAIN), new_x="LMARGIN", new_y="NEXT")
    pdf.ln(1.5)


def _file(name: str) -> Path:
    return Path(tempfile.mkdtemp(dir=get_upload_folder()), name)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
