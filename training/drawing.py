"""Draws the figures of an evaluation to files; the grids of samples stay on the trainer's disk."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from bonexray import FractureClassifier
from bonexray.images import read_image
from training import figures
from training.measurement import Measurement
from training.predictions import evaluation_sets, votes
from training.summary import LEAK_FREE, networks

EACH = 6  # samples that are wrong, nearest to the threshold, and right


def draw_all(measurement: Measurement, folder: Path, resamples: int) -> list[str]:
    """Draw what can be drawn, and return the names of the files that show no radiograph."""
    drawn = []
    for name, figure in _statistical(measurement.predictions, resamples):
        figure.savefig(folder / name)
        drawn.append(name)
    histories = {name: _history(classifier) for name, classifier in measurement.classifiers.items()}
    known = {name: history for name, history in histories.items() if len(history)}
    if known:
        figures.draw_training(known).savefig(folder / "training.png")
        drawn.append("training.png")
    for name, classifier in measurement.classifiers.items():
        figure = figures.draw_samples(choose_samples(measurement, name, classifier), name)
        figure.savefig(folder / f"samples-{classifier.name}.png")
    return drawn


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


def choose_samples(measurement: Measurement, model: str, classifier: FractureClassifier) -> list[figures.Sample]:
    """Choose the surest mistakes, what lies nearest to the threshold, and the surest right answers."""
    predictions = measurement.predictions
    own = predictions[(predictions["model"] == model) & (predictions["role"] == "held_out")]
    rows = measurement.rows[model]
    judged = votes(own[own["file"].isin(rows["file"])])
    cut = np.log(classifier.threshold / (1 - classifier.threshold)) if 0 < classifier.threshold < 1 else 0.0
    distance = (judged["logit"] - cut).abs()
    right = judged["fractured"] == judged["label"]
    order = [
        *distance[~right].nlargest(EACH).index,
        *distance.nsmallest(EACH).index,
        *distance[right].nlargest(EACH).index,
    ]
    path = dict(zip(rows["file"], rows["path"], strict=True))
    chosen = judged.loc[list(dict.fromkeys(order))]
    greys = [read_image(path[file]) for file in chosen["file"]]
    return [
        figures.Sample(grey, bool(label), classifier.predict(grey))
        for grey, label in zip(greys, chosen["label"], strict=True)
    ]


def _history(classifier: FractureClassifier) -> pd.DataFrame:
    path = classifier.folder / "history.csv"
    return pd.read_csv(path) if path.is_file() else pd.DataFrame()
