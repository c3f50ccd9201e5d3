"""How a classifier bears what may happen to an image, and whether its evidence lies where no fracture can be."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from tqdm import tqdm

from bonexray import FractureClassifier, Prediction
from bonexray.images import read_image
from training.data.roles import first_images
from training.judging.intervals import RESAMPLES, Figures, Floats, with_intervals
from training.judging.metrics import measure, share
from training.judging.perturbations import LETTERS, PERTURBATIONS, Box, Grey, letter_box
from training.judging.pointing import find_cells
from training.judging.predictions import COLUMNS, judge

FLAT = 4.0  # grey levels; a cell whose pixels spread less shows background or padding, not anatomy
COVERED = 0.25  # of the letter's area, from which the peak counts as lying on it
FLAGS = ("peak_on_letter", "peak_on_border", "peak_on_flat")
SHOWN = ("auroc_matched", "auroc", "sensitivity", "specificity")


def predict_perturbed(classifier: FractureClassifier, rows: pd.DataFrame, model: str) -> pd.DataFrame:
    """Run a classifier over one image a source under every perturbation.

    Args:
        classifier: the loaded checkpoint.
        rows: of a data set, with `part`, `role` and `split` added.
        model: its name in the table.

    Returns:
        Predictions with `perturbation` and where the peak of the evidence lies (the columns `FLAGS`).
    """
    chosen = first_images(rows)
    records = []
    for row in tqdm(chosen.to_dict("records"), f"{model} perturbed", unit="source"):
        grey = np.rint(read_image(row["path"])).astype(np.uint8)
        for name, change in PERTURBATIONS.items():
            changed = change(grey)
            answer = classifier.predict(changed)
            box = letter_box((grey.shape[0], grey.shape[1]), LETTERS[name]) if name in LETTERS else None
            records.append({
                **row, "model": model, "perturbation": name, "logit": answer.logit,
                "probability": answer.probability, "threshold": answer.threshold,
                "milliseconds": answer.milliseconds, **describe_peak(answer, changed, box),
            })  # fmt: skip
    table = pd.DataFrame(records)[[*COLUMNS, "perturbation", *FLAGS]]
    return table.astype(COLUMNS | dict.fromkeys(FLAGS, "bool"))


def describe_peak(answer: Prediction, grey: Grey, letter: Box | None) -> dict[str, bool]:
    """Say whether the cell that speaks most for a fracture lies where none can be.

    Args:
        answer: of the classifier.
        grey: what it was asked about, shape (H, W).
        letter: the box of a letter that was burnt in, if one was.
    """
    cell = left, top, right, bottom = find_cells(answer).reshape(-1, 4)[np.argmax(answer.cells)]
    seen = grey[_within(top, bottom, grey.shape[0]), _within(left, right, grey.shape[1])]
    height, width = grey.shape
    # A cell that reaches the edge of the image, or beyond it into the padding, is the border's.
    on_border = left <= 0 or top <= 0 or right >= width or bottom >= height
    return {
        "peak_on_letter": letter is not None and _overlap(cell, letter) >= COVERED,
        "peak_on_border": bool(on_border),
        "peak_on_flat": seen.size == 0 or float(seen.std()) < FLAT,
    }


def summarise_robustness(perturbed: pd.DataFrame, resamples: int = RESAMPLES, seed: int = 0) -> dict[str, Figures]:
    """Measure one model under every perturbation.

    Returns:
        By perturbation: the metrics of `SHOWN`, `flipped` (share of verdicts that differ from those without it), and
        of the images called fractured the shares whose evidence peaks on a letter, the border, or flat ground.
    """
    judged = judge(perturbed)
    untouched = judged[judged["perturbation"] == "none"]
    before = dict(zip(untouched["source_group"], untouched["fractured"], strict=True))
    summary = {}
    for name, rows in judged.groupby("perturbation"):
        flipped = rows["fractured"] != rows["source_group"].map(before)
        figures = with_intervals(rows.assign(flipped=flipped), _measure, resamples, seed)
        wanted = {"flipped", *SHOWN, *FLAGS} - (set() if name in LETTERS else {"peak_on_letter"})
        summary[str(name)] = {key: figure for key, figure in figures.items() if key in wanted}
    return {name: summary[name] for name in PERTURBATIONS if name in summary}


def _measure(rows: pd.DataFrame, weights: Floats | None) -> dict[str, Floats]:
    weights = np.ones(len(rows)) if weights is None else weights
    called = weights * rows["fractured"].to_numpy(float)
    return {
        **measure(rows, weights),
        "flipped": share(rows["flipped"], weights),
        **{flag: share(rows[flag], called) for flag in FLAGS},
    }


def _within(start: float, stop: float, size: int) -> slice:
    return slice(max(0, round(start)), min(size, max(0, round(stop))))


def _overlap(cell: tuple[float, ...] | NDArray, letter: Box) -> float:
    """The share of the letter that the cell covers."""
    width = min(cell[2], letter[2]) - max(cell[0], letter[0])
    height = min(cell[3], letter[3]) - max(cell[1], letter[1])
    area = (letter[2] - letter[0]) * (letter[3] - letter[1])
    return max(0.0, width) * max(0.0, height) / area if area else 0.0
