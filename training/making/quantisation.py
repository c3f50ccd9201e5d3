"""Int8 weights for the served network, in the convolutions that bear it: the activations are quantised as it runs.

LiteRT's XNNPACK kernels find the range of each layer's input for every image anew ("dynamic range"), so nothing has to
be calibrated. What one convolution bears is measured: how far the logits move when it alone is quantised.
"""

import contextlib
import io
import re
import tempfile
from collections.abc import Mapping, Sequence
from copy import copy
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bonexray.litert_file import KERNEL_NAME
from bonexray.runtime import Network

Floats = NDArray[np.float32]
Shifts = Mapping[str, Floats]

# The head stays as it is, so that the features times its kernel are the cells that the logit is summed from; float16
# alone would move a probability by some .004 where its weights are large.
HEAD = r"/(?:cells|probability)_\d+/"
FEW = 16  # images that tell one convolution's share; the choice as a whole is checked on all
NO_SHIFTS: Shifts = MappingProxyType({})


def convolutions(network: bytes) -> list[str]:
    """Return the names of the convolutions that may be quantised: of their output tensors, in the order they run."""
    from ai_edge_litert.schema_py_generated import ModelT

    return list(_convolutions(ModelT.InitFromPackedBuf(network, 0)))


def quantise(network: bytes, names: Sequence[str], shifts: Shifts = NO_SHIFTS) -> bytes:
    """Give the named convolutions int8 weights, one scale an output channel, and all others but the head's float16.

    Args:
        network: a LiteRT file with float32 weights.
        names: out of `convolutions(network)`.
        shifts: what to add to the biases of those, by the name of the Keras layer, as `mean_shifts` returns it.
    """
    from litert_quantizer.algorithm_manager import AlgorithmName
    from litert_quantizer.qtyping import TFLOperationName
    from litert_quantizer.quantizer import Quantizer

    quantizer = Quantizer(_correct(network, names, shifts) if shifts else network)
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


def choose_convolutions(network: bytes, pixels: Floats, limit: float, shifts: Shifts = NO_SHIFTS) -> list[str]:
    """Choose which convolutions are quantised: all if the logits bear it, else without those that harm most.

    Args:
        network: a LiteRT file with float32 weights.
        pixels: letterboxed validation images, (n, size, size).
        limit: root mean square difference of the logits that is borne.
        shifts: as for `quantise`.
    """
    exact, names = run_cells(network, pixels), convolutions(network)
    if _harm(network, names, pixels, exact, shifts) <= limit:
        return names
    chosen = list(rank_convolutions(network, pixels[:FEW], shifts))[:-1]
    while chosen and _harm(network, chosen, pixels, exact, shifts) > limit:
        chosen.pop()
    return chosen


def rank_convolutions(network: bytes, pixels: Floats, shifts: Shifts = NO_SHIFTS) -> dict[str, float]:
    """Return how far quantising each convolution alone moves the logits, root mean square, the least first."""
    exact = run_cells(network, pixels)
    alone = {name: _harm(network, [name], pixels, exact, shifts) for name in convolutions(network)}
    return dict(sorted(alone.items(), key=lambda item: item[1]))


def _harm(network: bytes, names: Sequence[str], pixels: Floats, exact: Floats, shifts: Shifts) -> float:
    moved = (run_cells(quantise(network, names, shifts), pixels) - exact).mean((1, 2), dtype=np.float64)
    return float(np.sqrt((moved**2).mean()))


def _correct(network: bytes, names: Sequence[str], shifts: Shifts) -> bytes:
    """Add the shifts to the biases of the named convolutions."""
    from ai_edge_litert.tools.flatbuffer_utils import convert_object_to_bytearray, read_model_from_bytearray

    model = read_model_from_bytearray(network)
    tensors, found = model.subgraphs[0].tensors, _convolutions(model)
    for name in names:
        kernel, bias = (tensors[index] for index in found[name].inputs[1:])
        layer = KERNEL_NAME.search(kernel.name.decode())
        if layer is None:
            raise ValueError(f"the kernel of {name} is called {kernel.name.decode()}: expected a Keras layer in it")
        values = np.frombuffer(bytes(model.buffers[bias.buffer].data), np.float32) + shifts[layer.group(1)]
        found[name].inputs[2] = len(tensors)  # a tensor of its own: equal biases are one in the file
        tensors.append(copy(bias))
        tensors[-1].name, tensors[-1].buffer = name.encode() + b"/corrected", len(model.buffers)
        model.buffers.append(copy(model.buffers[bias.buffer]))
        model.buffers[-1].data = values.view(np.uint8)
    return bytes(convert_object_to_bytearray(model))


def _convolutions(model: Any) -> dict[str, Any]:  # noqa: ANN401 - generated classes without types
    """The convolutions but the head's, by the names of their output tensors, in the order they run."""
    from ai_edge_litert.schema_py_generated import BuiltinOperator

    graph, codes = model.subgraphs[0], [code.builtinCode for code in model.operatorCodes]
    found = [operator for operator in graph.operators if codes[operator.opcodeIndex] == BuiltinOperator.CONV_2D]
    named = {graph.tensors[operator.outputs[0]].name.decode(): operator for operator in found}
    return {name: operator for name, operator in named.items() if not re.search(HEAD, name)}
