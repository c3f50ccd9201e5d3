"""The report and the README's table, written from the figures: nothing in them is typed by hand."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bonexray.errors import BonexrayError
from training.judging.baselines import FROZEN
from training.judging.confounding import FACTS
from training.judging.perturbations import PERTURBATIONS
from training.judging.predictions import DESCRIPTIONS, OFFICIAL, OUT_OF_FOLD
from training.judging.summary import headline_set, leak_free_rows
from training.reporting.markdown import Figure, interval, number, table, title
from training.reporting.own_split import MEMORY, PER_IMAGE, own_split_columns, own_split_leaks

MARKERS = ("<!-- results -->", "<!-- /results -->")
NOTES = """\
A resample repeats sources, which makes calibration look worse than it is: the interval of the expected calibration
error lies too high, even beyond the value. Predictive values are computed from sensitivity and specificity for the
stated prevalence, not counted. Figures without a value are not defined: one label is absent, or no archive is known.
The figures per image count a source as often as it has images, and so tell mostly of the sources with many copies.
"""
PEAKS = """\
One image a source, out of fold where the folds were asked, else on the test part. The evidence cells that touch the
image's edge are the border. On a square image chance would give 49 % of 7 x 7 cells, 36 % of 10 x 10 and 27 % of
14 x 14: networks with fewer cells look worse here. A peak on a letter or on flat ground (padding, background) is a
failure. Shares are of the images called fractured.
"""


def render_report(summary: dict[str, Any], robustness: dict[str, Any], figures: Sequence[str]) -> str:
    """Write the whole report in Markdown.

    Args:
        summary: as `training.judging.summary.summarise` gives it, with "data" and "published" added.
        robustness: by model and perturbation, as `summarise_robustness` gives it.
        figures: file names of the figures that lie beside the report.
    """
    data, method = summary["data"], summary["method"]
    lines = [
        "# Evaluation",
        f"{data['images']:,} images from {data['sources']:,} sources; fingerprint `{data['fingerprint']}`.",
        f"Votes: {method['votes']}. Intervals: {method['intervals']}.",
        *_split(data),
        *summary["published"],
        "## Results",
        main_table(summary),
        *_sections(summary["models"], method["sets"]),
        NOTES,
        *_comparisons(summary["comparisons"]),
        *_robustness(robustness),
        *(["## Figures"] if figures else []),
        *(f"![{name}]({name})" for name in figures),
    ]
    return "\n\n".join(line.strip() for line in lines) + "\n"


def main_table(summary: dict[str, Any]) -> str:
    """Write the table of all models: the data set's own split, where any was judged on it, beside the leak-free."""
    models, leaks = summary["models"], own_split_leaks(summary["data"])
    honest = leak_free_rows(models)
    official = any(OFFICIAL in sets for sets in models.values())
    own = own_split_columns(leaks=leaks) if official else {}
    clean = _leak_free_columns([figures for _, figures in honest.values()])
    if FACTS in honest:
        clean["auroc"] += f" (image facts alone: {number(honest[FACTS][1].get('auroc', {}).get('value'))})"
    rows = []
    for model, sets in models.items():
        label, figures = honest[model]
        judged = sets.get(OFFICIAL, {}).get("per_image", {})
        rows.append(
            [label, *(interval(judged.get(key)) for key in own), *(interval(figures.get(key)) for key in clean)]
        )
    shown = table(["model", *own.values(), *clean.values()], rows)
    warning = (MEMORY if leaks else PER_IMAGE) * official
    return f"{shown}\n\n{warning}{_caption(summary, headline_set(models))}"


def _leak_free_columns(measured: Sequence[dict[str, Figure]]) -> dict[str, str]:
    """Name the leak-free columns by the figure that each holds."""
    archives = sorted({key for figures in measured for key in figures if key.startswith("auroc_in_")})
    pointed = any("peak_on_mark" in figures for figures in measured)
    return {
        "auroc_matched": "leak-free: **AUROC within an archive**",
        **{key: f"**inside `{key.removeprefix('auroc_in_')}`**" for key in archives},
        "auroc": "all archives together",
        **({"peak_on_mark": title("peak_on_mark")} if pointed else {}),
    }


def write_results(readme: Path, text: str, markers: tuple[str, str] = MARKERS) -> None:
    """Replace what stands between two markers in a README.

    Raises:
        BonexrayError: the file or its markers are missing.
    """
    start, end = markers
    if not readme.is_file():
        raise BonexrayError(f"{readme} is no file: expected a README with {start} and {end}")
    content = readme.read_text("utf-8")
    if not re.search(f"{start}.*{end}", content, re.DOTALL):
        raise BonexrayError(f"{readme} lacks the markers {start} and {end}")
    between = re.compile(f"{start}.*?{end}", re.DOTALL)
    readme.write_text(between.sub(lambda _: f"{start}\n{text}\n{end}", content), "utf-8")


