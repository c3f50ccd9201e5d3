"""Where fractures lie: the boxes as they are read and drawn, and what the training makes of them."""

import argparse
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from core_fixtures import write_folders
from test_train import command

from bonexray import BonexrayError
from bonexray.checkpoint import read_checkpoint
from training import evaluate
from training.__main__ import main
from training.cross_validate import evaluate_folds
from training.data.dataset import read_dataset
from training.data.marks import MARKS, SIDE, Marks, draw_marks, read_marks
from training.learning.augmentation import build_augmentation, build_placement
from training.learning.batches import image_batches, mark_batches
from training.learning.location import IGNORED, LocationLoss, cell_targets, location_loss
from training.learning.material import Material, show_images
from training.learning.network import build_network
from training.learning.recipe import Recipe
from training.making.provenance import describe_marks, training_of

pytestmark = pytest.mark.usefixtures("few_others")

CELLS = 14


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return drawn bones in the Kaggle layout."""
    return write_folders(tmp_path_factory.mktemp("bones"), sources=40)


@pytest.fixture(scope="module")
def table(data: Path) -> pd.DataFrame:
    """The drawn bones as one table."""
    return read_dataset(data)


def boxes_around(files: pd.Series) -> pd.DataFrame:
    """A box in the upper left of each."""
    return pd.DataFrame({"file": files, "left": 0.1, "top": 0.2, "right": 0.4, "bottom": 0.6})


@pytest.fixture
def marked(table: pd.DataFrame, tmp_path: Path) -> Path:
    """A file of marks on every fractured bone."""
    boxes_around(table.loc[table["label"] == 1, "file"]).to_csv(tmp_path / "boxes.csv", index=False)
    return tmp_path / "boxes.csv"


def test_the_projects_own_marks_are_boxes() -> None:
    """All that is in the file can be read; its images are found by a digest, whatever they are called."""
    boxes = pd.read_csv(MARKS)
    files = boxes["file"].unique()
    digests = [name[:16] + 48 * "0" for name in files]
    for names in (files, [f"train/fractured/{number}.png" for number in range(len(files))]):
        table = pd.DataFrame({"file": names, "file_hash": digests, "label": 1})
        assert len(read_marks(None, table)) == len(boxes) > 300
        assert set(read_marks(None, table)["file"]) == set(names)
        assert read_marks(None, table.assign(label=0)).empty  # nobody asked for them
    size = (boxes["right"] - boxes["left"]) * (boxes["bottom"] - boxes["top"])
    assert size.median() < 0.1


def test_a_data_set_without_the_projects_images_has_no_marks(table: pd.DataFrame) -> None:
    """Unless a file is asked for, of which not one row fits: then something is wrong."""
    assert read_marks(None, table).empty
    with pytest.raises(BonexrayError, match="none of its"):
        read_marks(MARKS, table)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"right": 1.2}, "1.2"),
        ({"right": 0.1}, "expected 0 <= left < right <= 1"),
        ({"top": float("nan")}, "nan"),
        ({"top": "high"}, "'high'.*expected numbers"),
    ],
)
def test_a_bad_box_is_named(change: dict, message: str, table: pd.DataFrame, marked: Path) -> None:
    """With its file, and what was expected."""
    pd.read_csv(marked).assign(**change).to_csv(marked, index=False)
    with pytest.raises(BonexrayError, match=f"boxes.csv.*{message}"):
        read_marks(marked, table)


def test_files_that_are_no_marks_are_refused(table: pd.DataFrame, marked: Path, tmp_path: Path) -> None:
    """None there, other columns, and a fracture in a bone that is labelled intact."""
    with pytest.raises(BonexrayError, match=r"nothing\.csv"):
        read_marks(tmp_path / "nothing.csv", table)
    pd.read_csv(marked).rename(columns={"top": "y"}).to_csv(tmp_path / "other.csv", index=False)
    with pytest.raises(BonexrayError, match="lack the column 'top'"):
        read_marks(tmp_path / "other.csv", table)
    boxes_around(table["file"].head(0)).to_csv(tmp_path / "empty.csv", index=False)
    with pytest.raises(BonexrayError, match="none of its rows"):
        read_marks(tmp_path / "empty.csv", table)
    boxes_around(table["file"]).to_csv(marked, index=False)
    with pytest.raises(BonexrayError, match="labelled not fractured"):
        read_marks(marked, table)


def test_a_box_is_drawn_where_the_letterbox_puts_it(table: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a picture twice as tall as wide, the left half of the picture is the second quarter of the square."""
    monkeypatch.setattr("training.data.marks.read_image", lambda path: np.zeros((200, 100), np.uint8))
    fractured = table.index[table["label"] == 1]
    box = boxes_around(table.loc[fractured[:1], "file"]).assign(left=0, right=0.5, top=0.5, bottom=1)
    marks = draw_marks(box, table)
    assert marks.drawn.shape == (len(table), SIDE, SIDE)
    expected = np.zeros((SIDE, SIDE))
    expected[SIDE // 2 :, SIDE // 4 : SIDE // 2] = 255
    np.testing.assert_array_equal(marks.drawn[fractured[0]], expected)
    assert not np.delete(marks.drawn, fractured[0], 0).any()
    assert marks.known.tolist() == [label == 0 or row == fractured[0] for row, label in table["label"].items()]


def test_marks_go_where_their_views_go() -> None:
    """Turned, mirrored and cropped as the images are, though drawn smaller and in a pass of their own."""
    random, count = np.random.default_rng(0), 96
    recipe = replace(Recipe(), contrast=0.0, brightness=0.0)
    images, drawn = np.zeros((count, 320, 320), np.uint8), np.zeros((count, SIDE, SIDE), np.uint8)
    for image, mark in zip(images, drawn, strict=True):
        corner, extent = random.uniform(0.2, 0.7, 2), random.uniform(0.05, 0.25, 2)
        for square in (image, mark):
            top, left, bottom, right = (np.concatenate([corner, corner + extent]) * len(square)).astype(int)
            square[top:bottom, left:right] = 255
    rows = random.permutation(count)
    views = image_batches(images, rows, build_augmentation(recipe), 32, drawn=True)
    seen = np.concatenate([batch[..., 0] for batch in views.as_numpy_iterator()]) / 255
    seen = seen.reshape(count, CELLS, 16, CELLS, 16).mean((2, 4))
    marks = Marks(drawn, np.ones(count, bool), np.ones(count, np.int8))
    targets = mark_batches(marks, rows, build_placement(recipe, SIDE, CELLS), 32)
    found = np.concatenate([batch[..., 0] for batch in targets.as_numpy_iterator()])
    assert (found.reshape(count, -1).max(1) == 1).mean() > 0.95
    assert seen[found == 1].mean() > 0.8
    assert seen[found == 0].max() < 0.3


def test_fresh_views_and_their_marks_are_drawn_alike() -> None:
    """Each time that they are asked for, whatever was drawn before: the head is fitted to other views first."""
    count, recipe = 16, replace(Recipe(), image_size=64, stored_size=64, contrast=0.0, brightness=0.0, views=0)
    pixels, drawn = np.zeros((count, 64, 64), np.uint8), np.zeros((count, SIDE, SIDE), np.uint8)
    pixels[:, 8:32, 8:24], drawn[:, 14:56, 14:42] = 255, 255
    table = pd.DataFrame({"label": [1] * count, "source_group": [str(row) for row in range(count)]})
    marks = Marks(drawn, np.ones(count, bool), np.ones(count, np.int8))
    nowhere = Path()
    material = Material(pixels, table, table, np.zeros(0, np.int64), nowhere, nowhere, "drawn", marks)
    shown = show_images(build_network("mobilenetv2", 64, "none"), recipe, material)
    rows = np.arange(count)
    list(shown.batches(rows, 8))
    seen = np.concatenate([batch[..., 0] for batch in shown.batches(rows, 8).as_numpy_iterator()])
    assert shown.targets
    targets = np.concatenate([batch[..., 0] for batch in shown.targets(rows, 8).as_numpy_iterator()])
    bright = seen.reshape(count, 2, 32, 2, 32).mean((2, 4))
    np.testing.assert_array_equal(targets.reshape(count, -1).argmax(1), bright.reshape(count, -1).argmax(1))
    assert len(set(bright.reshape(count, -1).argmax(1))) > 1


def targets_of(shares: Sequence[float], label: int, *, known: bool = True) -> list[float]:
    """What the cells of one view should say."""
    grid = tf.constant(np.reshape(shares, (1, 2, 2, 1)), tf.float32)
    return cell_targets(grid, tf.constant([label]), tf.constant([known])).numpy().ravel().tolist()


def test_what_a_cell_should_say() -> None:
    """Fractured where most of a mark is; nothing at its edge, nor where nobody marked or the crop left the mark out."""
    assert targets_of([0.6, 0.2, 0, 0], 1) == [1, IGNORED, 0, 0]
    assert targets_of([0, 0, 0, 0], 0) == [0, 0, 0, 0]
    assert targets_of([0.02, 0, 0, 0], 1) == [IGNORED] * 4
    assert targets_of([0, 0, 0, 0], 1, known=False) == [IGNORED] * 4


def test_the_loss_counts_each_image_once() -> None:
    """However many of its cells are marked; without any, it is zero."""
    targets = np.full((3, 2, 2, 1), IGNORED, np.float32)
    logits = np.zeros_like(targets)
    assert location_loss(tf.constant(targets), tf.constant(logits)).numpy() == 0
    targets[0].flat[0], targets[1].flat[:3] = 1, 1
    logits[0], logits[1] = 1, -2
    inside = (np.log1p(np.exp(-1)) + np.log1p(np.exp(2))) / 2
    assert location_loss(tf.constant(targets), tf.constant(logits)).numpy() == pytest.approx(inside, rel=1e-5)
    targets[2], logits[2] = 0, 3
    found = location_loss(tf.constant(targets), tf.constant(logits)).numpy()
    assert found == pytest.approx(inside + np.log1p(np.exp(3)), rel=1e-5)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_second_head_keeps_what_it_is_given(precision: str) -> None:
    """Of maps in any precision: sure probabilities are not rounded to 0 and 1, and the loss is float32's."""
    head = keras.layers.Dense(1)
    head.build((None, 3))
    maps = tf.cast(tf.random.stateless_normal((2, 2, 2, 3), (0, 0)), precision)
    targets = np.zeros((2, 2, 2, 1), np.float32)
    targets[0, 0, 0] = 1
    layer = LocationLoss(head, 0.0, 1.0)
    sure = np.float32([[0.9985], [2e-4]])
    np.testing.assert_array_equal(layer(sure, maps, targets, training=True), sure)
    logits = 0.3 * (tf.cast(maps, tf.float32) @ head.kernel) - 1
    assert float(layer.losses[0]) == pytest.approx(float(location_loss(targets, logits)), rel=1e-5)


@pytest.mark.parametrize("views", ["2", "0"])
def test_marks_change_a_training_and_stand_in_its_record(
    views: str, data: Path, table: pd.DataFrame, marked: Path, tmp_path: Path
) -> None:
    """With cached and with fresh views; the saved network has no more layers, and a recipe may leave them out."""
    losses, layers, marks = {}, {}, ("--marks", str(marked))
    runs = {"with": marks, "without": ()} | ({"left out": (*marks, "--location", "0")} if views == "2" else {})
    for name, flags in runs.items():
        output = tmp_path / name
        argv = command(data, output, "--epochs", "2", "--views", views, "--validation", "fold0", *flags)
        keras.utils.clear_session()
        assert main(argv) == 0
        history = pd.read_csv(output / "history.csv").query("phase == 'backbone'")
        losses[name] = history[["loss", "val_loss"]].to_numpy()
        about = read_checkpoint(output).provenance["data"]
        marked_images = about["split"]["train"]["images"] // 2 if name == "with" else None
        assert about.get("marks", {}).get("images") == marked_images
        config = json.loads((output / "config.json").read_text())
        layers[name] = [layer["name"] for layer in config["config"]["layers"]]
    assert layers["with"] == layers["without"]
    np.testing.assert_array_equal(losses.get("left out", losses["without"]), losses["without"])
    assert (losses["with"][:, 0] > losses["without"][:, 0]).all()
    assert (np.abs(losses["with"][:, 1] - losses["without"][:, 1]) < 0.2).all()
    assert not np.allclose(losses["with"], losses["without"])


def test_a_cross_validation_hands_its_marks_on(marked: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """To the evaluation of its networks; and networks that were shown other marks are not of one recipe."""
    given = []
    monkeypatch.setattr(evaluate, "run", lambda arguments: given.append(arguments.marks) or 0)
    for marks in (marked, None):
        arguments = argparse.Namespace(data="d", cache=tmp_path, marks=marks, robustness=False)
        assert evaluate_folds(arguments, tmp_path) == 0
    assert given == [marked, None]
    boxes = pd.read_csv(marked)
    first, second = ({"data": describe_marks(path, boxes)} for path in (marked, MARKS))
    assert training_of(first) != training_of(second) != training_of({"data": describe_marks(None, boxes.head(0))})
