"""`python -m training evaluate`: measure checkpoints on what they never saw, beside baselines, and write a report."""

import argparse
import json
import logging
import sys
from pathlib import Path
from typing import Any

from bonexray.errors import BonexrayError
from training.intervals import RESAMPLES
from training.measurement import Measurement, ask, ask_baselines, load_measurement, start_measurement
from training.predictions import set_names
from training.readers import CACHE
from training.report import main_table, render_report, write_results
from training.robustness import summarise_robustness
from training.sources import read_table
from training.summary import LEAK_FREE, checkpoint_metrics, deviations, summarise

NOT_FOUND_AGAIN = 1  # exit status
AIM = 0.95
log = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags of `evaluate`."""
    add = parser.add_argument
    add("checkpoints", nargs="*", metavar="CHECKPOINT", help="checkpoint folder, or owner/name[@revision] on the Hub; "
        "each is judged on the part that it never saw")  # fmt: skip
    add("--data", help="data set, as `train --data` takes it; needed unless only --from-predictions is given")
    add("--output", type=Path, default=Path("reports"), help="folder to write to (default: reports)")
    add("--part", choices=("held-out", "all"), default="held-out", help="'held-out': what the checkpoint's own split "
        "kept from it; 'all': every image of data that it was not made from (default: held-out)")  # fmt: skip
    add("--from-predictions", nargs="+", default=[], metavar="FILE", help="tables that `evaluate` has written: their "
        "figures are computed again without the models")  # fmt: skip
    add("--baselines", action=argparse.BooleanOptionalAction, default=True, help="judge the baselines too")
    add("--weights", metavar="DIR", help="ImageNet weights for the baselines on frozen features: a folder with an .h5 "
        "file of each network, or 'imagenet' to download them; left out, these baselines are too")  # fmt: skip
    add("--robustness", action=argparse.BooleanOptionalAction, default=True, help="perturb the images and ask again")
    add("--write-metrics", action="store_true", help="write the figures into each checkpoint's classifier.json")
    add("--readme", type=Path, help="README whose results table is replaced")
    add("--resamples", type=int, default=RESAMPLES, help=f"bootstrap resamples (default: {RESAMPLES})")
    add("--seed", type=int, default=0, help="seed of the bootstrap (default: 0)")
    add("--cache", type=Path, default=CACHE, help=f"folder for decoded pixels and features (default: {CACHE})")


def run(arguments: argparse.Namespace) -> int:
    """Predict, measure and write; 1 if a checkpoint's published figures are not found again."""
    measurement = predict(arguments)
    folder, resamples, seed = arguments.output, arguments.resamples, arguments.seed
    folder.mkdir(parents=True, exist_ok=True)
    measurement.save(folder)
    summary = {"data": measurement.data, **summarise(measurement.predictions, resamples, seed)}
    robustness = robustness_of(measurement, resamples, seed)
    records = {name: record_of(name, measurement, summary, robustness, arguments) for name in measurement.classifiers}
    lost = {} if arguments.part == "all" else compare_published(measurement, records)
    summary["published"] = published_lines(lost)
    from training.drawing import draw_all

    drawn = draw_all(measurement, folder, resamples)
    everything = {**summary, "robustness": robustness, "checkpoints": records}
    (folder / "metrics.json").write_text(json.dumps(everything, indent=1, allow_nan=False) + "\n")
    (folder / "report.md").write_text(render_report(summary, robustness, drawn), "utf-8")
    if arguments.write_metrics:
        write_metrics(measurement, records)
    if arguments.readme:
        write_results(arguments.readme, main_table(summary))
    sys.stdout.write("\n\n".join([main_table(summary), *summary["published"], str(folder / "report.md")]) + "\n")
    return NOT_FOUND_AGAIN if any(lost.values()) and not arguments.write_metrics else 0


def predict(arguments: argparse.Namespace) -> Measurement:
    """Read tables, ask the checkpoints, ask the baselines, as the flags say."""
    if not arguments.checkpoints and not arguments.from_predictions:
        raise BonexrayError("nothing to evaluate: expected a CHECKPOINT or --from-predictions FILE")
    if arguments.checkpoints and not arguments.data:
        raise BonexrayError("--data is missing: expected the data set to judge the checkpoints on")
    remote = [checkpoint for checkpoint in arguments.checkpoints if not Path(checkpoint).is_dir()]
    if arguments.write_metrics and remote:
        raise BonexrayError(f"--write-metrics with {remote[0]!r}: expected folders of this disk")
    if not arguments.data:
        return load_measurement(arguments.from_predictions)
    table, whole = read_table(arguments.data, arguments.cache), arguments.part == "all"
    measurement = start_measurement(table, arguments.data)
    if arguments.from_predictions:
        kept = load_measurement(arguments.from_predictions)
        measurement.add(kept.predictions, kept.perturbed)
    for checkpoint in arguments.checkpoints:
        ask(measurement, checkpoint, table, whole=whole, robustness=arguments.robustness)
    if arguments.baselines and not whole:
        ask_baselines(measurement, table, arguments.weights, arguments.cache)
    return measurement


def robustness_of(measurement: Measurement, resamples: int, seed: int) -> dict[str, Any]:
    """Summarise the answers to perturbed images by model, out of fold where they were asked there, else on test."""
    if not len(measurement.perturbed):
        return {}
    found = {}
    for model, rows in measurement.perturbed.groupby("model"):
        names = set_names(rows)
        name = next(name for name in LEAK_FREE if name in set(names))
        found[str(model)] = summarise_robustness(rows[names == name], resamples, seed)
    return found


def record_of(
    name: str,
    measurement: Measurement,
    summary: dict[str, Any],
    robustness: dict[str, Any],
    arguments: argparse.Namespace,
) -> dict[str, Any]:
    """Gather what one checkpoint's `classifier.json` shall say."""
    recipe = measurement.classifiers[name].checkpoint.provenance.get("recipe", {})
    record = checkpoint_metrics(
        measurement.predictions, summary, name, recipe.get("sensitivity", AIM), arguments.resamples, arguments.seed
    )
    return {**record, **({"robustness": robustness[name]} if name in robustness else {})}


def compare_published(measurement: Measurement, records: dict[str, Any]) -> dict[str, list[str]]:
    """List by checkpoint the published figures that were not found again; those without any are left out."""
    published = {name: classifier.checkpoint.metrics for name, classifier in measurement.classifiers.items()}
    return {name: deviations(metrics, records[name]) for name, metrics in published.items() if "per_source" in metrics}


def published_lines(lost: dict[str, list[str]]) -> list[str]:
    """Say of each checkpoint with published figures whether they match."""
    return [
        f"{name}: the published figures match." if not lines else f"{name}: NOT as published: {'; '.join(lines)}."
        for name, lines in lost.items()
    ]


def write_metrics(measurement: Measurement, records: dict[str, Any]) -> None:
    """Write the figures into `classifier.json` of each checkpoint."""
    from training.export import read_record, write_record

    for name, classifier in measurement.classifiers.items():
        write_record(classifier.folder, {**read_record(classifier.folder), "metrics": records[name]})
        log.info("wrote the metrics of %s", classifier.folder)
