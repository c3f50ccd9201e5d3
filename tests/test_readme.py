"""The README's examples run as they stand, one after the other, against a Hub on loopback."""

import os
import re
import subprocess
import sys
from pathlib import Path

from loopback_hub import LoopbackHub

from training.__main__ import main

ROOT = Path(__file__).parents[1]
PRELUDE = "import numpy\npixels, labels = numpy.zeros((2, 64, 48, 3), 'float32'), numpy.array([[0], [1]])\n"


def test_every_python_example_runs(hub: LoopbackHub, tmp_path: Path) -> None:
    """In a folder that has only the checkpoints and the examples, with owner/name published."""
    examples = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert len(examples) >= 4
    assert main(["publish", str(ROOT / "checkpoints" / "mobilenetv2"), "owner/name", "--tag", "v1"]) == 0
    for name in ("checkpoints", "examples"):
        (tmp_path / name).symlink_to(ROOT / name)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", PRELUDE + "\n".join(examples)]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "my-copy" / "classifier.json").is_file()


def test_every_path_it_names_exists() -> None:
    """The map and the pictures."""
    text = (ROOT / "README.md").read_text()
    named = re.findall(r"`((?:app|bonexray|training|page|checkpoints|examples|tests|\.ci)[\w./-]*)`", text)
    named += re.findall(r"!\[[^]]*\]\(([^)]+)\)", text)
    assert named
    for name in named:
        assert (ROOT / name).exists(), name
