"""Models that need no training of a network, judged as the networks are: what they reach is not the networks' merit."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import NearestNeighbors
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from training.data.facts import read_facts
from training.data.roles import NOTHING, assign_roles, official_rows
from training.data.split import FOLDS
from training.judging.confounding import describe_facts, log_odds, source_weights, threads
from training.judging.descriptors import Floats, frozen_features, grey_statistics, thumbnails
from training.judging.predictions import COLUMNS, votes
from training.making.operating_point import fit_operating_point

Scores = NDArray[np.float64]
Scorer = Callable[[Floats, NDArray[np.int8], Scores, Floats], Scores]  # train inputs, labels, weights, other inputs

NEIGHBOUR = "1 nearest neighbour, 64x64 pixels"
FOREST = "random forest, grey statistics"
FROZEN = {
    "mobilenetv2": "frozen MobileNetV2 + logistic regression",
    "resnet50": "frozen ResNet50 (conv4) + logistic regression",
}
SENSITIVITY = 0.95


def predict_baselines(table: pd.DataFrame, weights: str | None, cache: Path) -> pd.DataFrame:
    """Predict with every baseline, out of fold and on the official split where the data set has one.

    Args:
        table: a data set as `read_dataset` gives it.
        weights: of the frozen backbones, as `frozen_features` takes it; None leaves these out.
        cache: folder for pixels and features.

    Returns:
        A table as `training.judging.predictions` describes it.
    """
    tables = []
    for name, (inputs, scorer) in describe_baselines(table, weights, cache).items():
        tables.append(predict_grouped(table, inputs, scorer, name))
        if len(official := predict_official(table, inputs, scorer, name)):
            tables.append(official)
    return pd.concat(tables, ignore_index=True)


def describe_baselines(table: pd.DataFrame, weights: str | None, cache: Path) -> dict[str, tuple[Floats, Scorer]]:
    """Give what each baseline sees of the images, shape (n, k), and how it scores."""
    baselines: dict[str, tuple[Floats, Scorer]] = {
        name: (inputs.astype(np.float32), score_forest)
        for name, inputs in describe_facts(table, read_facts(table)).items()
    }
    baselines[NEIGHBOUR] = (thumbnails(table, cache), score_neighbour)
    baselines[FOREST] = (grey_statistics(table, cache), score_forest)
    for backbone, name in FROZEN.items() if weights else ():
        baselines[name] = (frozen_features(table, backbone, str(weights), cache), score_logistic)
    return baselines


def predict_grouped(table: pd.DataFrame, inputs: Floats, scorer: Scorer, name: str) -> pd.DataFrame:
    """Predict every part by a model fitted on all other folds, and calibrated on what those say of theirs.

    That is how networks are trained and calibrated, so that neither has more sources to learn from.
    """
    parts = (*FOLDS, "test")
    raw = pd.concat([_scored(table, inputs, scorer, part) for part in parts])
    others = [raw[~raw["part"].isin({part, "test"})] for part in parts]
    tables = [_calibrated(raw[raw["part"] == part], known) for part, known in zip(parts, others, strict=True)]
    return _finished(pd.concat(tables).assign(role="held_out", split="grouped"), name)


def predict_official(table: pd.DataFrame, inputs: Floats, scorer: Scorer, name: str) -> pd.DataFrame:
    """Predict the official test images from the official training images, at .5, as those do who trust that split."""
    train, tested = (official_rows(table, split) for split in ("train", "test"))
    if train["label"].nunique() < 2 or tested["label"].nunique() < 2:
        return pd.DataFrame(columns=list(COLUMNS))
    scores = scorer(inputs[train.index], train["label"].to_numpy(), np.ones(len(train)), inputs[tested.index])
    answers = tested.assign(logit=scores, threshold=0.5, part="test", role="held_out", split="official")
    return _finished(answers, name)


def score_neighbour(inputs: Floats, labels: NDArray[np.int8], weights: Scores, others: Floats) -> Scores:
    """Log ratio of the distances to the nearest image of either label: above 0 the nearest is fractured."""
    distances = [NearestNeighbors(n_neighbors=1).fit(inputs[labels == k]).kneighbors(others)[0][:, 0] for k in (0, 1)]
    clear, fractured = (np.maximum(distance, 1e-3) for distance in distances)
    return np.log(clear / fractured)


def score_forest(inputs: Floats, labels: NDArray[np.int8], weights: Scores, others: Floats) -> Scores:
    """Log odds of a random forest of 300 trees."""
    forest = RandomForestClassifier(300, min_samples_leaf=2, random_state=0, n_jobs=threads(len(inputs)))
    forest.fit(inputs, labels, weights)
    return log_odds(forest.predict_proba(others)[:, 1])


def score_logistic(inputs: Floats, labels: NDArray[np.int8], weights: Scores, others: Floats) -> Scores:
    """Log odds of a logistic regression on standardised inputs."""
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=2000))
    model.fit(inputs, labels, logisticregression__sample_weight=weights)
    return model.decision_function(others)


def _scored(table: pd.DataFrame, inputs: Floats, scorer: Scorer, held_out: str) -> pd.DataFrame:
    """The rows of a part with `logit`, as a model says that was fitted without it, and without the test part."""
    roles = assign_roles(table, "grouped", NOTHING, held_out)
    seen, asked = roles["train"], roles["test"]
    weights = source_weights(seen["label"], seen["source_group"])
    logits = scorer(inputs[seen.index], seen["label"].to_numpy(), weights, inputs[asked.index])
    return asked.assign(part=held_out, logit=logits)


def _calibrated(answers: pd.DataFrame, others: pd.DataFrame) -> pd.DataFrame:
    """The rows of `answers` with logits and a threshold fitted on `others`, one vote a source."""
    judged = votes(others.assign(probability=0.5, threshold=0.5))
    found = fit_operating_point(judged["logit"], judged["label"], SENSITIVITY, "out of the other folds")
    temperature, shift = found["calibration"]["temperature"], found["calibration"]["shift"]
    return answers.assign(logit=answers["logit"] / temperature + shift, threshold=found["threshold"])


def _finished(answers: pd.DataFrame, name: str) -> pd.DataFrame:
    probability = expit(answers["logit"])
    finished = answers.assign(model=name, probability=probability, milliseconds=np.nan)
    return finished[list(COLUMNS)].astype(COLUMNS).reset_index(drop=True)
