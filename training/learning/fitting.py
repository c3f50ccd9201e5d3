"""The two phases of a training: the head on frozen features, then the later layers too; resumable after a kill."""

import json
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.metrics import log_loss, roc_auc_score

from training.data.roles import first_images
from training.learning.batches import with_labels
from training.learning.draws import draw_images
from training.learning.features import cache_features, feature_key
from training.learning.location import IGNORED, LocationLoss
from training.learning.logistic import fit_logistic
from training.learning.material import Material, Shown, show_images, show_maps, upright_images
from training.learning.network import HEAD, pooled_part
from training.learning.norms import estimate_norms
from training.learning.recipe import Recipe

WARM_UP = 0.1  # of the steps
Inputs = NDArray | list[NDArray]  # of one input, or of several
NORMED = 128  # sources that batch norm is estimated on


def train_network(network: keras.Model, recipe: Recipe, material: Material) -> pd.DataFrame:
    """Train head and backbone in place and return the history, a row an epoch.

    The weights that stay are the averaged ones of the last epoch: the schedule is fixed, and no validation
    image chooses anything here.
    """
    if recipe.batch_norm == "estimated":
        estimate_norms(
            network, upright_images(material, recipe, first_images(material.train).index.to_numpy()[:NORMED])
        )
    shown = (show_maps if recipe.views and recipe.epochs else show_images)(network, recipe, material)
    done = material.work / "head.weights.h5"
    if not done.exists():
        fit_head(network, recipe, material, shown)
        partial = done.with_name("partial.weights.h5")
        network.save_weights(partial, overwrite=True)
        partial.replace(done)
    network.load_weights(done)
    if recipe.epochs:
        fit_backbone(network, recipe, material, shown)
    return read_history(material.work)


def fit_head(network: keras.Model, recipe: Recipe, material: Material, shown: Shown) -> None:
    """Start the head as the logistic regression of the features that the backbone gives before fine-tuning.

    The features are computed once and cached; a few hundred sources need the penalty of a convex fit.
    """
    count = recipe.images_per_epoch * recipe.head_views
    rows = _draw(shown, recipe, count, seed=recipe.seed)
    pooled = pooled_part(network, shown.part)
    target = material.cache / f"features-{feature_key(pooled, shown.key, rows.tobytes())}.npy"
    seen = cache_features(pooled, shown.batches(rows, recipe.batch_size), count, target, "frozen features")
    kernel, bias = fit_logistic(np.asarray(seen, np.float64), shown.labels[rows], recipe.head_strength)
    network.get_layer(HEAD).set_weights([kernel[:, None], np.array([bias])])
    record_epoch(material.work, "head", 0, _judge(seen @ kernel + bias, shown.labels[rows]))


def fit_backbone(network: keras.Model, recipe: Recipe, material: Material, shown: Shown) -> None:
    """Fine-tune the layers that are set trainable; a killed run goes on at the epoch where it stopped.

    At its end `fit` gives the layers their averaged weights; also where a killed run had no epoch left.
    """
    core = _core(network, recipe, shown)
    steps = max(1, recipe.images_per_epoch // recipe.batch_size)
    rows = _draw(shown, recipe, recipe.epochs * steps * recipe.batch_size, seed=recipe.seed + 1)
    _compile(core, recipe, recipe.learning_rate, recipe.epochs * steps, recipe.ema)
    core.optimizer.build(core.trainable_variables)  # what a step creates when it is traced has it traced once more
    backup = material.work / "backup"
    rest = rows[_next_epoch(backup) * steps * recipe.batch_size :]
    inputs = shown.batches(rest, recipe.batch_size)
    if shown.targets:
        inputs = tf.data.Dataset.zip(inputs, shown.targets(rest, recipe.batch_size))
    batches = with_labels(inputs, shown.labels, rest, recipe.batch_size)
    core.fit(
        batches.repeat(), steps_per_epoch=steps, epochs=recipe.epochs,
        validation_data=_weighted(_validation(core, shown), material),
        validation_batch_size=recipe.batch_size, callbacks=_callbacks(recipe, material.work, backup),
    )  # fmt: skip


def _core(network: keras.Model, recipe: Recipe, shown: Shown) -> keras.Model:
    """What is fitted: from inputs, and targets of the cells where there are marks, to the probability."""
    features, head = pooled_part(network, shown.part), network.get_layer(HEAD)
    probability = head(network.get_layer("dropout")(features.output))
    if not shown.targets:
        return keras.Model(features.input, probability)
    maps = shown.part.output
    targets = keras.Input((*maps.shape[1:3], 1), name="targets")
    located = LocationLoss(head, recipe.dropout, recipe.location)(probability, maps, targets)
    return keras.Model([features.input, targets], located)


def _validation(core: keras.Model, shown: Shown) -> Inputs | None:
    """What `core` takes, of the validation images; nothing is asked of their cells."""
    if not len(shown.validation):
        return None
    if not shown.targets:
        return shown.validation
    return [shown.validation, np.full((len(shown.validation), *core.input_shape[1][1:]), IGNORED, np.float32)]


def read_history(work: Path) -> pd.DataFrame:
    """The losses and AUROCs of every epoch so far; an epoch that was run twice keeps its last row."""
    path = work / "history.csv"
    if not path.exists():
        return pd.DataFrame(columns=["phase", "epoch"])
    return pd.read_csv(path).drop_duplicates(["phase", "epoch"], keep="last", ignore_index=True)


def record_epoch(work: Path, phase: str, epoch: int, logs: dict[str, float]) -> None:
    """Append an epoch to `history.csv`, which is never there by half."""
    row, partial = pd.DataFrame([{"phase": phase, "epoch": epoch, **logs}]), work / "history.partial.csv"
    pd.concat([read_history(work), row]).to_csv(partial, index=False)
    partial.replace(work / "history.csv")


class _Recorder(keras.callbacks.Callback):
    """Appends each epoch of fine-tuning to `history.csv`."""

    def __init__(self, work: Path) -> None:
        super().__init__()
        self.work = work

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        record_epoch(self.work, "backbone", epoch, logs or {})


def _callbacks(recipe: Recipe, work: Path, backup: Path) -> list[keras.callbacks.Callback]:
    """Record every epoch, then back it up, raw and averaged weights both; the averaged ones are asked of validation."""
    averaged = [keras.callbacks.SwapEMAWeights()] if recipe.ema else []
    return [
        _Recorder(work),
        keras.callbacks.BackupAndRestore(backup, delete_checkpoint=False, double_checkpoint=True),
        *averaged,
    ]


def _next_epoch(backup: Path) -> int:
    metadata = backup / "training_metadata.json"
    return json.loads(metadata.read_text())["epoch"] if metadata.exists() else 0


def _draw(shown: Shown, recipe: Recipe, count: int, seed: int) -> NDArray[np.int64]:
    """Positions of what is drawn from the training rows."""
    return shown.table.index.to_numpy()[draw_images(shown.table, recipe, count, seed)]


def _judge(logits: NDArray[np.float64], labels: NDArray) -> dict[str, float]:
    """Loss and AUROC, by the names that `fit` gives them."""
    return {"auc": float(roc_auc_score(labels, logits)), "loss": float(log_loss(labels, expit(logits)))}


def _weighted(inputs: Inputs | None, material: Material) -> tuple[Inputs, NDArray, NDArray] | None:
    """Validation data in which both labels weigh the same, as in the balanced draws."""
    if inputs is None:
        return None
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
