"""Imports go one way: app -> bonexray <- training, and inside training from each folder to those before it."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FORBIDDEN = {
    "bonexray": {"gradio", "datasets", "keras_cv", "training", "page", "app", "benchmarks", "pandas"},
    "training": {"gradio", "page", "app", "benchmarks"},
    "page": {"training", "benchmarks", "tensorflow", "keras", "datasets", "keras_cv", "app"},
    "app.py": {"training", "benchmarks", "tensorflow", "keras", "datasets", "keras_cv"},
}
FOLDERS = ("data", "copying", "learning", "making", "judging", "reporting", "publishing")  # of training, in order


def imported(path: Path) -> Iterator[tuple[str, bool]]:
    """Yield the top name of each import of a module, and whether it stands at the module's top level."""
    for name, at_top in full_names(path):
        yield name.split(".")[0], at_top


def full_names(path: Path) -> Iterator[tuple[str, bool]]:
    """Yield the whole name of each import (of `from a.b import c`, "a.b.c"), and whether it stands at the top level."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            yield name, node in tree.body


def modules(part: str) -> list[Path]:
    """The Python files of a part of the project."""
    path = ROOT / part
    return [path] if path.is_file() else sorted(path.rglob("*.py"))


@pytest.mark.parametrize("part", FORBIDDEN)
def test_no_part_imports_what_lies_above_it(part: str) -> None:
    """Not even inside a function."""
    assert modules(part)
    for path in modules(part):
        assert not FORBIDDEN[part] & {name for name, _ in imported(path)}, path


def test_the_folders_of_training_are_those_that_have_an_order() -> None:
    """Each says on top what it knows, and hands nothing on from its modules."""
    assert {path.parent.name for path in (ROOT / "training").glob("*/__init__.py")} == set(FOLDERS)
    for path in (ROOT / "training").rglob("__init__.py"):
        assert not list(full_names(path)), path


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_folder_of_training_imports_only_itself_and_those_before_it(folder: str) -> None:
    """Not even inside a function: none that comes later, and no verb of the command line."""
    allowed = FOLDERS[: FOLDERS.index(folder) + 1]
    for path in modules(f"training/{folder}"):
        inside = [name.split(".") for name, _ in full_names(path) if name.split(".")[0] == "training"]
        assert not [name for name in inside if name[1] not in allowed], path


def test_the_package_imports_heavy_libraries_only_when_asked() -> None:
    """Keras, LiteRT, the Hub client and the schema checker stand inside functions."""
    lazy = {"keras", "tensorflow", "ai_edge_litert", "huggingface_hub", "jsonschema", "pydicom"}
    for path in modules("bonexray"):
        assert not lazy & {name for name, at_top in imported(path) if at_top}, path


@pytest.mark.parametrize("part", ["bonexray", "training", "page", "app.py", "benchmarks"])
def test_modules_stay_short(part: str) -> None:
    """At most 200 lines, with a docstring on top."""
    for path in modules(part):
        assert len(path.read_text().splitlines()) <= 200, path
        assert ast.get_docstring(ast.parse(path.read_text())), path
