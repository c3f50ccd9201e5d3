"""Converts the Keras network to the LiteRT file that is served."""

import keras
import numpy as np
import tensorflow as tf

from training.learning.serving import grey_network
from training.making.quantisation import round_to_float16


def convert_network(network: keras.Model, weights: str = "float16") -> bytes:
    """Convert to LiteRT: one image, in blocks of grey pixels, to "probability", "cells" and "features".

    Args:
        network: as `build_network` returns it.
        weights: "float16", half the size, for all but the head, or "float32"; `python -m training quantise` makes
            int8 ones of these.
    """
    converted = to_litert(grey_network(network))
    return round_to_float16(converted) if weights == "float16" else converted


def to_litert(served: keras.Model) -> bytes:
    """Convert a model of one input of a fixed shape and of named outputs, in float32.

    Its weights are constants of the function that is converted. Through Keras' export the same file takes four times
    as long, and without constants the converter loses Keras 3's variables, silently.
    """
    (given,) = served.inputs
    weights = [
        [np.asarray(one) for one in some] for some in (served.trainable_variables, served.non_trainable_variables)
    ]

    def run(pixels: tf.Tensor) -> dict[str, tf.Tensor]:
        constants = [[tf.constant(values) for values in some] for some in weights]
        with tf.name_scope("served"):
            outputs, _ = served.stateless_call(*constants, pixels, training=False)
        return outputs

    signature = [tf.TensorSpec(given.shape, given.dtype, name=given.name)]
    traced = tf.function(run, input_signature=signature).get_concrete_function()
    return tf.lite.TFLiteConverter.from_concrete_functions([traced], tf.Module()).convert()
