"""A Hub that fails while a checkpoint is pulled: it heals, or it is one clear line, and no half of a file stays."""

import os
import resource
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from loopback_hub import Fault, LoopbackHub

from bonexray import hub_errors
from bonexray.checkpoint import read_checkpoint
from bonexray.errors import BonexrayError, CheckpointError, HubError
from bonexray.hub import resolve

ROOT = Path(__file__).parents[1]
NETWORK = bytes(range(256)) * 2000
FILES = {"classifier.json": b'{"format_version": 1}\n', "model.tflite": NETWORK}
INFO, BODY = "^/api/models/", "resolve/.*/model.tflite$"


@pytest.fixture(autouse=True)
def repository(hub: LoopbackHub) -> str:
    """Put a repository on the Hub, and return its commit."""
    return hub.put("tester/wrist", FILES)


def pull_and_fail() -> str:
    """Pull, expecting an error, and return its one line."""
    with pytest.raises(HubError) as raised:
        resolve("tester/wrist")
    assert "\n" not in str(raised.value)
    return str(raised.value)


def cached(tmp_path: Path) -> list[str]:
    """Return the names of what looks like a model in the cache: whole or half."""
    blobs = (path for path in tmp_path.glob("hub-cache/models--*/**/*") if path.is_file() and path.stat().st_size > 100)
    return [path.name for path in blobs if "trees" not in path.parts]


def test_a_refused_connection_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """The line names the address and says that the cache has no copy either."""
    from huggingface_hub import constants

    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        nowhere = f"http://127.0.0.1:{unused.getsockname()[1]}"
        monkeypatch.setattr(constants, "ENDPOINT", nowhere)
        assert pull_and_fail() == f"cannot reach {nowhere} (ConnectError), and tester/wrist is not in the cache"


def test_a_hub_that_is_down_is_no_matter_once_the_cache_is_warm(hub: LoopbackHub, repository: str) -> None:
    """The last commit that was pulled serves."""
    resolve("tester/wrist")
    hub.faults.append(Fault(".*", times=99, status=503))
    assert resolve("tester/wrist").revision == repository


def test_a_refused_token_is_one_line(hub: LoopbackHub) -> None:
    """401 says how to log in."""
    refusal = {"X-Error-Message": "Invalid credentials in Authorization header"}
    hub.faults.append(Fault(INFO, status=401, headers=refusal))
    assert "refused access to tester/wrist (401): pass a valid token" in pull_and_fail()


def test_a_missing_repository_is_one_line() -> None:
    """404 names the repository and the Hub that was asked."""
    with pytest.raises(HubError, match=r"no folder and no repository at http://127.* is called 'tester/knee'"):
        resolve("tester/knee")


def test_a_missing_revision_is_one_line() -> None:
    """404 on the revision names it."""
    with pytest.raises(HubError, match="tester/wrist has no revision 'v9': expected one of its branches"):
        resolve("tester/wrist", "v9")


def test_a_busy_hub_is_asked_again_when_it_said(hub: LoopbackHub, repository: str) -> None:
    """After 429 with Retry-After: 1 the next request comes a second later, and succeeds."""
    hub.faults.append(Fault(INFO, status=429, headers={"Retry-After": "1"}))
    start = time.monotonic()
    assert resolve("tester/wrist").revision == repository
    assert time.monotonic() - start >= 1


def test_a_hub_that_is_busy_for_long_is_not_waited_for(hub: LoopbackHub) -> None:
    """Retry-After of an hour is told to the user at once."""
    hub.faults.append(Fault(INFO, status=429, headers={"Retry-After": "3600"}))
    start = time.monotonic()
    assert pull_and_fail().endswith("answered 429 for tester/wrist: try again in 3600 s")
    assert time.monotonic() - start < 1


@pytest.mark.parametrize("address", [INFO, BODY])
def test_an_error_of_the_hub_that_passes_is_not_noticed(hub: LoopbackHub, address: str) -> None:
    """500 once, on the listing or on the file, and then success."""
    hub.faults.append(Fault(address, status=500))
    assert (resolve("tester/wrist").folder / "model.tflite").read_bytes() == NETWORK
    assert hub.faults[0].times == 0


