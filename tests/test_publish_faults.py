"""A Hub that fails while something is published: what was served stays served, and the same command completes it."""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from loopback_hub import Fault, LoopbackHub

from bonexray import hub_errors
from bonexray.errors import HubError
from bonexray.hub import resolve
from training import publish

ROOT = Path(__file__).parents[1]
PUBLISH = """
import argparse, sys
from training import publish
parser = argparse.ArgumentParser()
publish.add_arguments(parser)
publish.run(parser.parse_args(sys.argv[1:]))
"""


def run(checkpoint: Path, *flags: str) -> None:
    """Run the verb in this process."""
    parser = argparse.ArgumentParser()
    publish.add_arguments(parser)
    publish.run(parser.parse_args([str(checkpoint), "tester/wrist", *flags]))


def change(checkpoint: Path) -> None:
    """Give a checkpoint another threshold."""
    record = checkpoint / "classifier.json"
    record.write_text(record.read_text().replace("0.3125", "0.5"))


def commits(hub: LoopbackHub) -> int:
    """Count the commits, the empty first one left out."""
    return len(hub.repo("tester/wrist").history()) - 1


def test_killed_in_the_middle_nothing_changes_and_the_next_run_completes(
    hub: LoopbackHub, plain_checkpoint: Path
) -> None:
    """A process killed while a large file is under way has published nothing."""
    hub.put("tester/wrist", {"classifier.json": b"old", "model.tflite": b"old"})
    before = hub.repo("tester/wrist").history()
    uploading, killed = threading.Event(), threading.Event()

    def hold() -> None:
        uploading.set()
        killed.wait(60)

    hub.faults.append(Fault("^/_lfs/", method="PUT", times=2, before=hold))
    command = [sys.executable, "-c", PUBLISH, str(plain_checkpoint), "tester/wrist", "--tag", "v1"]
    child = subprocess.Popen(command, env=os.environ | {"PYTHONPATH": str(ROOT)})
    try:
        assert uploading.wait(60)
    finally:
        child.kill()
        child.wait()
        killed.set()
    assert hub.repo("tester/wrist").history() == before
    assert (resolve("tester/wrist").folder / "model.tflite").read_bytes() == b"old"
    hub.faults.clear()
    run(plain_checkpoint, "--tag", "v1")
    assert len(hub.repo("tester/wrist").history()) == len(before) + 1
    network = resolve("tester/wrist", "v1").folder / "model.tflite"
    assert network.read_bytes() == (plain_checkpoint / "model.tflite").read_bytes()


def test_of_two_publishers_at_once_the_second_is_told_and_may_try_again(
    hub: LoopbackHub, plain_checkpoint: Path
) -> None:
    """412: what the other one committed is not overwritten unseen."""
    run(plain_checkpoint)
    change(plain_checkpoint)
    other = {"NOTES.md": b"by another publisher\n"}
    hub.faults.append(Fault("/commit/main$", before=lambda: hub.put("tester/wrist", other)))
    with pytest.raises(HubError, match="tester/wrist was changed by someone else at the same time: run the command"):
        run(plain_checkpoint)
    assert b"0.3125" in hub.store.read("model", "tester/wrist", "classifier.json")
    run(plain_checkpoint)
    assert b"0.3125" not in hub.store.read("model", "tester/wrist", "classifier.json")
    assert hub.store.read("model", "tester/wrist", "NOTES.md") == other["NOTES.md"]


@pytest.mark.parametrize("address", ["^/api/repos/create$", "/preupload/", "^/_lfs/", "/commit/main$", "/tag/"])
def test_an_error_of_the_hub_that_passes_is_not_noticed(hub: LoopbackHub, plain_checkpoint: Path, address: str) -> None:
    """500 once, at any step, and still it is one commit and one tag."""
    hub.faults.append(Fault(address, status=500))
    run(plain_checkpoint, "--tag", "v1")
    assert hub.faults[0].times == 0
    assert commits(hub) == 1
    assert list(hub.repo("tester/wrist").tags) == ["v1"]


def test_an_answer_that_is_lost_after_the_commit_makes_no_second_one(hub: LoopbackHub, plain_checkpoint: Path) -> None:
    """The Hub committed, but its answer was cut: trying again finds nothing left to do."""
    hub.faults.append(Fault("/commit/main$", cut=0))
    with pytest.raises(HubError, match=r"tester/wrist: the connection to .* failed"):
        run(plain_checkpoint)
    run(plain_checkpoint)
    assert commits(hub) == 1


@pytest.mark.parametrize("address", ["/preupload/", "^/_lfs/", "/commit/main$"])
def test_an_error_of_the_hub_that_stays_leaves_the_old_state(
    hub: LoopbackHub, plain_checkpoint: Path, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    """One line, and the published version is the one of before."""
    monkeypatch.setattr(hub_errors, "TRIES", 1)
    run(plain_checkpoint)
    (plain_checkpoint / "model.tflite").write_bytes(b"\x1c\x00\x00\x00TFL3 a new network")
    describe(plain_checkpoint / "classifier.json")
    hub.faults.append(Fault(address, times=99, status=400))
    with pytest.raises(HubError, match="answered 400 for tester/wrist"):
        run(plain_checkpoint)
    assert commits(hub) == 1


def describe(record: Path) -> None:
    """Write the network's new hash into `classifier.json`."""
    content, described = (record.parent / "model.tflite").read_bytes(), json.loads(record.read_text())
    digest = {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}
    record.write_text(json.dumps({**described, "files": {**described["files"], "model.tflite": digest}}))


def test_without_a_token_it_says_how_to_get_one(
    hub: LoopbackHub, plain_checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """401 on the first request, and nothing is created."""
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(HubError, match=r"refused access to tester/wrist \(401\): pass a valid token"):
        run(plain_checkpoint)
    assert hub.store.repos == {}


def test_without_a_connection_it_names_the_hub(
    hub: LoopbackHub, plain_checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A refused connection is one line with the address."""
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(HubError, match=r"tester/wrist: the connection to http://127\.0\.0\.1:9 failed"):
        run(plain_checkpoint)
