"""Reading the three forms of a data set."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from test_dicom import write as write_dicom

from bonexray.errors import BonexrayError, HubError, ImageError
from training.data.dataset import COLUMNS, fingerprint, read_dataset
from training.data.facts import read_facts
from training.data.names import name_groups
from training.data.readers import ignored_files, image_path, read_hub

LABELS = ("fractured", "not fractured")


def draw(path: Path, seed: int) -> None:
    """Write a small grey image of noise, 30 wide and 20 high."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (20, 30), dtype=np.uint8)
    Image.fromarray(pixels).save(path)


@pytest.fixture
def kaggle(tmp_path: Path) -> Path:
    """Three splits of both classes; `a` and its rotated copy lie in two splits, `b` is `c` under another name."""
    folder = tmp_path / "kaggle"
    for number, split in enumerate(("train", "val", "test")):
        for shift, label in enumerate(LABELS):
            draw(folder / split / label / f"{split}.png", 10 * number + shift)
    draw(folder / "train" / "fractured" / "a.png", 100)
    draw(folder / "test" / "fractured" / "a-rotated1-rotated2 (1).png", 101)
    draw(folder / "train" / "fractured" / "b.png", 102)
    draw(folder / "val" / "fractured" / "c.png", 102)
    draw(folder / "val" / "not fractured" / "a.png", 103)
    return folder


@pytest.fixture
def manifest(tmp_path: Path) -> Callable[..., Path]:
    """Give a function that writes a folder with a manifest of two images, its columns changed as asked."""

    def write(**columns: list[str]) -> Path:
        folder = tmp_path / "set"
        rows = {
            "file": ["x.png", "y.png"],
            "label": list(LABELS),
            "source_group": ["07", "8"],
            "archive": ["img", "web"],
            "rotated_copy": ["no", "yes"],
            "official_paths": ["val/fractured/x.png;train/fractured/x.png", ""],
        }
        for number, name in enumerate(rows["file"]):
            draw(folder / "images" / name, number)
        rows = {name: values for name, values in {**rows, **columns}.items() if values}
        pd.DataFrame(rows).to_csv(folder / "manifest.csv", index=False)
        return folder

    return write


def test_manifest_becomes_the_table(manifest: Callable[..., Path]) -> None:
    """Each column has its type; the label of a fractured image is 1; the split is the first of train, val, test."""
    table = read_dataset(manifest())
    assert {name: str(kind) for name, kind in table.dtypes.items()} == COLUMNS
    assert table["label"].tolist() == [1, 0]
    assert table["source_group"].tolist() == ["07", "8"]
    assert table[["width", "height"]].to_numpy().tolist() == [[30, 20], [30, 20]]
    assert table["rotated_copy"].tolist() == [False, True]
    assert table["official_split"].tolist() == ["train", ""]


def test_kaggle_labels_are_ours_not_those_of_imagefolder(kaggle: Path) -> None:
    """`fractured` is 1 in every split, and `val` keeps its name."""
    table = read_dataset(kaggle)
    assert (table["label"] == table["file"].str.contains("/fractured/").astype(int)).all()
    assert (table["official_split"] == table["file"].str.split("/").str[0]).all()
    assert set(table["official_split"]) == {"train", "val", "test"}
    assert all(Path(path).is_file() for path in table["path"])


def test_kaggle_sources_join_names_and_pixels(kaggle: Path) -> None:
    """A rotated copy joins its original within a label; the same pixels join whatever their name."""
    group = read_dataset(kaggle).set_index("file")["source_group"]
    assert group["train/fractured/a.png"] == group["test/fractured/a-rotated1-rotated2 (1).png"]
    assert group["train/fractured/b.png"] == group["val/fractured/c.png"]
    assert group["val/not fractured/a.png"] != group["train/fractured/a.png"]


