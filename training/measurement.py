"""Everything that an evaluation asks of models and baselines, kept as tables."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from bonexray import FractureClassifier
from training.dataset import fingerprint
from training.held_out import evaluation_rows, model_name
from training.predictions import check_predictions, predict_images, read_predictions
from training.robustness import predict_perturbed

PREDICTIONS, ROBUSTNESS = "predictions.parquet", "robustness.parquet"
LEAKY_THRESHOLD = 0.5  # as those use who trust the official split


@dataclass
class Measurement:
    """What was predicted, and by whom.

    Attributes:
        predictions: of all models, as `training.predictions` describes it.
        perturbed: of the networks under perturbations, as `predict_perturbed` gives it; may be empty.
        data: name, fingerprint and counts of the data set.
        classifiers: by model, the checkpoints that were asked now.
        rows: by model, the held-out images that they were asked about.
    """

    predictions: pd.DataFrame
    perturbed: pd.DataFrame
    data: dict[str, Any]
    classifiers: dict[str, FractureClassifier] = field(default_factory=dict)
    rows: dict[str, pd.DataFrame] = field(default_factory=dict)

    def add(self, predictions: pd.DataFrame, perturbed: pd.DataFrame | None = None) -> None:
        """Append predictions, unless one says something else of an image than those that are here."""
        self.predictions = check_predictions(_join(self.predictions, predictions))
        if perturbed is not None:
            self.perturbed = _join(self.perturbed, perturbed)

    def save(self, folder: Path) -> None:
        """Write the tables; the description of the data goes with the predictions."""
        self.predictions.attrs["data"] = self.data
        self.predictions.to_parquet(folder / PREDICTIONS, index=False)
        if len(self.perturbed):
            self.perturbed.to_parquet(folder / ROBUSTNESS, index=False)


def load_measurement(paths: list[str]) -> Measurement:
    """Read tables that an evaluation has written, and what lies beside them."""
    predictions = read_predictions(paths)
    beside = [Path(path).with_name(ROBUSTNESS) for path in paths]
    perturbed = [pd.read_parquet(path) for path in beside if path.is_file()]
    return Measurement(predictions, _join(*perturbed), predictions.attrs.get("data") or _described(predictions))


def start_measurement(table: pd.DataFrame, name: str) -> Measurement:
    """Begin with nothing but the data."""
    described = {"name": Path(name).name, "fingerprint": fingerprint(table), **_described(table)}
    return Measurement(pd.DataFrame(), pd.DataFrame(), described)


def ask(measurement: Measurement, checkpoint: str, table: pd.DataFrame, *, whole: bool, robustness: bool) -> None:
    """Predict with one checkpoint, on what it never saw.

    Args:
        measurement: to add to.
        checkpoint: folder, or owner/name[@revision].
        table: the data set, as `read_table` gives it.
        whole: all of it, being data that the network was not made from.
        robustness: ask about perturbed images too.
    """
    repo, _, revision = checkpoint.partition("@") if not Path(checkpoint).exists() else (checkpoint, "", "")
    classifier = FractureClassifier.from_pretrained(repo, revision or None)
    name = model_name(classifier.checkpoint)
    rows = evaluation_rows(table, classifier.checkpoint, whole)
    predictions = predict_images(classifier, rows, name)
    leaky = predictions["split"] == "official"
    predictions.loc[leaky, "threshold"] = LEAKY_THRESHOLD
    held_out = rows[rows["role"] == "held_out"]
    perturbed = predict_perturbed(classifier, held_out, name) if robustness and not leaky.any() else None
    measurement.add(predictions, perturbed)
    if set(held_out["part"]) <= {"test", "all"} and not leaky.any():  # folds stand for their recipe, not for themselves
        measurement.classifiers[name], measurement.rows[name] = classifier, held_out


def ask_baselines(measurement: Measurement, table: pd.DataFrame, weights: str | None, cache: Path) -> None:
    """Predict with every baseline, unless the tables that were read have them."""
    from training.baselines import FOREST, predict_baselines

    if "model" not in measurement.predictions or FOREST not in set(measurement.predictions["model"]):
        measurement.add(predict_baselines(table, weights, cache))


def _described(table: pd.DataFrame) -> dict[str, Any]:
    files = table.drop_duplicates("file")
    return {"images": len(files), "sources": int(files["source_group"].nunique())}


def _join(*tables: pd.DataFrame) -> pd.DataFrame:
    filled = [table for table in tables if len(table)]
    return pd.concat(filled, ignore_index=True) if filled else pd.DataFrame()
