"""A folder of images through `predict`: images a second beside ONNX Runtime, and whether memory stays flat."""

import itertools
import os
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from benchmarks.conversion import converted
from benchmarks.peers import REFERENCE, run_onnx
from benchmarks.timing import spread
from bonexray import FractureClassifier
from bonexray.images import ImageInput
from bonexray.reading import prepare, read_ahead

CHUNK = 100  # images between two looks at the memory
WARM_UP = 8  # images


def time_folder(folder: Path, images: Sequence[Path], count: int, scratch: Path) -> dict[str, Any]:
    """Judge `count` files, the given ones over and over, with `predict` and with ONNX Runtime on all cores.

    The two take turns, a chunk each. ONNX Runtime is fed as `predict` feeds itself: read a few images ahead,
    letterboxed beside the pass.
    """
    clf = FractureClassifier.from_pretrained(folder, threads=os.cpu_count())
    forward = run_onnx(converted(folder, scratch), os.cpu_count() or 1)
    size = clf.checkpoint.image_size
    read = partial(prepare, size=size, side=clf.decoded_side, looks=False)
    process, memory, rates = psutil.Process(), [], {"bonexray": [], REFERENCE: []}
    clf.predict([*images[:WARM_UP]])
    for chunk in _chunks(images, count):
        start = time.perf_counter()
        answers = clf.predict(chunk)
        between = time.perf_counter()
        for prepared in read_ahead(chunk, read):
            forward(np.repeat(prepared.pixels[None, :, :, None], 3, axis=-1))
        rates[REFERENCE].append(len(chunk) / (time.perf_counter() - between))
        rates["bonexray"].append(len(chunk) / (between - start))
        assert len(answers) == len(chunk)
        memory.append(process.memory_info().rss / 2**20)
    return {
        "images": count,
        "images_per_second": {name: spread(values, "rate") for name, values in rates.items()},
        **spread(np.divide(rates["bonexray"], rates[REFERENCE]), "ratio"),
        "mb_after_each_100": [round(value) for value in memory],
        "mb_grown": memory[-1] - memory[0],
    }


def _chunks(images: Sequence[ImageInput], count: int) -> Iterator[list[ImageInput]]:
    endless = itertools.islice(itertools.cycle(images), count)
    while chunk := list(itertools.islice(endless, CHUNK)):
        yield chunk
