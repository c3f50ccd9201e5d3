"""The audit end to end on small planted data sets, and its counts worked by hand."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageFilter

from bonexray.errors import BonexrayError
from training.__main__ import main
from training.audit import describe_leaks
from training.copying.findings import count_test_copies, label_conflicts, name_agreement, pair_agreement, split_leaks
from training.copying.sources import read_with_copies
from training.data.split import refuse_crossing
from training.judging.confounding import judge_inputs, measure_confounding, source_weights

SPLITS = ("train", "val", "test")


def draw(seed: int) -> Image.Image:
    """Draw a texture of blobs that no other seed shares."""
    noise = np.random.default_rng(seed).integers(0, 256, (40, 34), dtype=np.uint8)
    return Image.fromarray(noise).resize((272, 320), Image.Resampling.BICUBIC).filter(ImageFilter.GaussianBlur(2))


@pytest.fixture
def clean(tmp_path: Path) -> Path:
    """Nine different images of each label in the Kaggle layout, three a split."""
    folder = tmp_path / "data"
    for index, split in enumerate(SPLITS):
        for shift, label in ((0, "fractured"), (50, "not fractured")):
            (folder / split / label).mkdir(parents=True)
            for number in range(3 * index, 3 * index + 3):
                draw(shift + number).save(folder / split / label / f"{label[0]}{number}.jpg", quality=90)
    return folder


def audit(data: Path, *flags: str) -> tuple[int, dict]:
    """Run the verb; give the exit status and what audit.json says."""
    output = data.parent / "audit"
    kept = ["--output", str(output), "--cache", str(data.parent / "kept")]
    status = main(["audit", "--data", str(data), *kept, *flags])
    return status, json.loads((output / "audit.json").read_text())


def test_a_clean_set_passes_and_its_rows_can_be_read_back(clean: Path) -> None:
    """No copy, no leak, status 0; the rows rebuild the split, and datasets reads them from their folder."""
    import datasets

    status, report = audit(clean)
    assert status == 0
    assert sum(counts["pairs"] for counts in report["copies"].values()) == 0
    assert report["sources"] == {"by_name": 18, "merged": 18}
    assert report["leaks"]["test"] == {"images": 6, "fractured": 3, "same pixels": 0, "near": 0, "any": 0}
    assert set(report["confounding"]) == {"width and height alone", "file facts", "seven plain image facts"}
    assert report["confounding"]["file facts"]["auroc_matched"]["value"] is None
    folder = clean.parent / "audit" / "rows"
    rows = datasets.load_dataset(str(folder), split="rows", cache_dir=str(clean.parent / "cache")).to_pandas()
    assert len(rows) == 18
    assert set(rows["part"]) == {"fold0", "fold1", "fold2", "fold3", "fold4", "test"}
    assert (rows["label"] == rows["file"].str.split("/").str[1]).all()
    assert rows["file_hash"].is_unique


@pytest.mark.parametrize(("name", "kind"), [("same", "same file"), ("mirror", "near"), ("turned", "transformed")])
def test_a_copy_planted_across_splits_fails_loudly(
    clean: Path, capsys: pytest.CaptureFixture[str], name: str, kind: str
) -> None:
    """Status 1 and one line, whatever the kind of copy."""
    target = clean / "test" / "fractured" / f"{name}.jpg"
    planted = {
        "same": draw(0),
        "mirror": draw(0).transpose(Image.Transpose.FLIP_LEFT_RIGHT),
        "turned": draw(0).rotate(33),
    }
    planted[name].save(target, quality=90)
    status, report = audit(clean)
    assert status == 1
    line = (
        "audit: the data set's own splits leak: 1 of 6 train images, 1 of 7 test images have a copy in another split\n"
    )
    assert capsys.readouterr().err.endswith(line)
    assert report["copies"][kind] == {"pairs": 1, "images": 2}
    assert report["sources"]["merged"] == 18


def test_a_seed_that_is_none_is_said_before_anything_is_looked_for(
    clean: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As by every verb."""
    assert main(["audit", "--data", str(clean), "--seed", "-1"]) == 2
    assert "audit: seed=-1: expected 0.." in capsys.readouterr().err


