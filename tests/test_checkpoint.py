"""A checkpoint is refused, with one line that says why, unless it is whole and what it says it is."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bonexray.checkpoint import LAYOUT, read_checkpoint, verify_files
from bonexray.errors import CheckpointError

Record = dict[str, Any]


def edit(folder: Path, change: Callable[[Record], object]) -> Path:
    """Change `classifier.json` in place."""
    path = folder / LAYOUT.classifier
    record = json.loads(path.read_text())
    change(record)
    path.write_text(json.dumps(record))
    return folder


def test_a_whole_folder_is_read(plain_checkpoint: Path) -> None:
    """Its fields are those of the file."""
    checkpoint = read_checkpoint(plain_checkpoint)
    assert (checkpoint.backbone, checkpoint.image_size) == ("resnet50", 224)
    assert (checkpoint.threshold, checkpoint.bias) == (0.3125, -0.25)
    verify_files(plain_checkpoint, checkpoint, LAYOUT.keras)


def test_the_bundled_checkpoints_keep_within_their_room(bundled: Path) -> None:
    """All bundled files are under 60 MB together, and each is what its record says."""
    checkpoint = read_checkpoint(bundled)
    verify_files(bundled, checkpoint, checkpoint.files)
    assert checkpoint.backbone == bundled.name
    committed = [path for path in bundled.parent.rglob("*") if path.is_file() and path.name != LAYOUT.keras_weights]
    assert sum(path.stat().st_size for path in committed) < 60e6


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda r: r.update(format_version=2), "format 2.*upgrade"),
        (lambda r: r.update(backbone="vgg16"), "backbone.*vgg16"),
        (lambda r: r.update(threshold=1.5), "threshold.*1.5"),
        (lambda r: r.update(threshold="0.5"), "threshold.*0.5"),
        (lambda r: r.update(labels=["fractured", "not fractured"]), "labels"),
        (lambda r: r.update(image_size=10**6), "image_size"),
        (lambda r: r.pop("bias"), "bias"),
        (lambda r: r["files"].update({"../x": r["files"]["model.tflite"]}), r"files.*\.\./x"),
        (lambda r: r["metrics"].update(uncertain_band="x"), "metrics/uncertain_band"),
        (lambda r: r["metrics"].update(uncertain_band=[0.1]), "metrics/uncertain_band"),
        (lambda r: r["metrics"].update(leak=[1]), "metrics/leak"),
        (lambda r: r["metrics"].update(split=["<img>"]), "metrics/split"),
        (lambda r: r["metrics"].update(reliability=[{"count": 1}]), "metrics/reliability/0.*required"),
        (lambda r: r["metrics"].update(operating_points=[{"threshold": 1}]), "metrics/operating_points/0.*required"),
        (lambda r: r["metrics"]["per_source"].update(auroc=0.9), "metrics/per_source/auroc"),
        (lambda r: r["metrics"]["per_source"].update(auroc={"value": "0.9"}), "metrics/per_source/auroc/value"),
        (lambda r: r["files"]["model.tflite"].update(size=5), "expected 5 bytes"),
        (lambda r: r["files"]["model.tflite"].update(sha256="0" * 64), "sha256 0000"),
    ],
)
def test_a_record_against_the_schema_is_refused(
    plain_checkpoint: Path, change: Callable[[Record], object], named: str
) -> None:
    """The message names the field."""
    with pytest.raises(CheckpointError, match=named) as caught:
        read_checkpoint(edit(plain_checkpoint, change))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b"", "not JSON"),
        (b"[1]", "list"),
        (b"[" * 100_000, "not JSON"),
        (b'{"format_version": 1, "threshold": NaN}', "not JSON.*NaN"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "Git LFS pointer"),
        (b" " * 9_000_000, "8000000 bytes"),
    ],
)
def test_a_record_that_is_no_json_object_is_refused(plain_checkpoint: Path, content: bytes, named: str) -> None:
    """Empty, a list, deeply nested, not a number, a pointer, or huge."""
    (plain_checkpoint / LAYOUT.classifier).write_bytes(content)
    with pytest.raises(CheckpointError, match=named):
        read_checkpoint(plain_checkpoint)


@pytest.mark.parametrize("name", LAYOUT.serving)
def test_a_missing_file_is_named(plain_checkpoint: Path, name: str) -> None:
    """Both files that serving needs."""
    (plain_checkpoint / name).unlink()
    with pytest.raises(CheckpointError, match=f"{name} is missing"):
        read_checkpoint(plain_checkpoint)


def test_a_git_lfs_pointer_instead_of_the_network_is_named(plain_checkpoint: Path) -> None:
    """What a clone without git-lfs leaves behind."""
    (plain_checkpoint / LAYOUT.network).write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n")
    with pytest.raises(CheckpointError, match=r"Git LFS pointer.*git lfs pull"):
        read_checkpoint(plain_checkpoint)
