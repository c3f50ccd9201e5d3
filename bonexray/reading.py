"""Reads many images in order, a few ahead of whoever takes them: decoding and inference share the cores."""

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

from bonexray.images import Grey, ImageInput, read_reduced

READERS = 2  # threads; decoders give up Python's lock
AHEAD = 4  # decoded images that wait at most, however long the list

Read = tuple[Grey, tuple[int, int]]


def read_ahead(images: Iterable[ImageInput], side: int) -> Iterator[Read]:
    """Yield of each image what `read_reduced` gives.

    Raises:
        ImageError: an image cannot be read; those before it have been yielded.
    """
    waiting: deque[Future[Read]] = deque()
    pool = ThreadPoolExecutor(READERS, "bonexray-reader")
    try:
        for image in images:
            waiting.append(pool.submit(read_reduced, image, side))
            if len(waiting) > AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
