"""Many radiographs at once: files or ZIPs in, a table sorted by disagreement out."""

import csv
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from gradio.utils import get_upload_folder

from bonexray.errors import ImageError
from page.archives import count, unpack
from page.comparison import WARNING, compare, describe
from page.domain import sentence
from page.models import Models, title
from page.sentences import percents, verdict_line
from page.texts import translate
from page.uploads import forget, reason

MOST = 200  # images
LEFT_OUT = "most"  # the problem of the row that stands for all images beyond
COLUMNS = ("batch.agreement", "batch.gate", "batch.note")
# Of a network, in a row.
PARTS = ("probability", "threshold", "fractured", "uncertain", "in_domain", "domain_score", "domain_reason")
ISOLATED = "\u2066({})\u2069"  # what is left to right within any text
GUESSES = "refused by a gate: its probabilities are guesses"
Row = dict[str, Any]
Progress = Callable[[int, int], object]


def compare_many(paths: Sequence[str], models: Models, progress: Progress) -> list[Row]:
    """Compare every image and return a row for each, the largest disagreement first; the files are deleted.

    Args:
        paths: image files, and ZIPs of them.
        models: the two networks.
        progress: called with the number of images done and of all.
    """
    try:
        with tempfile.TemporaryDirectory(dir=get_upload_folder()) as folder:
            rows = list(_rows(paths, Path(folder), models, progress))
    finally:
        for path in paths:
            forget(path)
    return sorted(rows, key=_disagreement, reverse=True)


def _rows(paths: Sequence[str], folder: Path, models: Models, progress: Progress) -> Iterator[Row]:
    expected = min(count(paths), MOST)
    for done, (name, path) in enumerate(unpack(paths, folder)):
        if done == MOST:
            yield _failed("...", f"only the first {MOST} images were compared", LEFT_OUT)
            return
        progress(done, max(done + 1, expected))
        yield _failed(name, path, "archive") if isinstance(path, str) else _judge(name, path, models)
        if isinstance(path, Path) and path.parent == folder:
            path.unlink()


def readable(
    rows: Sequence[Row], models: Models, language: str, *, anyway: bool = False
) -> tuple[list[str], list[list[str]]]:
    """Return a header and cells for a visitor to read; the numbers of refused images only if wanted anyway."""
    header = [translate(language, "batch.file"), *map(title, models), *(translate(language, key) for key in COLUMNS)]
    agreement = {True: "batch.yes", False: "batch.no"}
    domain = {True: "batch.in", False: "batch.out", None: "batch.ungated"}
    cells = []
    for row in rows:
        refused = row["in_domain"] is False
        shown, hidden = anyway or not refused, translate(language, "batch.hidden")
        answers = [_answer(one, language, refused) if shown else hidden for one in row["models"]]
        agrees = translate(language, agreement[row["agreement"]]) if row["models"] and shown else ""
        known = translate(language, domain[row["in_domain"]]) if row["models"] else ""
        cells.append([row["file"], *(answers or ["", ""]), agrees, known, _why(row, language)])
    return header, cells


def summary(rows: Sequence[Row], language: str) -> str:
    """Return how many images there were, and how many disagreements among those not refused, refused, unreadable."""
    return translate(
        language,
        "batch.summary",
        images=sum(row["problem"] != LEFT_OUT for row in rows),
        disagreements=sum(row["agreement"] is False and row["in_domain"] is not False for row in rows),
        refused=sum(row["in_domain"] is False for row in rows),
        unreadable=sum(row["problem"] not in (None, LEFT_OUT) for row in rows),
    )


def write_csv(rows: Sequence[Row], models: Models) -> str:
    """Write the table for a spreadsheet and return the file's path; Gradio deletes it after a while."""
    names = [f"{title(model)}_{part}" for model in models for part in PARTS]
    path = Path(tempfile.mkdtemp(dir=get_upload_folder()), "bonexray.csv")
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.writer(file)
        writer.writerow(["file", "in_domain", "note", *names, "agreement", "problem", "warning"])
        for row in rows:
            numbers = [one[part] for one in row["models"] for part in PARTS] or [""] * len(names)
            cells = [row["file"], row["in_domain"], row["note"], *numbers, row["agreement"], row["problem"], WARNING]
            writer.writerow([_harmless(cell) for cell in cells])
    return str(path)


def _why(row: Row, language: str) -> str:
    """Say why the gates refused an image, once for each reason, or why it was not read."""
    if row["problem"]:
        return f"{translate(language, 'problem.' + row['problem'], most=MOST)} {ISOLATED.format(row['note'])}"
    codes = {one["domain_reason"]: None for one in row["models"] if one["in_domain"] is False}
    sentences = [sentence(code, language) for code in codes]
    return " ".join(text[:1].upper() + text[1:] for text in sentences)


def _answer(one: dict[str, Any], language: str, guess: bool) -> str:
    probability, _ = percents(one["probability"], one["threshold"], language)
    return f"{probability} · {verdict_line(one, language, guess=guess)}"


def _judge(name: str, path: Path, models: Models) -> Row:
    try:
        record = describe(compare(path, models), models, [model.threshold for model in models])
    except ImageError as error:
        return _failed(name, reason(error, path, PurePosixPath(name).name), error.kind)
    return {
        "file": name,
        "models": [{key: one[key] for key in ("name", *PARTS)} for one in record["models"]],
        "agreement": record["agreement"],
        "in_domain": record["in_domain"],
        "note": GUESSES if record["in_domain"] is False else "",
        "problem": None,
    }


def _failed(name: str, why: str, kind: str) -> Row:
    return {"file": name, "models": [], "agreement": None, "in_domain": None, "note": why, "problem": kind}


def _disagreement(row: Row) -> tuple[int, float]:
    """Order: opposite verdicts, then the difference of the probabilities, then what was refused, or is unreadable."""
    if not row["models"]:
        return 0, 0.0
    first, second = (one["probability"] for one in row["models"])
    rank = 1 if row["in_domain"] is False else 2 if row["agreement"] else 3
    return rank, abs(first - second)


def _harmless(cell: object) -> object:
    """Keep a spreadsheet from running a file's name as a formula."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell
