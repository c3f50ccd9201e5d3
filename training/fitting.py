"""The two phases of a training: the head on cached features, then the backbone, resumable after a kill."""

import json
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from training.augmentation import build_augmentation, build_shrinking
from training.batches import Pixels, image_batches, labelled_batches
from training.draws import draw_images
from training.features import cache_features, feature_key
from training.network import HEAD, letterboxed_part
from training.recipe import Recipe

WARM_UP = 0.1  # of the steps


@dataclass(frozen=True)
class Material:
    """What a training runs on.

    Attributes:
        pixels: uint8, shape (n, stored, stored).
        labels: float32, shape (n,), 1 for fractured.
        train: the data set's rows to train on, with their position in `pixels` as index.
        validation: positions of one image a source, to choose the epoch by.
        work: folder of this run's state.
        cache: folder of features that other runs may share.
        origin: fingerprint of the data set.
    """

    pixels: Pixels
    labels: NDArray[np.float32]
    train: pd.DataFrame
    validation: NDArray[np.int64]
    work: Path
    cache: Path
    origin: str


def train_network(network: keras.Model, recipe: Recipe, material: Material) -> pd.DataFrame:
    """Train head and backbone in place and return the history, a row an epoch.

    The weights that stay are those of the epoch with the least validation loss.
    """
    done = material.work / "head.weights.h5"
    if not done.exists():
        fit_head(network, recipe, material)
        network.save_weights(done)
    network.load_weights(done)
    if recipe.epochs:
        fit_backbone(network, recipe, material)
    return read_history(material.work)


