"""A Space as the Hub builds it: an environment with what `requirements.txt` pulls in, and nothing else."""

import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement


def build_environment(requirements: Path, folder: Path) -> Path:
    """Make a virtual environment from the packages that are installed here, without a download.

    Every distribution that the requirements lead to is linked in, at the pinned version; any other,
    TensorFlow above all, is not there to be imported.

    Returns:
        The environment's python.
    """
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    site = folder / Path(sysconfig.get_path("purelib")).relative_to(sys.prefix)
    for name in sorted(closure(read_requirements(requirements))):
        for entry in top_entries(metadata.distribution(name)):
            if not (site / entry.name).exists():
                (site / entry.name).symlink_to(entry)
    return folder / "bin/python"


def read_requirements(path: Path) -> list[Requirement]:
    """Return the lines of a requirements file, comments left out."""
    lines = (line.split("#")[0].strip() for line in path.read_text().splitlines())
    return [Requirement(line) for line in lines if line]


def closure(requirements: list[Requirement]) -> set[str]:
    """Return the names of all distributions that the requirements need, directly or not."""
    found: set[str] = set()
    seen: set[tuple[str, frozenset[str]]] = set()
    waiting = list(requirements)
    while waiting:
        requirement = waiting.pop()
        key = (requirement.name.lower(), frozenset(requirement.extras))
        if key in seen:
            continue
        seen.add(key)
        found.add(key[0])
        installed = metadata.distribution(requirement.name)
        assert requirement.specifier.contains(installed.version, prereleases=True), (
            str(requirement),
            installed.version,
        )
        waiting += needed(installed, requirement.extras)
    return found


def needed(installed: metadata.Distribution, extras: set[str]) -> Iterator[Requirement]:
    """Yield what a distribution needs here, with the given extras."""
    for line in installed.requires or []:
        requirement = Requirement(line)
        environments = [{"extra": extra} for extra in ("", *extras)]
        if requirement.marker is None or any(requirement.marker.evaluate(one) for one in environments):
            yield requirement


def top_entries(installed: metadata.Distribution) -> set[Path]:
    """Return the files and folders that a distribution has put directly into site-packages."""
    tops = {file.parts[0] for file in installed.files or [] if file.parts[0] not in ("..", "__pycache__")}
    return {Path(str(installed.locate_file(top))) for top in tops}
