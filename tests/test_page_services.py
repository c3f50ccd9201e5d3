"""Batches, reports, shared links, feedback, and what is left of an upload."""

import copy
import csv
import json
import shutil
import struct
import time
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from fontTools.ttLib import TTFont
from huggingface_hub import HfApi, create_repo, hf_hub_download, list_repo_files
from loopback_hub import LoopbackHub
from PIL import Image
from test_dicom import write as write_dicom
from test_page_handlers import with_metrics

from bonexray import BonexrayError
from page import archives, batch, report, uploads
from page.batch import Row, compare_many, readable, summary, write_csv
from page.comparison import Comparison, compare, is_uncertain
from page.examples import FOLDER, load_examples
from page.feedback import Feedback, open_feedback
from page.models import Models, load_models
from page.overlay import scale_of
from page.report import FONTS, write_json, write_pdf
from page.sentences import doubts
from page.sharing import Shares, read_thresholds, view_link
from page.texts import LANGUAGES, TEXTS, translate

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
    webp, huge = tmp_path / "cut.webp", tmp_path / "huge.bmp"
    Image.open(LEG).save(webp)
    webp.write_bytes(webp.read_bytes()[:500])
    huge.write_bytes(b"BM" + struct.pack("<IIIIiiHHIIiiII", 62, 0, 62, 40, 60_000, 60_000, 1, 1, 0, 0, 0, 0, 2, 0))
    done: list[int] = []
    rows = compare_many(
        [str(webp), str(huge), str(LEG), str(tmp_path / "some.zip"), str(tmp_path / "cut.zip")],
        models,
        lambda count, _: done.append(count),
    )
    notes = {row["file"]: row["note"] for row in rows}
    assert notes["leg-oblique.jpg"] == notes["folder/hand.jpg"] == ""
    assert notes["text.jpg"].endswith("expected JPEG, PNG, ...") and "Bad CRC" in notes["damaged.jpg"]
    assert "cannot be decoded" in notes["cut.webp"] and "exceeds limit" in notes["huge.bmp"]
    assert LEG.exists() and "__MACOSX/leg.jpg" not in notes and done == list(range(len(done)))
    assert {row["file"]: row["problem"] for row in rows if row["problem"]} == {
        "text.jpg": "unreadable", "cut.webp": "unreadable", "huge.bmp": "large", "damaged.jpg": "archive",
        "cut.zip": "archive",
    }  # fmt: skip
    for language in ("en", "fr"):
        told = {cells[0]: cells[-1] for cells in readable(rows, models, language)[1]}
        assert told["damaged.jpg"].startswith(translate(language, "problem.archive"))
        assert notes["damaged.jpg"] in told["damaged.jpg"]


