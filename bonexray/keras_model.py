"""The Keras model of a checkpoint, loaded from its own directory or rebuilt from the LiteRT network."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bonexray.blocks import PLANES, kernel_off_blocks
from bonexray.checkpoint import LAYOUT, Checkpoint, verify_files
from bonexray.errors import BonexrayError, CheckpointError, one_line
from bonexray.hub import Source
from bonexray.keras_checks import check_config, check_weights
from bonexray.litert_file import Weights, read_weights

if TYPE_CHECKING:
    import keras

BRANCH = ("1", "2", "3")  # the convolutions of a ResNet block beside its shortcut, "0"


def load_keras_model(source: Source, checkpoint: Checkpoint) -> "keras.Model":
    """Load Keras' directory where the checkpoint has one, else rebuild it from `model.tflite`.

    Raises:
        BonexrayError: Keras is not installed.
        CheckpointError: the files are missing, damaged or do not fit each other.
        HubError: the checkpoint is on the Hub and the rest of its files cannot be had.
    """
    if LAYOUT.keras_weights not in checkpoint.files:
        return _rebuild(source.fetch((*LAYOUT.serving, *LAYOUT.keras[:2])), checkpoint)
    folder = source.fetch((*LAYOUT.serving, *LAYOUT.keras))
    if not (folder / LAYOUT.keras_weights).exists():
        return _rebuild(folder, checkpoint)
    verify_files(folder, checkpoint, LAYOUT.keras)
    with _building(folder) as keras:
        check_config(folder / LAYOUT.keras_config)
        check_weights(folder / LAYOUT.keras_weights)
        network = keras.saving.load_model(folder, safe_mode=True)
        if not isinstance(network, keras.Model):
            raise TypeError(f"{type(network).__name__} is no Keras model")
        return network


def _rebuild(folder: Path, checkpoint: Checkpoint) -> "keras.Model":
    verify_files(folder, checkpoint, [LAYOUT.network, LAYOUT.keras_config])
    with _building(folder) as keras:
        check_config(folder / LAYOUT.keras_config)
        config = json.loads((folder / LAYOUT.keras_config).read_bytes())
        network = keras.saving.deserialize_keras_object(config, safe_mode=True)
        weights = read_weights(folder / LAYOUT.network)
        _fill_backbone(network.get_layer("backbone"), weights, scaling_terms(network))
        head = weights["probability"].kernel.T
        network.get_layer("probability").set_weights([head, np.array([checkpoint.bias], np.float32)])
        return network


@contextmanager
def _building(folder: Path) -> Iterator[Any]:
    """Give Keras, and turn whatever a stranger's files make it raise into a CheckpointError."""
    try:
        import keras
    except ImportError:
        raise BonexrayError("a Keras model needs Keras and TensorFlow: pip install keras tensorflow") from None
    try:
        yield keras
    except CheckpointError:
        raise
    except Exception as error:
        config, reason = folder / LAYOUT.keras_config, one_line(error, 300)
        raise CheckpointError(f"{config} and the weights make no network: {reason}") from error


def scaling_terms(network: "keras.Model") -> NDArray[np.float64]:
    """Return what scaling makes of grey, shape (2, 3): each channel becomes the first row times grey plus the second.

    Args:
        network: a Keras model of this project; its scaling is linear.
    """
    zero, one = np.asarray(network.get_layer("scaling")(np.array([[[[0.0] * 3]], [[[1.0] * 3]]], np.float32)))
    return np.stack([one - zero, zero]).reshape(2, 3).astype(np.float64)


def first_layers(backbone: "keras.Model") -> tuple["keras.Layer", "keras.Layer | None", int]:
    """Return the first convolution, the padding before it if there is any, and `kernel_on_blocks`' lead.

    MobileNetV2's first convolution pads by itself, on sides of even length behind the image alone.

    Raises:
        ValueError: there is no convolution.
    """
    import keras

    first = next((layer for layer in backbone.layers if isinstance(layer, keras.layers.Conv2D)), None)
    if first is None:
        raise ValueError("the backbone has no convolution")
    before = next((layer for layer in backbone.layers if layer.output is first.input), None)
    if before is not None and isinstance(before, keras.layers.ZeroPadding2D):
        return first, before, before.padding[0][0] % 2
    return first, None, 0


def _fill_backbone(backbone: "keras.Model", weights: dict[str, Weights], terms: NDArray[np.float64]) -> None:
    """Give each convolution its folded kernel, and its batch normalisation the bias that is left of it.

    A first kernel for blocks of grey is spread over pixels and three channels again.
    """
    import keras

    first, _, lead = first_layers(backbone)
    producers = {id(layer.output): layer for layer in backbone.layers}
    for norm in backbone.layers:
        if isinstance(norm, keras.layers.BatchNormalization):
            convolution = producers[id(norm.input)]
            if _left_out(convolution.name, weights):
                kernel = np.zeros(convolution.kernel.shape, np.float32)
                bias = kernel[0, 0, 0]
            else:
                kernel, bias = weights[convolution.name]
                kernel = kernel.transpose(1, 2, 3, 0)
                if convolution is first and kernel.shape[2] == PLANES:
                    kernel = kernel_off_blocks(kernel, convolution.kernel.shape, terms, lead)
            convolution.set_weights([kernel, np.zeros_like(bias)] if convolution.use_bias else [kernel])
            ones = np.ones_like(bias)
            norm.set_weights([ones, bias, 0 * ones, ones - norm.epsilon])


def _left_out(name: str, weights: dict[str, Weights]) -> bool:
    """Say whether this convolution is in a residual branch that adds nothing, which LiteRT's converter leaves out."""
    block, _, place = name.removesuffix("_conv").rpartition("_")
    in_branch = name.endswith("_conv") and place in BRANCH
    return in_branch and not any(f"{block}_{other}_conv" in weights for other in BRANCH)
