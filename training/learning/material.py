"""What a training runs on: the data, and what of it the trained part of a network is shown."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from numpy.typing import NDArray

from training.data.marks import SIDE, Marks
from training.learning.augmentation import VIEWS, Step, build_augmentation, build_placement, build_shrinking
from training.learning.batches import Pixels, image_batches, map_batches, mark_batches
from training.learning.draws import draw_views
from training.learning.features import cache_features, feature_key
from training.learning.network import letterboxed_maps, split_network
from training.learning.recipe import Recipe

Batches = Callable[[NDArray[np.int64], int], tf.data.Dataset]  # from positions and a batch size


@dataclass(frozen=True)
class Material:
    """The data of a training.

    Attributes:
        pixels: uint8, shape (n, stored, stored).
        table: the data set, a row for each of `pixels`.
        train: the rows of it to train on.
        validation: positions of one image a source to report losses on; may be empty.
        work: folder of this run's state.
        cache: folder of features that other runs may share.
        origin: listing of the table's files: what positions in it mean.
        marks: where the fractures lie, as far as it is known; None to train without.
    """

    pixels: Pixels
    table: pd.DataFrame
    train: pd.DataFrame
    validation: NDArray[np.int64]
    work: Path
    cache: Path
    origin: str
    marks: Marks | None = None

    @property
    def labels(self) -> NDArray[np.float32]:
        """Shape (n,), 1 for fractured."""
        return self.table["label"].to_numpy(np.float32)


@dataclass(frozen=True)
class Shown:
    """What the trained part of a network is shown: images, or the maps that its frozen part makes of them.

    Attributes:
        part: the trained part, from them to the last maps, before pooling; its layers are the network's.
        table: a row for each that may be drawn in training; its index is their position.
        labels: float32, of every position, 1 for fractured.
        batches: from positions and a batch size to batches of inputs, float32.
        validation: inputs of the validation images, float32; may be empty.
        key: names what the inputs depend on.
        targets: from the same to batches of what each cell should say, as `cell_targets` returns it, or None.
    """

    part: keras.Model
    table: pd.DataFrame
    labels: NDArray[np.float32]
    batches: Batches
    validation: NDArray[np.float32]
    key: str
    targets: Batches | None = None


def show_images(network: keras.Model, recipe: Recipe, material: Material) -> Shown:
    """Show images, augmented anew each time, to the network from its scaling on."""
    none = np.zeros((0, recipe.image_size, recipe.image_size, 3), np.float32)
    part, marks = letterboxed_maps(network, recipe.image_size), material.marks
    return Shown(
        part=part,
        table=material.train,
        labels=material.labels,
        batches=lambda rows, size: image_batches(material.pixels, rows, build_augmentation(recipe), size, drawn=True),
        validation=np.concatenate([none, *upright_images(material, recipe, material.validation)]),
        key=feature_key(None, VIEWS, recipe.image_choices(), material.origin),
        targets=marks and (lambda rows, size: mark_batches(marks, rows, _placement(recipe, part), size)),
    )


def show_maps(network: keras.Model, recipe: Recipe, material: Material) -> Shown:
    """Show `recipe.views` augmented views of each source, of which the frozen part's maps are computed once.

    They are those of every source of the data set, whatever part it is in: all folds share them. A data set's own
    split has sources on both sides, and has views of training images alone.
    """
    frozen, part = split_network(network, recipe.first_trained)
    pool = material.table if recipe.split == "grouped" else material.train
    rows = pool.index.to_numpy()[draw_views(pool, recipe.views, recipe.seed)]
    key = feature_key(frozen, VIEWS, recipe.image_choices(), material.origin, rows.tobytes())
    images = image_batches(material.pixels, rows, build_augmentation(recipe), recipe.batch_size, drawn=True)
    maps = cache_features(frozen, images, len(rows), material.cache / f"maps-{key}.npy", "frozen part")
    drawn = material.table.iloc[rows].reset_index(drop=True).assign(rotated_copy=False)
    checked = [frozen.predict_on_batch(batch) for batch in upright_images(material, recipe, material.validation)]
    return Shown(
        part=part,
        table=drawn[drawn["source_group"].isin(material.train["source_group"])],
        labels=drawn["label"].to_numpy(np.float32),
        batches=lambda rows, size: map_batches(maps, rows, size),
        validation=np.concatenate([np.zeros((0, *maps.shape[1:]), np.float32), *checked]),
        key=key,
        targets=material.marks and _targets_of(material.marks, rows, recipe, part),
    )


def _targets_of(marks: Marks, rows: NDArray[np.int64], recipe: Recipe, part: keras.Model) -> Batches:
    """What each cell of the views should say, made once for all of them."""
    batches = mark_batches(marks, rows, _placement(recipe, part), recipe.batch_size)
    targets = np.concatenate([batch.astype(np.float16) for batch in batches.as_numpy_iterator()])
    return lambda chosen, size: map_batches(targets, chosen, size)


def _placement(recipe: Recipe, part: keras.Model) -> Step:
    return build_placement(recipe, SIDE, part.output.shape[1])


def upright_images(material: Material, recipe: Recipe, rows: NDArray[np.int64]) -> tf.data.Dataset:
    """Batches of images as they are, float32, shape (batch, size, size, 3), 0..255."""
    return image_batches(material.pixels, rows, build_shrinking(recipe), recipe.batch_size, drawn=False)
