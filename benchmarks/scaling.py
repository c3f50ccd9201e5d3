"""What an answer costs by size of the image, number of images and number of networks, and how it grows."""

import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.timing import growth, interleave, summarise
from bonexray import FractureClassifier
from bonexray.images import ImageInput, read_image

MEGAPIXELS = (0.05, 0.2, 1, 4, 12, 36)
MIDDLE = 1  # megapixel, of the images that are counted
COUNTS = (1, 4, 16, 64)


def time_scaling(folders: Sequence[Path], image: Path, threads: int, rounds: int) -> dict[str, Any]:
    """Time `predict` with its map along each of the three axes; growth 1 is proportional, 0 is constant."""
    clfs = [FractureClassifier.from_pretrained(folder, threads=threads) for folder in folders]
    light = clfs[0]
    with tempfile.TemporaryDirectory() as scratch:
        files = {size: _resized(image, size, Path(scratch)) for size in MEGAPIXELS}
        sizes = {
            f"{size:g} megapixel": {
                "predict": partial(light.predict, path),
                "predict and map": partial(_with_map, light, path),
                "whole decode": partial(read_image, path),
            }
            for size, path in files.items()
        }
        by_size = {name: summarise(interleave(jobs, rounds)) for name, jobs in sizes.items()}
        one: list[ImageInput] = [files[MIDDLE]]
        counts = {str(count): partial(light.predict, one * count) for count in COUNTS}
        by_count = summarise(interleave(counts, max(3, rounds // 4)))
        grey = read_image(files[MIDDLE])
        models = {str(count): partial(_ask_all, clfs[:count], grey) for count in range(1, len(clfs) + 1)}
        by_models = summarise(interleave(models, rounds))
    return {
        "size": by_size,
        "size_growth": {
            name: growth(MEGAPIXELS[2:], [by_size[f"{size:g} megapixel"][name]["ms"] for size in MEGAPIXELS[2:]])
            for name in ("predict", "predict and map", "whole decode")
        },
        "images": by_count,
        "images_growth": growth(COUNTS, [by_count[str(count)]["ms"] for count in COUNTS]),
        "models": by_models,
    }


def _resized(image: Path, megapixels: float, folder: Path) -> Path:
    """The image at another size, with the grain that a detector leaves, so that it compresses like a radiograph."""
    with Image.open(image) as opened:
        grey = opened.convert("L")
    scale = (megapixels * 1e6 / (grey.width * grey.height)) ** 0.5
    pixels = np.asarray(grey.resize((round(grey.width * scale), round(grey.height * scale))), np.float32)
    grain = np.random.default_rng(0).standard_normal(pixels.shape, np.float32) * 3
    path = folder / f"{megapixels:g}.jpg"
    Image.fromarray(np.clip(pixels + grain, 0, 255).astype(np.uint8)).save(path, quality=90)
    return path


def _with_map(clf: FractureClassifier, path: Path) -> None:
    assert clf.predict(path).evidence.ndim == 2


def _ask_all(clfs: Sequence[FractureClassifier], grey: Any) -> None:  # noqa: ANN401 - Grey
    for clf in clfs:
        clf.predict(grey)
