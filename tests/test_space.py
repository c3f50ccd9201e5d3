"""The Space as built: from the files that `publish` uploads, in an environment of its requirements, models pulled."""

import argparse
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from gradio_client import Client, handle_file
from huggingface_hub import snapshot_download
from loopback_hub import LoopbackHub
from numpy.typing import NDArray
from PIL import Image

from training import release

MODELS = {"page-mobilenetv2", "page-resnet50"}
MOST_MEMORY = 600  # MB


@dataclass
class Space:
    """A page that is running.

    Attributes:
        url: its address.
        python: the interpreter of its environment.
        folder: what was pulled from the Hub.
        process: the server.
        seconds: from the start of the process until it answered.
    """

    url: str
    python: Path
    folder: Path
    process: subprocess.Popen[bytes]
    seconds: float

    @property
    def peak(self) -> int:
        """The most memory that the server has held so far, MB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) // 1024


@pytest.fixture
def space(hub: LoopbackHub, tmp_path: Path) -> Iterator[Space]:
    """Release the bundled networks and the page, build the Space from what was uploaded, and start it."""
    parser = argparse.ArgumentParser()
    release.add_arguments(parser)
    release.run(parser.parse_args(["tester/page"]))
    hub.calls.clear()
    folder = Path(snapshot_download("tester/page", repo_type="space", local_dir=tmp_path / "space"))
    python = install(folder / "requirements.txt", tmp_path / "venv")
    port = free_port()
    variables = hub.repo("tester/page", "space").variables
    environment = os.environ | variables | {"GRADIO_SERVER_PORT": str(port), "HF_HOME": str(tmp_path / "home")}
    for name in ("PYTHONPATH", "HF_HUB_CACHE"):
        environment.pop(name, None)
    start = time.monotonic()
    process = subprocess.Popen([python, "app.py"], cwd=folder, env=environment)
    try:
        wait_for(port, process)
        yield Space(f"http://127.0.0.1:{port}", python, folder, process, time.monotonic() - start)
    finally:
        process.kill()
        process.wait()


def install(requirements: Path, folder: Path) -> Path:
    """Make a fresh virtual environment with these requirements and nothing else; return its python."""
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    python = folder / "bin/python"
    flags = ("--quiet", "--no-compile")  # half the time; what the page imports is compiled when it starts
    subprocess.run([python, "-m", "pip", "install", *flags, "-r", str(requirements)], check=True)
    return python


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(port: int, process: subprocess.Popen[bytes], seconds: float = 120) -> None:
    """Wait until a server answers on a port."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert process.poll() is None, f"the page ended with status {process.returncode}"
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError(f"no answer on port {port} within {seconds} s")


def test_the_space_compares_a_radiograph_with_both_pulled_models(
    hub: LoopbackHub, space: Space, tmp_path: Path, radiograph: NDArray
) -> None:
    """Two probabilities of the networks on the Hub, in little memory, and without TensorFlow."""
    Image.fromarray(radiograph).save(tmp_path / "drawn.png")
    client = Client(space.url, verbose=False)
    start = time.monotonic()
    record, *maps = client.predict(handle_file(str(tmp_path / "drawn.png")), api_name="/compare")
    seconds = time.monotonic() - start
    # `pytest -rP tests/test_space.py` shows this line.
    sys.stdout.write(f"listens after {space.seconds:.1f} s, answers in {seconds:.1f} s, peak {space.peak} MB\n")
    assert all(0 < answer["probability"] < 1 for answer in record["models"])
    assert len(maps) == 2
    assert space.peak < MOST_MEMORY
    pulled = [call for call in hub.calls if call.startswith("GET") and "/resolve/" in call]
    assert {call.split("/")[2] for call in pulled if "/spaces/" not in call} == MODELS
    absent = subprocess.run([space.python, "-c", "import tensorflow"], capture_output=True, text=True)
    assert "No module named 'tensorflow'" in absent.stderr
    assert not (space.folder / "checkpoints").exists()