def test_a_zip_cannot_fill_the_disk(models: Models, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What says that it unpacks to too much is not unpacked, a ZIP in a ZIP is no image, and folders are named."""
    with zipfile.ZipFile(tmp_path / "inner.zip", "w") as archive:
        archive.write(HAND, "hand.jpg")
    with zipfile.ZipFile(tmp_path / "outer.zip", "w") as archive:
        archive.write(tmp_path / "inner.zip", "deep/inner.zip")
        archive.write(HAND, "deep/deeper/hand.jpg")
        archive.writestr("../../escaped.txt", "no image")
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros.png", bytes(2_000_000))
    monkeypatch.setattr(archives, "MOST_BYTES", 1_000_000)
    rows = compare_many([str(tmp_path / "bomb.zip"), str(tmp_path / "outer.zip")], models, lambda *_: None)
    notes = {row["file"]: row["note"] for row in rows}
    assert (tmp_path / "bomb.zip").stat().st_size < 10_000 and "unpacks to over 1 MB" in notes["bomb.zip"]
    assert notes["deep/deeper/hand.jpg"] == "" and "is no image" in notes["deep/inner.zip"]
    assert "is no image" in notes["../../escaped.txt"] and not list(tmp_path.rglob("escaped.txt"))


def test_no_more_than_the_most_are_compared(models: Models, monkeypatch: pytest.MonkeyPatch) -> None:
    """The table says that there were more."""
    monkeypatch.setattr(batch, "MOST", 2)
    rows = compare_many([str(LEG), str(HAND), str(LEG)], models, lambda *_: None)
    assert [row["note"] for row in rows] == ["", "", "only the first 2 images were compared"]
    assert summary(rows, "en").startswith("Images: 2 ") and summary(rows, "en").endswith("Unreadable: 0")
    rows = compare_many([str(LEG), str(HAND)], models, lambda *_: None)
    assert [row["note"] for row in rows] == ["", ""]


def test_no_file_ends_a_batch_and_none_outlives_it(
    models: Models, broken_tiff: Path, upload_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever a decoder raises is a row; should anything else go wrong, the uploads are deleted all the same."""
    assert [row["problem"] for row in compare_many([str(broken_tiff), str(LEG)], models, lambda *_: None)] == [
        None,
        "unreadable",
    ]
    upload = Path(shutil.copy(LEG, upload_folder))
    monkeypatch.setattr(batch, "forget", lambda path: Path(path).unlink())
    with pytest.raises(ZeroDivisionError):
        compare_many([str(upload)], models, lambda *_: 1 // 0)
    assert not upload.exists()


def test_two_networks_of_one_kind_are_not_taken() -> None:
    """A visitor could not tell which is meant."""
    folder = FOLDER.parent / "checkpoints/resnet50"
    with pytest.raises(BonexrayError, match="are both ResNet50: expected a MobileNetV2 and a ResNet50"):
        load_models(f"{folder},{folder}")


def test_the_table_and_the_csv_tell_of_the_gate(models: Models, tmp_path: Path) -> None:
    """A refused image is marked, with its reason in the visitor's language; the CSV has code and score."""
    models = with_metrics(models[0], uncertain_band=[0, 1]), models[1]
    (known,) = compare_many([str(LEG)], models, lambda *_: None)
    refused: Row = copy.deepcopy(known) | {"in_domain": False}
    refused["models"][1] |= {"in_domain": False, "domain_score": 1.84, "domain_reason": "colour"}
    _, cells = readable([refused], models, "es")
    assert cells[0][4] == "⊘ rechazada" and "está en color" in cells[0][5]
    assert cells[0][1:4] == ["oculta", "oculta", ""] and "%" not in "".join(cells[0])
    _, cells = readable([refused], models, "es", anyway=True)
    said = {True: "· Con fractura", False: "· Sin fractura"}[known["models"][0]["fractured"]]
    assert known["models"][0]["uncertain"] and cells[0][1].endswith(f"{said} (una conjetura)")
    assert cells[0][3] and cells[0][4] == "⊘ rechazada"
    header, line = csv.reader(Path(write_csv([refused], models)).read_text("utf-8-sig").splitlines())
    row = dict(zip(header, line, strict=True))
    assert row["MobileNetV2_uncertain"] == "True" and row["problem"] == ""
    assert (row["in_domain"], row["ResNet50_domain_reason"], row["ResNet50_domain_score"]) == (
        "False",
        "colour",
        "1.84",
    )
    said = summary([refused | {"agreement": False}, known | {"agreement": True}], "en")
    assert "Images: 2" in said and "Disagreements: 0" in said and "Refused: 1" in said


def test_what_is_refused_comes_after_what_is_known(models: Models, bar: Path, tmp_path: Path) -> None:
    """However much the networks disagree on it; its note and the CSV's first columns say what its numbers are worth."""
    (tmp_path / "empty.png").touch()
    with zipfile.ZipFile(tmp_path / "nothing.zip", "w") as archive:
        archive.mkdir("folder")
    paths = [tmp_path / "nothing.zip", tmp_path / "empty.png", bar, LEG]
    rows = compare_many([str(path) for path in paths], models, lambda *_: None)
    assert [row["file"] for row in rows] == [LEG.name, bar.name, "nothing.zip", "empty.png"]
    assert "guesses" in rows[1]["note"] and "holds no file" in rows[2]["note"]
    table = list(csv.reader(Path(write_csv(rows, models)).read_text("utf-8-sig").splitlines()))
    assert table[0][:3] == ["file", "in_domain", "note"] and table[2][:3] == [bar.name, "False", rows[1]["note"]]


def test_nothing_that_names_a_patient_leaves_a_dicom(
    models: Models, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Not in a record, a report, a table, an error or a log."""
    whole, cut = write_dicom(tmp_path / "a.dcm"), write_dicom(tmp_path / "b.dcm", Rows=999)
    compared = compare(whole, models)
    rows = compare_many([str(whole), str(cut)], models, lambda *_: None)
    files = [write_json(compared, models, (0.5, 0.5)), write_pdf(compared, models, (0.5, 0.5), "en")]
    kept = [Path(file).read_bytes() for file in (*files, write_csv(rows, models))]
    assert [bool(row["models"]) for row in rows] == [True, False]
    assert not any(b"Secret" in text or b"SECRET" in text for text in [*kept, caplog.text.encode()])


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
    assert len(pdf) < 500_000
    record = json.loads(Path(write_json(compared, models, (0.1, 0.9))).read_text())
    assert {"bonexray", "ai-edge-litert"} <= record["versions"].keys()
    assert all({"in_domain", "domain_score", "network_sha256", "revision"} <= one.keys() for one in record["models"])
    assert [one["threshold"] for one in record["models"]] == [0.1, 0.9]
    assert record["image"]["sha256"] == compared.sha256 and "medical device" in record["warning"]


def test_the_pdf_says_what_the_page_says(models: Models, compared: Comparison, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether a verdict is uncertain, what agreement is worth, and of each map its own scale and what colours mean."""
    lines: list[str] = []
    plain = report._line
    monkeypatch.setattr(
        report, "_line", lambda pdf, text, *rest, **more: [lines.append(text), plain(pdf, text, *rest, **more)]
    )
    own = (models[0].threshold, models[1].threshold)
    write_pdf(compared, models, own, "en")
    assert set(doubts(compared, models, own, "en")) <= set(lines)
    for one, name in zip(compared.predictions, ("MobileNetV2", "ResNet50"), strict=True):
        assert any("Orange" in line and f"±{scale_of(one.evidence):.1f}" in line for line in lines)
        (verdict,) = (line for line in lines if line.startswith(f"{name}: "))
        assert verdict.endswith("(uncertain)") == is_uncertain(one, models[name == "ResNet50"], own[name == "ResNet50"])
    lines.clear()
    strange = tuple(replace(one, in_domain=False, domain_reason="colour") for one in compared.predictions)
    write_pdf(replace(compared, predictions=strange), models, own, "en")
    assert sum(line.endswith("(a guess)") for line in lines) == 2 and "uncertain" not in "".join(lines).lower()


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_reports_fonts_can_write_the_language(language: str) -> None:
    """After a change of texts, `page/fonts/subset.py` has to be run again."""
    fonts = [path for path in FONTS.iterdir() if path.suffix in (".ttf", ".otf")]
    able = {chr(code) for path in fonts for code in TTFont(path).getBestCmap()}
    assert set("".join(TEXTS[language].values())) - able == set()


def test_a_space_may_name_its_own_examples(hub: LoopbackHub) -> None:
    """The first images of a data set on the Hub, at a revision, under their own names."""
    create_repo("someone/bones", repo_type="dataset")
    commit = (
        HfApi()
        .upload_folder(repo_id="someone/bones", repo_type="dataset", folder_path=FOLDER, allow_patterns="hand*")
        .oid
    )
    examples = load_examples(f"someone/bones@{commit}")
    assert [(one.caption("ar"), one.simulated) for one in examples] == [
        ("hand-displaced", False),
        ("hand-intact", False),
    ]
    with pytest.raises(BonexrayError, match="someone/none"):
        load_examples("someone/none")


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
    said, *emptied = services.tell(compared, 0, 1, True, "a radiologist", False, "en")
    assert "stored. MobileNetV2 was right · ResNet50 was wrong" in said and emptied == [None, "", False]
    services.tell(compared, 1, 1, False, "a guess", True, "en")
    feedback.push()
    files = list_repo_files("someone/feedback", repo_type="dataset")
    (name,) = [file for file in files if file.endswith(".jsonl")]
    text = Path(hf_hub_download("someone/feedback", name, repo_type="dataset")).read_text()
    first, second = map(json.loads, text.splitlines())
    assert (first["truth_fractured"], first["reason"]) == (True, "a radiologist") and "file" not in first
    assert first["right"] == {"MobileNetV2": True, "ResNet50": False} and second["file"] in files
    assert second["right"] == {"MobileNetV2": True, "ResNet50": True} and not second["truth_fractured"]
