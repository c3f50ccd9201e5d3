"""Int8 for the served network, weights and activations, from a first layer on to the head.

The ranges of the activations are fixed on images ("static"), so that nothing has to be measured as the network runs.
What this costs is taken back in three steps, none of which sees a label: the channels are brought to like ranges
(`equalisation`), the biases take back what rounded kernels shift (`rounding`), and the head is fitted anew to the
float32 network's logits. What it still costs is decided by where int8 begins: the first layers, whose channels differ
most, lose most by it, and gain least.
"""

import contextlib
import io
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from litert_quantizer.algorithm_manager import AlgorithmName
from litert_quantizer.qtyping import TFLOperationName
from litert_quantizer.quantizer import Quantizer
from numpy.typing import NDArray

from bonexray.blocks import block_shape, fill
from bonexray.runtime import Network
from training.making.equalisation import equalise
from training.making.graph import BIAS, CARRIERS, CONVOLUTIONS, HEAD, KERNEL, Floats, Graph, tensors_are_kept
from training.making.rounding import hold_scale, mean_shifts

RANGED = 240  # images that ranges and shifts are measured on, at most
RIDGE = 1.0  # of the mean variance of the features: what holds the head to its place


@dataclass(frozen=True, eq=False)
class Prepared:
    """A network that is ready to be quantised.

    Attributes:
        network: a LiteRT file in float32, equalised.
        ranges: what each tensor reaches, as LiteRT's quantizer wants it.
        shifts: as `mean_shifts` returns them.
    """

    network: bytes
    ranges: Mapping[str, Any]
    shifts: Mapping[str, Floats]

    @property
    def layers(self) -> list[str]:
        """The names of the layers that can compute in int8, in the order they run."""
        return [layer.name for layer in Graph(self.network).layers]


@dataclass(frozen=True, eq=False)
class Judged:
    """Images, (n, size, size), and what the float32 network says of them, (n,), logits without the bias."""

    pixels: Floats
    logits: NDArray[np.float64]

    @classmethod
    def by(cls, network: bytes, pixels: Floats) -> "Judged":
        """Ask a network."""
        return cls(pixels, logits_of(run_network(network, pixels)["cells"]))


def prepare(network: bytes, pixels: Floats, *, equal: bool = True) -> Prepared:
    """Equalise a network, and measure ranges and shifts.

    Args:
        network: a LiteRT file in float32.
        pixels: letterboxed images, (n, size, size); the first 240 are taken.
        equal: False to leave its channels as they are.
    """
    few = pixels[:RANGED]
    network = equalise(network, few) if equal else network
    return Prepared(network, _measure_ranges(network, few), mean_shifts(network, few))


def quantise(prepared: Prepared, start: int = 0) -> bytes:
    """Let all layers from number `start` on compute in int8; what is before them and the head stay in float32."""
    graph = Graph(prepared.network)
    chosen = graph.layers[start:]
    for layer in chosen:
        if layer.kind in CONVOLUTIONS:
            bias = graph.constant(layer, BIAS) + prepared.shifts[layer.name]
            graph.replace(layer, BIAS, bias)
            graph.replace(layer, KERNEL, hold_scale(graph.constant(layer, KERNEL), bias, layer.channel))
    quantizer = Quantizer(graph.to_bytes())
    _store_as_float16(quantizer)
    for layer in [*chosen, *(graph.carriers_behind(chosen[0]) if chosen else [])]:
        quantizer.add_static_config(f"^{re.escape(layer.name)}", TFLOperationName[layer.kind], 8, 8)
    return _finish(quantizer, prepared.ranges if chosen else None)


def round_to_float16(network: bytes) -> bytes:
    """Store the weights in half the size, all but the head's; the network goes on to compute in float32."""
    quantizer = Quantizer(network)
    _store_as_float16(quantizer)
    return _finish(quantizer, None)


