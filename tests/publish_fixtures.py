"""Small things to publish: a checkpoint, a data set, a clone of a project."""

import hashlib
import json
from pathlib import Path

import pandas as pd
import pytest


@pytest.fixture
def plain_checkpoint(tmp_path: Path) -> Path:
    """Return a folder that passes every check of files, hashes and schema, though its network is no network."""
    folder = tmp_path / "plain-checkpoint"
    folder.mkdir()
    contents = {
        "model.tflite": b"\x1c\x00\x00\x00TFL3" + bytes(range(256)) * 40,
        "config.json": b'{"class_name": "Functional"}\n',
        "metadata.json": b'{"keras_version": "3.15.1"}\n',
        "model.weights.h5": b"\x89HDF" + bytes(range(256)) * 80,
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    record = {
        "format_version": 1, "backbone": "resnet50", "image_size": 224, "labels": ["not fractured", "fractured"],
        "threshold": 0.3125, "bias": -0.25, "gate": None,
        "calibration": {"method": "platt", "temperature": 1.5, "shift": 0.25, "fitted_on": "validation: 66 sources"},
        "metrics": {
            "split": "test",
            "per_source": {"auroc_matched": {"value": 0.8125, "low": 0.75, "high": 0.875}},
            "leak": {"nearest neighbour": {"official": {"value": 0.984375}, "leak_free": {"value": 0.59375}}},
        },
        "provenance": {
            "recipe": {"seed": 0, "sensitivity": 0.95}, "seconds": 1260, "hardware": "2 cores",
            "data": {"name": "made up", "images": 3120, "sources": 430, "fingerprint": "0123abcd",
                     "split": {"train": {"images": 2000, "sources": 300, "fractured_sources": 240}}},
            "libraries": {"keras": "3.15.1"}, "weights": {"initialised": "ImageNet-initialised through conv4"},
        },
        "files": {name: {"sha256": hashes[name], "size": len(content)} for name, content in contents.items()},
    }  # fmt: skip
    (folder / "classifier.json").write_text(json.dumps(record))
    return folder


@pytest.fixture
def small_rows(tmp_path: Path) -> Path:
    """Write the rows of a split as an audit does, and return their folder."""
    from training.data.rows import COLUMNS, write_rows

    table = pd.DataFrame({name: ["a.png", "b.png"] for name in COLUMNS}).assign(label=[0, 1], part=["fold0", "test"])
    facts = pd.DataFrame({"file_hash": ["0" * 64, "1" * 64], "pixel_hash": ["2" * 64, "3" * 64]})
    write_rows(table, facts, tmp_path / "rows", "made up", "0123abcd")
    return tmp_path / "rows"


@pytest.fixture
def small_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write a clone of a project with what belongs into a Space, and what does not."""
    files = [
        "app.py", "requirements.txt", "bonexray/__init__.py", "bonexray/hub.py", "bonexray/classifier.schema.json",
        "page/layout.py", "examples/simulated.png", "LICENSE", "bonexray/__pycache__/hub.pyc", "page/.cache/x",
        "checkpoints/resnet50/model.tflite", "tests/test_x.py", "training/train.py", "model_card.md", ".env",
        ".git/config",
    ]  # fmt: skip
    for name in files:
        path = tmp_path / "project" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    (tmp_path / "project/README.md").write_text("---\ntitle: bonexray\nsdk: gradio\n---\n\n# bonexray\n")
    monkeypatch.setattr("training.publishing.staging.PROJECT", tmp_path / "project")
    return tmp_path / "project"
