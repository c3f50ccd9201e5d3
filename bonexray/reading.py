"""Reads many images in order, a few ahead of whoever takes them: decoding and inference share the cores."""

import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from functools import cache
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from bonexray.errors import ImageError
from bonexray.geometry import letterbox
from bonexray.images import ImageInput, read_picture
from bonexray.picture import Picture

READERS = 2  # threads; decoders give up Python's lock
AHEAD = 4  # decoded images that wait at most, however long the list
# Pixels: smaller pictures, described while they are letterboxed, lose more to Python's lock than they gain.
LARGE = 300_000
Read = TypeVar("Read")


class Prepared(NamedTuple):
    """An image, ready for a network.

    Attributes:
        picture: as it was read.
        pixels: letterboxed, float32, shape (size, size).
        seconds: what it took, decoding left out.
    """

    picture: Picture
    pixels: NDArray[np.float32]
    seconds: float


def prepare(image: ImageInput, size: int, side: int, *, looks: bool) -> Prepared:
    """Read an image and do all that needs no network.

    Args:
        image: as `read_picture` takes it.
        size: side of the network's input, pixels.
        side: as `read_picture` takes it.
        looks: whether a gate will ask how the picture looks: a thread then begins to describe it.

    Raises:
        ImageError: it cannot be read.
    """
    picture = read_picture(image, side)
    start = time.perf_counter()
    if looks and picture.grey.size >= LARGE:
        picture.look(_helper(os.getpid()))
    if size not in picture.boxed:
        picture.boxed[size] = letterbox(picture.grey, size)
    if looks:
        picture.look(_helper(os.getpid()))  # which begins nothing twice
    return Prepared(picture, picture.boxed[size], time.perf_counter() - start)


@cache
def _helper(_process: int) -> Executor:
    """The thread that describes pictures; a forked process, in which it does not run, gets its own."""
    return ThreadPoolExecutor(1, "bonexray-helper")


def read_ahead(images: Iterable[ImageInput], read: Callable[[ImageInput], Read]) -> Iterator[Read]:
    """Yield what `read` gives of each image.

    Raises:
        ImageError: an image cannot be read; the message says which. Those before it have been yielded.
    """
    waiting: deque[Future[Read]] = deque()
    pool = ThreadPoolExecutor(READERS, "bonexray-reader")
    try:
        for number, image in enumerate(images):
            waiting.append(pool.submit(_read_numbered, read, number, image))
            if len(waiting) > AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _read_numbered(read: Callable[[ImageInput], Read], number: int, image: ImageInput) -> Read:
    try:
        return read(image)
    except ImageError as error:
        raise ImageError(f"image {number} of the list: {error}", error.kind) from error
