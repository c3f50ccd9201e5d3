"""Converts the Keras network to the LiteRT file that is served."""

import keras
import numpy as np
import tensorflow as tf
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.tools.flatbuffer_utils import convert_object_to_bytearray, read_model_from_bytearray

from training.learning.serving import grey_network
from training.making.quantisation import round_to_float16


def convert_network(network: keras.Model, weights: str = "float16") -> bytes:
    """Convert to LiteRT: one image, grey beside a channel of ones, to "probability", "cells" and "features".

    Args:
        network: as `build_network` returns it.
        weights: "float16", half the size, for all but the head, or "float32"; `python -m training quantise` makes
            int8 ones of these.
    """
    converted = to_litert(grey_network(network))
    return round_to_float16(converted) if weights == "float16" else converted


def to_litert(served: keras.Model) -> bytes:
    """Convert a model of one input of a fixed shape and of named outputs, in float32.

    Its weights become constants of the traced function: by Keras' export and a SavedModel the same file takes four
    times as long, and the converter loses Keras 3's variables when it is given the function alone.
    """
    (given,) = served.inputs
    trained, fixed = served.trainable_variables, served.non_trainable_variables
    weights = [[np.asarray(variable) for variable in some] for some in (trained, fixed)]

    def run(pixels: tf.Tensor) -> dict[str, tf.Tensor]:
        constants = [[tf.constant(values) for values in some] for some in weights]
        with tf.name_scope("served"):
            outputs, _ = served.stateless_call(*constants, pixels, training=False)
        return outputs

    signature = [tf.TensorSpec(given.shape, given.dtype, name=given.name)]
    traced = tf.function(run, input_signature=signature).get_concrete_function()
    converted = tf.lite.TFLiteConverter.from_concrete_functions([traced]).convert()
    return _sign(converted, given.name, sorted(served.output))  # TensorFlow flattens a dictionary by its sorted keys


def _sign(network: bytes, given: str, outputs: list[str]) -> bytes:
    """Add the signature that names a file's input and outputs, which the converter takes from SavedModels alone."""
    model = read_model_from_bytearray(bytearray(network))
    graph, signature = model.subgraphs[0], schema.SignatureDefT()
    signature.signatureKey = "serving_default"
    signature.inputs = [_named(given, graph.inputs[0])]
    signature.outputs = [_named(name, index) for name, index in zip(outputs, graph.outputs, strict=True)]
    model.signatureDefs = [signature]
    return bytes(convert_object_to_bytearray(model))


def _named(name: str, index: int) -> schema.TensorMapT:
    tensor = schema.TensorMapT()
    tensor.name, tensor.tensorIndex = name, index
    return tensor
