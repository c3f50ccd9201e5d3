"""Whether the strongest evidence lies on a marked fracture."""

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from bonexray import FractureClassifier, Prediction
from training.data.marks import BOX, boxes_of
from training.judging.intervals import with_intervals
from training.judging.metrics import measure
from training.judging.pointing import find_cells, point
from training.judging.predictions import POINTED, predict_images, read_predictions
from training.reporting.report import _leak_free_columns


def answer(row: int, column: int) -> Prediction:
    """An answer to a picture twice as tall as wide, four by four cells, whose evidence peaks in one of them."""
    cells = np.zeros((4, 4), np.float32)
    cells[row, column] = 1
    return cast(Prediction, SimpleNamespace(shape=(200, 100), cells=cells))


def test_cells_lie_over_the_letterboxed_square() -> None:
    """The outer columns of a tall picture's map lie in the padding."""
    cells = find_cells(answer(0, 0))
    np.testing.assert_array_equal(cells[0, 0], [-50, 0, 0, 50])
    np.testing.assert_array_equal(cells[3, 2], [50, 150, 100, 200])


def test_a_peak_is_on_a_mark_that_its_cell_touches() -> None:
    """And not on one that it borders on; two marks that share cells count these once."""
    mark = np.array([[0.5, 0.5, 0.9, 0.7]])  # pixels 50 to 90, 100 to 140: the cell in row 2, column 2
    assert point(answer(2, 2), mark) == (1, 1 / 16)
    assert point(answer(2, 1), mark) == (0, 1 / 16)
    assert point(answer(2, 1), np.array([[0.4, 0.45, 0.9, 0.7], [0.4, 0.4, 0.9, 0.7]])) == (1, 4 / 16)
    assert np.isnan(point(answer(0, 0), None)).all()


def test_the_share_on_marks_is_of_those_that_are_marked() -> None:
    """Sources without a mark say nothing; with none at all there is no such figure."""
    rows = pd.DataFrame({
        "label": [1, 1, 1, 0], "probability": [0.9, 0.8, 0.3, 0.2], "fractured": [True, True, False, False],
        "archive": "a", "source_group": list("abcd"),
        "peak_on_mark": [1, 0, np.nan, np.nan], "marked_cells": [0.1, 0.3, np.nan, np.nan],
    })  # fmt: skip
    found = with_intervals(rows, measure, 200, 0)
    assert found["peak_on_mark"]["value"] == 0.5
    assert found["peak_on_mark_by_chance"]["value"] == pytest.approx(0.2)
    assert "strongest evidence on the marked fracture" in _leak_free_columns([found]).values()
    bare = measure(rows.assign(peak_on_mark=np.nan))
    assert "peak_on_mark" not in bare
    assert measure(rows.drop(columns=list(POINTED))).keys() == bare.keys()


def test_answers_say_where_their_evidence_is(clf: FractureClassifier, radiograph: np.ndarray, tmp_path: Path) -> None:
    """Of a picture that is marked all over, and of one that is not; a table of before marks can still be read."""
    path = str(tmp_path / "one.png")
    Image.fromarray(radiograph).save(path)
    rows = pd.DataFrame({
        "path": path, "file": ["one", "two"], "source_group": ["1", "2"], "archive": "a", "label": 1,
        "rotated_copy": False, "part": "test", "role": "held_out", "split": "grouped",
    })  # fmt: skip
    marks = pd.DataFrame([["one", 0.0, 0.0, 1.0, 1.0]], columns=["file", *BOX])
    found = predict_images(clf, rows, "net", marks)
    assert found["peak_on_mark"].iloc[0] == 1
    assert found[list(POINTED)].iloc[1].isna().all()
    assert boxes_of(marks).keys() == {"one"}
    for name, table in {"now": found, "before": found.drop(columns=list(POINTED))}.items():
        table.to_parquet(tmp_path / f"{name}.parquet")
        read = read_predictions([tmp_path / f"{name}.parquet"])
        assert set(POINTED) <= set(read.columns) if name == "now" else not set(POINTED) & set(read.columns)
