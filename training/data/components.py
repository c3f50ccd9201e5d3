"""Connected components: which rows belong together, directly or through others."""

from collections.abc import Iterable

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components


def connected(left: Iterable[int], right: Iterable[int], size: int) -> np.ndarray:
    """Find the component number of each of `size` nodes joined by edges (left[i], right[i]): int array (size,)."""
    rows, columns = np.fromiter(left, int), np.fromiter(right, int)
    edges = coo_array((np.ones(len(rows)), (rows, columns)), shape=(size, size))
    return connected_components(edges, directed=False)[1]


def join_keys(*keys: pd.Series) -> np.ndarray:
    """Find the component number of each row, when rows that share any one of the keys belong together."""
    size = len(keys[0])
    codes, offset = [], size
    for key in keys:
        code = pd.factorize(key)[0]
        codes.append(code + offset)
        offset += int(code.max(initial=-1)) + 1
    rows = np.tile(np.arange(size), len(keys))
    return connected(rows, np.concatenate(codes), offset)[:size]
