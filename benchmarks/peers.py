"""The same network in other runtimes: Keras, TensorFlow, ONNX Runtime, OpenVINO, LiteRT in float32."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.conversion import KERAS, LITERT, ONNX, converted
from bonexray.checkpoint import LAYOUT, read_checkpoint
from bonexray.runtime import Network

Floats = NDArray[np.float32]
Forward = Callable[[Floats], Floats]  # letterboxed pixels (1, size, size, 3) to evidence cells (1, h, w)

REFERENCE = "ONNX Runtime float32"
OURS = "bonexray"
AGREES = 0.05  # of a logit: what float32 peers may differ by
FLOAT32 = ("LiteRT float32", "OpenVINO float32", REFERENCE, "TensorFlow tf.function", "Keras predict")


def prepare(folder: Path, scratch: Path, threads: int) -> dict[str, Forward]:
    """Convert a checkpoint for every peer and return what runs each, our own served network last.

    Raises:
        RuntimeError: a conversion fails, or a peer that computes in float32 gives another logit.
    """
    kept, size = converted(folder, scratch), read_checkpoint(folder).image_size
    peers = {
        "Keras predict": _keras(kept, threads, compiled=False),
        "TensorFlow tf.function": _keras(kept, threads, compiled=True),
        REFERENCE: run_onnx(kept, threads),
        "OpenVINO float32": _openvino(kept, threads, "f32"),
        "OpenVINO bfloat16": _openvino(kept, threads, "bf16"),
        "LiteRT float32": _litert(kept, threads),
        OURS: run_ours(folder, threads),
    }
    _compare(peers, size)
    return peers


def run_onnx(kept: Path, threads: int) -> Forward:
    """Return what runs the converted network in ONNX Runtime, on the CPU."""
    import onnxruntime  # pyright: ignore[reportMissingImports] - in the extra `bench` alone

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    # Else the idle threads of one network spin beside the other's: the pair took twice the sum of its parts.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(kept / ONNX, options, providers=["CPUExecutionProvider"])
    return lambda pixels: session.run(["cells", "probability"], {"pixels": pixels})[0]


def run_ours(folder: Path, threads: int) -> Forward:
    """Return what runs the network that is served."""
    network = Network(folder / LAYOUT.network, read_checkpoint(folder).image_size, threads)
    return lambda pixels: network(pixels[0, :, :, 0])["cells"][None]


def _compare(peers: dict[str, Forward], size: int) -> None:
    pixels = np.random.default_rng(0).uniform(0, 255, (1, size, size, 1)).astype(np.float32).repeat(3, -1)
    logits = {name: float(np.mean(run(pixels))) for name, run in peers.items()}
    wrong = [name for name in FLOAT32 if abs(logits[name] - logits[REFERENCE]) > AGREES]
    if wrong:
        raise RuntimeError(f"{wrong[0]} gives {logits[wrong[0]]:.3f}, {REFERENCE} {logits[REFERENCE]:.3f}")


def _keras(kept: Path, threads: int, *, compiled: bool) -> Forward:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    import keras
    import tensorflow as tf

    if tf.config.threading.get_intra_op_parallelism_threads() != threads:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
    network = keras.saving.load_model(kept / KERAS)
    if not compiled:
        return lambda pixels: network.predict(pixels, verbose=0)["cells"]
    function = tf.function(lambda pixels: network(pixels, training=False)["cells"])
    return lambda pixels: function(tf.constant(pixels)).numpy()


def _openvino(kept: Path, threads: int, precision: str) -> Forward:
    import openvino  # pyright: ignore[reportMissingImports]

    settings = {"INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": precision, "PERFORMANCE_HINT": "LATENCY"}
    compiled = openvino.Core().compile_model(kept / ONNX, "CPU", settings)
    return lambda pixels: compiled({"pixels": pixels})["cells"]


def _litert(kept: Path, threads: int) -> Forward:
    from ai_edge_litert.interpreter import Interpreter

    runner = Interpreter(str(kept / LITERT), num_threads=threads).get_signature_runner()
    return lambda pixels: runner(pixels=pixels)["cells"]
