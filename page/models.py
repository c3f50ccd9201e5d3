"""Which two networks the page compares, and where they come from."""

from pathlib import Path

import numpy as np
from huggingface_hub.constants import ENDPOINT

from bonexray import BonexrayError, FractureClassifier
from bonexray.checkpoint import LAYOUT

ROOT = Path(__file__).parents[1]
BUNDLED = (ROOT / "checkpoints/mobilenetv2", ROOT / "checkpoints/resnet50")

Models = tuple[FractureClassifier, FractureClassifier]


def load_models(names: str = "") -> Models:
    """Load and warm the two networks of "A,B", each a folder or "owner/name@revision"; the bundled ones if empty.

    Raises:
        BonexrayError: not two names, or one that cannot be loaded, or two networks of one kind: the page calls each
            by its kind, in what a visitor reads as in what a program gets.
    """
    if not names.strip():
        return _load(str(BUNDLED[0])), _load(str(BUNDLED[1]))
    parts = [part.strip() for part in names.split(",")]
    if len(parts) != 2 or not all(parts):
        raise BonexrayError(f"models {names!r}: expected two, 'owner/a@revision,owner/b@revision' or two folders")
    models = _load(parts[0]), _load(parts[1])
    if models[0].name == models[1].name:
        raise BonexrayError(f"models {names!r} are both {title(models[0])}: expected a MobileNetV2 and a ResNet50")
    return models


def title(model: FractureClassifier) -> str:
    """Name a network as its authors write it."""
    return {"mobilenetv2": "MobileNetV2", "resnet50": "ResNet50"}[model.name]


def origin(model: FractureClassifier) -> str:
    """Say where a network came from without showing this machine's folders."""
    return model.source if model.revision else f"{Path(model.source).parent.name}/{Path(model.source).name}"


def card_url(model: FractureClassifier) -> str | None:
    """Return the address of the model's card on the Hub at its very revision; None for a folder."""
    return f"{ENDPOINT}/{model.source}/blob/{model.revision}/README.md" if model.revision else None


def network_hash(model: FractureClassifier) -> str:
    """Return the SHA-256 of the network's file, which names a folder's revision too."""
    return model.checkpoint.files[LAYOUT.network]["sha256"]


def _load(name: str) -> FractureClassifier:
    repository, at, revision = name.rpartition("@")
    if Path(name).is_dir() or not at:
        model = FractureClassifier.from_pretrained(name)
    else:
        model = FractureClassifier.from_pretrained(repository, revision)
    model.predict(np.zeros((8, 8), np.uint8))  # the first answer of a network is slow: let no visitor wait for it
    return model
