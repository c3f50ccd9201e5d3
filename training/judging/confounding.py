"""How well a label is told without looking for what it means: by file and image facts, and by the origin alone."""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import StratifiedGroupKFold

from training.data.facts import IMAGE_FACTS
from training.judging.intervals import Figures, with_intervals
from training.judging.metrics import auroc, auroc_inside, auroc_matched
from training.judging.predictions import votes

Floats = NDArray[np.float64]

FACTS = "seven plain image facts"  # the kind of `describe_facts` that an overall AUROC must be read against
FOLDS, TREES = 5, 100
EXTREME = 1e-4  # no answer is surer than this
WORTH_THREADS = 500  # images


def measure_confounding(table: pd.DataFrame, facts: pd.DataFrame, seed: int = 0) -> dict[str, Figures]:
    """Measure by AUROC, one vote a source, how well each kind of fact predicts the label out of fold.

    Args:
        table: of readable images, with merged source groups.
        facts: of `read_facts`, in the same order.
        seed: of the folds and the forests.

    Returns:
        By kind of fact: "auroc", "auroc_matched" (only pairs from one archive) and "auroc_in_<archive>",
        each with "value", "low" and "high"; empty when a label has fewer sources than there are folds.
    """
    sources = table.groupby("label")["source_group"].nunique()
    if len(sources) < 2 or sources.min() < FOLDS:
        return {}
    return {name: judge_inputs(table, inputs, seed) for name, inputs in describe_facts(table, facts).items()}


def describe_facts(table: pd.DataFrame, facts: pd.DataFrame) -> dict[str, Floats]:
    """Give what each kind of fact says of every image, shape (n, k)."""
    file_facts = pd.get_dummies(facts[["format", "mode", "bytes", "width", "height"]], columns=["format", "mode"])
    kinds = {
        "width and height alone": facts[["width", "height"]],
        "file facts": file_facts,
        FACTS: facts[list(IMAGE_FACTS)],
    }
    if table["archive"].nunique() > 1:
        kinds["archive alone"] = pd.get_dummies(table["archive"])
    return {name: frame.to_numpy(np.float64) for name, frame in kinds.items()}


def judge_inputs(table: pd.DataFrame, inputs: Floats, seed: int = 0) -> Figures:
    """Predict out of fold from `inputs` (n, k), give each source one vote, and measure with 95 % intervals."""
    logits = held_out_logits(inputs, table["label"], table["source_group"], seed)
    rows = votes(table.assign(logit=logits, probability=expit(logits), threshold=0.5))
    return with_intervals(rows, measure_separation)


def measure_separation(rows: pd.DataFrame, weights: Floats | None = None) -> dict[str, Floats]:
    """Compute the AUROC over all pairs of sources, over those from one archive, and inside each archive."""
    label, probability = rows["label"].to_numpy(float), rows["probability"].to_numpy(float)
    weights = np.ones(len(rows)) if weights is None else weights
    return {
        "auroc": auroc(label, probability, weights),
        "auroc_matched": auroc_matched(label, probability, rows["archive"], weights),
        **auroc_inside(label, probability, rows["archive"], weights),
    }


def held_out_logits(inputs: Floats, labels: ArrayLike, groups: ArrayLike, seed: int = 0) -> Floats:
    """Predict each image by a forest that saw no image of its source: log odds, shape (n,).

    Every source weighs the same in training, and so do both labels.
    """
    label, group = np.asarray(labels), np.asarray(groups)
    logits = np.zeros(len(label))
    for train, test in StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed).split(inputs, label, group):
        forest = RandomForestClassifier(TREES, min_samples_leaf=3, n_jobs=threads(len(train)), random_state=seed)
        forest.fit(inputs[train], label[train], source_weights(label[train], group[train]))
        logits[test] = log_odds(forest.predict_proba(inputs[test])[:, 1])
    return logits


def log_odds(probabilities: Floats) -> Floats:
    """Turn the shares of a forest's votes into log odds, none of them surer than `EXTREME`."""
    clipped = np.clip(probabilities, EXTREME, 1 - EXTREME)
    return np.log(clipped / (1 - clipped))


def threads(images: int) -> int:
    """Return how many threads are to grow a forest on so many images; small trees are grown before they are dealt."""
    return 2 if images >= WORTH_THREADS else 1


def source_weights(labels: ArrayLike, groups: ArrayLike) -> Floats:
    """Weigh images so that every source counts once and both labels weigh the same: shape (n,), mean 1."""
    rows = pd.DataFrame({"label": labels, "group": groups})
    weights = 1 / rows.groupby("group")["label"].transform("size")
    weights /= weights.groupby(rows["label"]).transform("sum")
    return (weights * len(rows) / weights.sum()).to_numpy()
