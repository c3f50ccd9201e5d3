"""Every figure of the evaluation as plain values, from the table of predictions alone."""

from collections.abc import Hashable
from itertools import combinations
from typing import Any

import pandas as pd

from training.judging.baselines import FROZEN
from training.judging.comparison import compare
from training.judging.curves import operating_points, reliability
from training.judging.intervals import STATEMENT, with_intervals
from training.judging.metrics import measure
from training.judging.predictions import (
    DESCRIPTIONS,
    EXTERNAL,
    OFFICIAL,
    OUT_OF_FOLD,
    TEST,
    VALIDATION,
    describe_sets,
    evaluation_sets,
    votes,
)
from training.making.calibration import threshold_band

LEAK_FREE = (OUT_OF_FOLD, TEST, EXTERNAL)  # in the order in which the main table prefers them
VOTE = (
    "one vote a source: its upright image where it has one (the first by file name), else the mean logit of its images"
)


def summarise(predictions: pd.DataFrame, resamples: int, seed: int, *, leaks: bool = False) -> dict[str, Any]:
    """Measure every model on every set of the table, and compare the networks in pairs, and with what they started as.

    Returns:
        "method", with the sets in words (`leaks`: whether the data set's own split does), "models" (by model and set:
        counts, "per_source", "per_image"), and "comparisons" (by set and pair).
    """
    asked = networks(predictions)
    order = sorted(predictions["model"].unique(), key=lambda model: model in asked)  # baselines first
    found = evaluation_sets(predictions)
    sets = {key: found[key] for key in sorted(found, key=lambda key: order.index(key[0])) if key[1] != VALIDATION}
    models: dict[str, Any] = {}
    for (model, name), rows in sets.items():
        models.setdefault(model, {})[name] = _measured(rows, resamples, seed)
    return {
        "method": {"votes": VOTE, "intervals": STATEMENT.format(resamples=resamples, seed=seed),
                   "sets": describe_sets(leaks=leaks)},
        "models": models,
        "comparisons": _comparisons(sets, asked, resamples, seed),
    }  # fmt: skip


def networks(predictions: pd.DataFrame) -> list[str]:
    """List the models that took time to answer, which no baseline records."""
    return sorted(predictions.loc[predictions["milliseconds"].notna(), "model"].unique())


def headline_set(models: dict[str, Any]) -> str | None:
    """Choose the leak-free set that the tables stand on: the first of `LEAK_FREE` that a network has, or any model."""
    asked = [sets for sets in models.values() if any(one["milliseconds"] is not None for one in sets.values())]
    leak_free = [sets for sets in asked if set(sets) & set(LEAK_FREE)] or list(models.values())
    return next((name for name in LEAK_FREE if any(name in sets for sets in leak_free)), None)


def leak_free_rows(models: dict[str, Any]) -> dict[str, tuple[str, dict[str, Any]]]:
    """Give each model's name in a table and its leak-free figures, one vote a source.

    A model that was not measured on the headline set is shown on the one that it has, and its name says so.
    """
    headline = headline_set(models)
    rows = {}
    for model, sets in models.items():
        own = next((name for name in (headline, *LEAK_FREE) if name in sets), None)
        label = model if own in (headline, None) else f"{model} ({str(own).replace('_', ' ')} part alone)"
        rows[model] = label, sets[own]["per_source"] if own else {}
    return rows


def checkpoint_metrics(
    predictions: pd.DataFrame,
    summary: dict[str, Any],
    model: str,
    operating: tuple[float, float],
    resamples: int,
    seed: int,
) -> dict[str, Any]:
    """Gather what `classifier.json` shall say of one network.

    Args:
        predictions: of all models.
        summary: what `summarise` made of them.
        model: its name in both.
        operating: its threshold, and the sensitivity that it was chosen for.
        resamples: how many bootstrap samples.
        seed: of the resampling.

    Returns:
        "set" (the first of `LEAK_FREE` that was measured), "split" (which says so in words), its "per_source" and
        "per_image", the same of each other set under its name, "leak", "operating_points", "reliability" and
        "uncertain_band".
    """
    sets = summary["models"][model]
    own, *others = (name for name in LEAK_FREE if name in sets)
    rows = evaluation_sets(predictions)
    curve = votes(rows[model, own])
    return {
        "set": own,
        "split": f"{own.replace('_', ' ')} ({sets[own]['sources']} sources): {DESCRIPTIONS[own]}",
        **_figures_of(sets[own]),
        **{name: _figures_of(sets[name]) for name in others},
        "leak": leak_table(summary),
        "operating_points": _records(operating_points(curve, resamples, seed)),
        "reliability": _records(reliability(curve, resamples=resamples, seed=seed)),
        "uncertain_band": uncertain_band(curve, rows.get((model, VALIDATION)), operating, resamples, seed),
    }


