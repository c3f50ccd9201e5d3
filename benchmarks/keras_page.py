"""The page with its networks run by Keras, to compare with: `python -m benchmarks.keras_page` serves as `app.py` does.

`BONEXRAY_MODELS` must name two checkpoint folders with Keras' own files.
"""

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import bonexray.classifier


class KerasNetwork:
    """Takes the place of `bonexray.runtime.Network`: the same outputs, by `model.predict`."""

    def __init__(self, path: Path, image_size: int, threads: int | None = None) -> None:
        """Load the Keras model beside `model.tflite`; size and threads are TensorFlow's affair."""
        import keras

        from training.learning.serving import serving_network

        self._network = serving_network(keras.saving.load_model(path.parent))

    @property
    def channels(self) -> int:
        """How many features the network gives."""
        return int(self._network.output["features"].shape[-1])

    def __call__(self, pixels: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        """Run one letterboxed image, shape (size, size)."""
        batch = np.repeat(pixels[None, :, :, None], 3, axis=-1)
        return {name: values[0] for name, values in self._network.predict(batch, verbose=0).items()}


if __name__ == "__main__":
    bonexray.classifier.Network = KerasNetwork  # type: ignore[misc, assignment]
    import app

    sys.exit(app.main())
