"""Pulling a checkpoint: which files, which commit, which cache, and the one line when it fails."""

import json
from pathlib import Path

import pytest
from loopback_hub import LoopbackHub

from bonexray.errors import HubError
from bonexray.hub import resolve

CLASSIFIER = json.dumps({"format_version": 1}).encode()
FILES = {
    "README.md": b"# card\n",
    "classifier.json": CLASSIFIER,
    "model.tflite": b"network" * 1000,
    "model.weights.h5": b"weights" * 1000,
}


def publish(hub: LoopbackHub, changes: dict[str, bytes] | None = None) -> str:
    """Put a repository on the Hub with the real client, and return its commit."""
    from huggingface_hub import CommitOperationAdd, HfApi

    HfApi().create_repo("tester/wrist", exist_ok=True)
    files = [CommitOperationAdd(path, content) for path, content in (FILES | (changes or {})).items()]
    commit = HfApi().create_commit("tester/wrist", files, commit_message="publish")
    hub.calls.clear()
    return commit.oid


def test_only_the_files_for_serving_are_pulled(hub: LoopbackHub) -> None:
    """The card and Keras' weights stay on the Hub, and the commit is known."""
    commit = publish(hub)
    source = resolve("tester/wrist")
    assert sorted(path.name for path in source.folder.iterdir()) == ["classifier.json", "model.tflite"]
    assert source.revision == commit
    assert (source.folder / "model.tflite").read_bytes() == FILES["model.tflite"]


def test_a_folder_wins_over_a_repository(hub: LoopbackHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder called owner/name is used, and the Hub is not asked."""
    publish(hub)
    (tmp_path / "tester/wrist").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert resolve("tester/wrist").revision is None
    assert hub.calls == []
