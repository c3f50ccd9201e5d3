"""The table of predictions: a row an image, kept so that every figure can be computed again without the model."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import expit
from tqdm import tqdm

from bonexray import FractureClassifier
from bonexray.errors import BonexrayError
from training.data.marks import boxes_of
from training.judging.pointing import point

COLUMNS = {
    "file": "str",
    "source_group": "str",
    "archive": "str",
    "label": "int8",
    "rotated_copy": "bool",
    "part": "str",  # "fold0".."fold4", "test", or "all"
    "role": "str",  # one of ROLES
    "split": "str",  # "grouped" or "official"
    "model": "str",
    "logit": "float64",
    "probability": "float64",
    "threshold": "float64",
    "milliseconds": "float64",
}
POINTED = {  # of images whose fracture is marked, else NaN; tables of before marks lack them
    "peak_on_mark": "float64",  # 1 where the strongest evidence touches the mark
    "marked_cells": "float64",  # share of all cells that do
}
ROLES = ("held_out", "validation")
OUT_OF_FOLD, TEST, OFFICIAL, VALIDATION, EXTERNAL = "out_of_fold", "test", "official", "validation", "external"
DESCRIPTIONS = {
    TEST: "the test part, whose sources no training and no choice has seen",
    OUT_OF_FOLD: "out of fold: each source by a network of the same recipe that never saw it",
    OFFICIAL: "the data set's own test split",
    VALIDATION: "the part that chose epoch, calibration and threshold",
    EXTERNAL: "data that the network was not made from",
}
LEAKING = ", which leaks: it measures memory"


def describe_sets(*, leaks: bool) -> dict[str, str]:
    """Give `DESCRIPTIONS`, and say of the data set's own split that it leaks where it does."""
    return DESCRIPTIONS | {OFFICIAL: DESCRIPTIONS[OFFICIAL] + LEAKING * leaks}


def predict_images(classifier: FractureClassifier, rows: pd.DataFrame, model: str, marks: pd.DataFrame) -> pd.DataFrame:
    """Run a classifier over images, as a visitor would: a path in, a `Prediction` out.

    Args:
        classifier: the loaded checkpoint.
        rows: of a data set, with `part`, `role` and `split` added.
        model: its name in the table.
        marks: boxes of fractures, as `read_marks` gives them.
    """
    boxes = boxes_of(marks)
    answers = [classifier.predict(path) for path in tqdm(rows["path"], f"{model} {rows['part'].iloc[0]}", unit="image")]
    pointed = [point(answer, boxes.get(file)) for answer, file in zip(answers, rows["file"], strict=True)]
    answered = rows.assign(
        model=model,
        logit=[answer.logit for answer in answers],
        probability=[answer.probability for answer in answers],
        threshold=classifier.threshold,
        milliseconds=[answer.milliseconds for answer in answers],
        **dict(zip(POINTED, np.transpose(pointed), strict=True)),
    )
    return answered[[*COLUMNS, *POINTED]].astype(COLUMNS | POINTED).reset_index(drop=True)


def read_predictions(paths: Iterable[str | Path]) -> pd.DataFrame:
    """Read and join tables of predictions, and refuse what is not one."""
    tables = []
    for path in paths:
        try:
            table = pd.read_parquet(path)
        except (OSError, ValueError) as error:
            raise BonexrayError(f"{path} is no table of predictions: expected a Parquet file ({error})") from error
        missing = [column for column in COLUMNS if column not in table]
        if missing:
            raise BonexrayError(f"{path} lacks the column {missing[0]!r}: expected {', '.join(COLUMNS)}")
        pointed = [column for column in POINTED if column in table]
        tables.append(table[[*COLUMNS, *pointed]].astype(COLUMNS))
    return check_predictions(pd.concat(tables, ignore_index=True))


def check_predictions(predictions: pd.DataFrame) -> pd.DataFrame:
    """Refuse a table in which an image has two answers of one model, or a source is on two sides."""
    held_out = predictions[predictions["role"] == "held_out"]
    grouped = held_out[held_out["split"] == "grouped"]
    twice = grouped[grouped.duplicated(["model", "file"])]
    if len(twice):
        name, file = twice[["model", "file"]].iloc[0]
        raise BonexrayError(f"{name} answers twice for {file}: expected one held-out prediction an image")
    parts = grouped.groupby("source_group")["part"].nunique()
    if (parts > 1).any():
        raise BonexrayError(f"source {parts.idxmax()!r} is in {parts.max()} parts: expected none on two sides")
    return predictions


def set_names(predictions: pd.DataFrame) -> pd.Series:
    """Name what each row was predicted as: one of the keys of `DESCRIPTIONS`."""
    names = np.select(
        [
            predictions["role"] == "validation",
            predictions["split"] == "official",
            predictions["part"] == "test",
            predictions["part"] == "all",
        ],
        [VALIDATION, OFFICIAL, TEST, EXTERNAL],
        OUT_OF_FOLD,
    )
    return pd.Series(names, index=predictions.index)


def evaluation_sets(predictions: pd.DataFrame) -> dict[tuple[str, str], pd.DataFrame]:
    """Split the table by model and set name, with the column `fractured` (the verdict) added."""
    judged = judge(predictions)
    return {(str(model), str(name)): rows for (model, name), rows in judged.groupby(["model", set_names(judged)])}


def judge(predictions: pd.DataFrame) -> pd.DataFrame:
    """Add the verdict at each row's own threshold."""
    return predictions.assign(fractured=predictions["probability"] >= predictions["threshold"])


def votes(predictions: pd.DataFrame) -> pd.DataFrame:
    """Give each source one vote: its upright image where it has one (the first by file name), else the mean logit.

    Args:
        predictions: of one model, a row an image.

    Returns:
        A row a source, sorted by `source_group`, with its verdict as `fractured`.
    """
    ordered = predictions.sort_values(["source_group", "rotated_copy", "file"])
    chosen = ordered.drop_duplicates("source_group").set_index("source_group")
    mean = ordered.groupby("source_group")["logit"].mean()
    logit = chosen["logit"].where(~chosen["rotated_copy"], mean)
    probability = chosen["probability"].where(~chosen["rotated_copy"], expit(logit))
    return judge(chosen.assign(logit=logit, probability=probability).reset_index())
