"""A loss on where the evidence is: cells inside marked fractures, against cells beside them and of intact images."""

import keras
import numpy as np
import tensorflow as tf

IGNORED = -1.0  # target of a cell of which nothing is known
TOUCHED, MOSTLY, OUTSIDE = 0.05, 0.5, 0.01  # shares of a cell that is marked
FACTOR, BIAS = 0.3, -1.0  # of the second head at the start: a single cell says less than all, and most are intact


def cell_targets(shares: tf.Tensor, labels: tf.Tensor, known: tf.Tensor) -> tf.Tensor:
    """Return what each cell of a view should say, float32 (batch, h, w, 1): 1 fractured, 0 not, or `IGNORED`.

    Args:
        shares: the marked share of each cell, float32 (batch, h, w, 1). What counts is the cell that is marked most,
            and those at least half as much: a small mark fills none. A view that a crop left without its mark says
            nothing.
        labels: shape (batch,), 1 for fractured.
        known: shape (batch,), whether the marks are all there is.
    """
    most = tf.reduce_max(shares, (1, 2, 3), keepdims=True)
    fractured, sure = (tf.reshape(flag, (-1, 1, 1, 1)) for flag in (labels == 1, known))
    seen = fractured & sure & (most > TOUCHED)
    inside = seen & (shares > MOSTLY * most)
    outside = (tf.logical_not(fractured) & sure) | (seen & (shares < OUTSIDE))
    return tf.where(inside, 1.0, tf.where(outside, 0.0, IGNORED))


def location_loss(targets: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Return the logistic loss of cells, a scalar: each image counts once, and cells inside as much as all others.

    Args:
        targets: as `cell_targets` gives them.
        logits: the same shape.
    """
    inside, outside = (_image_mean(keras.ops.softplus(sign * logits), targets == target)
                       for sign, target in ((-1, 1.0), (1, 0.0)))  # fmt: skip
    return inside + outside


def _image_mean(values: tf.Tensor, chosen: tf.Tensor) -> tf.Tensor:
    """Mean over the images that have chosen cells of the mean over those; 0 where none has."""
    weights = tf.cast(chosen, values.dtype)
    counts = tf.reduce_sum(weights, (1, 2, 3))
    means = tf.reduce_sum(weights * values, (1, 2, 3)) / tf.maximum(counts, 1)
    return tf.reduce_sum(means) / tf.maximum(tf.reduce_sum(tf.cast(counts > 0, values.dtype)), 1)


class LocationLoss(keras.layers.Layer):
    """Passes probabilities through, and in training adds the loss of a second head, which looks at single cells.

    That head is not part of the network that is saved. It begins as the first one, weakened by a factor that is trained
    too, so that what it asks of the layers before is what the first one reads. Under the factor its kernel turns away
    from that more slowly than a kernel that is itself made smaller.
    """

    def __init__(self, head: keras.layers.Dense, dropout: float, weight: float) -> None:
        """Begin with `head`'s kernel; drop this share of the channels, whole maps of them; weigh the loss."""
        super().__init__(name="location")
        start = keras.initializers.Constant(np.asarray(head.kernel)[None, None].tolist())
        self.cells = keras.layers.Conv2D(1, 1, use_bias=False, kernel_initializer=start, name="cells")
        self.factor = self.add_weight(shape=(), initializer=keras.initializers.Constant(FACTOR), name="factor")
        self.bias = self.add_weight(shape=(), initializer=keras.initializers.Constant(BIAS), name="bias")
        self.dropping = keras.layers.SpatialDropout2D(dropout)
        self.weight = weight

    def call(self, probability: tf.Tensor, maps: tf.Tensor, targets: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Return `probability` as it is."""
        logits = self.factor * self.cells(self.dropping(maps, training=training)) + self.bias
        if training:
            self.add_loss(self.weight * location_loss(targets, logits))
        return probability
