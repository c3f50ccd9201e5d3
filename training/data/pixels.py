"""The letterboxed pixels of images: read when asked, or kept on disk so that a data set is decoded once."""

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from tqdm import tqdm

from bonexray.geometry import letterbox
from bonexray.images import read_image


def load_pixels(table: pd.DataFrame, size: int, cache: Path) -> NDArray[np.uint8]:
    """Return the images letterboxed as serving does it, uint8, shape (n, size, size), memory-mapped.

    Args:
        table: a data set as `read_dataset` gives it.
        size: side of the square, pixels.
        cache: folder that keeps the result, by the files' names, sizes and times.
    """
    target = cache / f"pixels-{_identity(table, size)}.npy"
    if not target.exists():
        cache.mkdir(parents=True, exist_ok=True)
        _write_pixels(list(table["path"]), size, target)
    return np.load(target, mmap_mode="r")


def read_pixels(rows: pd.DataFrame, size: int) -> NDArray[np.float32]:
    """Letterbox the images of `rows` as serving does, float32, shape (n, size, size)."""
    return np.stack([letterbox(read_image(path), size) for path in rows["path"]])


def _write_pixels(paths: list[str], size: int, target: Path) -> None:
    partial = target.with_suffix(f".{os.getpid()}.partial")
    pixels = np.lib.format.open_memmap(partial, "w+", np.uint8, (len(paths), size, size))

    def store(index: int) -> None:
        pixels[index] = np.rint(letterbox(read_image(paths[index]), size)).astype(np.uint8)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(tqdm(pool.map(store, range(len(paths))), "letterboxing", len(paths), unit="image"))
    pixels.flush()
    partial.replace(target)


def _identity(table: pd.DataFrame, size: int) -> str:
    stats = [(path, os.stat(path).st_size, os.stat(path).st_mtime_ns) for path in table["path"]]
    return hashlib.sha256(repr((size, stats)).encode()).hexdigest()[:16]
