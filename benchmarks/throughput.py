"""A folder of images through `predict`: images a second beside ONNX Runtime, and whether memory stays flat."""

import itertools
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from benchmarks.conversion import converted
from benchmarks.peers import REFERENCE, run_onnx
from bonexray import FractureClassifier
from bonexray.geometry import letterbox
from bonexray.images import ImageInput, read_image

CHUNK = 100  # images between two looks at the memory
WARM_UP = 8  # images


def time_folder(folder: Path, images: Sequence[Path], count: int, scratch: Path) -> dict[str, Any]:
    """Judge `count` files, the given ones over and over, with `predict` and with ONNX Runtime on all cores.

    The two take turns, a chunk each. ONNX Runtime is fed as `predict` reads: decode, letterbox, forward.
    """
    clf = FractureClassifier.from_pretrained(folder, threads=os.cpu_count())
    forward = run_onnx(converted(folder, scratch), os.cpu_count() or 1)
    size = clf.checkpoint.image_size
    process, seconds, memory = psutil.Process(), {"bonexray": 0.0, REFERENCE: 0.0}, []
    clf.predict([*images[:WARM_UP]])
    for chunk in _chunks(images, count):
        start = time.perf_counter()
        answers = clf.predict(chunk)
        between = time.perf_counter()
        for path in chunk:
            forward(np.repeat(letterbox(read_image(path), size)[None, :, :, None], 3, axis=-1))
        seconds[REFERENCE] += time.perf_counter() - between
        seconds["bonexray"] += between - start
        assert len(answers) == len(chunk)
        memory.append(process.memory_info().rss / 2**20)
    return {
        "images": count,
        "images_per_second": {name: count / took for name, took in seconds.items()},
        "ratio": seconds[REFERENCE] / seconds["bonexray"],
        "mb_after_each_100": [round(value) for value in memory],
        "mb_grown": memory[-1] - memory[0],
    }


def _chunks(images: Sequence[ImageInput], count: int) -> Iterator[list[ImageInput]]:
    endless = itertools.islice(itertools.cycle(images), count)
    while chunk := list(itertools.islice(endless, CHUNK)):
        yield chunk
