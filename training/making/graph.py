"""A LiteRT network in float32 as a graph that can be changed: its layers, their weights, what they give for images."""

import re
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from copy import copy
from typing import Any, NamedTuple

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from ai_edge_litert.tools.flatbuffer_utils import convert_object_to_bytearray, read_model_from_bytearray
from numpy.typing import NDArray

from bonexray.blocks import fill
from bonexray.litert_checks import names_of

Floats = NDArray[np.float32]

CONVOLUTIONS = ("CONV_2D", "DEPTHWISE_CONV_2D")
CARRIERS = ("MAX_POOL_2D", "PAD")  # operations that only carry values on
HEAD = r"/(?:cells|probability)_\d+/"  # of the head's tensors' names, and of no others
KINDS = {0: np.float32, 2: np.int32}  # LiteRT's numbers of what a network in float32 has for constants
KERNEL, BIAS = 1, 2  # places among the inputs of a convolution


class Layer(NamedTuple):
    """One operation.

    Attributes:
        name: of its output tensor.
        kind: LiteRT's name of it, as "CONV_2D".
        operator: LiteRT's own record of it.
        inputs: its tensors that are no constants.
        output: its output tensor.
    """

    name: str
    kind: str
    operator: Any
    inputs: tuple[int, ...]
    output: int

    @property
    def channel(self) -> int:
        """The axis of the outputs in a convolution's kernel."""
        return 3 if self.kind == "DEPTHWISE_CONV_2D" else 0

    @property
    def within(self) -> tuple[int, ...]:
        """The other axes of the kernel."""
        return tuple(axis for axis in range(4) if axis != self.channel)

    @property
    def activation(self) -> str:
        """What is fused behind it: "NONE", "RELU", "RELU6"."""
        number = getattr(self.operator.builtinOptions, "fusedActivationFunction", 0)
        return names_of(schema.ActivationFunctionType)[number]


class Graph:
    """A network's operations in the order they run; tensors are numbers."""

    def __init__(self, network: bytes) -> None:
        """Read a LiteRT file that was written here."""
        self._model = read_model_from_bytearray(bytearray(network))
        self._tensors = self._model.subgraphs[0].tensors
        self.operations = [self._layer(operator) for operator in self._model.subgraphs[0].operators]

    @property
    def layers(self) -> list[Layer]:
        """Convolutions and sums of two tensors, the head left out: what can compute in int8."""
        return [layer for layer in self.operations if _counts(layer) and not re.search(HEAD, layer.name)]

    @property
    def convolutions(self) -> list[Layer]:
        """Those of the layers that have weights."""
        return [layer for layer in self.layers if layer.kind in CONVOLUTIONS]

    @property
    def heads(self) -> list[Layer]:
        """What weighs the last features: for the cells, and for the probability."""
        kinds = ("CONV_2D", "FULLY_CONNECTED")
        return [one for one in self.operations if one.kind in kinds and re.search(HEAD, one.name)]

    def carriers_behind(self, first: Layer) -> list[Layer]:
        """What carries values on behind an operation, within the network."""
        return [one for one in self.operations[self.operations.index(first) :] if one.kind in CARRIERS]

    def constant(self, layer: Layer, place: int) -> NDArray[Any]:
        """Return the constant that an operation has at this place among its inputs."""
        tensor = self._tensors[layer.operator.inputs[place]]
        data = bytes(self._model.buffers[tensor.buffer].data)
        return np.frombuffer(data, KINDS[tensor.type]).reshape(tensor.shape)

    def replace(self, layer: Layer, place: int, values: NDArray[Any]) -> None:
        """Give an operation another constant; equal ones of other operations, which are one in the file, stay."""
        index = layer.operator.inputs[place]
        if sum(index in one.operator.inputs for one in self.operations) > 1:
            self._tensors.append(copy(self._tensors[index]))
            index = layer.operator.inputs[place] = len(self._tensors) - 1
            self._tensors[index].name = b"own%d;" % index + self._tensors[index].name
        buffer = copy(self._model.buffers[self._tensors[index].buffer])
        buffer.data = np.ascontiguousarray(values, np.float32).view(np.uint8).ravel()
        self._tensors[index].buffer = len(self._model.buffers)
        self._model.buffers.append(buffer)

    def watch(self, pixels: Iterable[Floats], tensors: Iterable[int]) -> Iterator[dict[int, Floats]]:
        """Yield what these tensors hold for each letterboxed image, shape (h, w, channels)."""
        with tensors_are_kept():
            runner = Interpreter(model_content=self.to_bytes(), experimental_preserve_all_tensors=True)
        runner.allocate_tensors()
        (given,) = runner.get_input_details()
        wanted, batch = list(tensors), np.empty(given["shape"], np.float32)
        for image in pixels:
            fill(batch, image)
            runner.set_tensor(given["index"], batch)
            runner.invoke()
            yield {tensor: runner.get_tensor(tensor)[0] for tensor in wanted}

    def to_bytes(self) -> bytes:
        """Return the file; constants that nothing uses any more are left out."""
        used = {tensor.buffer for tensor in self._tensors} | {one.buffer for one in self._model.metadata or []}
        for index, buffer in enumerate(self._model.buffers):
            if index not in used:
                buffer.data = None
        return bytes(convert_object_to_bytearray(self._model))

    def _layer(self, operator: Any) -> Layer:  # noqa: ANN401 - generated classes without types
        kind = names_of(schema.BuiltinOperator)[self._model.operatorCodes[operator.opcodeIndex].builtinCode]
        given = tuple(index for index in operator.inputs if index >= 0 and not self._is_constant(index))
        output = operator.outputs[0]
        return Layer(self._tensors[output].name.decode(), kind, operator, given, output)

    def _is_constant(self, index: int) -> bool:
        data = self._model.buffers[self._tensors[index].buffer].data
        return data is not None and len(data) > 0


@contextmanager
def tensors_are_kept() -> Iterator[None]:
    """Let LiteRT keep what is between the layers, without its warning that this takes memory."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*experimental_preserve_all_tensors", UserWarning)
        yield


def _counts(layer: Layer) -> bool:
    return layer.kind in CONVOLUTIONS or (layer.kind == "ADD" and len(layer.inputs) == 2)
