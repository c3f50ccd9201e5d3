"""The figures of the evaluation: colour-blind-safe, told apart by line style too, with their intervals drawn."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from bonexray import Prediction
from bonexray.picture import Grey
from training.judging import curves

# Okabe & Ito's palette, which stays apart under every common colour blindness.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
STYLES = ("-", "--", "-.", ":")
GREY = "#666666"
EVIDENCE = "PuOr_r"  # diverging and colour-blind-safe: orange for, purple against


@dataclass(frozen=True)
class Sample:
    """One image with its truth and what a network said of it."""

    grey: Grey
    fractured: bool
    answer: Prediction


def draw_reliability(models: dict[str, pd.DataFrame], resamples: int) -> Figure:
    """Draw probability against share of fractured, by model; the marker's size is the number of sources."""
    figure, (axes,) = _start(1, "Reliability: one vote a source\n95 % intervals over sources")
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=1, label="perfectly calibrated")
    for number, (name, rows) in enumerate(models.items()):
        table = curves.reliability(rows, resamples=resamples)
        value = table["fractured"]
        reach = np.maximum(0, [value - table["fractured_low"], table["fractured_high"] - value])
        place = table["probability"] + 0.006 * number  # so that intervals do not hide each other
        axes.errorbar(place, value, reach, **_style(number), capsize=3, label=name)
        axes.scatter(place, value, 12 + 4 * table["count"], color=COLOURS[number % len(COLOURS)], alpha=0.5)
    return _finish(figure, axes, "predicted probability of a fracture", "share that is fractured")


def draw_roc(models: dict[str, pd.DataFrame], resamples: int) -> Figure:
    """Draw ROC and precision-recall curves with their bands, and the point at the threshold in use."""
    figure, (left, right) = _start(2, "ROC and precision-recall: one vote a source, 95 % bands over sources")
    left.plot([0, 1], [0, 1], color=GREY, linewidth=1, label="chance")
    for number, (name, rows) in enumerate(models.items()):
        _band(left, curves.roc(rows, resamples), "false_alarms", "sensitivity", number, name)
        _band(right, curves.precision_recall(rows, resamples), "sensitivity", "precision", number, name)
        (clear, alarms), (_, found) = counts = curves.confusion(rows)
        recall, alarm_rate = found / counts[1].sum(), alarms / (clear + alarms)
        point = {"color": COLOURS[number % len(COLOURS)], "marker": "o", "zorder": 5, "edgecolor": "black"}
        left.scatter(alarm_rate, recall, **point)
        right.scatter(recall, found / max(1, found + alarms), **point)
    _finish(figure, right, "sensitivity", "share of true alarms")
    return _finish(figure, left, "false alarms (1 - specificity)", "sensitivity")


def draw_confusion(models: dict[str, pd.DataFrame]) -> Figure:
    """Draw truth against verdict, a panel a model, counts in words."""
    figure, panels = _start(len(models), "Verdicts at each network's own threshold\none vote a source")
    names = ("not fractured", "fractured")
    for axes, (name, rows) in zip(panels, models.items(), strict=True):
        counts = curves.confusion(rows)
        shares = counts / np.maximum(1, counts.sum(1, keepdims=True))
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        for (row, column), count in np.ndenumerate(counts):
            dark = shares[row, column] > 0.5
            text = f"{count}\n{100 * shares[row, column]:.0f} %"
            axes.text(column, row, text, ha="center", va="center", color="white" if dark else "black")
        axes.set(title=name, xlabel="verdict", ylabel="truth", xticks=(0, 1), yticks=(0, 1))
        axes.set_xticklabels(names)
        axes.set_yticklabels(names, rotation=90, va="center")
    return figure


