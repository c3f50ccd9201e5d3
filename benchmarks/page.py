"""The page as a process, asked over loopback as a program asks it: upload, call, wait for the answer."""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil

ROOT = Path(__file__).parents[1]
OURS, KERAS = ("app.py",), ("-m", "benchmarks.keras_page")
PATIENCE = 300.0  # seconds until a page must have started or answered


@dataclass
class Page:
    """A page that is starting or running.

    Attributes:
        url: its address.
        process: the server.
        started: when its process was started, `time.perf_counter` seconds.
        log: what it writes.
    """

    url: str
    process: subprocess.Popen[bytes]
    started: float
    log: Path

    def wait(self) -> None:
        """Return as soon as the page answers.

        Raises:
            RuntimeError: it ended, or took too long.
        """
        while time.perf_counter() < self.started + PATIENCE:
            if self.process.poll() is not None:
                raise RuntimeError(
                    f"the page ended with status {self.process.returncode}: {self.log.read_text()[-800:]}"
                )
            try:
                if httpx.get(self.url, timeout=PATIENCE).is_success:
                    return
            except httpx.TransportError:
                time.sleep(0.02)
        raise RuntimeError(f"the page gave no answer within {PATIENCE:g} s")

    @property
    def memory(self) -> float:
        """The most memory that the server and its children have held, MB."""
        family = [psutil.Process(self.process.pid), *psutil.Process(self.process.pid).children(recursive=True)]
        return sum(_peak(one) for one in family)


@contextmanager
def serve(command: Sequence[str], models: Sequence[Path] = ()) -> Iterator[Page]:
    """Start a page on a free port of loopback, and end it afterwards.

    Args:
        command: what Python runs, `OURS` or `KERAS`.
        models: two checkpoint folders; the bundled ones if empty.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = {"GRADIO_SERVER_PORT": str(port), "BONEXRAY_MODELS": ",".join(str(path.resolve()) for path in models)}
    with tempfile.TemporaryDirectory() as scratch:
        log = Path(scratch, "log")
        with log.open("w") as file:
            started = time.perf_counter()
            process = subprocess.Popen(
                [sys.executable, *command], cwd=ROOT, env=os.environ | settings, stdout=file, stderr=subprocess.STDOUT
            )
        try:
            yield Page(f"http://127.0.0.1:{port}", process, started, log)
        finally:
            process.kill()
            process.wait()


def ask(client: httpx.Client, url: str, image: Path) -> dict[str, Any]:
    """Upload one image, call the endpoint, and return the record of both networks.

    Raises:
        RuntimeError: the page refused, or gave no record.
    """
    with image.open("rb") as file:
        (path,) = client.post(f"{url}/gradio_api/upload", files={"files": (image.name, file)}).raise_for_status().json()
    data = {"data": [{"path": path, "meta": {"_type": "gradio.FileData"}}]}
    event = client.post(f"{url}/gradio_api/call/compare", json=data).raise_for_status().json()["event_id"]
    kind = ""
    with client.stream("GET", f"{url}/gradio_api/call/compare/{event}") as answer:
        for line in answer.iter_lines():
            if line.startswith("event: "):
                kind = line.removeprefix("event: ")
            elif line.startswith("data: ") and kind == "complete":
                return json.loads(line.removeprefix("data: "))[0]
            elif kind == "error":
                break
    raise RuntimeError(f"{url} gave no record: the last event was {kind!r}")


def _peak(process: psutil.Process) -> float:
    status = Path(f"/proc/{process.pid}/status")
    if status.is_file():  # Linux alone keeps the peak
        return int(status.read_text().split("VmHWM:")[1].split()[0]) / 1024
    return process.memory_info().rss / 2**20