@pytest.mark.parametrize(("names", "sources"), [
    (["train/of (1)", "train/of (2)", "test/of (1)"], ["of (1) in train", "of (2)", "of (1) in test"]),
    (["train/1", "test/1", "test/2"], ["1 in train", "1 in test", "2"]),
    (["train/1", "test/1", "val/1-rotated2"], ["1", "1", "1"]),
    (["train/a (1)", "train/a", "test/a (2) - Copy"], ["a", "a", "a"]),
    (["train/a (1)", "train/a (2)", "test/a-rotated1"], ["a", "a", "a"]),
    (["train/a (1)", "train/a (1)-rotated2", "val/a (1) (1)", "val/a (2)"], ["a (1)", "a (1)", "a (1)", "a (2)"]),
    (["train/12", "train/12(1)", "train/x-rotated1 (1)", "test/x-rotated3 - Copy (2)"], ["12", "12(1)", "x", "x"]),
])  # fmt: skip
def test_names_join_copies_and_no_series(names: list[str], sources: list[str]) -> None:
    """What says that it is a copy joins its origin in any folder; numbers in a row or used anew join nothing."""
    files = pd.Series([f"{name.replace('/', '/fractured/')}.png" for name in names])
    groups = name_groups(files, pd.Series(1, files.index), files)
    assert groups.str.removeprefix("1/").str.removesuffix("/fractured").tolist() == sources


def test_equal_names_in_two_folders_join_by_content_alone(kaggle: Path) -> None:
    """Under one name lie two radiographs, and the copy of one of them is where its bytes are."""
    draw(kaggle / "test" / "fractured" / "b.png", 102)
    draw(kaggle / "test" / "fractured" / "c.png", 104)
    group = read_dataset(kaggle).set_index("file")["source_group"]
    assert group["test/fractured/b.png"] == group["train/fractured/b.png"] == group["val/fractured/c.png"]
    assert group["test/fractured/c.png"] != group["val/fractured/c.png"]


def test_fingerprint_depends_on_content_only(kaggle: Path, tmp_path: Path) -> None:
    """Row order and folder do not matter; one label or one byte does."""
    table = read_dataset(kaggle)
    moved = read_dataset(kaggle.rename(tmp_path / "elsewhere")).sample(frac=1, random_state=0)
    assert fingerprint(moved) == read_fingerprint(tmp_path / "elsewhere")
    assert fingerprint(moved) != fingerprint(moved.assign(label=1 - moved["label"]))
    assert len(table) == len(moved)


def read_fingerprint(folder: Path) -> str:
    """Read a folder and give its fingerprint."""
    return fingerprint(read_dataset(folder))


