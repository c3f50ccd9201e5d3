"""Network files from strangers: a plain network passes, and whatever else one may hold is named and refused."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from bonexray.errors import CheckpointError
from bonexray.litert_checks import MAX_BYTES, check_network

OPERATION, KIND = schema.BuiltinOperator, schema.TensorType


def plain_network() -> Any:  # noqa: ANN401 - generated classes without types
    """Return a network of one weight that is unfolded, and one layer: sigmoid(weight)."""
    model, graph = schema.ModelT(), schema.SubGraphT()
    model.version, model.description = 3, b"plain"
    weight = np.zeros(8, np.uint8)
    model.buffers = [made(schema.BufferT(), data=data) for data in (None, weight)]
    model.operatorCodes = [
        made(schema.OperatorCodeT(), builtinCode=code, deprecatedBuiltinCode=code)
        for code in (OPERATION.DEQUANTIZE, OPERATION.LOGISTIC)
    ]
    kinds = (KIND.FLOAT16, KIND.FLOAT32, KIND.FLOAT32)
    graph.tensors = [
        made(schema.TensorT(), type=kind, shape=[1, 4], buffer=int(index == 0), name=b"t%d" % index)
        for index, kind in enumerate(kinds)
    ]
    graph.operators = [
        made(schema.OperatorT(), opcodeIndex=0, inputs=[0], outputs=[1]),
        made(schema.OperatorT(), opcodeIndex=1, inputs=[1], outputs=[2]),
    ]
    graph.inputs, graph.outputs = [0], [2]
    model.subgraphs = [graph]
    model.metadata = [made(schema.MetadataT(), name=b"notes", buffer=0)]
    return model


def made(thing: Any, **values: object) -> Any:  # noqa: ANN401
    """Set attributes and return the object."""
    for name, value in values.items():
        setattr(thing, name, value)
    return thing


def write(model: Any, path: Path) -> Path:  # noqa: ANN401
    """Write a network to a file."""
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    path.write_bytes(bytes(builder.Output()))
    return path


def test_a_plain_network_passes(tmp_path: Path) -> None:
    """Nothing is wrong with it, so nothing is raised."""
    check_network(write(plain_network(), tmp_path / "model.tflite"))


def test_the_bundled_networks_pass(bundled: Path) -> None:
    """What is published is made of permitted operations."""
    check_network(bundled / "model.tflite")


FAULTS: dict[str, tuple[Callable[[Any], object], str]] = {
    "a custom operation": (
        lambda m: made(m.operatorCodes[1], builtinCode=OPERATION.CUSTOM, customCode=b"Evil"),
        "operation b'Evil' is none",
    ),
    "a TensorFlow operation": (
        lambda m: made(m.operatorCodes[1], builtinCode=OPERATION.CUSTOM, customCode=b"FlexReadFile"),
        "operation b'FlexReadFile' is none",
    ),
    "a loop": (lambda m: made(m.operatorCodes[1], builtinCode=OPERATION.WHILE), "operation WHILE is none"),
    "a variable": (lambda m: made(m.subgraphs[0].tensors[1], isVariable=True), "tensor 1 is variable"),
    "a second graph": (lambda m: m.subgraphs.append(schema.SubGraphT()), "it has 2 graphs"),
    "a buffer elsewhere": (lambda m: made(m.buffers[1], offset=8, size=8), "buffer 1 lies outside"),
    "a buffer beyond the end": (
        lambda m: made(m.buffers[1], data=None, offset=2**20, size=8),
        "buffer 1 lies outside",
    ),
    "a buffer out of step": (lambda m: made(m.buffers[1], data=None, offset=72, size=8), "buffer 1 lies outside"),
    "int8 without a scale": (
        lambda m: made(m.subgraphs[0].tensors[0], type=KIND.INT8, shape=[1, 8]),
        "tensor 0 of type INT8 has no scale",
    ),
    "int8 with too few scales": (
        lambda m: made(
            m.subgraphs[0].tensors[0],
            type=KIND.INT8,
            shape=[1, 8],
            quantization=made(schema.QuantizationParametersT(), scale=[1, 1], zeroPoint=[0, 0], quantizedDimension=1),
        ),
        "tensor 0 of type INT8 has no scale",
    ),
    "a text tensor": (lambda m: made(m.subgraphs[0].tensors[2], type=KIND.STRING), "tensor 2 is of type STRING"),
    "a negative side": (lambda m: made(m.subgraphs[0].tensors[2], shape=[1, -4]), r"tensor 2 has shape \[1, -4\]"),
    "a huge tensor": (lambda m: made(m.subgraphs[0].tensors[2], shape=[2**20, 2**20]), "tensor 2 has shape"),
    "too short weights": (lambda m: made(m.subgraphs[0].tensors[0], shape=[1, 9]), "tensor 0 has other content"),
    "grown weights": (lambda m: made(m.subgraphs[0].tensors[1], shape=[1, 900]), "operator 0 unfolds weights"),
    "a missing buffer": (lambda m: made(m.subgraphs[0].tensors[0], buffer=7), "tensor 0 points to no buffer"),
    "a missing tensor": (lambda m: made(m.subgraphs[0].operators[1], inputs=[77]), "tensor 77 is used"),
    "a missing operation": (
        lambda m: made(m.subgraphs[0].operators[1], opcodeIndex=9),
        "operator 1 is of no operation",
    ),
    "metadata of nothing": (lambda m: made(m.metadata[0], buffer=99), "metadata 0 points to no buffer"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_what_a_plain_network_has_no_use_for_is_refused(tmp_path: Path, name: str) -> None:
    """Each fault is named in one line, with the file."""
    spoil, message = FAULTS[name]
    model = plain_network()
    spoil(model)
    with pytest.raises(CheckpointError, match=message) as raised:
        check_network(write(model, tmp_path / "model.tflite"))
    assert "model.tflite is refused" in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("content", [b"", b"TFL3", b"\x80\x04\x95pickled", b"PK\x03\x04" + bytes(100)])
def test_what_is_no_network_is_refused(tmp_path: Path, content: bytes) -> None:
    """A file of another kind is told by its first bytes."""
    path = tmp_path / "model.tflite"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"model\.tflite (has \d+ bytes|is no LiteRT network)"):
        check_network(path)


def test_an_offset_out_of_the_file_is_refused(tmp_path: Path) -> None:
    """The root of the tree points beyond the end."""
    path = tmp_path / "model.tflite"
    path.write_bytes(b"\xff\xff\xff\x7fTFL3" + bytes(100))
    with pytest.raises(CheckpointError, match="an offset leads out of the file"):
        check_network(path)


def test_a_network_of_any_size_is_not_read(tmp_path: Path) -> None:
    """A file over the limit is refused by its size alone."""
    path = tmp_path / "model.tflite"
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(CheckpointError, match="expected a LiteRT network of at most"):
        check_network(path)
