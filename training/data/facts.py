"""What each file is and what its pixels look like as a whole: hashes, format, and plain image facts."""

import hashlib
import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bonexray.checkpoint import hash_file
from bonexray.images import read_image
from training.data.headers import UNREADABLE, read_header
from training.data.parallel import in_threads

FILE_FACTS = ("format", "mode", "bytes", "width", "height")
IMAGE_FACTS = ("width", "height", "mean", "spread", "black", "white", "edges")
BLACK, WHITE = 10, 245  # grey levels at and beyond which a pixel counts as black or white


def read_facts(table: pd.DataFrame) -> pd.DataFrame:
    """Read every image once: a row each, in the order of the table.

    Returns:
        `file`, `file_hash`, `pixel_hash` ("" when unreadable), `problem` ("" when readable), the
        columns of `FILE_FACTS`, and those of `IMAGE_FACTS` (NaN when unreadable).
    """
    rows = in_threads(image_facts, table["path"], "reading")
    return pd.DataFrame(rows).assign(file=table["file"].to_numpy())


def image_facts(path: str) -> dict[str, Any]:
    """Read the facts of one file; a file that cannot be decoded has a `problem` and no facts of its pixels."""
    facts = {"file_hash": hash_file(Path(path)), "pixel_hash": "", "problem": "", "bytes": os.path.getsize(path)}
    try:
        facts |= read_header(path)._asdict()
        grey = read_image(path)
    except UNREADABLE as error:
        return {"format": "", "mode": "", "width": 0, "height": 0, **facts, "problem": describe_problem(path, error)}
    return {**facts, "pixel_hash": pixel_hash(grey), **grey_facts(grey)}


def describe_problem(path: str, error: Exception) -> str:
    """Name what is wrong with a file: empty, truncated, too large, or no image."""
    if os.path.getsize(path) == 0:
        return "empty"
    reason = " ".join(str(part) for part in (error, error.__cause__) if part)
    if "exceeds limit" in reason:
        return "too large"
    return "truncated" if "truncated" in reason.lower() else "unreadable"


def pixel_hash(grey: NDArray[Any]) -> str:
    """Give the SHA-256 of the grey pixels and their shape, whatever file holds them."""
    return hashlib.sha256(repr(grey.shape).encode() + np.ascontiguousarray(grey).tobytes()).hexdigest()


def grey_facts(grey: NDArray[Any]) -> dict[str, float]:
    """Measure mean, spread (standard deviation), share of black and of white pixels, and edge energy."""
    values = np.asarray(grey, np.float32)
    edges = np.abs(cv2.Laplacian(values, cv2.CV_32F)).mean()
    return {
        "mean": float(values.mean()),
        "spread": float(values.std()),
        "black": float((values <= BLACK).mean()),
        "white": float((values >= WHITE).mean()),
        "edges": float(edges),
    }
