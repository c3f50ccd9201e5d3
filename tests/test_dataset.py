"""Reading the three forms of a data set."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from bonexray.errors import BonexrayError, HubError
from training.data.dataset import COLUMNS, fingerprint, read_dataset
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
    ({"file": ["x.png", "gone.png"]}, "line 3 names gone.png, which is not in"),
    ({"file": ["x.png", "x.png"]}, "names x.png twice"),
    ({"label": ["fractured", "broken"]}, "unknown label 'broken': expected 'fractured' or 'not fractured'"),
    ({"label": ["fractured", "fractured"]}, "has no image labelled 'not fractured'"),
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


def test_validation_is_another_name_for_val(kaggle: Path) -> None:
    """Its images belong to the split val, where copies of others in it are leaks."""
    before = read_dataset(kaggle)
    (kaggle / "val").rename(kaggle / "validation")
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
    folder = manifest()
    draw(folder / "images" / "z.png", 7)
    assert ignored_files(folder, read_dataset(folder)["file"]) == ["z.png"]
    assert ignored_files(Path("owner/name"), []) == []


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


def test_an_unknown_hub_name_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A data set that the Hub does not have is one clear line."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", True)
    with pytest.raises(HubError, match=r"cannot read the data set 'nobody/nothing'"):
        read_dataset("nobody/nothing")