def _caption(summary: dict[str, Any], name: str | None) -> str:
    method, counts = summary["method"], {sets[name]["sources"] for sets in summary["models"].values() if name in sets}
    judged = f"{DESCRIPTIONS[name]}; {max(counts)} sources" if name else "not measured"
    return (
        f"Leak-free: {judged}; {method['votes']}. *Within an archive*, a fractured and another source are "
        "compared only when both come from the same archive, so that telling origins apart earns nothing. In brackets: "
        f"{method['intervals']}; an interval without width is no certainty, but what "
        "resampling gives where all sources of each stratum are judged alike."
        + _gains(summary.get("comparisons", {}).get(name or "", {}))
    )


def _gains(comparisons: dict[str, Any]) -> str:
    """Say by how much networks beat their frozen backbones within an archive, over the same resampled sources."""
    said = [
        f"{pair.removesuffix(floor)} {interval(found['differences']['auroc_matched'])}"
        for pair, found in comparisons.items()
        for floor in (f" - {name}" for name in FROZEN.values())
        if pair.endswith(floor)
    ]
    gain = "the gain over a logistic regression on its own frozen features"
    return f" Paired over the same sources, within an archive, {gain}: {', '.join(said)}." if said else ""


def _split(data: dict[str, Any]) -> list[str]:
    """The parts of the grouped split, and what was asserted of them."""
    if "split" not in data:
        return []
    split = data["split"]
    rows = [
        [part, f"{counts['images']:,}", str(counts["sources"]), str(counts["fractured_sources"])]
        for part, counts in split["parts"].items()
    ]
    said = f"{split['crossing_pairs']} of {split['pairs_checked']:,} pairs of copies cross parts of the grouped split."
    return [said, table(["part", "images", "sources", "of them fractured"], rows)]


def _sections(models: dict[str, Any], described: dict[str, str]) -> list[str]:
    """A table of every metric for each network and set; for each baseline where there is no network."""
    asked = [model for model, sets in models.items() if any(one["milliseconds"] for one in sets.values())]
    lines = ["Every other figure of the baselines is in `metrics.json`."] if asked else []
    for model in asked or models:
        sets = models[model]
        for name, measured in sets.items():
            source, image = measured["per_source"], measured["per_image"]
            rows = [[title(key), interval(source[key]), interval(image.get(key))] for key in source]
            time = measured["milliseconds"]
            counts = f"{measured['sources']} sources ({measured['fractured_sources']} fractured)"
            lines += [
                f"### {model}: {name.replace('_', ' ')}",
                f"{described[name][:1].upper()}{described[name][1:]}. {counts}, {measured['images']} images."
                + (f" Median {time:.1f} ms an image." if time is not None else ""),
                table(["", "one vote a source", "per image"], rows),
            ]
    return lines


def _comparisons(comparisons: dict[str, Any]) -> list[str]:
    lines = ["## Between the networks, and with their frozen backbones"] if comparisons else []
    for name in sorted(comparisons, key=lambda name: (name != OUT_OF_FOLD, name)):
        for pair, compared in comparisons[name].items():
            test, counts = compared["delong"], compared["mcnemar"]
            rows = [[title(key), interval(figure)] for key, figure in compared["differences"].items()]
            lines += [
                f"### {pair}: {name.replace('_', ' ')}, {compared['sources']} sources",
                f"{_delong(test)} McNemar, exact: {counts['first_only']} sources only the first gets right, "
                f"{counts['second_only']} only the second, p = {counts['p']:.3g}.",
                table(["paired difference", "value (95 % interval)"], rows),
            ]
    return lines


def _delong(test: dict[str, float] | None) -> str:
    if test is None:
        return "DeLong: not computed, it needs two sources of each label."
    return (
        f"DeLong, all archives together: AUROC {test['first']:.3f} against {test['second']:.3f}, difference "
        f"{test['first'] - test['second']:.3f} ({test['low']:.3f} to {test['high']:.3f}), p = {test['p']:.3g}."
    )


def _robustness(robustness: dict[str, Any]) -> list[str]:
    lines = ["## Robustness", PEAKS] if robustness else []
    for model, found in robustness.items():
        keys = list(dict.fromkeys(key for figures in found.values() for key in figures))
        rows = [[name, *(interval(found[name].get(key)) for key in keys)] for name in PERTURBATIONS if name in found]
        lines += [f"### {model}", table(["perturbation", *map(title, keys)], rows)]
    return lines
