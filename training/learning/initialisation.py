"""Where a network starts: ImageNet weights from a file, or a checkpoint that is fine-tuned further."""

from pathlib import Path

import keras

from bonexray.checkpoint import LAYOUT
from bonexray.errors import BonexrayError

LAST = "conv5_block3_3_conv"  # the last convolution of ResNet50: a file may hold a part of conv5, and not this


def initialised_layers(backbone: str, weights: str) -> str:
    """Say for the provenance which part of the backbone started from ImageNet."""
    if weights == "none":
        return "random start"
    if weights == "imagenet":
        return "ImageNet"
    if Path(weights).is_dir():
        return f"fine-tuned further from a checkpoint in {Path(weights).name}"
    if backbone == "resnet50" and not reaches_conv5(weights):
        return "ImageNet-initialised through conv4, where the network ends"
    return "ImageNet-initialised"


def reaches_conv5(weights: str) -> bool:
    """Say whether a ResNet50 that starts from these weights has its last stage, conv5.

    Where a file's weights stop at conv4 the network stops there too: from a random start, the 15 million weights of
    conv5 learnt a few hundred radiographs by heart, and AUROC fell.

    Args:
        weights: as `training.learning.network.build_network` takes them.
    """
    import h5py

    path, config = Path(weights), Path(weights) / LAYOUT.keras_config
    if config.is_file():
        return LAST in config.read_text()
    readable = path.is_file() and h5py.is_hdf5(path)  # else `load_weights` says what is wrong
    return not readable or LAST in _names_in(path)


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
