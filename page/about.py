"""What the About and For programs tabs say: every figure is read from the checkpoints."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from bonexray import __version__
from page.models import Models, origin, title

NAMES = {
    "auroc": "AUROC",
    "auroc_matched": "AUROC within an archive",
    "sensitivity": "Sensitivity",
    "specificity": "Specificity",
    "accuracy": "Accuracy",
    "brier": "Brier score",
    "ece": "Expected calibration error",
}


def about(models: Models) -> str:
    """Return what was measured, and how: method, figures, leak table."""
    return "\n".join([_read("method"), *_figures(models), *_leak(models)])


def limits(models: Models) -> str:
    """Return what the figures do not say, what stays of an image, use in code, and citation."""
    return _read("limits").replace("SOURCE", origin(models[1])).replace("VERSION", __version__)


def programs() -> str:
    """Return what a programmer needs to know."""
    return _read("programs")


def curves(models: Models) -> pd.DataFrame | None:
    """Return measured sensitivity and specificity by threshold, one row a point; None where nothing was measured."""
    rows = [
        {"threshold": point["threshold"], "share": point[kind], "curve": f"{title(model)}: {kind}"}
        for model in models
        for point in model.checkpoint.metrics.get("operating_points") or []
        for kind in ("sensitivity", "specificity")
        if point[kind] is not None
    ]
    return pd.DataFrame(rows) if rows else None


def _figures(models: Models) -> Iterator[str]:
    measured = [model.checkpoint.metrics.get("per_source") or {} for model in models]
    if not any(measured):
        yield "## Figures\n\nNot measured: these checkpoints have not been evaluated.\n"
        return
    yield f"## Figures\n\nMeasured on {models[0].checkpoint.metrics.get('split', 'held-out sources')}.\n"
    yield f"| | {' | '.join(title(model) for model in models)} |\n|---|---|---|"
    for key, name in NAMES.items():
        if any(key in one for one in measured):
            yield f"| {name} | {' | '.join(_figure(one.get(key)) for one in measured)} |"


def _leak(models: Models) -> Iterator[str]:
    leak: dict[str, Any] = next((m.checkpoint.metrics["leak"] for m in models if m.checkpoint.metrics.get("leak")), {})
    yield "\n## The leak\n"
    if not leak:
        yield "Not measured for these checkpoints.\n"
        return
    columns = sorted({key for row in leak.values() for key in row}, key=_by_metric)
    yield "Networks and plain baselines, on the set's own split, which leaks, and on sources never seen:\n"
    yield f"| | {' | '.join(map(_heading, columns))} |\n|{'---|' * (len(columns) + 1)}"
    for name, row in leak.items():
        yield f"| {name} | {' | '.join(_figure(row.get(column)) for column in columns)} |"


def _by_metric(column: str) -> tuple[str, bool]:
    """Put what was measured on the official split beside what was measured without its leak."""
    return column.removeprefix("official_").removeprefix("leak_free_"), column.startswith("leak_free_")


def _heading(column: str) -> str:
    metric = _by_metric(column)[0]
    place = "never seen" if column.startswith("leak_free_") else "own split"
    return f"{NAMES.get(metric, metric)} ({place})"


def _figure(entry: dict[str, Any] | None) -> str:
    if not entry or entry.get("value") is None:
        return "-"
    interval = f" ({entry['low']:.3f} to {entry['high']:.3f})" if entry.get("low") is not None else ""
    return f"{entry['value']:.3f}{interval}"


def _read(name: str) -> str:
    return (Path(__file__).parent / "texts" / f"{name}.md").read_text("utf-8")
