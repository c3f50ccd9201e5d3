"""Calibrates networks of one recipe on their out-of-fold answers, so that no source is spent on validation."""

from pathlib import Path

import pandas as pd
from tqdm import tqdm

from bonexray import FractureClassifier
from training.data.roles import first_images
from training.making.answers import ANSWERS
from training.making.operating_point import fit_operating_point, fold_into_head, uncalibrated
from training.making.plan import Plan
from training.making.record import read_history, read_record


def answer_out_of_fold(plans: list[Plan], folder: Path) -> pd.DataFrame:
    """Ask each finished network of a cross-validation about the sources that it never saw, and keep the table.

    Returns:
        A row a source: `fold`, `file`, `label`, `logit` (before any calibration).
    """
    tables = []
    for plan in plans:
        classifier = FractureClassifier.from_pretrained(plan.output)
        rows = first_images(plan.roles["test"])
        logits = [classifier.predict(path).logit for path in tqdm(rows["path"], plan.output.name, unit="image")]
        raw = uncalibrated(pd.Series(logits).to_numpy(float), classifier.checkpoint.calibration)
        tables.append(rows[["file", "label"]].assign(fold=plan.data["held_out"], logit=raw))
    answers = pd.concat(tables, ignore_index=True)
    answers.to_csv(folder / ANSWERS, index=False)
    return answers


def cross_calibrate(plan: Plan, answers: pd.DataFrame) -> None:
    """Calibrate a network of a cross-validation on what the others say of the folds that they never saw."""
    from training.making.export import write_checkpoint

    others = answers[answers["fold"] != plan.data["held_out"]]
    found = fit_operating_point(others["logit"], others["label"], plan.recipe.sensitivity, "out of the other folds")
    record = read_record(plan.output)
    if record["calibration"] == found["calibration"]:
        return
    network = FractureClassifier.from_pretrained(plan.output).keras_model()
    fold_into_head(network, found["calibration"], record["calibration"])
    kept = {key: value for key, value in record.items() if key not in ("files", "bias", "metrics")}
    write_checkpoint(network, plan.output, {**kept, **found}, read_history(plan.output))
