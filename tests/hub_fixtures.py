"""The `hub` fixture: a Hugging Face Hub on loopback, for the real client, here and in child processes.

The client reads its environment when it is imported. So this plugin, loaded before any test module,
picks the port and sets the environment; a test can then never reach the real Hub, not even by
mistake. The port answers only while a test asks for `hub`: otherwise connections are refused.
"""

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
