"""The audit as lines for a terminal."""

from typing import Any

from training.judging.intervals import Figures


def audit_lines(report: dict[str, Any]) -> list[str]:
    """Lay out the report of `training.audit.audit`."""
    sources, names = report["sources"], report["names"]
    lines = [
        f"{report['images']} images, {report['distinct_images']} of them distinct, {len(report['problems'])} unreadable"
    ]
    lines += [f"  {problem['file']}: {problem['problem']}" for problem in report["problems"]]
    lines += grid(
        [["copies", "pairs", "images"], *([kind, *counts.values()] for kind, counts in report["copies"].items())]
    )
    lines.append(f"{sources['by_name']} sources by name, {sources['merged']} after joining their copies")
    lines.append(
        f"copies against names: recall {names['recall']:.3f}, precision {names['precision']:.3f}, pair by pair"
    )
    lines.append(
        f"  {names['rotated_joined']} of {names['rotated']} rotated copies joined to another image of their name; "
        f"{names['merging_names']} names lie over several radiographs, which lowers the recall above"
    )
    leaks = [[split, *counts.values()] for split, counts in report["leaks"].items()]
    if leaks:
        lines += grid([["own split", "images", "same pixels elsewhere", "or near", "or any copy"], *leaks])
    lines.append(f"{report['label_conflicts']['groups']} radiographs under both labels")
    lines += grid(
        [["archive, label", "images", "sources"], *([name, *row.values()] for name, row in report["strata"].items())]
    )
    return lines + confounding_lines(report["confounding"])


def confounding_lines(confounding: dict[str, Figures]) -> list[str]:
    """Lay out how well each kind of fact predicts the label."""
    if not confounding:
        return ["too few sources to measure shortcuts"]
    columns = list(next(iter(confounding.values())))
    rows = [[name, *(show(figures[column]) for column in columns)] for name, figures in confounding.items()]
    return grid([["label told by", *columns], *rows])


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
