"""What is computed of a data set is kept once, whoever asks first, and belongs to these files under these names."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from bonexray.errors import BonexrayError
from training.data.dataset import listing
from training.learning.features import cache_features

IMAGES = np.arange(24 * 2 * 2 * 3, dtype=np.float32).reshape(24, 2, 2, 3)


@pytest.fixture(scope="module")
def extractor() -> keras.Model:
    """Return a network that doubles pixels."""
    pixels = keras.Input((2, 2, 3))
    return keras.Model(pixels, keras.layers.Rescaling(2.0)(pixels))


def counted(drawn: list[int], until: int = 99) -> tf.data.Dataset:
    """Yield the images two by two, note each batch, and break where told."""

    def draw() -> Iterator[NDArray[np.float32]]:
        for batch in range(12):
            if batch == until:
                raise KeyboardInterrupt
            drawn.append(batch)
            yield IMAGES[2 * batch : 2 * batch + 2]

    return tf.data.Dataset.from_generator(draw, output_signature=tf.TensorSpec((None, 2, 2, 3), tf.float32))


def test_two_who_ask_at_once_have_it_computed_once(extractor: keras.Model, tmp_path: Path) -> None:
    """The second waits, and reads what the first has written."""
    drawn: list[int] = []
    together = Barrier(2)

    def ask() -> NDArray[np.float16]:
        batches = counted(drawn)
        together.wait()
        return np.array(cache_features(extractor, batches, 24, tmp_path / "maps.npy", "test"))

    with ThreadPoolExecutor(2) as pool:
        answers = [future.result() for future in [pool.submit(ask) for _ in range(2)]]
    for answer in answers:
        np.testing.assert_array_equal(answer, 2 * IMAGES)
    assert sorted(drawn) == list(range(12))


def test_an_interrupted_computation_goes_on_where_it_was_saved(extractor: keras.Model, tmp_path: Path) -> None:
    """After eight batches, the first ones are not asked of the network again."""
    target, first = tmp_path / "maps.npy", []
    with pytest.raises(Exception, match="KeyboardInterrupt"):
        cache_features(extractor, counted(first, until=10), 24, target, "test")
    assert not target.exists()
    (tmp_path / "maps.partial").write_bytes(bytes_with_first_rows_spoilt(tmp_path / "maps.partial"))
    kept = cache_features(extractor, counted([]), 24, target, "test")
    assert (kept[0] == -1).all()  # as it was found: computed before, and not again
    np.testing.assert_array_equal(kept[1:], 2 * IMAGES[1:])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["maps.lock", "maps.npy"]


def bytes_with_first_rows_spoilt(path: Path) -> bytes:
    """Give the file's bytes with -1 in its first row."""
    rows = np.lib.format.open_memmap(path, "r+")
    rows[0] = -1
    rows.flush()
    return path.read_bytes()


def test_what_has_no_room_is_refused(extractor: keras.Model, tmp_path: Path) -> None:
    """Before anything is computed."""
    with pytest.raises(BonexrayError, match=r"maps\.npy needs .* GB"):
        cache_features(extractor, counted([]), 10**15, tmp_path / "maps.npy", "test")


def test_a_listing_tells_which_name_holds_which_image() -> None:
    """Unlike a fingerprint, which is the same wherever the files lie."""
    table = pd.DataFrame({"file": ["a", "b"], "file_hash": ["x", "y"], "label": [0, 1]})
    for column in table:
        assert listing(table.assign(**{str(column): table[column].to_numpy()[::-1]})) != listing(table)
    assert listing(table.iloc[::-1]) != listing(table) == listing(table.copy())
