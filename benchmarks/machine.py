"""What the figures were measured on."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psutil

LIBRARIES = ("ai-edge-litert", "gradio", "keras", "numpy", "onnxruntime", "openvino", "pillow", "tensorflow")


def describe_machine() -> dict[str, Any]:
    """Return processor, cores, memory, load, system and the versions of what was timed."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30),
        "load": round(os.getloadavg()[0], 2),  # of others, before anything was timed
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "libraries": {name: found for name in LIBRARIES if (found := _version(name))},
    }


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:  # a part of the benchmark may run without all peers
        return None


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    fields = dict(line.split(":", 1) for line in lines if ":" in line)
    fields = {name.strip(): value.strip() for name, value in fields.items()}
    known = [
        name for name in ("avx2", "avx512f", "avx512_vnni", "avx512_bf16") if name in fields.get("flags", "").split()
    ]
    return " ".join([fields.get("model name", platform.processor()), *known])
