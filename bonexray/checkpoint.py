"""The checkpoint folder: its file names, its `classifier.json`, and whether both can be trusted."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from bonexray.errors import CheckpointError
from bonexray.images import LFS_POINTER

FORMAT_VERSION = 1
LABELS = ("not fractured", "fractured")  # the index is the label: imagefolder sorts them the other way round
MAX_JSON_BYTES = 8_000_000


@dataclass(frozen=True)
class Layout:
    """The names of the files in a checkpoint folder."""

    card: str = "README.md"
    classifier: str = "classifier.json"
    network: str = "model.tflite"
    keras_config: str = "config.json"
    keras_metadata: str = "metadata.json"
    keras_weights: str = "model.weights.h5"

    @property
    def serving(self) -> tuple[str, ...]:
        """The files that `predict` needs."""
        return self.classifier, self.network

    @property
    def keras(self) -> tuple[str, ...]:
        """Keras' own directory format, which stock `keras.saving.load_model` reads."""
        return self.keras_config, self.keras_metadata, self.keras_weights


LAYOUT = Layout()


@dataclass(frozen=True)
class Checkpoint:
    """What `classifier.json` says of the network beside it.

    Attributes:
        backbone: "mobilenetv2" or "resnet50".
        image_size: side of the network's square input, pixels.
        threshold: probability from which the verdict is "fractured".
        bias: logit = mean of the evidence cells + bias.
        calibration: how the probability was calibrated, and on what.
        gate: parameters of the domain gate, or None.
        metrics: what the evaluation measured, empty before it.
        provenance: recipe, data, weights and library versions of the training.
        files: name -> {"sha256", "size"} of every other file of the folder.
    """

    backbone: str
    image_size: int
    threshold: float
    bias: float
    calibration: dict[str, Any]
    gate: dict[str, Any] | None
    metrics: dict[str, Any]
    provenance: dict[str, Any]
    files: dict[str, dict[str, Any]]


def read_checkpoint(folder: Path) -> Checkpoint:
    """Read and check `classifier.json`, and that the network beside it is the one it describes.

    Raises:
        CheckpointError: a file is missing, a Git LFS pointer, of a newer format, against the
            schema, or its bytes are not those whose hash is written down.
    """
    record = _read_json(folder / LAYOUT.classifier)
    _check_version(record, folder)
    _check_schema(record, folder)
    checkpoint = Checkpoint(
        backbone=record["backbone"],
        image_size=record["image_size"],
        threshold=record["threshold"],
        bias=record["bias"],
        calibration=record["calibration"],
        gate=record.get("gate"),
        metrics=record.get("metrics", {}),
        provenance=record["provenance"],
        files=record["files"],
    )
    verify_files(folder, checkpoint, [LAYOUT.network])
    return checkpoint


def verify_files(folder: Path, checkpoint: Checkpoint, names: Iterable[str]) -> None:
    """Compare files with the sizes and hashes in `classifier.json`.

    Raises:
        CheckpointError: a file is missing, unknown, a Git LFS pointer, or has other bytes.
    """
    for name in names:
        path, expected = folder / name, checkpoint.files.get(name)
        if expected is None:
            raise CheckpointError(f"{folder / LAYOUT.classifier} lists no {name} under 'files'")
        require_file(path)
        size = path.stat().st_size
        if size != expected["size"] or hash_file(path) != expected["sha256"]:
            raise CheckpointError(
                f"{path} ({size} bytes) is not the file that {LAYOUT.classifier} describes: "
                f"expected {expected['size']} bytes, sha256 {expected['sha256'][:12]}..."
            )


def require_file(path: Path) -> None:
    """Raise CheckpointError unless `path` is a file with content of its own."""
    if not path.is_file():
        raise CheckpointError(f"{path} is missing: expected a checkpoint folder with {path.name}")
    with path.open("rb") as file:
        if file.read(len(LFS_POINTER)) == LFS_POINTER:
            raise CheckpointError(f"{path} is a Git LFS pointer, not the file itself: run `git lfs pull`")


def hash_file(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read_json(path: Path) -> dict[str, Any]:
    require_file(path)
    if path.stat().st_size > MAX_JSON_BYTES:
        raise CheckpointError(f"{path} has over {MAX_JSON_BYTES} bytes: expected a small JSON file")
    try:
        record = json.loads(path.read_bytes(), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path} is not JSON: {error}") from error
    if not isinstance(record, dict):
        raise CheckpointError(f"{path} holds a {type(record).__name__}: expected a JSON object")
    return record


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


def _check_version(record: dict[str, Any], folder: Path) -> None:
    version = record.get("format_version")
    if isinstance(version, int) and version > FORMAT_VERSION:
        raise CheckpointError(
            f"{folder} has checkpoint format {version}, this bonexray reads up to {FORMAT_VERSION}: upgrade the package"
        )


def _check_schema(record: dict[str, Any], folder: Path) -> None:
    from jsonschema.exceptions import best_match

    error = best_match(_validator().iter_errors(record))
    if error is not None:
        where = "/".join(map(str, error.absolute_path)) or "the file"
        raise CheckpointError(f"{folder / LAYOUT.classifier}: {where}: {error.message[:300]}")


@cache
def _validator() -> Any:  # noqa: ANN401 - jsonschema's validators are built at run time
    from jsonschema import Draft202012Validator

    schema = resources.files("bonexray").joinpath("classifier.schema.json").read_bytes()
    return Draft202012Validator(json.loads(schema))
