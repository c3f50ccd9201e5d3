"""The network as it is served: letterboxed pixels in; probability, evidence cells and pooled features out."""

from typing import Any

import keras

from bonexray.blocks import block_shape, kernel_on_blocks, sides_on_blocks
from bonexray.keras_model import first_layers, scaling_terms
from training.learning.network import BACKBONE, HEAD, LETTERBOX, POOLING, SCALING

# A stage of ResNet50 begins with 1x1 convolutions that read every second row and column of what the block before gives.
BEFORE_STAGES = {"conv2_block3": "conv3_block1", "conv3_block4": "conv4_block1", "conv4_block6": "conv5_block1"}


def serving_network(network: keras.Model) -> keras.Model:
    """Return the same weights as (1, size, size, 3) letterboxed pixels -> {"probability", "cells", "features"}.

    The cells are the features times the head's kernel, so that their mean plus the head's bias is the logit.
    """
    size = network.get_layer(LETTERBOX).height
    pixels = keras.Input((size, size, 3), batch_size=1, name="pixels")
    return _serve(network, pixels, network.get_layer(BACKBONE)(network.get_layer(SCALING)(pixels), training=False))


def grey_network(network: keras.Model) -> keras.Model:
    """Return the same for blocks of grey pixels, 0..255, (1, size / 2, size / 2, 5), with less to compute.

    What its first convolution makes of them, `bonexray.blocks` says. Before a stage that reads every second row and
    column, only those are computed; what is read is the same.

    Raises:
        BonexrayError: the network's side is odd.
    """
    backbone, shape = network.get_layer(BACKBONE), block_shape(network.get_layer(LETTERBOX).height)
    blocks = keras.Input(shape[1:], batch_size=1, name="pixels")
    taken = {block for block, after in BEFORE_STAGES.items() if any(_starts(layer, after) for layer in backbone.layers)}
    first, padding, lead = first_layers(backbone)
    narrow = keras.models.clone_model(
        backbone,
        input_tensors=keras.Input(shape[1:]),
        clone_function=lambda one: _clone_start(one, lead) if one in (first, padding) else _clone(one, taken),
        call_function=lambda layer, *args, **kwargs: _call(layer, taken, *args, **kwargs),
    )
    for layer in backbone.layers[1:]:
        weights = layer.get_weights()
        if layer is first:
            weights[0] = kernel_on_blocks(weights[0], scaling_terms(network), lead)
        narrow.get_layer(layer.name).set_weights(weights)
    return _serve(network, blocks, narrow(blocks, training=False))


def _clone_start(layer: keras.layers.Layer, lead: int) -> keras.layers.Layer:
    """Copy the first convolution, or the padding before it, to work on blocks."""
    config = layer.get_config()
    if isinstance(layer, keras.layers.ZeroPadding2D):
        config["padding"] = [[(before + lead) // 2, after // 2] for before, after in layer.padding]
    else:
        config |= {"kernel_size": sides_on_blocks(layer.kernel_size, lead), "strides": (1, 1)}
    return type(layer).from_config(config)


def _starts(layer: keras.layers.Layer, stage: str) -> bool:
    """Say whether a layer is one of the convolutions that read every second row and column."""
    return layer.name in (f"{stage}_0_conv", f"{stage}_1_conv")


def _clone(layer: keras.layers.Layer, taken: set[str]) -> keras.layers.Layer:
    """Copy a layer; the stride of a stage is taken by the 3x3 convolution of the block before."""
    config = layer.get_config()
    if any(_starts(layer, BEFORE_STAGES[block]) for block in taken):
        config["strides"] = (1, 1)
    if layer.name in {f"{block}_2_conv" for block in taken}:
        config |= {"strides": (2, 2), "padding": "valid"}
    return type(layer).from_config(config)


def _call(layer: keras.layers.Layer, taken: set[str], given: Any, **options: Any) -> Any:  # noqa: ANN401 - Keras' trees
    if layer.name in {f"{block}_2_conv" for block in taken}:
        given = keras.layers.ZeroPadding2D(1)(given)  # padding "same" would begin a row later at a stride of 2
    if layer.name in {f"{block}_add" for block in taken}:
        shortcut, branch = given
        given = [keras.layers.MaxPooling2D(1, strides=2)(shortcut), branch]
    return layer(given, **options)


def _serve(network: keras.Model, pixels: keras.KerasTensor, maps: keras.KerasTensor) -> keras.Model:
    features = network.get_layer(POOLING)(maps)
    head = network.get_layer(HEAD)
    to_cells = keras.layers.Conv2D(1, 1, use_bias=False, name="cells")
    # As operations, with a batch of one: layers would ask for the size of the batch each time.
    cells = keras.ops.reshape(to_cells(maps), (1, *maps.shape[1:3]))
    to_cells.set_weights([head.get_weights()[0][None, None]])
    probability = keras.ops.reshape(head(features), (1,))
    return keras.Model(pixels, {"probability": probability, "cells": cells, "features": features})
