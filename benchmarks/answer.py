"""One image, both networks: the headline against the peers' forward pass, and where our own time goes."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.conversion import converted
from benchmarks.peers import OURS, REFERENCE, Floats, Forward, prepare, run_onnx, run_ours
from benchmarks.timing import Job, interleave, summarise
from bonexray import FractureClassifier, Prediction
from bonexray.appearance import describe
from bonexray.checkpoint import LAYOUT, read_checkpoint
from bonexray.geometry import letterbox, spread
from bonexray.images import read_image, read_picture
from bonexray.runtime import Network

ANSWER = "bonexray, decode to both maps"
DATA_SIDE = 320  # pixels, the longest side of the images in the data set


def time_answer(folders: Sequence[Path], image: Path, scratch: Path, threads: int, rounds: int) -> dict[str, Any]:
    """Time our whole answer, and the forward passes in it, beside ONNX Runtime's of the same two networks.

    Call it before TensorFlow is in the process, as on the page: beside its threads an answer takes longer.
    The image is taken as it is, and at the size of the images that the networks were trained on.

    Returns:
        What `summarise` gives; ratios are to ONNX Runtime in the same round.
    """
    clfs = [FractureClassifier.from_pretrained(folder, threads=threads) for folder in folders]
    peers = {
        REFERENCE: lambda folder: run_onnx(converted(folder, scratch), threads),
        OURS: lambda folder: run_ours(folder, threads),
    }
    jobs: dict[str, Job] = {
        name: partial(_run_pair, [(run(folder), _batch(folder, image)) for folder in folders])
        for name, run in peers.items()
    }
    for path in (_thumbnail(image, scratch), image):
        jobs[f"{ANSWER}, {_shape(path)}"] = partial(answer, path, clfs)
    return summarise(interleave(jobs, rounds), REFERENCE)


def time_forward(folders: Sequence[Path], image: Path, scratch: Path, threads: int, rounds: int) -> dict[str, Any]:
    """Time every peer on one letterboxed image, each network alone and both in turn.

    Returns:
        By network, and for "pair", what `summarise` gives; ratios are to ONNX Runtime in float32 in the same round.
    """
    found, pairs = {}, []
    for folder in folders:
        runners = prepare(folder, scratch, threads)
        pixels = _batch(folder, image)
        jobs = {name: partial(run, pixels) for name, run in runners.items()}
        found[folder.name] = summarise(interleave(jobs, rounds), REFERENCE)
        pairs.append((runners, pixels))
    jobs: dict[str, Job] = {
        name: partial(_run_pair, [(runners[name], pixels) for runners, pixels in pairs]) for name in pairs[0][0]
    }
    found["pair"] = summarise(interleave(jobs, rounds), REFERENCE)
    return found


def answer(path: Path, clfs: Sequence[FractureClassifier]) -> list[Prediction]:
    """Decode once, and let every network give its probability and its evidence map: what the page needs."""
    picture = read_picture(path, max(clf.decoded_side for clf in clfs))
    answers = [clf.predict(picture) for clf in clfs]
    for one in answers:
        assert one.evidence.shape == picture.shape  # the map is made when it is asked for
    return answers


def time_stages(folders: Sequence[Path], image: Path, threads: int, rounds: int) -> dict[str, Any]:
    """Time each step of an answer alone, for both networks together where there are two of it."""
    from page.overlay import data_uri, layer_image, overlay, scale_of, shown

    clfs = [FractureClassifier.from_pretrained(folder, threads=threads) for folder in folders]
    grey = read_image(image)
    answers = [clf.predict(grey) for clf in clfs]
    sizes = [clf.checkpoint.image_size for clf in clfs]
    boxed = [letterbox(grey, size) for size in sizes]
    networks = [Network(clf.folder / LAYOUT.network, clf.checkpoint.image_size, threads) for clf in clfs]
    pixels = np.asarray(shown(grey))  # the page keeps these, and maps of their size
    maps = [spread(one.cells, pixels.shape) for one in answers]
    jobs = {
        "decode": lambda: read_image(image),
        "decode, as much as a network needs": lambda: read_picture(image, 4 * max(sizes)),
        "letterbox": lambda: [letterbox(grey, size) for size in sizes],
        "facts for the gates": lambda: describe(grey),
        "forward": lambda: [network(pixels) for network, pixels in zip(networks, boxed, strict=True)],
        "map": lambda: [spread(one.cells, one.shape) for one in answers],
        "the radiograph as it is shown": lambda: shown(grey),
        "overlays for the page": lambda: [
            data_uri(shown(pixels)), *(data_uri(layer_image(one, scale_of(one))) for one in maps)
        ],
        "overlays for programs": lambda: [data_uri(overlay(pixels, one)) for one in maps],
    }  # fmt: skip
    return {"image": _shape(image), "stages": summarise(interleave(jobs, rounds))}


def time_arrangement(folders: Sequence[Path], image: Path, threads: int, rounds: int) -> dict[str, Any]:
    """Compare both networks in turn, on all threads each, with both at once, on their share of the threads each."""
    turn = [Network(folder / LAYOUT.network, _size(folder), threads) for folder in folders]
    once = [Network(folder / LAYOUT.network, _size(folder), max(1, threads // len(folders))) for folder in folders]
    boxed = [letterbox(read_image(image), _size(folder)) for folder in folders]
    with ThreadPoolExecutor(len(folders)) as pool:
        jobs = {
            "in turn": lambda: [network(pixels) for network, pixels in zip(turn, boxed, strict=True)],
            "at once": lambda: list(pool.map(lambda network, pixels: network(pixels), once, boxed)),
        }
        return summarise(interleave(jobs, rounds), "in turn")


def _run_pair(pair: Sequence[tuple[Forward, Floats]]) -> None:
    for run, pixels in pair:
        run(pixels)


def _thumbnail(image: Path, scratch: Path) -> Path:
    path = scratch / f"{image.stem}-{DATA_SIDE}.jpg"
    with Image.open(image) as opened:
        opened.thumbnail((DATA_SIDE, DATA_SIDE))
        opened.save(path, quality=90)
    return path


def _shape(path: Path) -> str:
    height, width = read_image(path).shape
    return f"{width} x {height}"


def _size(folder: Path) -> int:
    return read_checkpoint(folder).image_size


def _batch(folder: Path, image: Path) -> Floats:
    return np.repeat(letterbox(read_image(image), _size(folder))[None, :, :, None], 3, axis=-1)
