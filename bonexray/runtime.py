"""Runs `model.tflite` with LiteRT: letterboxed pixels in, evidence cells and features out."""

import os
import threading
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bonexray.blocks import fill, input_shapes
from bonexray.errors import BonexrayError, CheckpointError
from bonexray.litert_checks import check_network

MOST_THREADS = 256


class Network:
    """A LiteRT interpreter with a fixed batch of one, safe to call from several threads.

    Attributes:
        channels: how many features the network gives.
    """

    def __init__(self, path: Path, image_size: int, threads: int | None = None) -> None:
        """Load the file and allocate its tensors.

        Args:
            path: `model.tflite`.
            image_size: side of the square input that the file must have, pixels.
            threads: CPU threads, 1..256; by default as many as there are cores, at most four.

        Raises:
            CheckpointError: the file is no such network.
            BonexrayError: a number of threads that cannot be.
        """
        if threads is not None and not (isinstance(threads, int | np.integer) and 1 <= threads <= MOST_THREADS):
            raise BonexrayError(f"threads {threads!r}: expected a whole number from 1 to {MOST_THREADS}")
        check_network(path)
        self._lock = threading.Lock()
        try:
            self._interpreter = _open(path, int(threads or min(4, os.cpu_count() or 1)))
            signature = self._interpreter.get_signature_runner()
        except (ValueError, RuntimeError) as error:
            raise CheckpointError(f"{path} is no LiteRT network: {str(error)[:200]}") from error
        inputs, outputs = signature.get_input_details(), signature.get_output_details()
        _check_shapes(inputs, outputs, path, image_size)
        (self._input,) = (detail["index"] for detail in inputs.values())
        self._outputs = {name: detail["index"] for name, detail in outputs.items()}
        self.channels = int(outputs["features"]["shape"][-1])

    def __call__(self, pixels: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        """Run one letterboxed image.

        Args:
            pixels: float32, shape (size, size), grey values 0..255.

        Returns:
            "probability" (), "cells" (h, w) and "features" (channels,), all float32.
        """
        with self._lock:
            # Without a batch of its own to copy. No array over the interpreter's memory may be left when it runs.
            fill(self._interpreter.tensor(self._input)(), pixels)
            self._interpreter.invoke()
            return {name: self._interpreter.get_tensor(index)[0] for name, index in self._outputs.items()}


def _open(path: Path, threads: int) -> Any:  # noqa: ANN401 - LiteRT ships no types
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(path), num_threads=threads)
    interpreter.allocate_tensors()
    return interpreter


def _check_shapes(inputs: dict[str, Any], outputs: dict[str, Any], path: Path, size: int) -> None:
    takes = {
        name: (tuple(map(int, detail["shape"])), np.dtype(detail["dtype"]).name) for name, detail in inputs.items()
    }
    shapes = input_shapes(size)
    if takes not in [{"pixels": (shape, "float32")} for shape in shapes]:
        wanted = " or ".join(map(str, shapes))
        raise CheckpointError(f"{path} takes {takes}: expected `pixels` alone, {wanted} in float32")
    ranks = {name: len(detail["shape"]) for name, detail in outputs.items()}
    if ranks != {"probability": 1, "cells": 3, "features": 2}:
        raise CheckpointError(f"{path} gives outputs of ranks {ranks}: expected probability 1, cells 3, features 2")