def fit_head(network: keras.Model, recipe: Recipe, material: Material) -> None:
    """Train the head alone on the frozen backbone's features of augmented views, which are computed once."""
    count = recipe.images_per_epoch * recipe.head_views
    rows = _draw(recipe, material, count, seed=recipe.seed)
    extractor = keras.Model(*letterboxed_part(network, recipe.image_size))
    material.cache.mkdir(parents=True, exist_ok=True)

    def features(rows: NDArray[np.int64], name: str, augmented: bool) -> NDArray[np.float16]:
        step = build_augmentation(recipe) if augmented else build_shrinking(recipe)
        batches = image_batches(material.pixels, rows, step, recipe.batch_size)
        part = feature_key(extractor, recipe.image_choices(), material.origin, rows.tobytes(), augmented)
        return cache_features(extractor, batches, len(rows), material.cache / f"features-{part}.npy", name)

    seen = features(rows, "frozen features", augmented=True)
    checked = features(material.validation, "frozen features of validation", augmented=False)
    inputs = keras.Input((seen.shape[1],))
    head = keras.Model(inputs, network.get_layer(HEAD)(network.get_layer("dropout")(inputs)))
    steps = recipe.head_epochs * -(-count // recipe.batch_size)
    _compile(head, recipe, recipe.head_learning_rate, steps, ema=0)
    head.fit(
        seen, material.labels[rows][:, None], batch_size=recipe.batch_size, epochs=recipe.head_epochs, verbose=0,
        validation_data=_weighted(checked, material),
        callbacks=[_Recorder(material.work, "head")],
    )  # fmt: skip


def fit_backbone(network: keras.Model, recipe: Recipe, material: Material) -> None:
    """Fine-tune the layers that are set trainable; a killed run goes on at the epoch where it stopped."""
    inputs, pooled = letterboxed_part(network, recipe.image_size)
    core = keras.Model(inputs, network.get_layer(HEAD)(network.get_layer("dropout")(pooled)))
    steps = max(1, recipe.images_per_epoch // recipe.batch_size)
    rows = _draw(recipe, material, recipe.epochs * steps * recipe.batch_size, seed=recipe.seed + 1)
    _compile(core, recipe, recipe.learning_rate, recipe.epochs * steps, recipe.ema)
    backup = material.work / "backup"
    start = _next_epoch(backup)
    batches = labelled_batches(
        material.pixels, material.labels, rows[start * steps * recipe.batch_size :],
        build_augmentation(recipe), recipe.batch_size,
    )  # fmt: skip
    images = image_batches(material.pixels, material.validation, build_shrinking(recipe), recipe.batch_size)
    checked = np.concatenate(list(images))
    core.fit(
        batches.repeat(), steps_per_epoch=steps, epochs=recipe.epochs,
        validation_data=_weighted(checked, material), validation_batch_size=recipe.batch_size,
        callbacks=_callbacks(recipe, material.work, backup),
    )  # fmt: skip
    core.load_weights(_best(material.work))


def read_history(work: Path) -> pd.DataFrame:
    """The losses and AUROCs of every epoch so far; an epoch that was run twice keeps its last row."""
    path = work / "history.csv"
    if not path.exists():
        return pd.DataFrame(columns=["phase", "epoch"])
    return pd.read_csv(path).drop_duplicates(["phase", "epoch"], keep="last", ignore_index=True)


class _Recorder(keras.callbacks.Callback):
    """Appends each epoch to `history.csv`."""

    def __init__(self, work: Path, phase: str) -> None:
        super().__init__()
        self.path, self.phase = work / "history.csv", phase

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        row = pd.DataFrame([{"phase": self.phase, "epoch": epoch, **(logs or {})}])
        row.to_csv(self.path, mode="a", header=not self.path.exists(), index=False)


def _callbacks(recipe: Recipe, work: Path, backup: Path) -> list[keras.callbacks.Callback]:
    """In an order that matters: back up the raw weights, then show the averaged ones to those who judge."""
    history = read_history(work)
    losses = history.loc[history["phase"] == "backbone", "val_loss"] if len(history) else pd.Series(dtype=float)
    best = float(losses.min()) if len(losses) else None
    averaged = [keras.callbacks.SwapEMAWeights(swap_on_epoch=True)] if recipe.ema else []
    return [
        keras.callbacks.BackupAndRestore(backup, delete_checkpoint=False, double_checkpoint=True),
        _Recorder(work, "backbone"),
        *averaged,
        keras.callbacks.ModelCheckpoint(
            _best(work), save_best_only=True, save_weights_only=True, initial_value_threshold=best
        ),
        keras.callbacks.EarlyStopping(patience=recipe.patience),
    ]


def _best(work: Path) -> Path:
    return work / "best.weights.h5"


def _next_epoch(backup: Path) -> int:
    metadata = backup / "training_metadata.json"
    return json.loads(metadata.read_text())["epoch"] if metadata.exists() else 0


def _draw(recipe: Recipe, material: Material, count: int, seed: int) -> NDArray[np.int64]:
    """Positions in `pixels` of drawn training images."""
    return material.train.index.to_numpy()[draw_images(material.train, recipe, count, seed)]


def _weighted(inputs: NDArray, material: Material) -> tuple[NDArray, NDArray, NDArray]:
    """Validation data in which both labels weigh the same, as in the balanced draws."""
    labels = material.labels[material.validation]
    share = np.where(labels == 1, labels.mean(), 1 - labels.mean())
    return inputs, labels[:, None], 0.5 / share


def _compile(model: keras.Model, recipe: Recipe, rate: float, steps: int, ema: float) -> None:
    warm_up = int(WARM_UP * steps)
    schedule = keras.optimizers.schedules.CosineDecay(
        rate / 100, max(1, steps - warm_up), alpha=0.02, warmup_target=rate, warmup_steps=warm_up
    )
    optimizer = keras.optimizers.AdamW(
        schedule, weight_decay=recipe.weight_decay, global_clipnorm=1.0, use_ema=ema > 0, ema_momentum=ema or 0.99
    )
    loss = keras.losses.BinaryCrossentropy(label_smoothing=recipe.label_smoothing)
    model.compile(optimizer, loss, weighted_metrics=[keras.metrics.AUC(name="auc")])
