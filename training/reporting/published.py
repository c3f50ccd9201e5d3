"""The figures in a checkpoint's record: compared with those of now, or replaced by them."""

import logging
from typing import Any

from training.judging.measurement import Measurement
from training.judging.metrics import ON_MARK
from training.judging.predictions import TEST
from training.judging.summary import LEAK_FREE
from training.making.provenance import PREDICTIONS
from training.making.record import read_record, write_record

TOLERANCE = 0.005  # of a figure that is measured again, on another machine
log = logging.getLogger(__name__)


def compare_published(measurement: Measurement, records: dict[str, Any]) -> dict[str, list[str]]:
    """List by checkpoint the published figures that were not found again; those without any are left out."""
    published = {name: classifier.checkpoint.metrics for name, classifier in measurement.classifiers.items()}
    return {name: deviations(metrics, records[name]) for name, metrics in published.items() if "per_source" in metrics}


def published_lines(measurement: Measurement, records: dict[str, Any], lost: dict[str, list[str]]) -> list[str]:
    """Say of each checkpoint with published figures whether they match, and what was not measured again."""
    said = []
    for name, lines in lost.items():
        published = figures_by_set(measurement.classifiers[name].checkpoint.metrics)
        passed = [part.replace("_", " ") for part in published if part not in figures_by_set(records[name])]
        source = " (out of fold from the published predictions, no network was asked)" * (name in measurement.unasked)
        verdict = f"the published figures match{source}" if not lines else f"NOT as published: {'; '.join(lines)}"
        said.append(f"{name}: {verdict}{'; not measured again: ' + ', '.join(passed) if passed else ''}.")
    return said


def figures_by_set(metrics: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Give the figures in "metrics" of a `classifier.json` by the set that they were measured on."""
    headline = {metrics.get("set", TEST): metrics} if "per_source" in metrics else {}
    return headline | {name: metrics[name] for name in LEAK_FREE if name in metrics}


def deviations(published: dict[str, Any], measured: dict[str, Any]) -> list[str]:
    """Name the published figures that were not found again, each with both values.

    Args:
        published: "metrics" of a `classifier.json`.
        measured: the same, measured now; a set that is not in it is passed over, and so are the figures on marks where
            no image is marked.
    """
    lines = []
    before, now = figures_by_set(published), figures_by_set(measured)
    for part in before.keys() & now.keys():
        for group in ("per_source", "per_image"):
            found = now[part].get(group, {})
            for name, figure in before[part].get(group, {}).items():
                if name.startswith(ON_MARK) and name not in found:
                    continue
                again = found.get(name, {})
                differs = [end for end in ("value", "low", "high") if not _same(figure.get(end), again.get(end))]
                lines += [f"{part} {group} {name}, {end}: published {figure.get(end)}, now {again.get(end)}"
                          for end in differs]  # fmt: skip
    return sorted(lines)


def _same(old: float | None, new: float | None) -> bool:
    return old == new or (old is not None and new is not None and abs(old - new) <= TOLERANCE)


def write_metrics(measurement: Measurement, records: dict[str, Any]) -> None:
    """Write the figures into `classifier.json` of each checkpoint, and its predictions beside it."""
    for name, classifier in measurement.classifiers.items():
        own = measurement.predictions[measurement.predictions["model"] == name]
        own[own["split"] == "grouped"].to_parquet(classifier.folder / PREDICTIONS, index=False)
        write_record(classifier.folder, {**read_record(classifier.folder), "metrics": records[name]})
        log.info("wrote the metrics of %s", classifier.folder)
