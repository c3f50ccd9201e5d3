"""Int8 weights for the served network, in the convolutions that bear it: the activations are quantised as it runs.

LiteRT's XNNPACK kernels find the range of each layer's input for every image anew ("dynamic range"), so nothing has to
be calibrated. What one convolution bears is measured: how far the logits move when it alone is quantised.
"""

import contextlib
import io
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bonexray.runtime import Network

Floats = NDArray[np.float32]

# The head stays as it is, so that the features times its kernel are the cells that the logit is summed from; float16
# alone would move a probability by some .004 where its weights are large.
HEAD = r"/(?:cells|probability)_\d+/"
FEW = 16  # images that tell one convolution's share; the choice as a whole is checked on all


def convolutions(network: bytes) -> list[str]:
    """Return the names of the convolutions that may be quantised: of their output tensors, in the order they run."""
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromPackedBuf(network, 0)
    graph = model.subgraphs[0]
    codes = [code.builtinCode for code in model.operatorCodes]
    outputs = [op.outputs[0] for op in graph.operators if codes[op.opcodeIndex] == schema.BuiltinOperator.CONV_2D]
    names = [graph.tensors[index].name.decode() for index in outputs]
    return [name for name in names if not re.search(HEAD, name)]


def quantise(network: bytes, names: Sequence[str]) -> bytes:
    """Give the named convolutions int8 weights, one scale an output channel, and all others but the head's float16.

    Args:
        network: a LiteRT file with float32 weights.
        names: out of `convolutions(network)`.
    """
    from litert_quantizer.algorithm_manager import AlgorithmName
    from litert_quantizer.qtyping import TFLOperationName
    from litert_quantizer.quantizer import Quantizer

    quantizer = Quantizer(network)
    quantizer.add_weight_only_config(
        f"^(?!.*{HEAD})", TFLOperationName.ALL_SUPPORTED, 16, algorithm_key=AlgorithmName.FLOAT_CASTING
    )
    for name in names:
        quantizer.add_dynamic_config(f"^{re.escape(name)}", TFLOperationName.CONV_2D, 8)
    with contextlib.redirect_stderr(io.StringIO()):  # a progress bar of a second that no flag turns off
        done = quantizer.quantize(enable_progress_bar=False, enable_progress_report=False)
    return bytes(done.quantized_model)


def run_cells(network: bytes, pixels: Floats) -> Floats:
    """Return the evidence cells of letterboxed images, (n, size, size) to (n, h, w); their means are the logits."""
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "model.tflite"
        path.write_bytes(network)
        run = Network(path, pixels.shape[1])
        return np.stack([run(image)["cells"] for image in pixels])


def choose_convolutions(network: bytes, pixels: Floats, limit: float) -> list[str]:
    """Choose which convolutions are quantised: all if the logits bear it, else those that harm least.

    Args:
        network: a LiteRT file with float32 weights.
        pixels: letterboxed validation images, (n, size, size).
        limit: root mean square difference of the logits that is borne.
    """
    exact, names = run_cells(network, pixels), convolutions(network)
    if _harm(network, names, pixels, exact) <= limit:
        return names
    alone = rank_convolutions(network, pixels[:FEW])
    together = np.sqrt(np.cumsum(np.square(list(alone.values()))))  # as if their errors were independent
    chosen = [name for name, total in zip(alone, together, strict=True) if total <= limit]
    while chosen and _harm(network, chosen, pixels, exact) > limit:
        chosen.pop()
    return chosen


def rank_convolutions(network: bytes, pixels: Floats) -> dict[str, float]:
    """Return how far quantising each convolution alone moves the logits, root mean square, the least first."""
    exact = run_cells(network, pixels)
    alone = {name: _harm(network, [name], pixels, exact) for name in convolutions(network)}
    return dict(sorted(alone.items(), key=lambda item: item[1]))


def _harm(network: bytes, names: Sequence[str], pixels: Floats, exact: Floats) -> float:
    moved = (run_cells(quantise(network, names), pixels) - exact).mean((1, 2), dtype=np.float64)
    return float(np.sqrt((moved**2).mean()))
