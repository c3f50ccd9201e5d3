"""Gathers what each repository on the Hub shall hold, in a fresh folder: a checkpoint, the split's rows, the Space."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from bonexray.checkpoint import LAYOUT, read_checkpoint, verify_files
from bonexray.errors import BonexrayError, CheckpointError
from training.making.record import read_record, write_record
from training.publishing.card import render_card

PROJECT = Path(__file__).parents[2]
SPACE_FILES = ("app.py", "requirements.txt", "README.md", "bonexray")
SPACE_EXTRAS = ("page", "examples", "LICENSE")
SPACE_LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.pyc", ".*")
ROWS = "rows.parquet"


def stage_checkpoint(folder: Path, into: Path, repo: str, tag: str | None = None, datasets: Sequence[str] = ()) -> Path:
    """Gather a checkpoint with its card, and with Keras' weights rebuilt where it leaves them out.

    Raises:
        CheckpointError: the folder is no whole checkpoint.
    """
    if not folder.is_dir():
        raise CheckpointError(f"{folder} is no folder: expected a checkpoint with {LAYOUT.classifier}")
    checkpoint = read_checkpoint(folder)
    if (folder / LAYOUT.keras_weights).is_file():
        into.mkdir(parents=True)
        for name in (LAYOUT.classifier, *checkpoint.files):
            if (folder / name).is_file():
                shutil.copyfile(folder / name, into / name)
    else:
        _complete(folder, into)
    staged = read_checkpoint(into)
    verify_files(into, staged, dict.fromkeys((*LAYOUT.keras, *staged.files)))
    (into / LAYOUT.card).write_text(render_card(staged, repo, tag, tuple(datasets)), "utf-8")
    return into


def _complete(folder: Path, into: Path) -> None:
    from training.making.export import complete

    complete(folder, into)
    if (folder / LAYOUT.keras_metadata).is_file():
        # Keras writes the time of saving; with the first one, the same checkpoint gives the same files.
        shutil.copyfile(folder / LAYOUT.keras_metadata, into / LAYOUT.keras_metadata)
        write_record(into, read_record(into))


def stage_rows(folder: Path, into: Path, repo: str) -> Path:
    """Gather the rows of a split, as `python -m training audit` writes them, and their card.

    Raises:
        BonexrayError: a file is missing, or the rows hold more than text and numbers: no picture may go with them.
    """
    import pyarrow
    import pyarrow.parquet

    for name in (ROWS, LAYOUT.card):
        if not (folder / name).is_file():
            raise BonexrayError(f"{folder / name} is missing: expected the rows/ folder that `audit` writes")
    try:
        schema = pyarrow.parquet.read_schema(folder / ROWS)
    except pyarrow.ArrowInvalid as error:
        raise BonexrayError(f"{folder / ROWS} is no Parquet file: {str(error)[:200]}") from error
    for column in schema:
        if pyarrow.types.is_nested(column.type) or pyarrow.types.is_binary(column.type):
            raise BonexrayError(f"{folder / ROWS}: column {column.name!r} is {column.type}: expected text and numbers")
    into.mkdir(parents=True)
    shutil.copyfile(folder / ROWS, into / ROWS)
    card = (folder / LAYOUT.card).read_text("utf-8")
    (into / LAYOUT.card).write_text(card.replace("OWNER/NAME", repo), "utf-8")
    return into


def stage_space(into: Path, models: Sequence[str], datasets: Sequence[str] = ()) -> Path:
    """Gather what the page needs to run, and nothing else; the models stay in their own repositories.

    Args:
        into: a folder that does not exist yet.
        models: "owner/name@commit" of each network that the page shall serve.
        datasets: Hub data sets to name in the Space's metadata.

    Raises:
        BonexrayError: this is no clone of the project, or not a whole one.
    """
    from huggingface_hub import RepoCard

    check_project()
    into.mkdir(parents=True)
    for path in (PROJECT / name for name in (*SPACE_FILES, *SPACE_EXTRAS)):
        if path.is_dir():
            shutil.copytree(path, into / path.name, ignore=SPACE_LEFT_OUT)
        elif path.is_file():
            shutil.copyfile(path, into / path.name)
    card = RepoCard((into / "README.md").read_text("utf-8"))
    pins = [model.partition("@") for model in models]
    card.data["models"] = [name for name, _, _ in pins]
    card.data["preload_from_hub"] = [f"{name} {','.join(LAYOUT.serving)} {commit}".rstrip() for name, _, commit in pins]
    if datasets:
        card.data["datasets"] = list(datasets)
    (into / "README.md").write_text(card.content, "utf-8")
    return into


def check_project() -> None:
    """Raise BonexrayError unless the project's folder has everything that the page needs to run."""
    for name in SPACE_FILES:
        if not (PROJECT / name).exists():
            raise BonexrayError(f"{PROJECT / name} is missing: the Space is published from a clone of the project")
