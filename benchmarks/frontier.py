"""`python -m benchmarks.frontier`: what speed costs in verdicts, from float16 weights to all layers in int8.

Needs a checkpoint with Keras' float weights, and the data it was trained on; the images are those it was held out from,
so that a network which trained on every part has none: take one of its cross-validation.
"""

import argparse
import json
import logging
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.timing import interleave, summarise
from bonexray import FractureClassifier
from bonexray.checkpoint import LAYOUT
from bonexray.errors import BonexrayError
from bonexray.runtime import Network
from training.copying.sources import read_table
from training.data.pixels import read_pixels
from training.data.readers import CACHE
from training.making.held_out import evaluation_rows
from training.making.quantisation import Judged, prepare, quantise, quantise_and_fit, round_to_float16
from training.quantise import compare_networks, held_out_rows, rows_to_fit
from training.reporting.markdown import interval, table

STARTS = (0, 2, 4, 8, 16, 32)  # layers before the first in int8
PLAIN = 4  # the start at which each correction is left out in turn
log = logging.getLogger(__name__)


def main() -> int:
    """Measure one checkpoint and print a table."""
    parser = argparse.ArgumentParser("python -m benchmarks.frontier", description=str(__doc__).splitlines()[0])
    parser.add_argument("checkpoint", type=Path, help="folder that `train` wrote")
    parser.add_argument("--data", required=True, help="data set that it was trained on")
    parser.add_argument("--output", type=Path, default=Path("reports/frontier"), help="folder to write to")
    parser.add_argument("--rounds", type=int, default=40, help="interleaved rounds (default: 40)")
    arguments = parser.parse_args()
    logging.basicConfig(format="%(message)s")
    log.setLevel(logging.INFO)
    if not (arguments.checkpoint / LAYOUT.keras_weights).is_file():
        raise SystemExit(f"{arguments.checkpoint} has no {LAYOUT.keras_weights}: expected the float weights")
    try:
        rows = measure(arguments.checkpoint, arguments.data, arguments.output, arguments.rounds)
    except BonexrayError as error:
        raise SystemExit(str(error)) from error
    (arguments.output / f"{arguments.checkpoint.name}.json").write_text(json.dumps(rows, indent=1) + "\n")
    sys.stdout.write(render(rows) + "\n")
    return 0


def measure(folder: Path, data: str, output: Path, rounds: int) -> list[dict[str, Any]]:
    """Return a row a variant: its name, megabytes, milliseconds and ratio to float32, and what differs from float32."""
    from training.making.conversion import convert_network

    clf = FractureClassifier.from_pretrained(folder)
    model, size = clf.keras_model(), clf.checkpoint.image_size
    every = read_table(data, CACHE)
    images = evaluation_rows(every, clf.checkpoint)
    held_out = held_out_rows(images, folder)
    network = convert_network(model, "float32")
    fitted = Judged.by(network, read_pixels(rows_to_fit(every, images, clf.checkpoint)[0], size))
    variants = {"float32": network, "float16 weights": round_to_float16(network), **dict(_variants(network, fitted))}
    output.mkdir(parents=True, exist_ok=True)
    runs = {}
    for name, content in variants.items():
        path = output / f"{folder.name}-{name.replace(' ', '-')}.tflite"
        path.write_bytes(content)
        runs[name] = partial(Network(path, size, 2), fitted.pixels[0])
    times = summarise(interleave(runs, rounds), "float32")
    found = []
    for name, content in variants.items():
        log.info("%s ...", name)
        differs = compare_networks(network, content, held_out, clf.checkpoint)
        found.append({"name": name, "megabytes": len(content) / 1e6, **times[name], **differs})
    return found


def render(rows: list[dict[str, Any]]) -> str:
    """Write the rows as a table."""
    head = [
        "arithmetic",
        "MB",
        "ms",
        "of float32",
        "equal verdicts",
        "difference of AUROC",
        "largest difference, logit",
    ]
    lines = [
        [row["name"], f"{row['megabytes']:.1f}", f"{row['ms']:.1f}", f"{row['ratio']:.2f}",
         interval(row["verdicts_equal"]), interval(row["auroc_difference"]),
         f"{row['largest_logit_difference']['value']:.2f}"]
        for row in rows
    ]  # fmt: skip
    return table(head, lines)


def _variants(network: bytes, fitted: Judged) -> Iterator[tuple[str, bytes]]:
    prepared = prepare(network, fitted.pixels)
    for start in STARTS:
        name = f"int8 in {len(prepared.layers) - start} of {len(prepared.layers)}"
        yield name, quantise_and_fit(prepared, start, fitted)
    yield "channels as they were", quantise_and_fit(prepare(network, fitted.pixels, equal=False), PLAIN, fitted)
    unshifted = {name: 0 * shift for name, shift in prepared.shifts.items()}
    yield "biases as they were", quantise_and_fit(replace(prepared, shifts=unshifted), PLAIN, fitted)
    yield "head as it was", quantise(prepared, PLAIN)


if __name__ == "__main__":
    sys.exit(main())
