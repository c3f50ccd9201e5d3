"""`tf.data` pipelines from stored pixels and drawn rows to batches for `fit`."""

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from training.data.marks import Marks
from training.learning.augmentation import Step
from training.learning.location import cell_targets

Pixels = NDArray[np.uint8]
Maps = NDArray[np.float16]


def image_batches(
    pixels: Pixels, rows: NDArray[np.int64], step: Step, batch_size: int, *, drawn: bool
) -> tf.data.Dataset:
    """Yield float32 (batch, size, size, 3), 0..255, for the rows in their order.

    Args:
        pixels: uint8, shape (n, stored, stored); memory-mapped arrays are read batch by batch.
        rows: positions in `pixels`, shape (count,).
        step: from uint8 (batch, stored, stored, 1) to float32 (batch, size, size, 1), on batches.
        batch_size: images a batch; the last one may be smaller.
        drawn: whether the step draws at random. It then takes batches in turn: side by side, they would draw in an
            order of chance, whatever the seed.
    """

    def coloured(batch: tf.Tensor) -> tf.Tensor:
        grey = step(tf.expand_dims(batch, -1))
        return tf.broadcast_to(grey, tf.concat([tf.shape(grey)[:3], [3]], 0))

    return _batches(pixels, rows, coloured, batch_size, in_turn=drawn)


def map_batches(maps: Maps, rows: NDArray[np.int64], batch_size: int) -> tf.data.Dataset:
    """Yield float32 (batch, h, w, channels) for the rows of cached maps in their order."""
    return _batches(maps, rows, lambda batch: tf.cast(batch, tf.float32), batch_size, in_turn=False)


def mark_batches(marks: Marks, rows: NDArray[np.int64], place: Step, batch_size: int) -> tf.data.Dataset:
    """Yield what each cell of the views should say, as `cell_targets` returns it, for the rows in their order.

    Args:
        marks: what is known of the images.
        rows: positions in them, in the order in which their views are drawn.
        place: as `build_placement` returns it, drawing for the first time.
        batch_size: that of the views.
    """
    shares = _batches(marks.drawn[..., None], rows, place, batch_size, in_turn=True)
    facts = tf.data.Dataset.from_tensor_slices((marks.labels[rows], marks.known[rows])).batch(batch_size)
    return tf.data.Dataset.zip(shares, facts).map(lambda share, fact: cell_targets(share, *fact))


def with_labels(
    batches: tf.data.Dataset, labels: NDArray[np.float32], rows: NDArray[np.int64], batch_size: int
) -> tf.data.Dataset:
    """Yield (inputs, labels) from `batches` of the same rows, labels float32 of shape (batch, 1)."""
    return tf.data.Dataset.zip(batches, tf.data.Dataset.from_tensor_slices(labels[rows][:, None]).batch(batch_size))


def _batches(
    source: Pixels | Maps, rows: NDArray[np.int64], step: Step, batch_size: int, *, in_turn: bool
) -> tf.data.Dataset:
    kind, shape = tf.as_dtype(source.dtype), (None, *source.shape[1:])

    def prepare(index: tf.Tensor) -> tf.Tensor:
        batch = tf.numpy_function(lambda i: np.ascontiguousarray(source[i]), [index], kind, stateful=False)
        return step(tf.ensure_shape(batch, shape))

    indices = tf.data.Dataset.from_tensor_slices(rows).batch(batch_size)
    return indices.map(prepare, num_parallel_calls=None if in_turn else tf.data.AUTOTUNE).prefetch(2)
