"""Where a network starts: ImageNet weights from a file, or a checkpoint that is fine-tuned further."""

from pathlib import Path

import keras
import numpy as np

from bonexray.errors import BonexrayError

STAGE5_BLOCKS = ("conv5_block1", "conv5_block2", "conv5_block3")


def initialised_layers(backbone: str, weights: str) -> str:
    """Say for the provenance which part of the backbone started from ImageNet."""
    if weights == "none":
        return "random start"
    if weights == "imagenet":
        return "ImageNet"
    if Path(weights).is_dir():
        return f"fine-tuned further from a checkpoint in {Path(weights).name}"
    if backbone == "resnet50" and not _has_conv5(_names_in(Path(weights))):
        return "ImageNet-initialised through conv4; conv5 passes its features on"
    return "ImageNet-initialised"


def _names_in(path: Path) -> set[str]:
    import h5py

    with h5py.File(path) as file:
        group = file.get("model_weights", file)
        return {name for name in group if len(group[name])}


def load_weights(network: keras.Model, base: keras.Model, path: Path) -> None:
    """Start the network from a checkpoint folder, or its backbone `base` from a layer-named HDF5 file.

    Raises:
        BonexrayError: there is no such file, or it does not fit.
    """
    if path.is_dir():
        from bonexray import FractureClassifier

        network.set_weights(FractureClassifier.from_pretrained(path).keras_model().get_weights())
        return
    if not path.is_file():
        raise BonexrayError(
            f"weights {str(path)!r} do not exist: expected 'imagenet', an .h5 file or a checkpoint folder"
        )
    try:
        common = _names_in(path) & {layer.name for layer in base.layers if layer.weights}
        if common:
            base.load_weights(path, by_name=True)
    except (OSError, ValueError, KeyError) as error:
        raise BonexrayError(f"weights {path} do not fit {network.name}: {str(error).splitlines()[0][:200]}") from error
    if not common:
        raise BonexrayError(
            f"weights {path} name no layer of {network.name}: expected its layer names, as Keras saves them"
        )
    if network.name == "resnet50" and not _has_conv5(common):
        _pass_conv4_on(base)


def passing_layers(backbone: keras.Model) -> set[str]:
    """Name the layers of the residual blocks that only pass their input on: the branch's last kernel is all zero."""
    blocks = [
        layer.name.removesuffix("_3_conv")
        for layer in backbone.layers
        if layer.name.endswith("_3_conv") and not np.any(layer.get_weights()[0])
    ]
    return {layer.name for layer in backbone.layers for block in blocks if layer.name.startswith(f"{block}_")}


def without_passing_blocks(backbone: keras.Model) -> keras.Model:
    """Return the backbone without the branches of conv5 if all three only pass on: the same output for less work."""
    passing = passing_layers(backbone)
    if not all(f"{block}_out" in passing for block in STAGE5_BLOCKS):
        return backbone
    shortcut = backbone.get_layer(f"{STAGE5_BLOCKS[0]}_0_bn").output
    return keras.Model(backbone.input, keras.layers.ReLU(name="passed_on")(shortcut))


def _pass_conv4_on(base: keras.Model) -> None:
    """Make conv5 an identity, each channel of conv4 twice at every other place, where a file has no weights for it.

    From a random start its 15 million weights learnt a few hundred radiographs by heart: AUROC fell.
    """
    for block in STAGE5_BLOCKS:
        last = base.get_layer(f"{block}_3_conv")
        last.set_weights([np.zeros_like(weight) for weight in last.get_weights()])
    shortcut = base.get_layer(f"{STAGE5_BLOCKS[0]}_0_conv")
    kernel, bias = shortcut.get_weights()
    kernel[:] = np.repeat(np.eye(kernel.shape[2], dtype=kernel.dtype), 2, axis=1)
    shortcut.set_weights([kernel, np.zeros_like(bias)])


def _has_conv5(names: set[str]) -> bool:
    return all(f"{block}_3_conv" in names for block in STAGE5_BLOCKS)
