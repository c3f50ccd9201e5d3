"""Training: an epoch of the frozen phase beside a plain `fit`, and the input pipelines beside Keras' own."""

import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.timing import spread
from bonexray.geometry import letterbox
from bonexray.images import read_image

if TYPE_CHECKING:
    from training.learning.recipe import Recipe

BATCH = 32
FROZEN, PIPED = 256, 640  # images at most: of an epoch of the frozen phase, of a pass through a pipeline
NAIVE, KEPT, PASSES = 2, 5, 9  # epochs and passes that are timed, after one that is not
PICTURES = Path(__file__).parents[1] / "examples"


def time_training(backbone: str, count: int, scratch: Path) -> dict[str, Any]:
    """Time the frozen phase of one network, and the input pipelines of both.

    Args:
        backbone: the network; random weights take as long as trained ones.
        count: images, of which no more are taken than it needs to see the difference.
        scratch: folder for features and images.
    """
    from training.learning.network import BACKBONES

    scratch.mkdir(parents=True, exist_ok=True)
    pipelines = {name: time_pipelines(name, min(count, PIPED), scratch) for name in BACKBONES}
    return {"backbone": backbone, **time_epochs(backbone, min(count, FROZEN), scratch), "pipelines": pipelines}


def time_epochs(backbone: str, count: int, scratch: Path) -> dict[str, Any]:
    """Time epochs of a plain `fit` on a frozen base, which sees augmented views, and of ours, which keeps features.

    The plain one runs the frozen base in every epoch. Ours runs it once, in the first pass, and reads what was kept.
    """
    import keras

    from training.learning.augmentation import build_augmentation
    from training.learning.batches import image_batches, with_labels
    from training.learning.features import cache_features
    from training.learning.network import HEAD, build_network, letterboxed_part

    recipe = _recipe(backbone)
    network = build_network(backbone, recipe.image_size, "none")
    network.trainable = False
    head = network.get_layer(HEAD)
    head.trainable = True
    pixels, rows = _draw_images(count, recipe.stored_size), np.arange(count)
    labels = np.arange(count, dtype=np.float32) % 2
    part = letterboxed_part(network, recipe.image_size)
    views = image_batches(pixels, rows, build_augmentation(recipe), BATCH, drawn=True)
    batches = with_labels(views, labels, rows, BATCH)
    naive = _time_fits(keras.Model(part.input, head(part.output)), NAIVE, batches.take(1), batches)

    kept = scratch / "features.npy"
    kept.unlink(missing_ok=True)
    start = time.perf_counter()
    features = cache_features(part, views, count, kept, "frozen features")
    first_pass = time.perf_counter() - start
    features_in = keras.Input((features.shape[1],))
    ours = _time_fits(keras.Model(features_in, head(features_in)), KEPT, features, features, labels[:, None])
    return {
        "images": count,
        "first_pass_seconds": first_pass,
        "naive": spread(naive, "seconds"),
        "kept": spread(ours, "seconds"),
        "epochs": spread(np.divide.outer(naive, ours).ravel(), "ratio"),
    }


def time_pipelines(backbone: str, count: int, scratch: Path) -> dict[str, float]:
    """Time passes through our images, without and with augmentation, and through Keras' own, in turn.

    Ours come letterboxed from an array on the disk, as `train` keeps them; Keras' are decoded from JPEG each time.
    """
    import keras

    from training.learning.augmentation import build_augmentation, build_shrinking
    from training.learning.batches import image_batches, with_labels

    recipe, rows = _recipe(backbone), np.arange(count)
    pixels, labels = _keep(_draw_images(count, recipe.stored_size), scratch), np.arange(count, dtype=np.float32) % 2
    plain, augmented = (
        with_labels(image_batches(pixels, rows, step, BATCH, drawn=drawn), labels, rows, BATCH)
        for step, drawn in ((build_shrinking(recipe), False), (build_augmentation(recipe), True))
    )
    folder = _write_folders(pixels, labels, scratch / "folders")
    theirs = keras.utils.image_dataset_from_directory(
        folder, label_mode="binary", batch_size=BATCH, image_size=(recipe.image_size, recipe.image_size), verbose=False
    ).prefetch(2)
    times = [[_time_pass(plain), _time_pass(theirs)] for _ in range(1 + PASSES)][1:]
    ours, other = np.array(times).T
    return {
        **spread(count / ours, "ours"),
        **spread(count / other, "keras"),
        **spread(other / ours, "ratio"),
        "augmented": count / _time_pass(augmented),
    }


def _recipe(backbone: str) -> "Recipe":
    from training.learning.recipe import RECIPES

    return RECIPES[backbone]["default"]


def _time_fits(model: Any, epochs: int, first: Any, *data: Any) -> list[float]:  # noqa: ANN401 - a keras.Model; data
    """Seconds of each epoch, after a fit on `first` that compiles."""
    model.compile("adam", "binary_crossentropy")
    batch = {"batch_size": BATCH} if len(data) == 2 else {}
    model.fit(first, *data[1:], **batch, epochs=1, shuffle=False, verbose=0)
    seconds = []
    for _ in range(epochs):
        start = time.perf_counter()
        model.fit(*data, **batch, epochs=1, shuffle=False, verbose=0)
        seconds.append(time.perf_counter() - start)
    return seconds


def _time_pass(batches: Iterable[Any]) -> float:
    start = time.perf_counter()
    for _ in batches:
        pass
    return time.perf_counter() - start


def _draw_images(count: int, size: int) -> NDArray[np.uint8]:
    """The examples over and over, letterboxed, shape (count, size, size)."""
    files = sorted(PICTURES.glob("*.jpg"))
    drawn = np.stack([np.rint(letterbox(read_image(file), size)) for file in files]).astype(np.uint8)
    return np.resize(drawn, (count, size, size))


def _keep(pixels: NDArray[np.uint8], scratch: Path) -> NDArray[np.uint8]:
    np.save(scratch / "pixels.npy", pixels)
    return np.load(scratch / "pixels.npy", mmap_mode="r")


def _write_folders(pixels: NDArray[np.uint8], labels: NDArray[np.float32], folder: Path) -> Path:
    for index, (image, label) in enumerate(zip(pixels, labels, strict=True)):
        path = folder / ("fractured" if label else "not fractured") / f"{index}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path, quality=90)
    return folder