def draw_decision(models: dict[str, pd.DataFrame], resamples: int) -> Figure:
    """Draw the net benefit over thresholds beside acting on all and on none."""
    figure, (axes,) = _start(1, "Decision curve: one vote a source, 95 % bands\nat the prevalence of these sources")
    for number, (name, rows) in enumerate(models.items()):
        table = curves.decision_curve(rows, resamples)
        _band(axes, table, "threshold", "net_benefit", number, name)
        if number == 0:
            axes.plot(table["threshold"], table["act_on_all"], color=GREY, linewidth=1, label="act on all")
            axes.set_ylim(-0.1, 1.1 * table["act_on_all"].iloc[0])
    axes.axhline(0, color="black", linewidth=1, label="act on none")
    _finish(figure, axes, "threshold probability", "net benefit")
    axes.set_xlim(0, 1)
    return figure


def draw_training(histories: dict[str, pd.DataFrame]) -> Figure:
    """Draw loss and AUROC over the epochs of both phases; a vertical line parts them."""
    figure, panels = _start(2, "Training: thin on training draws, thick on validation")
    for number, (name, history) in enumerate(histories.items()):
        for axes, column in zip(panels, ("loss", "auc"), strict=True):
            for prefix, width in (("", 1), ("val_", 2.2)):
                if prefix + column not in history:  # a training on all but what is held out
                    continue
                named = prefix or f"val_{column}" not in history
                (line,) = axes.plot(history[prefix + column], label=name if named else None)
                line.set(
                    **_style(number), linewidth=width, marker="."
                )  # a head alone is one epoch, which no line shows
            for start in np.flatnonzero(history["phase"].ne(history["phase"].shift()))[1:]:
                axes.axvline(start - 0.5, color=COLOURS[number % len(COLOURS)], linewidth=0.8, linestyle=":")
    for axes, label in zip(panels, ("loss (log)", "AUROC over images"), strict=True):
        _finish(figure, axes, "epoch", label)
    panels[0].set_yscale("log")
    return figure


def draw_samples(samples: Sequence[Sample], title: str, columns: int = 6) -> Figure:
    """Draw images with the evidence over them; never to be published when the images may not be."""
    rows = -(-len(samples) // columns)
    figure = Figure((2.1 * columns, 2.6 * rows + 0.6), layout="constrained", dpi=110)
    figure.suptitle(f"{title}\norange speaks for a fracture, purple against (terms of the logit)", fontsize=10)
    reach = max(float(np.abs(sample.answer.cells).max()) for sample in samples)
    for axes, sample in zip(figure.subplots(rows, columns, squeeze=False).flat, samples, strict=False):
        axes.imshow(sample.grey, cmap="gray", vmin=0, vmax=255)
        axes.imshow(sample.answer.evidence, cmap=EVIDENCE, vmin=-reach, vmax=reach, alpha=0.45)
        right = "" if sample.answer.fractured == sample.fractured else "WRONG, "
        truth = "fractured" if sample.fractured else "not fractured"
        axes.set_title(f"{right}truth: {truth}\np = {sample.answer.probability:.2f}", fontsize=8)
    for axes in figure.axes:
        axes.axis("off")
    return figure


def _start(panels: int, title: str) -> tuple[Figure, NDArray]:
    figure = Figure((5.2 * panels, 5.0), layout="constrained", dpi=150)
    figure.suptitle(title, fontsize=11)
    return figure, figure.subplots(1, panels, squeeze=False)[0]


def _style(number: int) -> dict[str, Any]:
    return {"color": COLOURS[number % len(COLOURS)], "linestyle": STYLES[number % len(STYLES)]}


def _band(axes: Axes, table: pd.DataFrame, x: str, y: str, number: int, name: str) -> None:
    axes.plot(table[x], table[y], **_style(number), label=name)
    colour = COLOURS[number % len(COLOURS)]
    axes.fill_between(table[x], table[f"{y}_low"], table[f"{y}_high"], color=colour, alpha=0.18, linewidth=0)


def _finish(figure: Figure, axes: Axes, x: str, y: str) -> Figure:
    axes.set(xlabel=x, ylabel=y)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=9, framealpha=0.9)
    return figure
