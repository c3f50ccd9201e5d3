"""Arrays inside `classifier.json`: written as base64, and read as what may come from anyone."""

import base64
import binascii
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bonexray.errors import CheckpointError

Floats = NDArray[np.float32]


def write_array(values: Floats) -> dict[str, Any]:
    """Encode an array: its shape, and little-endian float32 as base64."""
    data = np.ascontiguousarray(values, "<f4")
    return {"shape": list(data.shape), "values": base64.b64encode(data.tobytes()).decode()}


def read_array(record: dict[str, Any], shape: tuple[int, ...]) -> Floats:
    """Decode an array, of the shape that is expected.

    Raises:
        CheckpointError: another shape, another number of bytes, no base64, or values that are not finite.
    """
    found = tuple(record["shape"])
    if found != shape:
        raise CheckpointError(f"the gate has an array of shape {found}: expected {shape}")
    try:
        data = base64.b64decode(record["values"], validate=True)
    except (binascii.Error, ValueError) as error:
        raise CheckpointError(f"the gate has an array that is no base64: {error}") from error
    if len(data) != 4 * math.prod(found):
        raise CheckpointError(f"the gate has {len(data)} bytes for shape {found}: expected {4 * math.prod(found)}")
    values = np.frombuffer(data, "<f4").reshape(found)
    if not np.isfinite(values).all():
        raise CheckpointError("the gate has values that are not finite")
    return values
