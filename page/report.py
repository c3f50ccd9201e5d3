"""One comparison to keep: a PDF to read and a JSON file to compute with."""

import json
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gradio.utils import get_upload_folder

from bonexray import FractureClassifier, __version__
from page.comparison import Comparison, describe, operating_point, verdicts
from page.domain import distance, refusals
from page.models import Models, title
from page.overlay import overlay, scale_of
from page.sentences import doubts, interval, joint, measured, verdict_line, within
from page.texts import direction, number, percent, translate

if TYPE_CHECKING:
    from fpdf import FPDF

FONTS = Path(__file__).with_name("fonts")
FALLBACKS = {"arabic": "arabic.ttf", "han": "han.otf"}
LIBRARIES = ("ai-edge-litert", "numpy", "pillow", "pydicom")
MARGIN, GAP, TALLEST = 15, 8, 100  # mm


def write_json(comparison: Comparison, models: Models, thresholds: Sequence[float]) -> str:
    """Write the comparison's record, evidence cells included, and return the file's path."""
    path = _file("bonexray-report.json")
    record = {**describe(comparison, models, thresholds), "versions": versions(), "created": _now()}
    path.write_text(json.dumps(record, indent=1))
    return str(path)


def write_pdf(comparison: Comparison, models: Models, thresholds: Sequence[float], language: str) -> str:
    """Write a page with both verdicts, both maps, and what it takes to find them again; return its path."""
    record = describe(comparison, models, thresholds)
    pdf = _open(language)
    _line(pdf, "bonexray", 9, language, bold=True)
    if comparison.refused:
        _line(pdf, translate(language, "refused"), 13, language, bold=True)
        for reason in refusals(comparison.predictions, [title(model) for model in models], language):
            _line(pdf, reason, 9, language)
        _line(pdf, translate(language, "refused.shown"), 9, language)
    _line(pdf, translate(language, f"joint.{joint(verdicts(comparison, thresholds))}"), 18, language, bold=True)
    _line(pdf, translate(language, "warning"), 10, language, bold=True)
    for said in doubts(comparison, models, thresholds, language):
        _line(pdf, said, 9, language)
    _columns(pdf, comparison, models, record, language)
    image = record["image"]
    _line(pdf, f"{translate(language, 'report.image')}: {image['width']} × {image['height']}", 8, language)  # noqa: RUF001
    _line(pdf, f"SHA-256 {image['sha256']}", 8, language)
    _line(pdf, f"{translate(language, 'report.made')}: UTC {_now()[:19].replace('T', ' ')}", 8, language)
    _line(pdf, " · ".join(f"{name} {version}" for name, version in versions().items()), 8, language)
    path = _file("bonexray-report.pdf")
    pdf.output(str(path))
    return str(path)


def gate(one: dict[str, Any], language: str) -> str:
    """Say whether a network knows images of this kind, and how far off this one is."""
    answer = translate(language, {True: "batch.in", False: "batch.out", None: "batch.ungated"}[one["in_domain"]])
    far = distance(one["domain_score"], language)
    return f"{answer} ({far})" if far else answer


def versions() -> dict[str, str]:
    """Return the versions of what makes the numbers: this project, and the libraries that read and compute."""
    return {"bonexray": __version__, **{name: metadata.version(name) for name in LIBRARIES}}


def _open(language: str) -> "FPDF":
    """Begin a document whose fonts write every language of the page, joined and from the right where it must be."""
    from fpdf import FPDF

    pdf = FPDF(format="A4")
    pdf.set_margin(MARGIN)
    pdf.set_image_filter("DCTDecode")  # JPEG: a tenth of the size
    pdf.set_title("bonexray")
    pdf.set_lang(language)
    pdf.add_font("latin", "", FONTS / "latin.ttf")
    pdf.add_font("latin", "B", FONTS / "latin-bold.ttf")
    for family, file in FALLBACKS.items():
        pdf.add_font(family, "", FONTS / file)
    pdf.set_fallback_fonts(list(FALLBACKS), exact_match=False)
    pdf.set_text_shaping(True, direction=direction(language))
    pdf.add_page()
    return pdf


def _columns(pdf: "FPDF", comparison: Comparison, models: Models, record: dict[str, Any], language: str) -> None:
    """Write one column a network: map, verdict, numbers, origin; the first where reading begins."""
    top, width = pdf.get_y() + 2, (pdf.w - 2 * MARGIN - GAP) / 2
    bottom = top
    for index, (model, one) in enumerate(zip(models, record["models"], strict=True)):
        place = 1 - index if direction(language) == "rtl" else index
        left = MARGIN + place * (width + GAP)
        picture = overlay(comparison.pixels, comparison.predictions[index].evidence)
        height = min(TALLEST, width * picture.height / picture.width)
        label = translate(language, "map", name=one["name"])
        pdf.image(picture, left, top, w=width, h=height, keep_aspect_ratio=True, alt_text=label)
        pdf.set_xy(left, top + height + 3)
        scale = number(language, scale_of(comparison.predictions[index].evidence), 1)
        said = f"{translate(language, 'map.colours')} {translate(language, 'map.scale', scale=scale)}"
        _line(pdf, said, 7.5, language, width=width)
        pdf.set_x(left)
        verdict = verdict_line(one, language, guess=comparison.refused)
        _line(pdf, f"{one['name']}: {verdict}", 12, language, bold=True, width=width)
        pdf.set_x(left)
        _line(pdf, "\n".join(_facts(model, one, language)), 8.5, language, width=width)
        bottom = max(bottom, pdf.get_y())
    pdf.set_xy(MARGIN, bottom + 3)


def _facts(model: FractureClassifier, one: dict[str, Any], language: str) -> list[str]:
    point = operating_point(model, one["threshold"])
    shares = [
        f"{translate(language, key)}: {' '.join(interval(share, language))}"
        for key, share in (
            ("sensitivity", point and point.sensitivity),
            ("specificity", point and point.specificity),
        )
    ]
    return [
        f"{translate(language, 'probability')}: {percent(language, within(one['probability']), 1)}",
        f"{translate(language, 'threshold')}: {percent(language, one['threshold'], 1)}",
        *shares,
        measured(model, one["threshold"], language),
        f"{translate(language, 'batch.gate')}: {gate(one, language)}",
        f"{one['source']} {(one['revision'] or '')[:12]}".strip(),
        f"model.tflite SHA-256 {one['network_sha256'][:16]}…",
    ]


def _line(pdf: "FPDF", text: str, size: float, language: str, *, bold: bool = False, width: float = 0) -> None:
    pdf.set_font("latin", style="B" if bold else "", size=size)
    side = "RIGHT" if direction(language) == "rtl" else "LEFT"
    pdf.multi_cell(width, size * 0.52, text, align=side, new_x="LMARGIN", new_y="NEXT")
    pdf.ln(1.2)


def _file(name: str) -> Path:
    return Path(tempfile.mkdtemp(dir=get_upload_folder()), name)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
