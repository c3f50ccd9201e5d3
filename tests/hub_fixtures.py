"""The `hub` fixture: a Hugging Face Hub on loopback, for the real client, here and in child processes.

The client reads its environment when it is imported. So this plugin, loaded before any test module,
picks the port and sets the environment; a test can then never reach the real Hub, not even by
mistake. The port answers only while a test asks for `hub`: otherwise connections are refused.
"""

import hashlib
import json
import os
import socket
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from loopback_hub import LoopbackHub
from loopback_hub.store import TOKEN

if "huggingface_hub" in sys.modules:
    raise RuntimeError("huggingface_hub was imported before tests/hub_fixtures.py could set its environment")

# Named as TCP, asyncio sends small parts at once: each answer is then 40 ms quicker.
_listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
_listener.bind(("127.0.0.1", 0))
_home = tempfile.TemporaryDirectory(prefix="bonexray-hub-")
os.environ |= {
    "HF_ENDPOINT": f"http://127.0.0.1:{_listener.getsockname()[1]}",
    "HF_HOME": _home.name,
    "HF_TOKEN": TOKEN,
    "HF_HUB_DISABLE_XET": "1",  # the loopback Hub has the LFS path alone
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
}


@pytest.fixture(scope="session")
def hub_server() -> Iterator[LoopbackHub]:
    """Start the one server of the session."""
    server = LoopbackHub(_listener)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def hub(hub_server: LoopbackHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LoopbackHub:
    """Return an empty Hub, and let the client keep its cache in the test's own folder."""
    from huggingface_hub import constants

    hub_server.reset(tmp_path / "hub")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub-cache"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub-cache"))
    return hub_server


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