def uncertain_band(
    curve: pd.DataFrame, validation: pd.DataFrame | None, operating: tuple[float, float], resamples: int, seed: int
) -> tuple[float, float]:
    """Measure how far the threshold might lie elsewhere, had it been chosen on other sources.

    Args:
        curve: leak-free votes, from which such sources are drawn.
        validation: answers on the part that chose the threshold; where there is none, as for a threshold that was
            chosen out of fold, as many sources are drawn as `curve` has.
        operating: the threshold in use, and the sensitivity that it was chosen for.
        resamples: how many bootstrap samples.
        seed: of the resampling.

    Returns:
        The 95 % interval, widened to the threshold in use if that lies outside.
    """
    used, aim = operating
    sizes = None
    if validation is not None:
        labels = votes(validation)["label"]
        sizes = int((labels == 0).sum()), int((labels == 1).sum())
    low, high = threshold_band(curve["probability"], curve["label"], aim, resamples, seed, sizes)
    return min(low, used), max(high, used)


def leak_table(summary: dict[str, Any]) -> dict[str, Any]:
    """Put accuracy and AUROC on the official split beside the leak-free ones, by model that has either."""
    honest = leak_free_rows(summary["models"])
    table: dict[str, Any] = {}
    for model, sets in summary["models"].items():
        leaky, (label, clean) = sets.get(OFFICIAL, {}).get("per_image", {}), honest[model]
        table[label] = {
            **{f"official_{key}": leaky[key] for key in ("accuracy", "auroc") if key in leaky},
            **{
                f"leak_free_{key}": clean[key] for key in ("accuracy", "auroc", "auroc_matched") if _defined(clean, key)
            },
        }
    return table


def _defined(figures: dict[str, Any], key: str) -> bool:
    return key in figures and figures[key]["value"] is not None


def _figures_of(measured: dict[str, Any]) -> dict[str, Any]:
    return {group: measured[group] for group in ("per_source", "per_image")}


def _measured(rows: pd.DataFrame, resamples: int, seed: int) -> dict[str, Any]:
    chosen = votes(rows)
    return {
        "images": len(rows),
        "sources": len(chosen),
        "fractured_sources": int(chosen["label"].sum()),
        "milliseconds": float(rows["milliseconds"].median()) if rows["milliseconds"].notna().any() else None,
        "per_source": with_intervals(chosen, measure, resamples, seed),
        "per_image": with_intervals(rows, measure, resamples, seed),
    }


def _comparisons(
    sets: dict[tuple[str, str], pd.DataFrame], asked: list[str], resamples: int, seed: int
) -> dict[str, Any]:
    """Each pair of networks, and each with its frozen backbone, on the sources that both have answered, by set."""
    compared: dict[str, Any] = {}
    timed, frozen = [key for key in sets if key[0] in asked], [key for key in sets if key[0] in FROZEN.values()]
    floors = [(key, other) for key in timed for other in frozen if key[0] in other[0]]
    for (first, name), (second, other) in [*combinations(timed, 2), *floors]:
        if name != other:
            continue
        one, two = votes(sets[first, name]), votes(sets[second, other])
        both = set(one["source_group"]) & set(two["source_group"])
        one, two = (rows[rows["source_group"].isin(both)] for rows in (one, two))
        compared.setdefault(name, {})[f"{first} - {second}"] = compare(one, two, resamples, seed)
    return compared


def _records(table: pd.DataFrame) -> list[dict[Hashable, Any]]:
    rounded = table.astype(float).round(4)
    return rounded.astype(object).where(rounded.notna(), None).to_dict("records")
