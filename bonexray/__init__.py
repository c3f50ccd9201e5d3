"""Two networks that say whether a bone radiograph shows a fracture, and when they do not know."""

from bonexray.classifier import FractureClassifier, Prediction
from bonexray.errors import BonexrayError, CheckpointError, HubError, ImageError
from bonexray.version import __version__

__all__ = [
    "BonexrayError",
    "CheckpointError",
    "FractureClassifier",
    "HubError",
    "ImageError",
    "Prediction",
    "__version__",
]
