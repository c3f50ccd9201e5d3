"""The contents of a `model.tflite`, read as data: the weights of its layers, without running it."""

import re
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bonexray.errors import CheckpointError
from bonexray.litert_checks import check_network, names_of


class Weights(NamedTuple):
    """One layer's weights with batch normalisation folded in, float32.

    Attributes:
        kernel: (out, h, w, in) of a convolution, (1, h, w, out) of a depthwise one, (out, in) of a dense one.
        bias: (out,), zeros where the file has none.
    """

    kernel: NDArray[np.float32]
    bias: NDArray[np.float32]


# The converter calls a kernel after the graph operation that used it: ".../block_1_expand_1/convolution".
KERNEL_NAME = re.compile(r"/(\w+?)_1/(?:convolution|depthwise|MatMul)\d*(?:;|$)")


def read_weights(path: Path) -> dict[str, Weights]:
    """Return the weights of each convolution and dense layer, by its Keras layer's name; integers dequantised.

    Raises:
        CheckpointError: the file is no LiteRT network, or not one that may be run.
    """
    from ai_edge_litert import schema_py_generated as schema

    check_network(path)
    content = path.read_bytes()
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    for buffer in model.buffers:
        if buffer.offset:
            buffer.data = np.frombuffer(content, np.uint8, buffer.size, buffer.offset)
    graph = model.subgraphs[0]
    origin = {op.outputs[0]: op.inputs[0] for op in graph.operators if _code(model, op) == "DEQUANTIZE"}
    weights = {}
    for operator in graph.operators:
        if _code(model, operator) not in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"):
            continue
        indices = [origin.get(index, index) for index in operator.inputs]
        found = KERNEL_NAME.search(graph.tensors[indices[1]].name.decode())
        if found:
            kernel = _constant(model, indices[1])
            out = kernel.shape[-1] if _code(model, operator) == "DEPTHWISE_CONV_2D" else kernel.shape[0]
            has_bias = len(indices) > 2 and indices[2] >= 0
            bias = _constant(model, indices[2]) if has_bias else np.zeros(out, np.float32)
            weights[found.group(1)] = Weights(kernel, bias)
    return weights


def _code(model: Any, operator: Any) -> str:  # noqa: ANN401 - generated classes without types
    return _operator_names()[model.operatorCodes[operator.opcodeIndex].builtinCode]


@cache
def _operator_names() -> dict[int, str]:
    from ai_edge_litert import schema_py_generated as schema

    return names_of(schema.BuiltinOperator)


def _constant(model: Any, index: int) -> NDArray[np.float32]:  # noqa: ANN401
    tensor = model.subgraphs[0].tensors[index]
    kinds = {0: np.float32, 1: np.float16, 2: np.int32, 9: np.int8}  # LiteRT's numbers of them
    if tensor.type not in kinds:
        raise CheckpointError(
            f"constant {tensor.name.decode()} has LiteRT type {tensor.type}: expected float16, float32, int32 or int8"
        )
    data = np.frombuffer(bytes(model.buffers[tensor.buffer].data), kinds[tensor.type])
    if tensor.type in (0, 1):
        return data.reshape(tensor.shape).astype(np.float32)
    return (data.reshape(tensor.shape) * _scales(tensor)).astype(np.float32)


def _scales(tensor: Any) -> NDArray[np.float64]:  # noqa: ANN401
    """The value of one step of integer weights, shaped to be multiplied with them; their zero is 0."""
    found = tensor.quantization
    if found is None or found.scale is None:
        raise CheckpointError(f"constant {tensor.name.decode()} is of integers without a scale: expected one")
    shape = [1] * len(tensor.shape)
    shape[found.quantizedDimension] = len(found.scale)
    return np.asarray(found.scale, np.float64).reshape(shape)
