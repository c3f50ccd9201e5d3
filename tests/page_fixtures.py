"""The page, really started: a process that serves the bundled checkpoints on a free port."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from PIL import Image, ImageDraw

ROOT = Path(__file__).parents[1]
START = 180  # seconds: the machine may be busy with a training


def free_port() -> int:
    """Return a port of loopback that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def run_page(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `python app.py` to its end, for the ways in which it does not start."""
    command = [sys.executable, str(ROOT / "app.py"), *arguments]
    return subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, timeout=START)


@pytest.fixture
def bar(tmp_path: Path) -> Path:
    """Draw what the gates refuse: a grey bar."""
    image = Image.new("RGB", (300, 400))
    ImageDraw.Draw(image).rectangle((110, 0, 180, 400), fill="#999")
    image.save(tmp_path / "bar.png")
    return tmp_path / "bar.png"


@pytest.fixture(scope="session")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve the page with the bundled checkpoints and return its address."""
    port, log = free_port(), tmp_path_factory.mktemp("page") / "log"
    environment = os.environ | {"GRADIO_SERVER_PORT": str(port), "BONEXRAY_MODELS": ""}
    with log.open("w") as file:
        process = subprocess.Popen([sys.executable, str(ROOT / "app.py")], env=environment, stdout=file, stderr=file)
    url = f"http://127.0.0.1:{port}"
    _wait(url, process, log)
    yield url
    process.terminate()
    assert process.wait(START) == 0, log.read_text()


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(START * 5):
        assert process.poll() is None, log.read_text()
        try:
            if httpx.get(url, timeout=5).is_success:
                return
        except httpx.TransportError:
            time.sleep(0.2)
    raise TimeoutError(log.read_text())
