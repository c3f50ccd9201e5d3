"""The network: letterbox and scaling in the graph, an ImageNet backbone, average pooling, one Dense unit."""

from pathlib import Path

import keras

from bonexray.errors import BonexrayError
from training.learning.initialisation import load_weights, reaches_conv5

BACKBONES = ("mobilenetv2", "resnet50")
LUMA = (0.2989, 0.587, 0.114)  # ITU-R BT.601
CAFFE_MEANS = (103.939, 116.779, 123.68)  # what ResNet50's ImageNet weights expect to be subtracted
LETTERBOX, SCALING, BACKBONE, POOLING, HEAD = "letterbox", "scaling", "backbone", "pooling", "probability"


def build_network(
    backbone: str, image_size: int, weights: str = "imagenet", dropout: float = 0.0, scaling: str = "backbone"
) -> keras.Model:
    """Return the network: float32 RGB (batch, H, W, 3) of any size, 0..255, to P(fractured), (batch, 1).

    Stock Keras layers only, so that `keras.saving.load_model` needs none of this code.

    Args:
        backbone: "mobilenetv2" or "resnet50".
        image_size: side of the letterboxed square, pixels.
        weights: "imagenet" (downloaded by Keras), a layer-named HDF5 file, a checkpoint folder, or "none". A ResNet50
            whose weights stop at conv4 ends there.
        dropout: share of the pooled features dropped in training, 0..1.
        scaling: "backbone" for what its ImageNet weights expect, or "unit" for 1/255.

    Raises:
        BonexrayError: unknown backbone, or weights that cannot be had or do not fit.
    """
    if backbone not in BACKBONES:
        raise BonexrayError(f"unknown network {backbone!r}: expected one of {', '.join(BACKBONES)}")
    base = _build_backbone(backbone, image_size, weights)
    inputs = keras.Input((None, None, 3), dtype="float32", name="pixels")
    x = _luma()(inputs)
    x = keras.layers.Resizing(image_size, image_size, pad_to_aspect_ratio=True, antialias=True, name=LETTERBOX)(x)
    x = _scaling(backbone if scaling == "backbone" else scaling)(x)
    x = keras.layers.GlobalAveragePooling2D(name=POOLING)(base(x, training=False))
    x = keras.layers.Dropout(dropout, name="dropout")(x)
    outputs = keras.layers.Dense(1, activation="sigmoid", dtype="float32", name=HEAD)(x)
    network = keras.Model(inputs, outputs, name=backbone)
    if weights not in ("imagenet", "none"):
        load_weights(network, base, Path(weights))
    return network


def set_trainable(network: keras.Model, first: str) -> None:
    """Train the backbone from the first layer whose name starts with `first`; batch norm stays as it is.

    Its statistics come from a million photographs; a few hundred radiographs would only blur them.

    Args:
        network: as `build_network` returns it.
        first: a layer name's beginning, "" for all layers, "none" for a frozen backbone.
    """
    layers = network.get_layer(BACKBONE).layers
    start = len(layers) if first == "none" else _position(network, first)
    for index, layer in enumerate(layers):
        layer.trainable = index >= start and not isinstance(layer, keras.layers.BatchNormalization)


def split_network(network: keras.Model, first: str) -> tuple[keras.Model, keras.Model]:
    """Return what fine-tuning leaves as it is, and what it changes, with the network's own layers in both.

    Args:
        network: as `build_network` returns it.
        first: the first layer that is trained, as in `set_trainable`; a block must begin there.

    Returns:
        Letterboxed pixels (batch, size, size, 3), 0..255, to maps; and those maps to the last ones, before pooling.
    """
    backbone, size = network.get_layer(BACKBONE), network.get_layer(LETTERBOX).height
    start = backbone.layers[_position(network, first)]
    cut = backbone.input if isinstance(start, keras.layers.InputLayer) else start.input
    try:
        trained = keras.Model(cut, backbone.output)
    except ValueError as error:
        raise BonexrayError(f"{start.name} is inside a residual block: expected one where a block begins") from error
    pixels, maps = keras.Input((size, size, 3), name="letterboxed"), keras.Input(cut.shape[1:], name="maps")
    scaled = network.get_layer(SCALING)(pixels)
    frozen = keras.Model(pixels, scaled if cut is backbone.input else keras.Model(backbone.input, cut)(scaled))
    return frozen, keras.Model(maps, trained(maps, training=False))


def letterboxed_maps(network: keras.Model, size: int) -> keras.Model:
    """Return the part from letterboxed pixels (batch, size, size, 3), 0..255, to the last maps, before pooling."""
    pixels = keras.Input((size, size, 3), name="letterboxed")
    return keras.Model(pixels, network.get_layer(BACKBONE)(network.get_layer(SCALING)(pixels), training=False))


def pooled_part(network: keras.Model, part: keras.Model) -> keras.Model:
    """Return the part of a network that ends at its last maps, with its pooling: features, (batch, channels)."""
    return keras.Model(part.input, network.get_layer(POOLING)(part.output))


def letterboxed_part(network: keras.Model, size: int) -> keras.Model:
    """Return the part from letterboxed pixels (batch, size, size, 3), 0..255, to pooled features."""
    return pooled_part(network, letterboxed_maps(network, size))


def _position(network: keras.Model, first: str) -> int:
    names = [layer.name for layer in network.get_layer(BACKBONE).layers]
    position = next((index for index, name in enumerate(names) if name.startswith(first)), None)
    if position is None:
        raise BonexrayError(
            f"no layer of {network.name} starts with {first!r}: expected one of {', '.join(names[:9])}, ..."
        )
    return position


def _build_backbone(backbone: str, size: int, weights: str) -> keras.Model:
    application = keras.applications.MobileNetV2 if backbone == "mobilenetv2" else keras.applications.ResNet50
    known = "imagenet" if weights == "imagenet" else None
    try:
        base = application(weights=known, include_top=False, input_shape=(size, size, 3), name=BACKBONE)
    except (OSError, ValueError) as error:
        message = f"{str(error).splitlines()[0][:200]}; expected a size of 32 or more and, for 'imagenet', a network"
        raise BonexrayError(
            f"{backbone} {size} px, weights {known!r}: {message} connection (or --weights FILE)"
        ) from error
    if backbone == "resnet50" and not reaches_conv5(weights):
        return keras.Model(base.input, base.get_layer("conv4_block6_out").output, name=BACKBONE)
    return base


def _luma() -> keras.layers.Layer:
    """A frozen 1x1 convolution to three equal grey channels: a tinted scan means what its grey copy means."""
    weights = keras.initializers.Constant([[weight] for weight in LUMA])
    return keras.layers.Conv2D(3, 1, use_bias=False, kernel_initializer=weights, name="luma", trainable=False)


def _scaling(kind: str) -> keras.layers.Layer:
    if kind == "unit":
        return keras.layers.Rescaling(1 / 255, name=SCALING)
    if kind == "mobilenetv2":
        return keras.layers.Rescaling(1 / 127.5, -1, name=SCALING)
    # The three channels are equal here, so the flip to BGR that Caffe's weights want changes nothing.
    return keras.layers.Normalization(mean=CAFFE_MEANS, variance=(1.0, 1.0, 1.0), name=SCALING)