def test_leaks_can_be_allowed(clean: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With --allow-leaks the line stays and the status is 0."""
    draw(0).save(clean / "test" / "fractured" / "same.jpg", quality=90)
    assert audit(clean, "--allow-leaks")[0] == 0
    assert "own splits leak" in capsys.readouterr().err


def test_the_copies_that_were_found_are_kept_for_the_training(clean: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes after an audit reads its pairs; of a set that no training takes, none are kept."""
    draw(2).rotate(-70).save(clean / "train" / "fractured" / "turned.jpg", quality=90)
    _, report = audit(clean)
    monkeypatch.setattr("training.copying.sources.find_copies", lambda *_: pytest.fail("looked for copies again"))
    table, pairs = read_with_copies(str(clean), clean.parent / "kept")
    assert pairs[["file_a", "file_b"]].values.tolist() == [["train/fractured/f2.jpg", "train/fractured/turned.jpg"]]
    assert table["source_group"].nunique() == report["sources"]["merged"] == 18
    assert audit(clean)[1] == report
    (clean / "train" / "fractured" / "cut.jpg").write_bytes(b"no image")
    audit(clean)
    assert len(list((clean.parent / "kept" / "copies").iterdir())) == 1


def test_unreadable_files_and_contradicting_labels_are_reported(clean: Path) -> None:
    """A truncated file is named and left out; a radiograph under both labels is listed."""
    whole = (clean / "train" / "fractured" / "f1.jpg").read_bytes()
    (clean / "train" / "fractured" / "cut.jpg").write_bytes(whole[:-2000])
    draw(2).rotate(-70).save(clean / "train" / "not fractured" / "turned.jpg", quality=90)
    status, report = audit(clean)
    assert status == 0
    assert report["problems"] == [{"file": "train/fractured/cut.jpg", "problem": "truncated"}]
    assert report["label_conflicts"] == {
        "groups": 1,
        "examples": [["train/fractured/f2.jpg", "train/not fractured/turned.jpg"]],
    }
    assert sum(report["split"]["images"].values()) == 19


def test_a_folder_with_little_in_it_is_audited_all_the_same(clean: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A split without one class, foreign files, names that tell nothing, few sources: all is said, and ends nothing."""
    for path in (clean / "test" / "not fractured").iterdir():
        path.unlink()
    (clean / "train" / "fractured" / "Thumbs.db").write_bytes(b"x")
    status, report = audit(clean)
    said = capsys.readouterr().out
    assert status == 0
    assert report["leaks"]["test"] == {"images": 3, "fractured": 3, "same pixels": 0, "near": 0, "any": 0}
    assert report["ignored"] == ["train/fractured/Thumbs.db"]
    assert "1 files beside them that were not read\n  train/fractured/Thumbs.db\n" in said
    assert "recall and precision cannot be measured here" in said
    assert "no split of our own: 6 'not fractured' sources: five folds and a test part need at least 7" in said


def test_the_split_is_told_and_long_lists_are_cut(clean: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """How many images each part has, and that no pair crosses; of 25 damaged files 20 are named."""
    for number in range(25):
        (clean / "train" / "fractured" / f"x{number}.jpg").write_text(f"no image {number}")
    audit(clean)
    said = capsys.readouterr().out
    assert "our split, seed 0, images: fold0 " in said
    assert "; 0 of 0 pairs of copies cross\n" in said
    assert said.count(": unreadable\n") == 20
    assert "  ... and 5 more in audit.json\n" in said


def table(**columns: list) -> pd.DataFrame:
    """Make a table of files a, b, c, ... with these columns."""
    size = len(next(iter(columns.values())))
    return pd.DataFrame({"file": list("abcdefgh"[:size]), **columns})


def pairs(*rows: tuple[str, str, str]) -> pd.DataFrame:
    """Make a table of pairs from (file, file, kind)."""
    return pd.DataFrame(rows, columns=["file_a", "file_b", "kind"])


def test_leaks_count_places_and_follow_chains() -> None:
    """One row in two splits leaks by itself; a near copy of a transformed copy leaks through the chain."""
    places = ["train/x/a.png;test/x/a.png", "train/x/b.png", "train/x/c.png", "test/x/d.png", "val/x/e.png"]
    found = pairs(("b", "c", "near"), ("c", "d", "transformed"))
    assert split_leaks(table(official_paths=places, label=[1, 0, 1, 1, 0]), found) == {
        "train": {"images": 3, "fractured": 2, "same pixels": 1, "near": 1, "any": 3},
        "val": {"images": 1, "fractured": 0, "same pixels": 0, "near": 0, "any": 0},
        "test": {"images": 2, "fractured": 2, "same pixels": 1, "near": 1, "any": 2},
    }


def test_copies_of_test_images_are_counted_in_training_alone() -> None:
    """Places, as above; a copy in the validation split is none that was learned from."""
    places = ["train/x/a.png;test/x/a.png", "train/x/b.png", "test/x/c.png", "test/x/d.png", "val/x/e.png"]
    assert count_test_copies(table(official_paths=places), pairs(("b", "c", "near"), ("d", "e", "near"))) == 2
    assert count_test_copies(table(official_paths=["", ""]), pairs()) == 0


def test_leaks_are_said_in_one_line() -> None:
    """Splits without a leak are not named, and a set without leaks has no line."""
    counts = {"train": {"images": 9, "any": 0}, "test": {"images": 4, "any": 3}}
    assert describe_leaks(counts) == "the data set's own splits leak: 3 of 4 test images have a copy in another split"
    assert describe_leaks({"train": {"images": 9, "any": 0}}) == ""


def test_conflicts_and_crossings() -> None:
    """A pair under two labels is a conflict; a pair in two parts is refused."""
    rows = table(label=[1, 0, 1, 1], part=["fold0", "fold0", "fold1", "test"])
    found = pairs(("a", "b", "near"), ("c", "d", "near"))
    assert label_conflicts(rows, found) == [["a", "b"]]
    with pytest.raises(
        BonexrayError, match=r"1 pairs of copies cross the split, the first of c \(fold1\) and d \(test"
    ):
        refuse_crossing(rows, found)
    refuse_crossing(rows, found.iloc[:1])


def test_pair_agreement_by_hand() -> None:
    """Named 3 + 1 pairs, found 3 + 1, of which 1 + 1 are the same."""
    agreement = pair_agreement(found=[0, 0, 1, 1, 1, 2], named=["x", "x", "x", "y", "y", "z"])
    assert agreement == {"named": 4, "found": 4, "both": 2, "recall": 0.5, "precision": 0.5}
    alone = pair_agreement(found=[0, 0], named=["x", "y"])
    assert (alone["recall"], alone["precision"]) == (None, 0)


def test_names_that_merge_radiographs_do_not_hide_that_copies_were_found() -> None:
    """Under x two radiographs with a copy each: both copies are joined, 4 of 6 pairs are not; y's copy is lost."""
    rows = table(source_group=list("xxxxyyz"), rotated_copy=[False, True] * 3 + [True])
    agreement = name_agreement(rows, pd.Series([0, 0, 1, 1, 2, 3, 4]))
    assert (agreement["named"], agreement["both"]) == (7, 2)
    assert (agreement["rotated"], agreement["rotated_joined"], agreement["merging_names"]) == (3, 2, 2)


def facts_table(sources: int = 40, copies: int = 3) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Two archives; in "a" all are fractured and wide, in "b" half are, and the width says nothing."""
    random = np.random.default_rng(0)
    rows = []
    for number in range(sources):
        archive = "a" if number % 2 else "b"
        label = 1 if archive == "a" else int(number % 4 == 0)
        width = 300 + number if archive == "a" else 200 + int(random.integers(40))
        for copy in range(copies):
            rows.append({"file": f"{number}-{copy}", "source_group": str(number), "archive": archive, "label": label,
                         "rotated_copy": copy > 0, "width": width, "height": 200})  # fmt: skip
    frame = pd.DataFrame(rows)
    facts = frame[["width", "height"]].assign(
        format="JPEG", mode="L", bytes=1000, mean=100.0, spread=10.0, black=0.1, white=0.0, edges=5.0
    )
    return frame, facts


def test_confounding_with_the_origin_is_unmasked() -> None:
    """A width that only gives the archive away looks strong over all pairs, and is chance inside archives."""
    frame, facts = facts_table()
    size = measure_confounding(frame, facts)["width and height alone"]
    assert size["auroc"]["value"] > 0.75
    assert set(size) == {"auroc", "auroc_matched", "auroc_in_b"}
    assert size["auroc_matched"]["low"] < 0.5 < size["auroc_matched"]["high"]


def test_a_fact_that_is_the_label_is_found() -> None:
    """An input equal to the label separates the sources without error."""
    frame, _ = facts_table()
    assert judge_inputs(frame, frame[["label"]].to_numpy(float))["auroc_matched"]["value"] == 1


def test_sources_and_labels_weigh_the_same() -> None:
    """Three images of one source weigh as one of another; both labels weigh half."""
    weights = source_weights([1, 1, 1, 1, 0], ["p", "p", "p", "q", "r"])
    assert weights == pytest.approx([5 / 12, 5 / 12, 5 / 12, 5 / 4, 5 / 2])