def test_bytes_without_a_file_are_kept_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Image bytes from a parquet file get a path named by their hash, the same each time."""
    monkeypatch.setattr("training.data.readers.CACHE", tmp_path)
    first = image_path({"bytes": b"one", "path": "a.png"})
    assert Path(first).read_bytes() == b"one"
    assert image_path({"bytes": b"one", "path": "a.png"}) == first
    assert image_path({"bytes": b"two", "path": "a.png"}) != first


@pytest.mark.parametrize(("columns", "message"), [
    ({"source_group": []}, "lacks the column 'source_group'"),
    ({"file": ["x.png", "gone.png"]}, "line 3 has file 'gone.png': expected an image in"),
    ({"file": ["x.png", "x.png"]}, "names x.png twice"),
    ({"file": ["x.png", "./x.png"]}, "names ./x.png twice"),
    ({"label": ["fractured", "broken"]}, "line 3 has label 'broken': expected fractured or not fractured"),
    ({"official_paths": ["test/x.png", "Train/y.png"]}, "line 3 has official_paths 'Train/y.png': expected"),
    ({"label": ["fractured", "fractured"]}, "has no image labelled 'not fractured'"),
    ({"source_group": ["07", " "]}, "line 3 has source_group ' ': expected the name of a radiograph"),
    ({"source_group": ["Ann", "Ann"]}, "1 of 1 source_groups hold images of both labels, the first 'Ann': expected one "
        "label each; use one source per radiograph, not one per patient"),
    ({"rotated_copy": ["no", "maybe"]}, "line 3 has rotated_copy 'maybe': expected yes or no"),
])  # fmt: skip
def test_a_bad_manifest_is_named(manifest: Callable[..., Path], columns: dict[str, list[str]], message: str) -> None:
    """Each defect of a manifest is one clear line."""
    folder = manifest()
    if columns.get("file") == ["x.png", "gone.png"]:
        (folder / "images" / "gone.png").unlink(missing_ok=True)
    folder = rewrite(folder, columns)
    with pytest.raises(BonexrayError, match=message) as caught:
        read_dataset(folder)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [
    b"",
    b"file,label,source_group\nR\xf6ntgen.png,fractured,1\n",
    b'file,label\n"x.png,fractured\n',
    b"file,label\nx.png,fractured\ny.png,fractured,2,3\n",
])  # fmt: skip
def test_a_manifest_that_is_no_csv_is_named(manifest: Callable[..., Path], content: bytes) -> None:
    """Empty, in another encoding, or cut: one line, which says what is expected."""
    folder = manifest()
    (folder / "manifest.csv").write_bytes(content)
    with pytest.raises(BonexrayError, match=r"manifest.csv: .*; expected a CSV file in UTF-8") as caught:
        read_dataset(folder)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("answers", [["False", "True"], ["0", "1"], ["", "YES"], [" no", "true"]])
def test_rotated_copies_are_told_in_any_usual_way(manifest: Callable[..., Path], answers: list[str]) -> None:
    """As pandas writes it, in numbers, in words; nothing is no."""
    assert read_dataset(rewrite(manifest(), {"rotated_copy": answers}))["rotated_copy"].tolist() == [False, True]


def test_places_in_the_official_split_are_read_in_any_usual_way(manifest: Callable[..., Path]) -> None:
    """With spaces, and with the other names of `val`, as folders are."""
    table = read_dataset(rewrite(manifest(), {"official_paths": ["test/x.png; train/x.png ;", "valid/y.png"]}))
    assert table["official_paths"].tolist() == ["test/x.png;train/x.png", "val/y.png"]
    assert table["official_split"].tolist() == ["train", "val"]


def test_empty_lines_of_a_manifest_count_as_lines_and_are_no_rows(manifest: Callable[..., Path]) -> None:
    """So that a message names the line that an editor shows."""
    path = manifest() / "manifest.csv"
    head, first, second = path.read_text().splitlines()
    path.write_text("\n".join([head, first, "", second, ""]))
    assert len(read_dataset(path.parent)) == 2
    path.write_text("\n".join([head, first, "", second.replace("not fractured", "broken")]))
    with pytest.raises(BonexrayError, match="line 4 has label 'broken'"):
        read_dataset(path.parent)


def test_sources_of_both_labels_can_be_audited(manifest: Callable[..., Path]) -> None:
    """Whoever does not train wants to see them."""
    folder = rewrite(manifest(), {"source_group": ["Ann", "Ann"]})
    assert read_dataset(folder, strict=False)["source_group"].tolist() == ["Ann", "Ann"]


def rewrite(folder: Path, columns: dict[str, list[str]]) -> Path:
    """Replace columns of the manifest; an empty list drops the column."""
    rows = pd.read_csv(folder / "manifest.csv", dtype=str)
    for name, values in columns.items():
        rows = rows.assign(**{name: values}) if values else rows.drop(columns=name)
    rows.to_csv(folder / "manifest.csv", index=False)
    return folder


def test_a_missing_folder_and_one_without_a_layout_are_named(tmp_path: Path) -> None:
    """A path that does not exist is no Hub name, and an empty folder is no data set."""
    with pytest.raises(BonexrayError, match=r"no data at .*/nowhere.*expected an existing folder or a Hub data set"):
        read_dataset(tmp_path / "nowhere")
    with pytest.raises(BonexrayError, match=r"holds neither manifest.csv nor the folders train\|val\|test/"):
        read_dataset(tmp_path)


def test_an_empty_class_and_an_unknown_one_are_named(kaggle: Path) -> None:
    """Each class folder of each split holds images, and no other folder lies beside them."""
    (kaggle / "val" / "fractured" / "c.png").unlink()
    (kaggle / "val" / "fractured" / "val.png").unlink()
    with pytest.raises(BonexrayError, match=r"val/fractured holds no image"):
        read_dataset(kaggle)
    (kaggle / "val" / "broken").mkdir()
    with pytest.raises(BonexrayError, match=r"unknown label 'broken'"):
        read_dataset(kaggle)


def test_a_split_without_one_class_can_be_audited(kaggle: Path) -> None:
    """Where nothing is trained on the data's own split, what there is keeps its labels."""
    for path in (kaggle / "val" / "fractured").iterdir():
        path.unlink()
    (kaggle / "val" / "fractured").rmdir()
    table = read_dataset(kaggle, strict=False)
    assert (table["label"] == table["file"].str.contains("/fractured/").astype(int)).all()
    assert table.loc[table["official_split"] == "val", "label"].tolist() == [0, 0]


