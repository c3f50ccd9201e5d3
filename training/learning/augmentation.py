"""Random changes to training images, by keras-cv; nothing of it is ever in a saved network."""

from collections.abc import Callable

import keras
import keras_cv
import tensorflow as tf

from training.learning.recipe import Recipe

Step = Callable[[tf.Tensor], tf.Tensor]
VIEWS = "2"  # raise it when a recipe's views become others, so that no stale cache is read


def build_augmentation(recipe: Recipe) -> Step:
    """Return a step for `tf.data`: uint8 (batch, stored, stored, 1) to float32 (batch, size, size, 1), 0..255.

    Geometry comes first, at the stored resolution, so that a crop still has detail to show; then what
    scanners, compression and teaching pages do to brightness, contrast, sharpness and borders.
    """
    steps = [*_geometry(recipe, recipe.stored_size), build_shrinking(recipe), *_photometry(recipe)]

    def augment(pixels: tf.Tensor) -> tf.Tensor:
        x = tf.cast(pixels, tf.float32)
        for step in steps:
            x = step(x)
        return tf.clip_by_value(x, 0, 255)

    return augment


def build_placement(recipe: Recipe, side: int, cells: int) -> Step:
    """Return the step that puts drawn marks where `build_augmentation` puts their images, batch by batch.

    From uint8 (batch, side, side, 1), 255 inside a mark, to the marked share of each cell, float32
    (batch, cells, cells, 1).
    """
    steps = _geometry(recipe, side)

    def place(drawn: tf.Tensor) -> tf.Tensor:
        x = tf.cast(drawn, tf.float32)
        for step in steps:
            x = step(x)
        return tf.image.resize(x, (cells, cells), method="area") / 255

    return place


def build_shrinking(recipe: Recipe) -> Step:
    """Return the step from the stored to the network's size, antialiased: all that validation images get."""
    size = recipe.image_size
    if size == recipe.stored_size:
        return lambda pixels: tf.cast(pixels, tf.float32)

    def shrink(pixels: tf.Tensor) -> tf.Tensor:
        batch = tf.transpose(tf.cast(pixels, tf.float32), (3, 1, 2, 0))  # as channels: a quarter of the time
        return tf.transpose(tf.image.resize(batch, (size, size), antialias=True), (3, 1, 2, 0))

    return shrink


def _geometry(recipe: Recipe, side: int) -> list[Step]:
    seed, layers = recipe.seed + 1, keras_cv.layers  # a seed of 0 is none to keras-cv
    chosen = []
    if recipe.flip:
        chosen.append(layers.RandomFlip("horizontal", seed=seed))
    if recipe.rotation:
        chosen.append(layers.RandomRotation(recipe.rotation, fill_mode="constant", seed=seed + 1))
    if recipe.zoom:
        chosen.append(layers.RandomZoom((-recipe.zoom, recipe.zoom), fill_mode="constant", seed=seed + 2))
    if recipe.crop:
        area = (1 - recipe.crop, 1.0)
        chosen.append(layers.RandomCropAndResize((side, side), area, (0.85, 1.18), seed=seed + 3))
    return [_training(layer) for layer in chosen]


def _photometry(recipe: Recipe) -> list[Step]:
    seed, layers = recipe.seed + 1, keras_cv.layers
    chosen = []
    if recipe.contrast:
        chosen.append(layers.RandomContrast((0, 255), recipe.contrast, seed=seed + 4))
    if recipe.brightness:
        chosen.append(layers.RandomBrightness(recipe.brightness, seed=seed + 5))
    if recipe.blur:
        chosen.append(layers.RandomGaussianBlur(5, (0.0, recipe.blur), seed=seed + 6))
    steps = [_training(layer) for layer in chosen]
    if recipe.jpeg < 100:
        steps.append(_training(layers.RandomJpegQuality((recipe.jpeg, 95), seed=seed + 7), 255))
    if recipe.noise:
        steps.append(_training(keras.layers.GaussianNoise(recipe.noise, seed=seed + 8), 255))
    if recipe.cutout:
        steps.append(_training(layers.RandomCutout((0, recipe.cutout), (0, recipe.cutout), seed=seed + 9)))
    return steps


def _training(layer: keras.layers.Layer, white: int = 1) -> Step:
    """Apply the layer as in training, to pixels divided by `white` where it wants 0..1."""
    return lambda x: white * layer(x / white, training=True)
