"""Checks a `model.tflite` from an untrusted source before LiteRT's own code reads it: nothing but a plain network."""

import mmap
from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import Any

from bonexray.errors import CheckpointError

MAX_BYTES = 500_000_000
MAX_ELEMENTS = 100_000_000  # of one tensor: 400 MB of float32
ALIGNED = 16  # bytes
ITEM_BYTES = {"FLOAT32": 4, "FLOAT16": 2, "INT32": 4, "INT64": 8, "INT8": 1, "UINT8": 1, "BOOL": 1}
# What the two backbones, letterboxed input to evidence cells, are made of. No custom or TensorFlow ("flex")
# operation, no control flow, no variables, no tables, and nothing else that carries state or calls out.
OPERATIONS = {
    "ADD", "AVERAGE_POOL_2D", "CAST", "CONCATENATION", "CONV_2D", "DEPTHWISE_CONV_2D", "DEQUANTIZE",
    "FULLY_CONNECTED", "LOGISTIC", "MAXIMUM", "MAX_POOL_2D", "MEAN", "MINIMUM", "MUL", "PACK", "PAD", "QUANTIZE",
    "RELU", "RELU6", "RESHAPE", "REVERSE_V2", "SHAPE", "SQUEEZE", "STRIDED_SLICE", "SUB", "SUM", "TRANSPOSE",
}  # fmt: skip


def check_network(path: Path) -> None:
    """Refuse a network file that is too large, malformed, or more than layers from pixels to a probability.

    LiteRT takes offsets and indices of the file on trust in places; here they are compared with what there is.

    Raises:
        CheckpointError: the first thing that is wrong.
    """
    size = path.stat().st_size
    if not 8 <= size <= MAX_BYTES:
        raise CheckpointError(f"{path} has {size} bytes: expected a LiteRT network of at most {MAX_BYTES}")
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        if content[4:8] != b"TFL3":
            raise CheckpointError(
                f"{path} is no LiteRT network: expected the file identifier TFL3, got {content[4:8]!r}"
            )
        with memoryview(content) as view:
            try:
                fault = next(_faults(view), None)
            except Exception as error:  # a wrong offset makes flatbuffers raise whatever it leads to
                fault = f"an offset leads out of the file ({type(error).__name__})"
    if fault is not None:
        raise CheckpointError(f"{path} is refused: {fault}")


def _faults(content: memoryview) -> Iterator[str]:
    from ai_edge_litert import schema_py_generated as schema

    model = schema.Model.GetRootAs(content, 0)
    yield from _operation_faults(model, names_of(schema.BuiltinOperator))
    yield from _buffer_faults(model, len(content))
    if model.SubgraphsLength() != 1:
        yield f"it has {model.SubgraphsLength()} graphs, expected one"
    graph = model.Subgraphs(0)
    yield from _tensor_faults(model, graph, names_of(schema.TensorType))
    yield from _index_faults(model, graph)
    yield from _weight_faults(model, graph)


def _operation_faults(model: Any, names: dict[int, str]) -> Iterator[str]:  # noqa: ANN401 - generated, untyped
    for index in range(model.OperatorCodesLength()):
        code = model.OperatorCodes(index)
        # Files of before 2020 have the operation in the deprecated field alone.
        name = names.get(max(code.BuiltinCode(), code.DeprecatedBuiltinCode()), "UNKNOWN")
        if name not in OPERATIONS or code.CustomCode() is not None:
            yield f"operation {code.CustomCode() or name} is none of those of a plain convolutional network"


def _buffer_faults(model: Any, size: int) -> Iterator[str]:  # noqa: ANN401
    for index in range(model.BuffersLength()):
        buffer = model.Buffers(index)
        # Weights may stand behind the tree; LiteRT takes the place on trust, and its kernels take them as aligned.
        start, stop = buffer.Offset(), buffer.Offset() + buffer.Size()
        if stop and (buffer.DataLength() or not buffer.Size() or start < ALIGNED or start % ALIGNED or stop > size):
            yield f"buffer {index} lies outside the network itself"
        if buffer.DataLength() > size:
            yield f"buffer {index} is larger than the file"
    for index in range(model.MetadataLength()):
        if model.Metadata(index).Buffer() >= model.BuffersLength():
            yield f"metadata {index} points to no buffer"


