"""Figures and tables in Markdown, and metrics named to be read."""

import re
from collections.abc import Iterable, Sequence

NAMES = {
    "auroc_matched": "AUROC within an archive",
    "auroc": "AUROC, all archives together",
    "balanced_accuracy": "balanced accuracy",
    "brier": "Brier score",
    "ece": "expected calibration error (10 bins)",
    "calibration_in_the_large": "mean probability minus share of fractured",
    "flipped": "verdicts flipped",
    "peak_on_mark": "strongest evidence on the marked fracture",
    "peak_on_mark_by_chance": "a random cell of the map on the marked fracture",
    "peak_on_letter": "evidence peaks on the letter",
    "peak_on_border": "evidence peaks on the border",
    "peak_on_flat": "evidence peaks on flat ground",
}

SPLITS = {"official_": "official split: ", "leak_free_": "leak-free split: "}

Figure = dict[str, float | None]


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def number(value: float | None) -> str:
    """Write three decimals, or a dash for what is not defined."""
    return "-" if value is None else f"{round(value, 3) + 0.0:.3f}"  # which makes -0.000 a zero


def interval(figure: Figure | None) -> str:
    """Write a value and its interval, or a dash."""
    if not figure or figure["value"] is None:
        return "-"
    return f"{number(figure['value'])} ({number(figure['low'])} to {number(figure['high'])})"


def title(key: str) -> str:
    """Name a metric, to be read."""
    split = next((split for split in SPLITS if key.startswith(split)), "")
    prefix, key = SPLITS.get(split, ""), key.removeprefix(split)
    if key in NAMES:
        return prefix + NAMES[key]
    key = re.sub(r"_at_([\d.]+)$", lambda hit: f" at {100 * float(hit[1]):g} % prevalence", key)
    key = re.sub(r"^(auroc|sensitivity|specificity)_in_", r"\1 inside the archive ", key)
    return prefix + re.sub(r"^(auroc|ppv|npv)\b", lambda hit: hit[1].upper(), key.replace("_", " "))
