"""Everything that an evaluation asks of models and baselines, kept as tables."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from bonexray import FractureClassifier
from bonexray.checkpoint import verify_files
from bonexray.errors import BonexrayError
from bonexray.hub import resolve
from training.data.dataset import fingerprint
from training.judging.predictions import (
    OUT_OF_FOLD,
    check_predictions,
    predict_images,
    read_predictions,
    set_names,
)
from training.judging.robustness import predict_perturbed
from training.making.held_out import evaluation_rows, is_official, model_name, stands_for_recipe
from training.making.provenance import PREDICTIONS, training_of

ROBUSTNESS = "robustness.parquet"
LEAKY_THRESHOLD = 0.5  # as those use who trust the official split


@dataclass
class Measurement:
    """What was predicted, and by whom.

    Attributes:
        predictions: of all models, as `training.judging.predictions` describes it.
        perturbed: of the networks under perturbations, as `predict_perturbed` gives it; may be empty.
        data: name, fingerprint, counts and split of the data set, and how many images of its own test split have
            copies in its own training ("test_copies").
        recipes: by model, what its networks share (`training_of`).
        classifiers: by model, the checkpoints that stand for themselves, no network of a cross-validation.
        unasked: the models whose out-of-fold predictions are those that were published with their checkpoint.
        asked: by model, every network that was asked now, with the held-out images that it was asked about.
    """

    predictions: pd.DataFrame
    perturbed: pd.DataFrame
    data: dict[str, Any]
    recipes: dict[str, dict[str, Any]] = field(default_factory=dict)
    classifiers: dict[str, FractureClassifier] = field(default_factory=dict)
    unasked: set[str] = field(default_factory=set)
    asked: dict[str, list[tuple[FractureClassifier, pd.DataFrame]]] = field(default_factory=dict)

    def add(self, predictions: pd.DataFrame) -> None:
        """Append predictions, unless one says something else of an image than those that are here."""
        self.predictions = check_predictions(_join(self.predictions, predictions))

    def add_perturbed(self, perturbed: pd.DataFrame) -> None:
        """Append predictions of perturbed images."""
        self.perturbed = _join(self.perturbed, perturbed)

    def join(self, other: "Measurement") -> None:
        """Add what another evaluation has kept."""
        self.add(other.predictions)
        self.add_perturbed(other.perturbed)
        for model, recipe in other.recipes.items():
            self.add_recipe(model, recipe)

    def sets_of(self, model: str) -> set[str]:
        """Name the sets that a model was measured on."""
        if not len(self.predictions):
            return set()
        return set(set_names(self.predictions[self.predictions["model"] == model]))

    def add_recipe(self, model: str, recipe: dict[str, Any]) -> None:
        """Note what a network was made by; all networks of one name must have been made alike, on whichever split.

        Raises:
            BonexrayError: another network of that name had another recipe, other data or other initial weights.
        """
        known = self.recipes.setdefault(model, recipe)
        for key in sorted({*known, *recipe} - {"split"}):  # answers say which split they are of
            if known.get(key) != recipe.get(key):
                raise BonexrayError(
                    f"{model}: one network has {key}={known.get(key)!r} and another {recipe.get(key)!r}: expected one "
                    "recipe, whose figures can be put together"
                )

    def save(self, folder: Path) -> None:
        """Write the tables; the description of the data and the recipes go with the predictions."""
        self.predictions.attrs.update(data=self.data, recipes=self.recipes)
        self.predictions.to_parquet(folder / PREDICTIONS, index=False)
        if len(self.perturbed):
            self.perturbed.to_parquet(folder / ROBUSTNESS, index=False)


def load_measurement(paths: list[str]) -> Measurement:
    """Read tables that an evaluation has written, and what lies beside them."""
    tables = [read_predictions([path]) for path in paths]
    beside = [Path(path).with_name(ROBUSTNESS) for path in paths]
    perturbed = [pd.read_parquet(path) for path in beside if path.is_file()]
    predictions = check_predictions(_join(*tables))
    described = next((table.attrs["data"] for table in tables if "data" in table.attrs), _described(predictions))
    measurement = Measurement(predictions, _join(*perturbed), described)
    for table in tables:
        recipes = table.attrs.get("recipes", {})
        for model in sorted(set(recipes) & set(table["model"])):  # a part of a table may have lost a model's rows
            measurement.add_recipe(model, recipes[model])
    return measurement


def start_measurement(table: pd.DataFrame, name: str) -> Measurement:
    """Begin with nothing but the data."""
    described = {"name": Path(name).name, "fingerprint": fingerprint(table), **_described(table)}
    return Measurement(pd.DataFrame(), pd.DataFrame(), described)


def ask(
    measurement: Measurement,
    checkpoint: str,
    table: pd.DataFrame,
    marks: pd.DataFrame,
    *,
    whole: bool,
    robustness: bool,
) -> None:
    """Predict with one checkpoint, on what it never saw.

    Args:
        measurement: to add to.
        checkpoint: folder, or owner/name[@revision].
        table: the data set, as `read_table` gives it.
        marks: boxes of its fractures, as `read_marks` gives them.
        whole: all of it, being data that the network was not made from.
        robustness: ask about perturbed images too.
    """
    repo, _, revision = checkpoint.partition("@") if not Path(checkpoint).exists() else (checkpoint, "", "")
    classifier = FractureClassifier.from_pretrained(repo, revision or None)
    name, leaky = model_name(classifier.checkpoint), is_official(classifier.checkpoint.provenance) and not whole
    rows = evaluation_rows(table, classifier.checkpoint, whole)
    measurement.add_recipe(name, training_of(classifier.checkpoint.provenance))
    held_out = rows[rows["role"] == "held_out"]
    in_folds = stands_for_recipe(classifier.checkpoint.provenance) and not whole
    rows = held_out if in_folds else rows
    if len(rows):
        predictions = predict_images(classifier, rows, name, marks)
        if leaky:
            predictions["threshold"] = LEAKY_THRESHOLD
        measurement.add(predictions)
    if robustness and len(held_out) and not leaky:
        measurement.add_perturbed(predict_perturbed(classifier, held_out, name))
    if leaky:
        return
    measurement.asked.setdefault(name, []).append((classifier, held_out))
    if not in_folds:
        if name in measurement.classifiers:
            raise BonexrayError(f"two checkpoints are called {name}: expected one, and networks of a cross-validation")
        measurement.classifiers[name] = classifier


def add_published(measurement: Measurement) -> None:
    """Add the out-of-fold predictions that lie in a checkpoint, where its recipe has no others."""
    for name, classifier in measurement.classifiers.items():
        kept = fetch(classifier, PREDICTIONS)
        if kept is None or OUT_OF_FOLD in measurement.sets_of(name):
            continue
        verify_files(kept.parent, classifier.checkpoint, [PREDICTIONS])
        published = read_predictions([kept])
        in_folds = published[set_names(published) == OUT_OF_FOLD]
        if len(in_folds):
            measurement.add(in_folds.assign(model=name))
            measurement.unasked.add(name)


def fetch(classifier: FractureClassifier, file: str) -> Path | None:
    """Give one more file of a checkpoint, pulled from the Hub where it lies there; None where it has none."""
    if file not in classifier.checkpoint.files:
        return None
    return resolve(classifier.source, classifier.revision, files=(file,)).folder / file


def ask_baselines(measurement: Measurement, table: pd.DataFrame, weights: str | None, cache: Path) -> None:
    """Predict with every baseline, unless the tables that were read have them."""
    from training.judging.baselines import FOREST, predict_baselines

    if "model" not in measurement.predictions or FOREST not in set(measurement.predictions["model"]):
        measurement.add(predict_baselines(table, weights, cache))


def _described(table: pd.DataFrame) -> dict[str, Any]:
    files = table.drop_duplicates("file")
    return {"images": len(files), "sources": int(files["source_group"].nunique())}


def _join(*tables: pd.DataFrame) -> pd.DataFrame:
    filled = [table for table in tables if len(table)]
    return pd.concat(filled, ignore_index=True) if filled else pd.DataFrame()
