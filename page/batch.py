"""Many radiographs at once: files or ZIPs in, a table sorted by disagreement out."""

import csv
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from gradio.utils import get_upload_folder

from bonexray import BonexrayError
from page.comparison import WARNING, compare, describe
from page.domain import sentence
from page.models import Models, title
from page.texts import percent, translate
from page.uploads import forget, reason

MOST = 200  # images
MOST_BYTES = 1_000_000_000  # that the members of one ZIP may unpack to
COLUMNS = ("batch.agreement", "batch.gate", "batch.note")
PARTS = ("probability", "fractured", "in_domain", "domain_score", "domain_reason")  # of a network, in a row
# Damage, a compression or an encryption that Python does not know.
UNREADABLE = (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, EOFError, zlib.error)
Row = dict[str, Any]
Progress = Callable[[int, int], object]


def compare_many(paths: Sequence[str], models: Models, progress: Progress) -> list[Row]:
    """Compare every image and return a row for each, the largest disagreement first; the files are deleted.

    Args:
        paths: image files, and ZIPs of them.
        models: the two networks.
        progress: called with the number of images done and an estimate of all.
    """
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(dir=get_upload_folder()) as folder:
        for done, (name, path) in enumerate(_unpack(paths, Path(folder))):
            progress(done, max(done + 1, len(paths)))
            rows.append(_failed(name, path) if isinstance(path, str) else _judge(name, path, models))
            if isinstance(path, Path) and path.parent == Path(folder):
                path.unlink()
            if len(rows) == MOST:
                rows.append(_failed("...", f"only the first {MOST} images were compared"))
                break
    for path in paths:
        forget(path)
    return sorted(rows, key=_disagreement, reverse=True)


def readable(rows: Sequence[Row], models: Models, language: str) -> tuple[list[str], list[list[str]]]:
    """Return a header and cells for a visitor to read."""
    header = [translate(language, "batch.file"), *map(title, models), *(translate(language, key) for key in COLUMNS)]
    agreement = {True: "batch.yes", False: "batch.no"}
    domain = {True: "batch.in", False: "batch.out", None: "batch.ungated"}
    cells = []
    for row in rows:
        answers = [f"{percent(language, one['probability'])} · {_verdict(one, language)}" for one in row["models"]]
        agrees = translate(language, agreement[row["agreement"]]) if row["models"] else ""
        known = translate(language, domain[row["in_domain"]]) if row["models"] else ""
        cells.append([row["file"], *(answers or ["", ""]), agrees, known, row["note"] or _why(row, language)])
    return header, cells


def summary(rows: Sequence[Row], language: str) -> str:
    """Return how many images there were, and of them how many disagreements, refusals and unreadable ones."""
    return translate(
        language,
        "batch.summary",
        images=len(rows),
        disagreements=sum(row["agreement"] is False for row in rows),
        refused=sum(row["in_domain"] is False for row in rows),
        unreadable=sum(not row["models"] for row in rows),
    )


def write_csv(rows: Sequence[Row], models: Models) -> str:
    """Write the table for a spreadsheet and return the file's path; Gradio deletes it after a while."""
    names = [f"{title(model)}_{part}" for model in models for part in PARTS]
    path = Path(tempfile.mkdtemp(dir=get_upload_folder()), "bonexray.csv")
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.writer(file)
        writer.writerow(["file", *names, "agreement", "in_domain", "note", "warning"])
        for row in rows:
            numbers = [one[part] for one in row["models"] for part in PARTS] or [""] * len(names)
            cells = [row["file"], *numbers, row["agreement"], row["in_domain"], row["note"], WARNING]
            writer.writerow([_harmless(cell) for cell in cells])
    return str(path)


def _why(row: Row, language: str) -> str:
    """Say why the gates refused an image, once for each reason."""
    codes = {one["domain_reason"]: None for one in row["models"] if one["in_domain"] is False}
    sentences = [sentence(code, language) for code in codes]
    return " ".join(text[:1].upper() + text[1:] for text in sentences)


def _verdict(one: dict[str, Any], language: str) -> str:
    return translate(language, "verdict.fractured" if one["fractured"] else "verdict.intact")


def _judge(name: str, path: Path, models: Models) -> Row:
    try:
        record = describe(compare(path, models), models, [model.threshold for model in models])
    except BonexrayError as error:
        return _failed(name, reason(error, path))
    return {
        "file": name,
        "models": [{key: one[key] for key in ("name", *PARTS)} for one in record["models"]],
        "agreement": record["agreement"],
        "in_domain": record["in_domain"],
        "note": "",
    }


def _failed(name: str, why: str) -> Row:
    return {"file": name, "models": [], "agreement": None, "in_domain": None, "note": why}


def _disagreement(row: Row) -> tuple[int, float]:
    """Order: opposite verdicts, then the difference of the probabilities, then what could not be read."""
    if not row["models"]:
        return 0, 0.0
    first, second = (one["probability"] for one in row["models"])
    return (1 if row["agreement"] else 2), abs(first - second)


def _unpack(paths: Sequence[str], folder: Path) -> Iterator[tuple[str, Path | str]]:
    """Yield the name of each image with its file, or with the reason why there is none."""
    for path in map(Path, paths):
        if not zipfile.is_zipfile(path):
            yield path.name, path
            continue
        try:
            with zipfile.ZipFile(path) as archive:
                yield from _members(archive, folder)
        except UNREADABLE as error:
            yield path.name, f"the ZIP cannot be read: {error}"


def _members(archive: zipfile.ZipFile, folder: Path) -> Iterator[tuple[str, Path | str]]:
    members = [one for one in archive.infolist() if not one.is_dir() and not _hidden(one.filename)]
    if sum(one.file_size for one in members) > MOST_BYTES:
        yield Path(archive.filename or "").name, f"the ZIP unpacks to over {MOST_BYTES // 1_000_000} MB"
        return
    for number, member in enumerate(members):
        target = folder / f"{number}-{PurePosixPath(member.filename).name}"
        try:
            with archive.open(member) as source, target.open("wb") as file:
                shutil.copyfileobj(source, file)
        except UNREADABLE as error:
            yield member.filename, f"cannot be unpacked: {error}"
        else:
            yield member.filename, target


def _hidden(name: str) -> bool:
    return name.startswith("__MACOSX/") or PurePosixPath(name).name.startswith(".")


def _harmless(cell: object) -> object:
    """Keep a spreadsheet from running a file's name as a formula."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell
