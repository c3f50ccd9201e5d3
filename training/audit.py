"""`python -m training audit`: find copies, leaks between splits, and shortcuts to the label in a data set."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import pandas as pd

from bonexray.errors import BonexrayError
from training.copying.copies import find_copies
from training.copying.findings import (
    copy_components,
    count_copies,
    label_conflicts,
    name_agreement,
    split_leaks,
    summarise_table,
)
from training.copying.sources import cached_copies, merge_sources
from training.data.dataset import fingerprint, read_dataset
from training.data.facts import read_facts
from training.data.readers import CACHE, ignored_files
from training.data.rows import write_rows
from training.data.split import refuse_crossing, split_sources
from training.judging.confounding import measure_confounding
from training.learning.recipe import RANGES, check_ranges
from training.reporting.tables import audit_lines

LEAKING = 1  # exit status


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the verb takes."""
    parser.description = (
        "Write audit.json, copies.csv and rows/ (the leak-free split without images), and print a table. "
        "The exit status is 1 when the data set's own splits share copies of a radiograph."
    )
    parser.add_argument(
        "--data",
        required=True,
        metavar="DIR",
        help="folder with manifest.csv or train, val and test folders, or a Hub data set",
    )
    parser.add_argument(
        "--output", type=Path, default=Path("audit"), metavar="DIR", help="where to write (default: %(default)s)"
    )
    parser.add_argument(
        "--cache",
        type=Path,
        default=CACHE,
        metavar="DIR",
        help="keeps the found copies, so that no training looks for them again (default: %(default)s)",
    )
    parser.add_argument("--seed", type=int, default=0, help="of the split and of the baselines (default: %(default)s)")
    parser.add_argument(
        "--allow-leaks", action="store_true", help="exit with 0 although the data set's own splits leak"
    )


def run(args: argparse.Namespace) -> int:
    """Audit a data set, write what was found, and return the exit status."""
    check_ranges({"seed": args.seed}, {"seed": RANGES["seed"]})
    table = read_dataset(args.data, strict=False)
    facts = read_facts(table)
    damaged = (facts["problem"] != "").any()  # no training takes such a set
    pairs = find_copies(table, facts) if damaged else cached_copies(table, args.cache, facts)
    report, rows = audit(table, facts, pairs, args.seed)
    report["ignored"] = ignored_files(Path(args.data), table["file"])
    readable = facts[(facts["problem"] == "").to_numpy()]
    args.output.mkdir(parents=True, exist_ok=True)
    pairs.to_csv(args.output / "copies.csv", index=False)
    (args.output / "audit.json").write_text(json.dumps({"data": str(args.data), **report}, indent=2), encoding="utf-8")
    write_rows(rows, readable, args.output / "rows", Path(str(args.data)).name, report["fingerprint"])
    sys.stdout.write("\n".join(audit_lines(report)) + f"\nwritten to {args.output}\n")
    message = describe_leaks(report["leaks"])
    if message:
        sys.stderr.write(f"audit: {message}\n")
    return LEAKING if message and not args.allow_leaks else 0


def audit(
    table: pd.DataFrame, facts: pd.DataFrame, pairs: pd.DataFrame, seed: int
) -> tuple[dict[str, Any], pd.DataFrame]:
    """Put together everything that is found, and split the readable images by merged source.

    Returns:
        The report, ready for JSON, and the rows of the readable images with `part`.
    """
    readable = (facts["problem"] == "").to_numpy()
    merged = merge_sources(table, pairs)[readable]
    rows, problem = add_parts(merged, seed)
    known = pairs[pairs["file_b"].isin(rows["file"]) & pairs["file_a"].isin(rows["file"])]
    refuse_crossing(rows, known)
    distinct = readable & ~facts["pixel_hash"].duplicated().to_numpy()
    conflicts = label_conflicts(table, pairs)
    report = {
        "fingerprint": fingerprint(table),
        "images": len(table),
        "distinct_images": int(distinct.sum()),
        "problems": facts.loc[~readable, ["file", "problem"]].to_dict("records"),
        "copies": count_copies(pairs),
        "sources": {
            "by_name": int(table["source_group"][readable].nunique()),
            "merged": int(merged["source_group"].nunique()),
        },
        "strata": summarise_table(merged),
        "names": name_agreement(table[distinct], copy_components(table, pairs)[distinct]),
        "leaks": split_leaks(table, pairs),
        "label_conflicts": {"groups": len(conflicts), "examples": conflicts},
        "confounding": measure_confounding(merged, facts[readable], seed),
        "split": {
            "seed": seed,
            "pairs_checked": len(known),
            "crossing_pairs": 0,  # or `refuse_crossing` would have raised
            "problem": problem,
            "images": rows["part"].value_counts().sort_index().to_dict(),
        },
    }
    return report, rows


def add_parts(table: pd.DataFrame, seed: int) -> tuple[pd.DataFrame, str]:
    """Split by source; a set with too few sources gets the part "", and what was wrong is said."""
    try:
        return split_sources(table, seed), ""
    except BonexrayError as error:
        return table.assign(part=""), str(error)


def describe_leaks(leaks: dict[str, dict[str, int]]) -> str:
    """Say in one line which of the data set's own splits share radiographs; "" when none does."""
    parts = [
        f"{counts['any']} of {counts['images']} {split} images" for split, counts in leaks.items() if counts["any"]
    ]
    return f"the data set's own splits leak: {', '.join(parts)} have a copy in another split" if parts else ""
