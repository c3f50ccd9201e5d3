"""Cold start: from `python app.py` to the first answer, and peak memory, beside the same page on TensorFlow."""

import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from benchmarks.conversion import WHOLE, converted
from benchmarks.page import KERAS, OURS, PATIENCE, ask, serve
from benchmarks.timing import spread

IMPORT = "import gradio"


def time_starts(folders: Sequence[Path], image: Path, scratch: Path, repeats: int) -> dict[str, Any]:
    """Start each page some times, in turn, and ask it once.

    Returns:
        Seconds to the first answer and MB of each; "beyond_gradio" and "memory" are our share of what TensorFlow takes,
        start by start.
    """
    whole = [converted(folder, scratch) / WHOLE for folder in folders]
    seconds: dict[str, list[float]] = {IMPORT: [], "bonexray": [], "TensorFlow": []}
    memory: dict[str, list[float]] = {"bonexray": [], "TensorFlow": []}
    for _ in range(repeats):
        seconds[IMPORT].append(_time_python("import gradio"))
        for name, command, models in (("bonexray", OURS, folders), ("TensorFlow", KERAS, whole)):
            took, held = _first_answer(command, models, image)
            seconds[name].append(took)
            memory[name].append(held)
    package = [_time_python("import bonexray") - _time_python("") for _ in range(2 * repeats + 1)]
    found: dict[str, Any] = {name: spread(values, "seconds") for name, values in seconds.items()}
    for name, values in memory.items():
        found[name] |= spread(values, "mb")
    gradio = np.array(seconds[IMPORT])
    beyond = np.subtract(seconds["bonexray"], gradio) / np.subtract(seconds["TensorFlow"], gradio)
    return {
        "measured": found,
        "import_bonexray": spread(package, "seconds"),
        "beyond_gradio": spread(beyond, "ratio"),
        "memory": spread(np.divide(memory["bonexray"], memory["TensorFlow"]), "ratio"),
    }


def _first_answer(command: Sequence[str], models: Sequence[Path], image: Path) -> tuple[float, float]:
    with serve(command, models) as page, httpx.Client(timeout=PATIENCE) as client:
        page.wait()
        record = ask(client, page.url, image)
        took = time.perf_counter() - page.started
        assert len(record["models"]) == 2
        return took, page.memory


def _time_python(code: str) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    return time.perf_counter() - start
