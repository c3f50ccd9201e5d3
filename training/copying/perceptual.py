"""Near copies by perceptual hash, in the eight orientations that turning by right angles and mirroring give."""

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

GRID = 32  # pixels of the square that is hashed
KEPT = 16  # lowest frequencies each way: 256 bits
NEAR = 32  # bits of 256 that may differ: on the 3,120 radiographs, 48 is the least for two unrelated ones
FLAT = 1.0  # grey levels; an image that spreads less has no content to compare
BLOCK = 256  # images compared at once with all others

Bits = NDArray[np.uint64]


def hash_orientations(grey: NDArray) -> Bits:
    """Hash a grey image (H, W) upright, and its seven turns and mirrors: shape (8, 4), 256 bits each.

    No bit is set where the image is flat, which is a copy of nothing.
    """
    square = np.asarray(cv2.resize(np.asarray(grey, np.float32), (GRID, GRID), interpolation=cv2.INTER_AREA))
    if square.std() < FLAT:
        return np.zeros((8, KEPT**2 // 64), np.uint64)
    turns = [np.rot90(face, times) for face in (square, square[:, ::-1]) for times in range(4)]
    return np.stack([hash_square(np.ascontiguousarray(turn)) for turn in turns])


def hash_square(square: NDArray) -> Bits:
    """Give the signs of the low frequencies about their median (Zauner 2010): shape (4,)."""
    low = cv2.dct(square)[:KEPT, :KEPT].ravel()
    low[0] = 0  # the mean brightness says nothing of the content
    return np.packbits(low > np.median(low)).view(np.uint64)


def near_pairs(hashes: Bits) -> pd.DataFrame:
    """Find images whose hashes differ in `NEAR` bits or fewer in some orientation, and are not those of flat images.

    Args:
        hashes: shape (n, 8, 4), as `hash_orientations` gives them.

    Returns:
        Columns `a` < `b` (row numbers) and `bits` (how many differ at best).
    """
    found = []
    upright, filled = hashes[:, 0], np.asarray(np.any(hashes, axis=(1, 2)))
    for start in range(0, len(hashes), BLOCK):
        block = hashes[start : start + BLOCK]
        bits = np.full((len(block), len(hashes)), 256, np.int16)
        for turn in range(8):
            different = block[:, turn, None] ^ upright[None, :]
            np.minimum(bits, np.bitwise_count(different).sum(-1, dtype=np.int16), out=bits)
        rows, columns = np.nonzero((bits <= NEAR) & filled & filled[start : start + BLOCK, None])
        later = columns > rows + start
        rows, columns = rows[later], columns[later]
        found.append(pd.DataFrame({"a": rows + start, "b": columns, "bits": bits[rows, columns]}))
    return pd.concat(found, ignore_index=True)