def test_an_error_of_the_hub_that_stays_is_one_line(hub: LoopbackHub, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the last try the status is named."""
    monkeypatch.setattr(hub_errors, "TRIES", 1)
    hub.faults.append(Fault(INFO, times=99, status=500))
    assert "answered 500 for tester/wrist: try again later" in pull_and_fail()


def test_a_slow_body_is_waited_for(hub: LoopbackHub) -> None:
    """Bytes that trickle in are all there in the end."""
    hub.faults.append(Fault(BODY, method="GET", delay=0.1))
    start = time.monotonic()
    assert (resolve("tester/wrist").folder / "model.tflite").read_bytes() == NETWORK
    assert time.monotonic() - start > 0.5


def test_a_body_that_stalls_is_asked_for_again(hub: LoopbackHub, monkeypatch: pytest.MonkeyPatch) -> None:
    """Silence for longer than the client's limit ends that request and starts another."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_DOWNLOAD_TIMEOUT", 0.3)
    hub.faults.append(Fault(BODY, method="GET", delay=1))
    assert (resolve("tester/wrist").folder / "model.tflite").read_bytes() == NETWORK
    assert hub.faults[0].times == 0


def test_a_truncated_body_is_taken_up_where_it_ended(hub: LoopbackHub) -> None:
    """The rest is asked for, and the whole has the right bytes."""
    hub.faults.append(Fault(BODY, method="GET", cut=1000))
    assert (resolve("tester/wrist").folder / "model.tflite").read_bytes() == NETWORK
    assert hub.faults[0].times == 0


def test_a_body_that_never_comes_leaves_nothing(hub: LoopbackHub, tmp_path: Path) -> None:
    """When the client has given up there is one line, and no half of a file in the cache."""
    hub.faults.append(Fault(BODY, method="GET", times=99, cut=0))
    assert f"tester/wrist: the connection to {hub.url} failed (peer closed" in pull_and_fail()
    assert cached(tmp_path) == []


def test_wrong_bytes_are_pulled_again(hub: LoopbackHub) -> None:
    """A file of the right size and other content does not stay in the cache."""
    hub.faults.append(Fault(BODY, method="GET", flip=True))
    assert (resolve("tester/wrist").folder / "model.tflite").read_bytes() == NETWORK
    assert hub.faults[0].times == 0


def test_wrong_bytes_of_a_large_file_are_pulled_again(hub: LoopbackHub) -> None:
    """The same holds for files that the Hub keeps by Git LFS, whose hash is another one."""
    from huggingface_hub import CommitOperationAdd, HfApi

    large = [CommitOperationAdd("model.tflite", b"large" + NETWORK)]
    HfApi().create_commit("tester/wrist", large, commit_message="as LFS")
    hub.faults.append(Fault("^/_lfs/", method="GET", flip=True))
    assert (resolve("tester/wrist").folder / "model.tflite").read_bytes() == b"large" + NETWORK
    assert hub.faults[0].times == 0


def test_wrong_bytes_for_good_are_one_line(hub: LoopbackHub, tmp_path: Path) -> None:
    """What arrives damaged twice is neither returned nor kept."""
    hub.faults.append(Fault(BODY, method="GET", times=99, flip=True))
    assert pull_and_fail() == "tester/wrist: model.tflite arrived with other bytes than the Hub lists"
    assert cached(tmp_path) == []


def test_a_file_damaged_in_the_cache_is_pulled_again() -> None:
    """Bytes that rot on disk are noticed at the next start."""
    blob = (resolve("tester/wrist").folder / "model.tflite").resolve()
    blob.write_bytes(NETWORK[:-1] + b"?")
    assert (resolve("tester/wrist").folder / "model.tflite").read_bytes() == NETWORK


def test_a_pointer_in_place_of_the_network_is_one_line(hub: LoopbackHub, plain_checkpoint: Path) -> None:
    """A repository pushed without Git LFS holds pointers: that is said, not run."""
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"
    record = (plain_checkpoint / "classifier.json").read_bytes()
    hub.put("tester/wrist", {"model.tflite": pointer, "classifier.json": record})
    with pytest.raises(CheckpointError, match=r"model\.tflite is a Git LFS pointer, not the file itself"):
        read_checkpoint(resolve("tester/wrist").folder)


def test_a_network_that_the_record_does_not_describe_is_not_loaded(hub: LoopbackHub, plain_checkpoint: Path) -> None:
    """The Hub may list other bytes than the record: the record's hash decides."""
    hub.put("tester/wrist", {"classifier.json": (plain_checkpoint / "classifier.json").read_bytes()})
    with pytest.raises(CheckpointError, match=r"model\.tflite .* is not the file that classifier\.json describes"):
        read_checkpoint(resolve("tester/wrist").folder)


def test_a_newer_format_asks_for_an_upgrade(hub: LoopbackHub) -> None:
    """A checkpoint of tomorrow is told from a damaged one."""
    hub.put("tester/wrist", {"classifier.json": b'{"format_version": 99}\n'})
    with pytest.raises(BonexrayError, match=r"has checkpoint format 99.*upgrade the package"):
        read_checkpoint(resolve("tester/wrist").folder)


def test_a_full_disk_is_one_line_and_the_next_pull_completes(hub: LoopbackHub, tmp_path: Path) -> None:
    """A write that the system refuses leaves no half of a file, and breaks nothing for later."""
    command = [sys.executable, "-c", "from bonexray.hub import resolve; resolve('tester/wrist')"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    child = subprocess.run(command, env=environment, preexec_fn=limit_file_size, capture_output=True, text=True)
    last = child.stderr.splitlines()[-1]
    assert "HubError: tester/wrist could not be transferred, nothing half-written is kept: File too large" in last
    assert cached(tmp_path) == []
    assert (resolve("tester/wrist").folder / "model.tflite").read_bytes() == NETWORK


def limit_file_size() -> None:
    """Let no file of this process grow past 100 kB: the nearest to a full disk without a disk of one's own."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