def test_a_folder_among_the_images_is_named(kaggle: Path) -> None:
    """Images deeper than their class would lose their label."""
    draw(kaggle / "train" / "fractured" / "more" / "d.png", 7)
    with pytest.raises(BonexrayError, match=r"train/fractured/more is a folder: expected images alone in .*/fractured"):
        read_dataset(kaggle)


@pytest.mark.parametrize("name", ["validation", "valid"])
def test_validation_is_another_name_for_val(kaggle: Path, name: str) -> None:
    """So is `valid`: its images belong to the split val, where copies of others in it are leaks."""
    before = read_dataset(kaggle)
    (kaggle / "val").rename(kaggle / name)
    assert read_dataset(kaggle)["official_split"].value_counts().equals(before["official_split"].value_counts())


@pytest.mark.parametrize("name", ["x [1].png", "a#b%20c.PNG", "*star?.png", "new\nline.png", "a;b.png", "{u}.png"])
def test_odd_names_are_read(kaggle: Path, name: str) -> None:
    """No character of a name is a pattern or a separator."""
    draw(kaggle / "train" / "fractured" / name, 7)
    table = read_dataset(kaggle).set_index("file")
    assert table.loc[f"train/fractured/{name}", "official_split"] == "train"


def test_what_is_not_read_is_listed(kaggle: Path, manifest: Callable[..., Path]) -> None:
    """Files that are no images by their name, and images that a manifest leaves out."""
    (kaggle / "val" / "fractured" / "notes.txt").write_text("x")
    assert ignored_files(kaggle, read_dataset(kaggle)["file"]) == ["val/fractured/notes.txt"]
    (kaggle / "train" / "metadata.csv").write_text("file_name\n")
    for name in ("train/stray.png", "train/fractured/._a.png", "extra/fractured/d.png"):
        draw(kaggle / name, 7)
    found = ["extra/fractured/d.png", "train/fractured/._a.png", "train/metadata.csv", "train/stray.png"]
    assert ignored_files(kaggle, read_dataset(kaggle)["file"]) == [*found, "val/fractured/notes.txt"]
    folder = rewrite(manifest(), {"file": ["x.png", "a/z.png"]})
    draw(folder / "images" / "a" / "z.png", 7)
    assert ignored_files(folder, read_dataset(folder)["file"]) == ["y.png"]
    assert ignored_files(Path("owner/name"), []) == []


