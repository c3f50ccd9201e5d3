"""Training: an epoch of the frozen phase beside a plain `fit`, and the input pipeline beside Keras' own."""

import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bonexray.geometry import letterbox
from bonexray.images import read_image

BATCH = 32
PICTURES = Path(__file__).parents[1] / "examples"


def time_training(backbone: str, count: int, scratch: Path) -> dict[str, Any]:
    """Time both on `count` images; random weights take as long as trained ones.

    The plain `fit` sees the same augmented views, and runs the frozen base on them, in every epoch. Ours runs it once,
    in the first pass, and an epoch reads what was kept.
    """
    import keras

    from training.learning.augmentation import build_augmentation, build_shrinking
    from training.learning.batches import image_batches, with_labels
    from training.learning.features import cache_features
    from training.learning.network import HEAD, build_network, letterboxed_part
    from training.learning.recipe import RECIPES

    recipe = RECIPES[backbone]["default"]
    network = build_network(backbone, recipe.image_size, "none")
    network.trainable = False
    network.get_layer(HEAD).trainable = True
    pixels, labels = _draw_images(count, recipe.stored_size), np.arange(count, dtype=np.float32) % 2
    rows = np.arange(count)
    inputs, pooled = letterboxed_part(network, recipe.image_size)
    extractor = keras.Model(inputs, pooled)
    whole = keras.Model(inputs, network.get_layer(HEAD)(pooled))
    augmented = with_labels(image_batches(pixels, rows, build_augmentation(recipe), BATCH), labels, rows, BATCH)
    naive = _time_epoch(whole, augmented)

    kept = scratch / "features.npy"
    kept.unlink(missing_ok=True)
    kept.parent.mkdir(parents=True, exist_ok=True)
    start = time.perf_counter()
    views = image_batches(pixels, rows, build_augmentation(recipe), BATCH)
    features = cache_features(extractor, views, count, kept, "frozen features")
    first_pass = time.perf_counter() - start
    features_in = keras.Input((features.shape[1],))
    head = keras.Model(features_in, network.get_layer(HEAD)(features_in))
    ours = _time_epoch(head, features, labels[:, None])

    shrunk = with_labels(image_batches(pixels, rows, build_shrinking(recipe), BATCH), labels, rows, BATCH)
    folder = _write_folders(pixels, labels, scratch / "folders")
    theirs = keras.utils.image_dataset_from_directory(
        folder, label_mode="binary", batch_size=BATCH, image_size=(recipe.image_size, recipe.image_size), verbose=False
    ).prefetch(2)
    rates = {"ours": count / _time_pass(shrunk), "keras": count / _time_pass(theirs)}
    return {
        "backbone": backbone, "images": count, "batch": BATCH,
        "naive_seconds": naive, "first_pass_seconds": first_pass, "kept_seconds": ours, "times": naive / ours,
        **{f"{name}_images_per_second": rate for name, rate in rates.items()},
        "augmented_images_per_second": count / _time_pass(augmented),
    }  # fmt: skip


def _time_epoch(model: Any, *data: Any) -> float:  # noqa: ANN401 - a keras.Model; a tf.data.Dataset or two arrays
    model.compile("adam", "binary_crossentropy")
    batch = {"batch_size": BATCH} if len(data) == 2 else {}
    model.fit(*data, **batch, epochs=1, shuffle=False, verbose=0)  # the first epoch also compiles
    start = time.perf_counter()
    model.fit(*data, **batch, epochs=1, shuffle=False, verbose=0)
    return time.perf_counter() - start


def _time_pass(batches: Any) -> float:  # noqa: ANN401 - a tf.data.Dataset
    for _ in batches.take(2):
        pass
    start = time.perf_counter()
    for _ in batches:
        pass
    return time.perf_counter() - start


def _draw_images(count: int, size: int) -> NDArray[np.uint8]:
    """The examples over and over, letterboxed, shape (count, size, size)."""
    files = sorted(PICTURES.glob("*.jpg"))
    drawn = np.stack([np.rint(letterbox(read_image(file), size)) for file in files]).astype(np.uint8)
    return np.resize(drawn, (count, size, size))


def _write_folders(pixels: NDArray[np.uint8], labels: NDArray[np.float32], folder: Path) -> Path:
    for index, (image, label) in enumerate(zip(pixels, labels, strict=True)):
        path = folder / ("fractured" if label else "not fractured") / f"{index}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path, quality=90)
    return folder
