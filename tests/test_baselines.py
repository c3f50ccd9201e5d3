"""The baselines: no network, and no source on two sides."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from training.data.roles import official_rows
from training.data.split import split_sources
from training.judging import baselines
from training.judging.descriptors import grey_statistics, thumbnails
from training.judging.metrics import auroc
from training.judging.predictions import check_predictions, votes


@pytest.fixture
def table(tmp_path: Path) -> pd.DataFrame:
    """Sixty sources of three images; fractured ones have a bright spot; the official split has copies on both sides."""
    random = np.random.default_rng(0)
    rows = []
    for source in range(60):
        pixels = random.integers(0, 120, (24, 24)).astype(np.uint8)
        label = source % 2
        pixels[8:16, 8:16] = 250 if label else 60
        for copy in range(3):
            path = tmp_path / f"{source}-{copy}.png"
            Image.fromarray(pixels + np.uint8(copy)).save(path)
            split = ("train", "test", "val")[copy]
            rows.append({
                "path": str(path), "file": path.name, "label": label, "source_group": f"s{source:02d}",
                "archive": "web", "width": 24, "height": 24, "rotated_copy": copy > 0,
                "official_paths": f"{split}/x/{path.name}", "official_split": split,
            })  # fmt: skip
    return pd.DataFrame(rows)


def test_every_source_is_predicted_once_by_a_model_that_never_saw_it(table: pd.DataFrame) -> None:
    """The scorer is never given a source to fit that it must predict, and all others but those of the test part."""
    source = table.index.to_numpy()[:, None].astype(np.float32) // 3
    parts = split_sources(table)["part"]
    folds = set(source[(parts != "test").to_numpy(), 0])

    def spy(inputs: np.ndarray, labels: np.ndarray, weights: np.ndarray, others: np.ndarray) -> np.ndarray:
        assert set(inputs[:, 0]) == folds - set(others[:, 0])
        assert weights.sum() == pytest.approx(len(inputs))
        return others[:, 0].astype(float) / 60

    answers = check_predictions(baselines.predict_grouped(table, source, spy, "spy"))
    assert sorted(answers["file"]) == sorted(table["file"])
    assert set(answers["part"]) == {"fold0", "fold1", "fold2", "fold3", "fold4", "test"}


def test_labels_at_random_leave_nothing_to_predict(table: pd.DataFrame, tmp_path: Path) -> None:
    """With labels shuffled over sources, copies score near 1 on the official split and near .5 on ours: the leak."""
    shuffled = dict(enumerate(np.random.default_rng(1).permutation([0, 1] * 30)))
    table = table.assign(label=[shuffled[int(name[1:])] for name in table["source_group"]])
    inputs = thumbnails(table, tmp_path)
    leaky = baselines.predict_official(table, inputs, baselines.score_neighbour, "1-NN")
    honest = votes(baselines.predict_grouped(table, inputs, baselines.score_neighbour, "1-NN"))
    assert ((leaky["probability"] >= 0.5) == leaky["label"]).all()
    score = auroc(honest["label"].to_numpy(float), honest["probability"].to_numpy(), np.ones(len(honest)))
    assert 0.2 < score < 0.8


@pytest.mark.parametrize("scorer", [baselines.score_forest, baselines.score_logistic, baselines.score_neighbour])
def test_a_real_difference_is_found(table: pd.DataFrame, tmp_path: Path, scorer: baselines.Scorer) -> None:
    """The bright spot tells the labels apart for every scorer."""
    answers = votes(baselines.predict_grouped(table, grey_statistics(table, tmp_path), scorer, "x"))
    assert auroc(answers["label"].to_numpy(float), answers["probability"].to_numpy(), np.ones(60)) > 0.95


def test_official_rows_hold_an_image_for_each_of_its_places() -> None:
    """An image that lies twice in the test split counts twice there, and in training too."""
    table = pd.DataFrame({"official_paths": ["test/f/a;test/f/b;train/f/c", "val/f/d", "train/f/e", ""]})
    assert official_rows(table, "test").index.tolist() == [0, 0]
    assert official_rows(table, "train").index.tolist() == [0, 2]


def test_statistics_tell_a_flat_image_from_noise(tmp_path: Path) -> None:
    """The histogram sums to one, a flat image has no spread and no edges, and nothing is undefined."""
    Image.fromarray(np.full((30, 30), 200, np.uint8)).save(tmp_path / "flat.png")
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (30, 30), np.uint8)).save(tmp_path / "noise.png")
    paths = [str(tmp_path / name) for name in ("flat.png", "noise.png")]
    flat, noise = grey_statistics(pd.DataFrame({"path": paths}), tmp_path)
    assert np.isfinite([flat, noise]).all()
    assert flat[:32].sum() == pytest.approx(1)
    assert flat[200 // 8] == 1
    assert flat[-3:].tolist() == [0, 0, 0]
    assert noise[-3] > 0