def test_folders_are_read_by_suffix_wherever_they_lie(
    kaggle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Small letters or not, under a name that is a pattern, through links; and nothing is written to the cache."""
    monkeypatch.setattr("training.data.readers.CACHE", tmp_path / "cache")
    odd = kaggle.rename(tmp_path / "p_test [v2] train")
    for suffix in ("JPG", "jfif", "Tiff", "webp", "bmp", "gif", "jp2", "pgm"):
        draw(odd / "train" / "fractured" / f"of.{suffix}", 7)
    (odd / "train" / "fractured" / "link.png").symlink_to(odd / "train" / "fractured" / "a.png")
    (odd / "test").rename(tmp_path / "elsewhere")
    (odd / "test").symlink_to(tmp_path / "elsewhere")
    table = read_dataset(odd)
    assert table["file"].str.contains("/of.").sum() == 8
    assert {"train/fractured/link.png", "test/fractured/test.png"} <= set(table["file"])
    assert ignored_files(odd, table["file"]) == []
    assert not (tmp_path / "cache").exists()


def test_dicom_lies_among_the_images(kaggle: Path) -> None:
    """By its content, too, where its name is another's; its size is that of its header."""
    write_dicom(kaggle / "train" / "fractured" / "d.DCM")
    write_dicom(kaggle / "train" / "fractured" / "e.png")
    table = read_dataset(kaggle).set_index("file")
    for name in ("d.DCM", "e.png"):
        assert table.loc[f"train/fractured/{name}", ["width", "height"]].tolist() == [40, 30]
    facts = read_facts(table.reset_index()).set_index("file").loc["train/fractured/d.DCM"]
    assert facts[["format", "mode", "width", "problem"]].tolist() == ["DICOM", "12 bits", 40, ""]
    cut = kaggle / "train" / "fractured" / "d.DCM"
    cut.write_bytes(cut.read_bytes()[:140])
    with pytest.raises(ImageError, match=r"d.DCM is DICOM that cannot be decoded"):
        read_dataset(kaggle)
    assert read_dataset(kaggle, strict=False).set_index("file").loc["train/fractured/d.DCM", "width"] == 0


def test_an_unreadable_image_is_named_unless_the_audit_reads(kaggle: Path) -> None:
    """Training refuses a file that is no image; the audit gets it with width 0."""
    (kaggle / "train" / "fractured" / "text.png").write_text("no image")
    with pytest.raises(BonexrayError, match=r"text.png is not a readable image"):
        read_dataset(kaggle)
    assert read_dataset(kaggle, strict=False).set_index("file").loc["train/fractured/text.png", "width"] == 0


def test_a_hub_data_set_with_bytes_becomes_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows of a Hub data set in Parquet, here read from a folder of that name, get paths, names and our labels."""
    import datasets

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("training.data.readers.CACHE", tmp_path / "cache")
    images = [Image.fromarray(np.full((4, 6), grey, np.uint8)) for grey in (10, 90)]
    features = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=list(LABELS))})
    made = datasets.Dataset.from_dict({"image": images, "label": [0, 1]}, features=features)
    (tmp_path / "owner" / "name").mkdir(parents=True)
    made.to_parquet(tmp_path / "owner" / "name" / "train-00000.parquet")
    rows = read_hub("owner/name")
    assert rows["label"].tolist() == [1, 0]
    assert [np.asarray(Image.open(path)).mean() for path in rows["path"]] == [10, 90]
    assert rows["file"].is_unique
    assert rows["official_paths"].str.startswith(("train/fractured/", "train/not fractured/")).all()


def test_a_hub_data_set_with_sources_of_both_labels_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As a manifest is; its own sources are taken as they are."""
    import datasets

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("training.data.readers.CACHE", tmp_path / "cache")
    features = datasets.Features(
        {"image": datasets.Image(), "label": datasets.Value("string"), "source_group": datasets.Value("string")}
    )
    images = [Image.fromarray(np.full((4, 6), grey, np.uint8)) for grey in (10, 90)]
    columns = {"image": images, "label": list(LABELS), "source_group": ["Ann", "Ann"]}
    (tmp_path / "owner" / "name").mkdir(parents=True)
    datasets.Dataset.from_dict(columns, features=features).to_parquet("owner/name/train-00000.parquet")
    with pytest.raises(BonexrayError, match="owner/name: 1 of 1 source_groups hold images of both labels"):
        read_hub("owner/name")


def test_an_unknown_hub_name_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A data set that the Hub does not have is one clear line."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", True)
    with pytest.raises(HubError, match=r"cannot read the data set 'nobody/nothing'"):
        read_dataset("nobody/nothing")
