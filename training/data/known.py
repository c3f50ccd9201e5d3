"""The public set that the bundled networks were trained on: what the project says of it holds for no other data."""

from collections.abc import Mapping
from typing import Any

KNOWN_NAME = "Fracture Multi-Region X-ray Data"
KNOWN_SLUG = "fracture-multi-region-x-ray"
KNOWN_FINGERPRINT = "7bb8997c5c6eeb775185b27bf193b4b2d7ae5adf3c7aaa2ce855e7e911b68c40"


def is_known(data: Mapping[str, Any]) -> bool:
    """Say whether a description of data, in a checkpoint's record or an evaluation, is of that set."""
    return data.get("fingerprint") == KNOWN_FINGERPRINT
