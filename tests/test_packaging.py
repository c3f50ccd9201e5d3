"""What is installed: pins in step with the package's own needs, and a wheel with the package alone."""

import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def pins() -> dict[str, str]:
    """The version of each package that the Space installs."""
    lines = [line.split("#")[0].strip() for line in (ROOT / "requirements.txt").read_text().splitlines()]
    requirements = [Requirement(line) for line in lines if line]
    return {canonicalize_name(one.name): str(one.specifier).removeprefix("==") for one in requirements}


def test_the_space_pins_what_package_and_app_need_and_nothing_else() -> None:
    """Each need has one exact pin that satisfies it."""
    needs = [Requirement(text) for text in PROJECT["dependencies"] + PROJECT["optional-dependencies"]["app"]]
    assert pins().keys() == {canonicalize_name(need.name) for need in needs}
    for need in needs:
        pin = pins()[canonicalize_name(need.name)]
        assert re.fullmatch(r"[\d.]+", pin), f"{need.name} is not pinned by =="
        assert need.specifier.contains(pin), f"{need} against {pin}"


def test_the_space_names_the_pinned_gradio() -> None:
    """The front matter's sdk_version decides over requirements.txt, so they must agree."""
    front_matter = (ROOT / "README.md").read_text().split("---")[1]
    assert f"sdk_version: {pins()['gradio']}" in front_matter
    assert 'python_version: "3.11"' in front_matter


def test_the_package_needs_neither_tensorflow_nor_gradio() -> None:
    """`pip install` of the bare project stays light."""
    names = {canonicalize_name(Requirement(text).name) for text in PROJECT["dependencies"]}
    assert not names & {"tensorflow", "keras", "gradio", "datasets", "keras-cv", "pandas"}


def test_the_wheel_holds_the_package_alone(tmp_path: Path) -> None:
    """With its schema and its type marker, without app, training, tests and checkpoints."""
    source = tmp_path / "source"
    for part in ("bonexray", "training"):
        shutil.copytree(ROOT / part, source / part)
    for part in ("pyproject.toml", "README.md", "LICENSE", "app.py"):
        shutil.copy(ROOT / part, source / part)
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), str(source)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0].split("-")[0] for name in names} == {"bonexray"}
    assert {"bonexray/classifier.schema.json", "bonexray/py.typed", "bonexray/classifier.py"} <= set(names)
