"""Batches, reports, shared links, feedback, and what is left of an upload."""

import json
import time
import zipfile
from pathlib import Path

import pytest
from huggingface_hub import hf_hub_download, list_repo_files
from loopback_hub import LoopbackHub

from page import uploads
from page.batch import compare_many, readable, write_csv
from page.comparison import Comparison, compare
from page.examples import FOLDER
from page.feedback import Feedback, open_feedback
from page.models import Models, load_models
from page.report import write_json, write_pdf
from page.sharing import Shares, read_thresholds, view_link
from page.texts import LANGUAGES

LEG, HAND = FOLDER / "leg-oblique.jpg", FOLDER / "hand-intact.jpg"


@pytest.fixture(scope="module")
def models() -> Models:
    """Load the bundled networks as the page does."""
    return load_models()


@pytest.fixture(scope="module")
def compared(models: Models) -> Comparison:
    """Compare one example."""
    return compare(LEG, models)


@pytest.fixture(autouse=True)
def upload_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give each test an upload folder of its own."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "uploads"))
    (tmp_path / "uploads").mkdir()
    return tmp_path / "uploads"


def test_one_bad_file_is_a_row_with_its_reason(models: Models, tmp_path: Path) -> None:
    """Files, a ZIP with a damaged member, and a damaged ZIP, all in one batch."""
    with zipfile.ZipFile(tmp_path / "some.zip", "w") as archive:
        archive.write(HAND, "folder/hand.jpg")
        archive.write(LEG, "__MACOSX/leg.jpg")
        archive.writestr("text.jpg", "no image")
        archive.writestr("damaged.jpg", LEG.read_bytes())
    content = bytearray((tmp_path / "some.zip").read_bytes())
    content[content.index(b"damaged.jpg") + 5000] ^= 255
    (tmp_path / "some.zip").write_bytes(content)
    (tmp_path / "cut.zip").write_bytes(content[:-100] + b"PK\x05\x06" + bytes(18))
    done: list[int] = []
    rows = compare_many(
        [str(LEG), str(tmp_path / "some.zip"), str(tmp_path / "cut.zip")], models, lambda count, _: done.append(count)
    )
    notes = {row["file"]: row["note"] for row in rows}
    assert notes["leg-oblique.jpg"] == notes["folder/hand.jpg"] == ""
    assert notes["text.jpg"].endswith("expected JPEG, PNG, ...") and "Bad CRC" in notes["damaged.jpg"]
    assert LEG.exists() and "__MACOSX/leg.jpg" not in notes and done == list(range(len(done)))


def test_the_largest_disagreement_comes_first(models: Models) -> None:
    """Opposite verdicts, then the difference of the probabilities."""
    rows = compare_many([str(path) for path in sorted(FOLDER.glob("*.jpg"))], models, lambda *_: None)
    pairs = [[one["probability"] for one in row["models"]] for row in rows]
    gaps = [(not row["agreement"], abs(one - other)) for row, (one, other) in zip(rows, pairs, strict=True)]
    assert gaps == sorted(gaps, reverse=True) and len(rows) == 8
    header, cells = readable(rows, models, "de")
    assert header[:3] == ["Datei", "MobileNetV2", "ResNet50"] and all(len(row) == len(header) for row in cells)


def test_a_spreadsheet_runs_no_file_name(models: Models, tmp_path: Path) -> None:
    """A cell that would be a formula is quoted."""
    (tmp_path / "=HYPERLINK(1).png").write_text("none")
    rows = compare_many([str(tmp_path / "=HYPERLINK(1).png")], models, lambda *_: None)
    lines = Path(write_csv(rows, models)).read_text("utf-8-sig").splitlines()
    assert lines[1].startswith("'=HYPERLINK") and "not a medical device" in lines[1]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_report_can_be_written_in_every_language(models: Models, compared: Comparison, language: str) -> None:
    """As PDF with both maps, and as JSON with what it takes to find the numbers again."""
    pdf = Path(write_pdf(compared, models, (0.1, 0.9), language)).read_bytes()
    assert pdf.startswith(b"%PDF") and pdf.count(b"/Subtype /Image") == 2
    record = json.loads(Path(write_json(compared, models, (0.1, 0.9))).read_text())
    assert [one["threshold"] for one in record["models"]] == [0.1, 0.9]
    assert record["image"]["sha256"] == compared.sha256 and "medical device" in record["warning"]


def test_a_share_ends_by_its_key_or_by_time(compared: Comparison) -> None:
    """The public link cannot delete; after its hours there is nothing left."""
    shares = Shares()
    share = shares.add(compared)
    opened = shares.open(share.token)
    assert opened and opened.subject == {"shared": share.token}
    assert [p.probability for p in opened.predictions] == [p.probability for p in compared.predictions]
    assert opened.predictions[0].evidence.shape == opened.pixels.shape and max(opened.pixels.shape) <= 900
    assert not shares.delete(share.token, "guess") and shares.delete(share.token, share.key)
    assert shares.open(share.token) is None
    brief = Shares(hours=0)
    assert brief.open(brief.add(compared).token) is None


def test_a_link_says_all_of_a_view() -> None:
    """And what it says is read back; nonsense is the default."""
    link = view_link("http://host", {"example": "leg-intact"}, (0.25, 0.5), "ar")
    assert link == "http://host/?example=leg-intact&t=0.25,0.5&lang=ar"
    assert read_thresholds("0.25,0.5", (0.1, 0.2)) == (0.25, 0.5)
    for nonsense in (None, "", "a,b", "0.5", "2,0.1", "nan,0.1"):
        assert read_thresholds(nonsense, (0.1, 0.2)) == (0.1, 0.2)


def test_an_upload_is_deleted_and_a_file_elsewhere_is_not(upload_folder: Path, tmp_path: Path) -> None:
    """A file that was sent again meanwhile waits for its own reader."""
    sent, kept, again = upload_folder / "a" / "x.png", tmp_path / "y.png", upload_folder / "b" / "z.png"
    for path in (sent, kept, again):
        path.parent.mkdir(exist_ok=True)
        path.write_text("pixels")
        uploads.forget(path, delay=0.2)
    again.unlink()
    again.write_text("pixels")
    time.sleep(0.6)
    assert not sent.parent.exists() and kept.exists() and again.exists()


def test_feedback_goes_to_the_data_set_and_is_off_by_default(
    hub: LoopbackHub, models: Models, compared: Comparison
) -> None:
    """One row a visitor; the image only where it is given."""
    from page.services import Services

    assert open_feedback("") is None
    feedback = Feedback("someone/feedback")
    services = Services(models, Shares(), feedback)
    assert "stored" in services.tell(compared, True, "a radiologist", False, "en")
    services.tell(compared, False, "a guess", True, "en")
    feedback.push()
    files = list_repo_files("someone/feedback", repo_type="dataset")
    (name,) = [file for file in files if file.endswith(".jsonl")]
    text = Path(hf_hub_download("someone/feedback", name, repo_type="dataset")).read_text()
    first, second = map(json.loads, text.splitlines())
    assert (first["truth_fractured"], first["reason"]) == (True, "a radiologist") and "file" not in first
    assert second["file"] in files