def _tensor_faults(model: Any, graph: Any, names: dict[int, str]) -> Iterator[str]:  # noqa: ANN401
    for index in range(graph.TensorsLength()):
        tensor = graph.Tensors(index)
        kind, shape = names.get(tensor.Type(), "UNKNOWN"), _shape(tensor)
        if kind not in ITEM_BYTES:
            yield f"tensor {index} is of type {kind}"
        elif any(side < 0 for side in shape) or prod(shape) > MAX_ELEMENTS:
            yield f"tensor {index} has shape {shape}"
        elif tensor.Buffer() >= model.BuffersLength():
            yield f"tensor {index} points to no buffer"
        elif buffer_length(model.Buffers(tensor.Buffer())) not in (0, prod(shape) * ITEM_BYTES[kind]):
            yield f"tensor {index} has other content than its shape {shape} and type {kind} need"
        elif kind in ("INT8", "UINT8") and not _has_scales(tensor, shape):
            yield f"tensor {index} of type {kind} has no scale for each channel of its shape {shape}"
        elif tensor.IsVariable() or tensor.Sparsity() is not None:
            yield f"tensor {index} is variable or sparse"


def _has_scales(tensor: Any, shape: list[int]) -> bool:  # noqa: ANN401
    """One scale and zero point for the whole tensor, or one a channel: kernels read as many as there are channels."""
    found = tensor.Quantization()
    if found is None or found.ScaleLength() != found.ZeroPointLength():
        return False
    axis = found.QuantizedDimension()
    return found.ScaleLength() in ({1, shape[axis]} if 0 <= axis < len(shape) else {1})


def _index_faults(model: Any, graph: Any) -> Iterator[str]:  # noqa: ANN401
    used = [graph.Inputs(index) for index in range(graph.InputsLength())]
    used += [graph.Outputs(index) for index in range(graph.OutputsLength())]
    for index in range(graph.OperatorsLength()):
        operator = graph.Operators(index)
        if operator.OpcodeIndex() >= model.OperatorCodesLength():
            yield f"operator {index} is of no operation"
        used += [operator.Inputs(place) for place in range(operator.InputsLength()) if operator.Inputs(place) != -1]
        used += [operator.Outputs(place) for place in range(operator.OutputsLength())]
    wrong = [index for index in used if not 0 <= index < graph.TensorsLength()]
    if wrong:
        yield f"tensor {wrong[0]} is used, and there are {graph.TensorsLength()}"


def _weight_faults(model: Any, graph: Any) -> Iterator[str]:  # noqa: ANN401
    """Weights are kept as float16: LiteRT takes the shape of what they unfold to on trust, and reads past the end."""
    from ai_edge_litert.schema_py_generated import BuiltinOperator

    for index in range(graph.OperatorsLength()):
        operator = graph.Operators(index)
        if model.OperatorCodes(operator.OpcodeIndex()).BuiltinCode() == BuiltinOperator.DEQUANTIZE:
            given, made = _shape(graph.Tensors(operator.Inputs(0))), _shape(graph.Tensors(operator.Outputs(0)))
            if given != made:
                yield f"operator {index} unfolds weights of shape {given} to {made}"


def buffer_length(buffer: Any) -> int:  # noqa: ANN401
    """Return how many bytes a buffer of a file holds, in the tree or behind it."""
    return buffer.Size() or buffer.DataLength()


def _shape(tensor: Any) -> list[int]:  # noqa: ANN401
    return [tensor.Shape(axis) for axis in range(tensor.ShapeLength())]


def names_of(enumeration: type) -> dict[int, str]:
    """Return the name of each value of an enumeration in LiteRT's generated schema."""
    return {value: name for name, value in vars(enumeration).items() if isinstance(value, int)}
