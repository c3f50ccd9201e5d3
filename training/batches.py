"""`tf.data` pipelines from stored pixels and drawn rows to batches for `fit`."""

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from training.augmentation import Step

Pixels = NDArray[np.uint8]


def image_batches(pixels: Pixels, rows: NDArray[np.int64], step: Step, batch_size: int) -> tf.data.Dataset:
    """Yield float32 (batch, size, size, 3), 0..255, for the rows in their order.

    Args:
        pixels: uint8, shape (n, stored, stored); memory-mapped arrays are read batch by batch.
        rows: positions in `pixels`, shape (count,).
        step: from uint8 (batch, stored, stored, 1) to float32 (batch, size, size, 1), on batches.
        batch_size: images a batch; the last one may be smaller.
    """
    side = pixels.shape[1]

    def gather(index: tf.Tensor) -> tf.Tensor:
        batch = tf.numpy_function(lambda i: np.ascontiguousarray(pixels[i]), [index], tf.uint8, stateful=False)
        return tf.ensure_shape(batch, (None, side, side))[..., None]

    def prepare(index: tf.Tensor) -> tf.Tensor:
        return tf.repeat(step(gather(index)), 3, axis=-1)

    indices = tf.data.Dataset.from_tensor_slices(rows).batch(batch_size)
    return indices.map(prepare, num_parallel_calls=tf.data.AUTOTUNE).prefetch(2)


def labelled_batches(
    pixels: Pixels, labels: NDArray[np.float32], rows: NDArray[np.int64], step: Step, batch_size: int
) -> tf.data.Dataset:
    """Yield (images, labels) as `image_batches`, labels float32 of shape (batch, 1)."""
    targets = tf.data.Dataset.from_tensor_slices(labels[rows][:, None]).batch(batch_size)
    return tf.data.Dataset.zip(image_batches(pixels, rows, step, batch_size), targets)
