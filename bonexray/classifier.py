"""`FractureClassifier`: a checkpoint, from disk or the Hub, that answers for radiographs."""

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self, overload

import numpy as np
from numpy.typing import NDArray

from bonexray.checkpoint import LAYOUT, read_checkpoint
from bonexray.gate import Gate
from bonexray.geometry import spread
from bonexray.hub import Source, resolve
from bonexray.images import ImageInput
from bonexray.reading import Prepared, prepare, read_ahead
from bonexray.runtime import Network
from bonexray.saving import push_checkpoint, save_checkpoint

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True, eq=False)
class Prediction:
    """What one network says of one image.

    Attributes:
        probability: calibrated P(fractured), 0..1.
        threshold: probability from which the verdict is "fractured", chosen on validation.
        logit: log odds of `probability`; the mean of `cells` plus the network's bias.
        cells: float32, shape (h, w): the exact terms of the logit, over the letterboxed square.
        shape: (H, W) of the image as it was given, pixels.
        in_domain: whether the image is like those the network was trained on; None without a gate.
        domain_score: its distance from them in units of the limit: above 1 it is refused; None without a gate.
        domain_reason: why it is refused, a key of `bonexray.gate.REASONS`; None where it is not.
        milliseconds: time from decoded pixels to the answer.
    """

    probability: float
    threshold: float
    logit: float
    cells: NDArray[np.float32]
    shape: tuple[int, int]
    in_domain: bool | None
    milliseconds: float
    domain_score: float | None = None
    domain_reason: str | None = None

    @property
    def fractured(self) -> bool:
        """The verdict: the probability reaches the threshold."""
        return self.probability >= self.threshold

    @cached_property
    def evidence(self) -> NDArray[np.float32]:
        """Float32, shape (H, W): `cells` interpolated over the image as given, letterbox removed.

        In units of the logit: positive speaks for a fracture, negative against. It explains this
        network's sum, and is no proof of where a fracture is.
        """
        return spread(self.cells, self.shape)


class FractureClassifier:
    """One network with its labels, threshold and calibration.

    Attributes:
        checkpoint: what `classifier.json` says.
        folder: where its files lie on this disk.
        name: the backbone.
        source: the folder or "owner/name" that it was loaded from.
        revision: the commit on the Hub, or None for a folder.
    """

    def __init__(self, source: Source, threads: int | None = None) -> None:
        """Load a resolved checkpoint; `from_pretrained` is the usual way in."""
        self.checkpoint = read_checkpoint(source.folder)
        self.folder = source.folder
        self.name = self.checkpoint.backbone
        self.source = source.name
        self.revision = source.revision
        self._origin, self._threads = source, threads
        self._network = Network(source.folder / LAYOUT.network, self.checkpoint.image_size, threads)
        gate = self.checkpoint.gate
        self._gate = Gate.read(gate, self._network.channels) if gate else None

    @classmethod
    def from_pretrained(
        cls,
        folder_or_repo: str | os.PathLike[str],
        revision: str | None = None,
        *,
        token: str | None = None,
        cache_dir: str | os.PathLike[str] | None = None,
        local_files_only: bool = False,
        threads: int | None = None,
    ) -> Self:
        """Load a checkpoint folder, or a model repository on the Hugging Face Hub.

        Args:
            folder_or_repo: a folder with `classifier.json`, or "owner/name".
            revision: branch, tag or commit on the Hub; the default branch if None.
            token: Hub token; by default the one that `hf auth login` stored.
            cache_dir: where downloads are kept; by default the Hub client's own cache.
            local_files_only: never ask the network, use the cache alone.
            threads: CPU threads for one image.

        Raises:
            HubError: the repository or revision cannot be had.
            CheckpointError: what was found is no checkpoint, or is damaged.
        """
        source = resolve(folder_or_repo, revision, token=token, cache_dir=cache_dir, local_files_only=local_files_only)
        return cls(source, threads)

    @property
    def threshold(self) -> float:
        """Probability from which the verdict is "fractured"."""
        return self.checkpoint.threshold

    @overload
    def predict(self, image: ImageInput) -> Prediction: ...
    @overload
    def predict(self, image: Sequence[ImageInput]) -> list[Prediction]: ...
    def predict(self, image: ImageInput | Sequence[ImageInput]) -> Prediction | list[Prediction]:
        """Classify one image, or each of a list or another sequence.

        Args:
            image: a path, PIL image or array as `bonexray.images.read_picture` takes, or a list. What `read_picture`
                returned is taken too: read once, it serves several networks. A list is decoded as it is judged.

        Raises:
            ImageError: an input cannot be read; the message names it.
        """
        if not isinstance(image, Sequence) or isinstance(image, str | bytes):
            return self._judge(self._prepare(image))
        return [self._judge(prepared) for prepared in read_ahead(image, self._prepare)]

    def keras_model(self) -> "keras.Model":
        """Return the Keras model, preprocessing included, to fine-tune further.

        Takes float32 RGB of any size, 0..255, shape (batch, H, W, 3); gives P(fractured), shape (batch, 1). Imports
        TensorFlow. A bundled checkpoint keeps its weights in `model.tflite` only: it is rebuilt from them, batch
        normalisation folded in and int8 dequantised, and differs from what is served by some tenth of a logit.
        """
        from bonexray.keras_model import load_keras_model

        return load_keras_model(self._origin, self.checkpoint)

    def save_pretrained(self, folder: str | os.PathLike[str]) -> None:
        """Copy every file of the checkpoint into a folder, which `from_pretrained` then loads."""
        save_checkpoint(self._origin, self.checkpoint, Path(folder))

    def push_to_hub(self, repo: str, *, private: bool = False, token: str | None = None) -> str:
        """Upload every file of the checkpoint in one commit, and return its hash.

        `python -m training publish` does the same with a model card and Keras' own files.
        """
        return push_checkpoint(self._origin, self.checkpoint, repo, private=private, token=token)

    @property
    def decoded_side(self) -> int:
        """Sides of the pixels that a file is decoded to, at least: four times what the network sees."""
        return 4 * self.checkpoint.image_size

    def _prepare(self, image: ImageInput) -> Prepared:
        return prepare(image, self.checkpoint.image_size, self.decoded_side, looks=self._gate is not None)

    def _judge(self, prepared: Prepared) -> Prediction:
        start, picture = time.perf_counter() - prepared.seconds, prepared.picture
        outputs = self._network(prepared.pixels)
        cells = outputs["cells"]
        logit = float(cells.mean(dtype=np.float64)) + self.checkpoint.bias
        verdict = self._gate.judge(picture, outputs["features"]) if self._gate else None
        return Prediction(
            probability=float(1 / (1 + np.exp(-logit))),
            threshold=self.threshold,
            logit=logit,
            cells=cells,
            shape=picture.shape,
            in_domain=verdict.in_domain if verdict else None,
            domain_score=verdict.score if verdict else None,
            domain_reason=verdict.reason if verdict else None,
            milliseconds=1000 * (time.perf_counter() - start),
        )

    def __reduce__(self) -> tuple[type[Self], tuple[Source, int | None]]:
        """Pickle where the files lie, which another process of this machine loads again; no token goes with it."""
        return type(self), (replace(self._origin, token=None), self._threads)

    def __repr__(self) -> str:
        """Name the network, where it came from, and its threshold."""
        at = f"@{self.revision[:12]}" if self.revision else ""
        return f"FractureClassifier({self.name!r}, {self.source}{at}, threshold={self.threshold:g})"
