"""The audit as lines for a terminal."""

from typing import Any

from training.judging.intervals import Figures

LISTED = 20  # files that are named on a terminal; `audit.json` names all
CONFLICTING = 3  # files of a radiograph under both labels that are named


def audit_lines(report: dict[str, Any]) -> list[str]:
    """Lay out the report of `training.audit.audit`."""
    sources, names = report["sources"], report["names"]
    lines = [
        f"{report['images']} images, {report['distinct_images']} of them distinct, {len(report['problems'])} unreadable"
    ]
    lines += listed([f"{problem['file']}: {problem['problem']}" for problem in report["problems"]])
    if report.get("ignored"):
        lines += [f"{len(report['ignored'])} files beside them that were not read", *listed(report["ignored"])]
    lines += grid(
        [["copies", "pairs", "images"], *([kind, *counts.values()] for kind, counts in report["copies"].items())]
    )
    lines.append(f"{sources['by_name']} sources by name, {sources['merged']} after joining their copies")
    lines += name_lines(names)
    leaks = [[split, *counts.values()] for split, counts in report["leaks"].items()]
    if leaks:
        lines += grid(
            [["own split", "images", "of them fractured", "same pixels elsewhere", "or near", "or any copy"], *leaks]
        )
    conflicts = report["label_conflicts"]
    lines.append(f"radiographs under both labels: {conflicts['groups']}")
    lines += listed([", ".join(files[:CONFLICTING]) for files in conflicts["examples"]])
    lines += grid(
        [["archive, label", "images", "sources"], *([name, *row.values()] for name, row in report["strata"].items())]
    )
    return [*lines, *confounding_lines(report["confounding"]), *split_lines(report["split"])]


def listed(texts: list[str]) -> list[str]:
    """Indent the first few texts, and say how many more there are."""
    more = [f"  ... and {len(texts) - LISTED} more in audit.json"] if len(texts) > LISTED else []
    return [*(f"  {text}" for text in texts[:LISTED]), *more]


def name_lines(names: dict[str, Any]) -> list[str]:
    """Say how the copies that were found agree with the file names."""
    if not names["named"]:
        return ["copies against names: no name gives a pair away, so recall and precision cannot be measured here"]
    precision = "not defined" if names["precision"] is None else f"{names['precision']:.3f}"
    return [
        f"copies against names: recall {names['recall']:.3f}, precision {precision}, pair by pair",
        f"  {names['rotated_joined']} of {names['rotated']} rotated copies joined to another image of their name; "
        f"{names['merging_names']} names lie over several radiographs, which lowers the recall above",
    ]


def split_lines(split: dict[str, Any]) -> list[str]:
    """Say how the images were split by source, and that no pair of copies crosses."""
    if split["problem"]:
        return ["", f"no split of our own: {split['problem']}"]
    parts = ", ".join(f"{part} {count}" for part, count in split["images"].items())
    crossing = f"{split['crossing_pairs']} of {split['pairs_checked']} pairs of copies cross"
    return ["", f"our split, seed {split['seed']}, images: {parts}; {crossing}"]


def confounding_lines(confounding: dict[str, Figures]) -> list[str]:
    """Lay out how well each kind of fact predicts the label."""
    if not confounding:
        return ["too few sources to measure shortcuts"]
    columns = list(next(iter(confounding.values())))
    rows = [[name, *(show(figures[column]) for column in columns)] for name, figures in confounding.items()]
    unknown = all(figures["auroc_matched"]["value"] is None for figures in confounding.values())
    said = (
        ["no two labels come from one known archive, so what the origin tells cannot be taken out"] if unknown else []
    )
    return [*grid([["label told by", *columns], *rows]), *said]


def show(figure: dict[str, float | None]) -> str:
    """Write a figure with its interval."""
    if figure["value"] is None:
        return "-"
    return f"{figure['value']:.3f} ({figure['low']:.3f} to {figure['high']:.3f})"


def grid(rows: list[list[Any]]) -> list[str]:
    """Align the columns of a table, the first to the left, with an empty line before it."""
    texts = [[str(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
    aligned = [
        [cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True))]
        for row in texts
    ]
    return ["", *("  ".join(row).rstrip() for row in aligned)]
