"""`python -m benchmarks.conversion CHECKPOINT FOLDER`: a checkpoint for every peer; a process of its own, for Keras.

TensorFlow takes its number of threads before its first operation alone, and its memory counts as the process' own.
"""

import os
import subprocess
import sys
from pathlib import Path

from bonexray.checkpoint import LAYOUT, read_checkpoint

KERAS, ONNX, LITERT, WHOLE = "network.keras", "network.onnx", "float32.tflite", "whole"


def converted(folder: Path, scratch: Path) -> Path:
    """Return a folder with the checkpoint as a Keras model, in ONNX, in LiteRT float32, and whole, with Keras' files.

    What was converted before, of the same network, is taken from `scratch`.

    Raises:
        RuntimeError: a conversion failed; its last lines are the message.
    """
    kept = scratch / read_checkpoint(folder).files[LAYOUT.network]["sha256"][:16]
    if not (kept / ONNX).is_file():
        _run("benchmarks.conversion", folder, kept)
        _run("tf2onnx.convert", "--saved-model", kept / "saved", "--output", kept / "partial.onnx", "--opset", "18")
        (kept / "partial.onnx").rename(kept / ONNX)
    return kept


def convert(folder: Path, into: Path) -> None:
    """Write all but the ONNX file, which is made of the saved model."""
    import tensorflow as tf

    from bonexray import FractureClassifier
    from training.learning.serving import serving_network
    from training.making.export import complete

    into.mkdir(parents=True, exist_ok=True)
    complete(folder, into / WHOLE)
    network = FractureClassifier.from_pretrained(into / WHOLE).keras_model()
    serving = serving_network(network)
    serving.save(into / KERAS)
    serving.export(into / "saved", verbose=False)
    (into / LITERT).write_bytes(tf.lite.TFLiteConverter.from_saved_model(str(into / "saved")).convert())


def _run(module: str, *arguments: str | Path) -> None:
    quiet = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "2"}
    done = subprocess.run([sys.executable, "-m", module, *arguments], capture_output=True, text=True, env=quiet)
    if done.returncode:
        raise RuntimeError(f"python -m {module} failed: {done.stderr[-800:]}")


if __name__ == "__main__":
    convert(*map(Path, sys.argv[1:]))
