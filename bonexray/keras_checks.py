"""Checks Keras' files from an untrusted source before Keras reads them: stock layers, and data in the file itself."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bonexray.errors import CheckpointError

MAX_CONFIG_BYTES = 10_000_000
# Keras' safe mode refuses lambdas; this also refuses every class that these networks have no use for, among
# them those that open files or addresses named in their configuration.
CLASSES = {
    None: {"__keras_tensor__"},
    "keras": {"DTypePolicy"},
    "keras.initializers": {"Constant", "GlorotUniform", "HeNormal", "Ones", "Zeros"},
    "keras.layers": {
        "Activation", "Add", "BatchNormalization", "Conv2D", "Dense", "DepthwiseConv2D", "Dropout",
        "GlobalAveragePooling2D", "InputLayer", "MaxPooling2D", "Normalization", "ReLU", "Rescaling", "Resizing",
        "ZeroPadding2D",
    },
    "keras.src.models.functional": {"Functional"},
}  # fmt: skip


def check_config(path: Path) -> None:
    """Refuse a `config.json` that names any class but the stock ones of these networks.

    Raises:
        CheckpointError: the file is too large, no JSON, or names another class.
    """
    if path.stat().st_size > MAX_CONFIG_BYTES:
        raise CheckpointError(f"{path} has over {MAX_CONFIG_BYTES} bytes: expected the description of one network")
    try:
        config = json.loads(path.read_bytes())
        strange = next((one for one in _objects(config) if not _is_stock(one)), None)
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path} is not JSON: {str(error)[:200]}") from error
    if strange is not None:
        name = f"{strange.get('module')}.{strange.get('class_name')}"
        raise CheckpointError(f"{path} is refused: {name[:200]} is no stock layer of these networks")


def check_weights(path: Path) -> None:
    """Refuse a `model.weights.h5` whose data lie in other files.

    Raises:
        CheckpointError: the file is no HDF5, or leads outside itself.
    """
    import h5py

    try:
        with h5py.File(path) as file:
            strange = next(_outside(file), None)
    except (OSError, RuntimeError, KeyError) as error:
        raise CheckpointError(f"{path} is no HDF5 file of weights: {str(error)[:200]}") from error
    if strange is not None:
        raise CheckpointError(f"{path} is refused: {strange} leads outside the file")


def _objects(value: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - any JSON
    if isinstance(value, dict):
        if "class_name" in value or "module" in value or "registered_name" in value:
            yield value
        value = list(value.values())
    if isinstance(value, list):
        for part in value:
            yield from _objects(part)


def _is_stock(described: dict[str, Any]) -> bool:
    name, module = described.get("class_name"), described.get("module")
    known = CLASSES.get(module, set()) if isinstance(module, str | None) else set()
    return isinstance(name, str) and name in known and described.get("registered_name") in (None, name)


def _outside(group: Any) -> Iterator[str]:  # noqa: ANN401 - h5py ships no types
    import h5py

    for name in group:
        link = group.get(name, getlink=True)
        if not isinstance(link, h5py.HardLink):
            yield f"{group.name}/{name}"
        elif isinstance(part := group[name], h5py.Group):
            yield from _outside(part)
        elif part.external or part.is_virtual:
            yield str(part.name)
