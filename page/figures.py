"""The measured figures, drawn: every number is read from the checkpoints."""

from html import escape
from typing import Any

from page.curves import measured_on
from page.drawing import Row, chapter, draw
from page.models import Models, title
from page.texts import TEXTS, number, translate

METRICS = (
    "auroc", "auroc_matched", "sensitivity", "specificity", "accuracy", "brier", "ece",
    "peak_on_mark", "peak_on_mark_by_chance",
)  # fmt: skip
OFFICIAL, UNSEEN = "official_auroc", "leak_free_auroc_matched"
ALONE = " (test part alone)"  # of a row that was measured on no fold
AUROC_AXIS, SHARE_AXIS = (0.2, (0.25, 0.5, 0.75, 1)), (0.0, (0, 0.25, 0.5, 0.75, 1))


def table(models: Models, language: str) -> str:
    """Return what was measured of both networks, Markdown."""
    measured = [model.checkpoint.metrics.get("per_source") or {} for model in models]
    heading = f"## {translate(language, 'figures')}\n\n"
    if not any(measured):
        return heading + translate(language, "figures.none")
    lines = [heading + translate(language, "figures.on", split=escape(measured_on(models[0], language))), ""]
    lines += [f"| | {' | '.join(title(model) for model in models)} |", "|---|---|---|"]
    for key in METRICS:
        if any(key in one for one in measured):
            cells = " | ".join(_figure(one.get(key), language) for one in measured)
            lines.append(f"| {translate(language, f'metric.{key}')} | {cells} |")
    return "\n".join(lines)


def leak_of(models: Models) -> dict[str, Any]:
    """Return the leak table of the checkpoints, empty where none was measured."""
    return next((m.checkpoint.metrics["leak"] for m in models if m.checkpoint.metrics.get("leak")), {})


def leak_drawing(models: Models, language: str) -> str:
    """Return the AUROC of networks and baselines, on the data set's own split and on sources never seen, as HTML."""
    leak, networks = leak_of(models), {title(model) for model in models}
    rows = [
        Row(_named(name, language), _value(row.get(OFFICIAL)), row.get(UNSEEN) or {}, name in networks)
        for name, row in leak.items()
    ]
    heading = translate(language, _told(models))
    drawing = draw(rows, AUROC_AXIS, heading, language) if rows else ""
    said = translate(language, f"{_told(models)}.more" if leak else "leak.none")
    return chapter(heading, said, drawing, language)


def calibration_drawing(models: Models, language: str) -> str:
    """Return what the networks predicted and what was observed, bin by bin, as HTML; empty where not measured."""
    drawings = ""
    for model in models:
        bins = model.checkpoint.metrics.get("reliability") or []
        rows = [
            Row(
                translate(language, "calibration.bin", count=f"{one['count']:.0f}"),
                one["probability"],
                {"value": one["fractured"], "low": one.get("fractured_low"), "high": one.get("fractured_high")},
            )
            for one in bins
        ]
        if rows:
            drawings += f"<div><h3>{title(model)}</h3>{draw(rows, SHARE_AXIS, title(model), language)}</div>"
    if not drawings:
        return ""
    said = translate(language, "calibration.more")
    return chapter(translate(language, "calibration"), said, f'<div class="bx-two">{drawings}</div>', language)


def leak_table(models: Models, language: str) -> str:
    """Return the same as Markdown, every column."""
    leak = leak_of(models)
    columns = sorted({key for row in leak.values() for key in row}, key=_by_metric)
    headings = [_heading(column, language, _told(models)) for column in columns]
    lines = [f"| | {' | '.join(headings)} |", f"|{'---|' * (len(columns) + 1)}"]
    for name, row in leak.items():
        cells = " | ".join(_figure(row.get(column), language) for column in columns)
        lines.append(f"| {_named(name, language)} | {cells} |")
    return "\n".join(lines) if leak else ""


def _told(models: Models) -> str:
    """Key of the texts on the data set's own split: it leaks, unless an evaluation found no copy across it."""
    measured = [model.checkpoint.metrics for model in models if model.checkpoint.metrics.get("leak")]
    return "leak" if all(metrics.get("own_split_leaks", True) for metrics in measured) else "leak.own"


def _named(name: str, language: str) -> str:
    """Name a row in a language where it is known there; what is not stays English."""
    bare = name.removesuffix(ALONE)
    said = TEXTS[language].get(f"leak.{bare}", bare)
    return said if bare == name else f"{said} {translate(language, 'leak.test part alone')}"


def _value(entry: dict[str, Any] | None) -> float | None:
    return entry["value"] if entry else None


def _by_metric(column: str) -> tuple[str, bool]:
    """Put what was measured on the official split beside what was measured without its leak."""
    return column.removeprefix("official_").removeprefix("leak_free_"), column.startswith("leak_free_")


def _heading(column: str, language: str, told: str) -> str:
    metric = TEXTS[language].get(f"metric.{_by_metric(column)[0]}", _by_metric(column)[0])
    place = translate(language, "leak.unseen" if column.startswith("leak_free_") else f"{told}.official")
    return f"{metric} ({place})"


def _figure(entry: dict[str, Any] | None, language: str) -> str:
    if not entry or entry.get("value") is None:
        return "–"  # noqa: RUF001
    value, low, high = (
        number(language, entry[key], 3) if entry.get(key) is not None else "" for key in ("value", "low", "high")
    )
    return f"{value} ({translate(language, 'interval', low=low, high=high)})" if low else value
