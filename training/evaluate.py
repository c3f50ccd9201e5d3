"""`python -m training evaluate`: measure checkpoints on what they never saw, beside baselines, and write a report."""

import argparse
import json
import logging
import sys
from pathlib import Path
from typing import Any

import pandas as pd

from bonexray.errors import BonexrayError
from training.copying.findings import count_test_copies
from training.copying.sources import read_with_copies
from training.data.marks import read_marks
from training.data.readers import CACHE
from training.data.roles import NOTHING
from training.data.split import split_sources
from training.judging.intervals import RESAMPLES
from training.judging.measurement import (
    Measurement,
    add_published,
    ask,
    ask_baselines,
    load_measurement,
    start_measurement,
)
from training.judging.predictions import set_names
from training.judging.robustness import summarise_robustness
from training.judging.summary import LEAK_FREE, checkpoint_metrics, summarise
from training.learning import recipe
from training.making.provenance import count_role
from training.reporting.own_split import own_split_leaks
from training.reporting.published import compare_published, published_lines, write_metrics
from training.reporting.report import main_table, render_report, write_results

NOT_FOUND_AGAIN = 1  # exit status
AIM = 0.95
RANGES = {"resamples": (1, 10**5), "seed": recipe.RANGES["seed"]}
WITHOUT_TEST = "; this very network trained on every part of the split, and has no test of its own"
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
    add("--marks", type=Path, metavar="FILE", help="CSV of boxes around fractures, as `train --marks` takes it, to "
        "count how often the strongest evidence lies on one (default: the project's own)")  # fmt: skip
    add("--cache", type=Path, default=CACHE, help=f"folder for decoded pixels and features (default: {CACHE})")


def run(arguments: argparse.Namespace) -> int:
    """Predict, measure and write; 1 if a checkpoint's published figures are not found again."""
    measurement = predict(arguments)
    folder, resamples, seed = arguments.output, arguments.resamples, arguments.seed
    folder.mkdir(parents=True, exist_ok=True)
    measurement.save(folder)
    leaks = own_split_leaks(measurement.data)
    summary = {"data": measurement.data, **summarise(measurement.predictions, resamples, seed, leaks=leaks)}
    robustness = robustness_of(measurement, resamples, seed)
    records = {name: record_of(name, measurement, summary, robustness, arguments) for name in measurement.classifiers}
    lost = {} if arguments.part == "all" else compare_published(measurement, records)
    summary["published"] = published_lines(measurement, records, lost)
    from training.reporting.drawing import draw_all

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
    check_arguments(arguments)
    kept = load_measurement(arguments.from_predictions) if arguments.from_predictions else None
    if kept and not arguments.data:
        return kept
    whole = arguments.part == "all"
    table, pairs = read_with_copies(arguments.data, arguments.cache)
    measurement = start_measurement(table, arguments.data)
    if not whole:
        measurement.data["split"] = describe_split(split_sources(table, pairs=pairs), pairs)
        measurement.data["test_copies"] = count_test_copies(table, pairs)
    if kept:
        measurement.join(kept)
    marks = read_marks(arguments.marks, table)
    for checkpoint in arguments.checkpoints:
        ask(measurement, checkpoint, table, marks, whole=whole, robustness=arguments.robustness)
    if not whole:
        add_published(measurement)
        refuse_unmeasured(measurement)
        if arguments.baselines:
            ask_baselines(measurement, table, arguments.weights, arguments.cache)
    return measurement


def refuse_unmeasured(measurement: Measurement) -> None:
    """Raise BonexrayError for a network that trained on every part and comes without those of its cross-validation."""
    for name in measurement.classifiers:
        if not measurement.sets_of(name) & set(LEAK_FREE):
            raise BonexrayError(
                f"{name} trained on every part of these data, and none of its answers is a test: expected the networks "
                "of its cross-validation beside it, or --from-predictions with their table"
            )


def check_arguments(arguments: argparse.Namespace) -> None:
    """Raise BonexrayError for flags that make no evaluation."""
    recipe.check_ranges(vars(arguments), RANGES)
    if not arguments.checkpoints and not arguments.from_predictions:
        raise BonexrayError("nothing to evaluate: expected a CHECKPOINT or --from-predictions FILE")
    if arguments.checkpoints and not arguments.data:
        raise BonexrayError("--data is missing: expected the data set to judge the checkpoints on")
    remote = [checkpoint for checkpoint in arguments.checkpoints if not Path(checkpoint).is_dir()]
    if arguments.write_metrics and remote:
        raise BonexrayError(f"--write-metrics with {remote[0]!r}: expected folders of this disk")


def perturbed_sets(measurement: Measurement) -> dict[str, tuple[str, pd.DataFrame]]:
    """Give each model's answers to perturbed images and the name of their set: out of fold where asked, else test."""
    found = {}
    for model, rows in measurement.perturbed.groupby("model") if len(measurement.perturbed) else ():
        names = set_names(rows)
        name = next(name for name in LEAK_FREE if name in set(names))
        found[str(model)] = name, rows[names == name]
    return found


def robustness_of(measurement: Measurement, resamples: int, seed: int) -> dict[str, Any]:
    """Summarise the answers to perturbed images by model."""
    sets = perturbed_sets(measurement)
    return {model: summarise_robustness(rows, resamples, seed) for model, (_, rows) in sets.items()}


def record_of(
    name: str,
    measurement: Measurement,
    summary: dict[str, Any],
    robustness: dict[str, Any],
    arguments: argparse.Namespace,
) -> dict[str, Any]:
    """Gather what one checkpoint's `classifier.json` shall say."""
    checkpoint = measurement.classifiers[name].checkpoint
    provenance = checkpoint.provenance
    operating = checkpoint.threshold, provenance.get("recipe", {}).get("sensitivity", AIM)
    record = checkpoint_metrics(measurement.predictions, summary, name, operating, arguments.resamples, arguments.seed)
    if provenance.get("data", {}).get("held_out") == NOTHING and arguments.part != "all":
        record["split"] += WITHOUT_TEST
    if arguments.part == "all":
        record["data"] = {key: measurement.data[key] for key in ("name", "fingerprint")}
    if not own_split_leaks(measurement.data):
        record["own_split_leaks"] = False
    # Where no network was asked now, what was measured before of those that were: the recipe's own.
    kept = {key: checkpoint.metrics.get(key) for key in ("robustness", "robustness_on")}
    if name in robustness:
        part, rows = perturbed_sets(measurement)[name]
        where = f"{part.replace('_', ' ')} ({rows['source_group'].nunique()} sources)"
        kept = {"robustness": robustness[name], "robustness_on": where}
    return {**record, **{key: value for key, value in kept.items() if value}}


def describe_split(parts: pd.DataFrame, pairs: pd.DataFrame) -> dict[str, Any]:
    """Say how many images and sources each part has, and how many pairs of copies were checked not to cross."""
    counts = {str(part): count_role(rows) for part, rows in parts.groupby("part")}
    return {"parts": counts, "pairs_checked": len(pairs), "crossing_pairs": 0}