def fit_head(network: bytes, features: Floats, residuals: NDArray[np.float64]) -> bytes:
    """Change the head's kernel so that the features as int8 gives them lead to float32's logits; its bias stays.

    Args:
        network: what `quantise` returned.
        features: of images, (n, channels), by this network.
        residuals: (n,), by which its logits fall short of float32's.
    """
    columns = features.astype(np.float64)
    hold = RIDGE * len(columns) * columns.var(0).mean() * np.eye(columns.shape[1])
    change = np.linalg.solve(columns.T @ columns + hold, columns.T @ residuals).astype(np.float32)
    graph = Graph(network)
    for head in graph.heads:
        graph.replace(head, KERNEL, graph.constant(head, KERNEL) + change)
    return graph.to_bytes()


def quantise_and_fit(prepared: Prepared, start: int, fitted: Judged) -> bytes:
    """Quantise from number `start` on, and fit the head to what the float32 network says of these images."""
    fast = quantise(prepared, start)
    ran = run_network(fast, fitted.pixels)
    return fit_head(fast, ran["features"], fitted.logits - logits_of(ran["cells"]))


def choose_start(prepared: Prepared, fitted: Judged, chosen: Judged, limit: float) -> tuple[bytes, int]:
    """Return the network with int8 from the earliest layer on that the logits bear, and that layer's number.

    Args:
        prepared: what `prepare` returned.
        fitted: images that the head is fitted to.
        chosen: other images, on which the limit is kept.
        limit: root mean square difference of the logits that is borne.

    Returns:
        The network in float32 arithmetic, and the number of layers, where int8 is not borne at all.
    """
    layers = len(prepared.layers)
    for start in range(layers):
        fast = quantise_and_fit(prepared, start, fitted)
        moved = logits_of(run_network(fast, chosen.pixels)["cells"]) - chosen.logits
        if np.sqrt((moved**2).mean()) <= limit:
            return fast, start
    return quantise(prepared, layers), layers


def run_network(network: bytes, pixels: Floats) -> dict[str, Floats]:
    """Return "cells" (n, h, w) and "features" (n, channels) of letterboxed images, (n, size, size)."""
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "model.tflite"
        path.write_bytes(network)
        run = Network(path, pixels.shape[1])
        outputs = [run(image) for image in pixels]
    return {name: np.stack([one[name] for one in outputs]) for name in ("cells", "features")}


def logits_of(cells: Floats) -> NDArray[np.float64]:
    """Return the logits, without the bias, of evidence cells (n, h, w)."""
    return cells.mean((1, 2), dtype=np.float64)


def _measure_ranges(network: bytes, pixels: Floats) -> Mapping[str, Any]:
    quantizer = Quantizer(network)
    for kind in (*CONVOLUTIONS, *CARRIERS, "ADD"):
        quantizer.add_static_config(".*", TFLOperationName[kind], 8, 8)
    batches = np.empty((len(pixels), *block_shape(pixels.shape[1])), np.float32)
    for batch, image in zip(batches, pixels, strict=True):
        fill(batch, image)
    silent = io.StringIO()  # progress bars
    with tensors_are_kept(), contextlib.redirect_stderr(silent), contextlib.redirect_stdout(silent):
        return quantizer.calibrate({"serving_default": [{"pixels": batch} for batch in batches]})


def _store_as_float16(quantizer: Quantizer) -> None:
    # Not the head, so that the features times its kernel are the cells that the logit is summed from; float16 alone
    # would move a probability by some .004 where its weights are large.
    quantizer.add_weight_only_config(
        f"^(?!.*{HEAD})", TFLOperationName.ALL_SUPPORTED, 16, algorithm_key=AlgorithmName.FLOAT_CASTING
    )


def _finish(quantizer: Quantizer, ranges: Mapping[str, Any] | None) -> bytes:
    with contextlib.redirect_stderr(io.StringIO()):  # a progress bar of a second that no flag turns off
        done = quantizer.quantize(ranges, enable_progress_bar=False, enable_progress_report=False)
    return bytes(done.quantized_model)
