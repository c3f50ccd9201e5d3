"""Draws the figures of an evaluation to files; the grids of samples stay on the trainer's disk."""

import re
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure
from scipy.special import logit

from bonexray import FractureClassifier
from bonexray.images import read_image
from training.judging.measurement import Measurement, fetch
from training.judging.predictions import evaluation_sets, votes
from training.judging.summary import LEAK_FREE, networks
from training.making.provenance import HISTORY
from training.reporting import figures

EXTREME = 1e-6  # a threshold of 0 or 1 has no finite logit
EACH = 6  # samples that are wrong, nearest to the threshold, and right


def draw_all(measurement: Measurement, folder: Path, resamples: int) -> list[str]:
    """Draw what can be drawn, and return the names of the files that show no radiograph."""
    drawn = []
    for name, figure in _statistical(measurement.predictions, resamples):
        figure.savefig(folder / name)
        drawn.append(name)
    if histories := read_histories(measurement):
        figures.draw_training(histories).savefig(folder / "training.png")
        drawn.append("training.png")
    for name, asked in measurement.asked.items():
        samples = choose_samples(measurement.predictions, name, asked)
        if samples:
            slug = re.sub(r"\W+", "-", name.lower())
            figures.draw_samples(samples, name).savefig(folder / f"samples-{slug}.png")
    return drawn


def read_histories(measurement: Measurement) -> dict[str, pd.DataFrame]:
    """Read the losses of each epoch by network: of those that stand for themselves, else of each fold's."""
    named = dict(measurement.classifiers)
    for name, asked in measurement.asked.items():
        if name not in named:
            named |= {f"{name}, {rows['part'].iloc[0]}": classifier for classifier, rows in asked}
    paths = {name: fetch(classifier, HISTORY) for name, classifier in named.items()}
    histories = {name: pd.read_csv(path) for name, path in paths.items() if path is not None}
    return {name: history for name, history in histories.items() if len(history)}


def _statistical(predictions: pd.DataFrame, resamples: int) -> Iterator[tuple[str, Figure]]:
    """Every figure that needs only predictions, for each leak-free set of the networks."""
    sets, names = evaluation_sets(predictions), networks(predictions)
    for part in LEAK_FREE:
        models = {model: votes(sets[model, part]) for model in names if (model, part) in sets}
        if not models:
            continue
        yield f"roc-{part}.png", figures.draw_roc(models, resamples)
        yield f"reliability-{part}.png", figures.draw_reliability(models, resamples)
        yield f"confusion-{part}.png", figures.draw_confusion(models)
        yield f"decision-{part}.png", figures.draw_decision(models, resamples)


def choose_samples(
    predictions: pd.DataFrame, model: str, asked: list[tuple[FractureClassifier, pd.DataFrame]]
) -> list[figures.Sample]:
    """Choose the surest mistakes, what lies nearest to the threshold, and the surest right answers.

    Args:
        predictions: of all models.
        model: its name there.
        asked: its networks, each with the held-out images that it was asked about.
    """
    who = {
        file: (str(path), classifier)
        for classifier, rows in asked
        for file, path in zip(rows["file"], rows["path"], strict=True)
    }
    own = predictions[(predictions["model"] == model) & (predictions["role"] == "held_out")]
    judged = votes(own[own["file"].isin(who)])
    distance = (judged["logit"] - logit(judged["threshold"].clip(EXTREME, 1 - EXTREME))).abs()
    right = judged["fractured"] == judged["label"]
    order = [
        *distance[~right].nlargest(EACH).index,
        *distance.nsmallest(EACH).index,
        *distance[right].nlargest(EACH).index,
    ]
    samples = []
    chosen = judged.loc[list(dict.fromkeys(order))]
    for file, label in zip(chosen["file"], chosen["label"], strict=True):
        path, classifier = who[file]
        grey = read_image(path)
        samples.append(figures.Sample(grey, bool(label), classifier.predict(grey)))
    return samples
