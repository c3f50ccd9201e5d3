"""Runs `model.tflite` with LiteRT: letterboxed pixels in, evidence cells and features out."""

import os
import threading
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bonexray.errors import CheckpointError
from bonexray.litert_checks import check_network


class Network:
    """A LiteRT interpreter with a fixed batch of one, safe to call from several threads."""

    def __init__(self, path: Path, image_size: int, threads: int | None = None) -> None:
        """Load the file and allocate its tensors.

        Args:
            path: `model.tflite`.
            image_size: side of the square input that the file must have, pixels.
            threads: CPU threads; by default as many as there are cores, at most four.

        Raises:
            CheckpointError: the file is no such network.
        """
        check_network(path)
        self._lock = threading.Lock()
        try:
            self._runner = _open(path, threads or min(4, os.cpu_count() or 1))
        except (ValueError, RuntimeError) as error:
            raise CheckpointError(f"{path} is no LiteRT network: {str(error)[:200]}") from error
        _check_shapes(self._runner, path, image_size)
        (self._input,) = self._runner.get_input_details()

    @property
    def channels(self) -> int:
        """How many features the network gives."""
        return int(self._runner.get_output_details()["features"]["shape"][-1])

    def __call__(self, pixels: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        """Run one letterboxed image.

        Args:
            pixels: float32, shape (size, size), grey values 0..255.

        Returns:
            "probability" (), "cells" (h, w) and "features" (channels,), all float32.
        """
        batch = np.empty((1, *pixels.shape, 3), np.float32)
        for channel in range(3):  # a third of the time of `np.repeat`
            batch[..., channel] = pixels
        with self._lock:
            outputs = self._runner(**{self._input: batch})
        return {name: values[0] for name, values in outputs.items()}


def _open(path: Path, threads: int) -> Any:  # noqa: ANN401 - LiteRT ships no types
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(path), num_threads=threads)
    return interpreter.get_signature_runner()


def _check_shapes(runner: Any, path: Path, size: int) -> None:  # noqa: ANN401
    inputs = {n: tuple(d["shape"]) for n, d in runner.get_input_details().items()}
    if list(inputs.values()) != [(1, size, size, 3)]:
        raise CheckpointError(f"{path} takes {inputs}: expected one input (1, {size}, {size}, 3)")
    outputs = {n: len(d["shape"]) for n, d in runner.get_output_details().items()}
    if outputs != {"probability": 1, "cells": 3, "features": 2}:
        raise CheckpointError(f"{path} gives outputs of ranks {outputs}: expected probability 1, cells 3, features 2")
