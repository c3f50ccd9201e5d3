"""What each repository on the Hub shall hold: a whole checkpoint, rows without images, a Space without ballast."""

from pathlib import Path

import pandas as pd
import pytest
from huggingface_hub import RepoCard

from bonexray.errors import BonexrayError
from training import staging
from training.staging import stage_checkpoint, stage_rows, stage_space

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def test_a_checkpoint_is_staged_with_its_card_and_no_other_file(plain_checkpoint: Path, tmp_path: Path) -> None:
    """A stray file in the folder stays at home."""
    (plain_checkpoint / "notes.txt").write_text("private")
    staged = stage_checkpoint(plain_checkpoint, tmp_path / "staged", "a/b")
    assert sorted(path.name for path in staged.iterdir()) == [
        "README.md", "classifier.json", "config.json", "metadata.json", "model.tflite", "model.weights.h5",
    ]  # fmt: skip


def test_rows_tell_the_split_and_hold_no_image(small_data: Path, tmp_path: Path) -> None:
    """Each image is a row, labels are words, and no source is in two parts."""
    staged = stage_rows(str(small_data), tmp_path / "staged")
    assert sorted(path.name for path in staged.iterdir()) == ["README.md", "rows.csv"]
    rows = pd.read_csv(staged / "rows.csv")
    assert list(rows.columns) == list(staging.ROW_COLUMNS)
    assert len(rows) == 32
    assert set(rows["label"]) == {"fractured", "not fractured"}
    assert rows["sha256"].str.fullmatch("[0-9a-f]{64}").all()
    assert (rows.groupby("source_group")["part"].nunique() == 1).all()


def test_the_card_of_the_rows_counts_them(small_data: Path, tmp_path: Path) -> None:
    """The table in the card adds up to the set."""
    staged = stage_rows(str(small_data), tmp_path / "staged")
    card = RepoCard((staged / "README.md").read_text())
    counts = [line.split(" | ") for line in card.text.splitlines() if line.startswith(("| fold", "| test"))]
    assert sum(int(count[1]) for count in counts) == 32
    assert sum(int(count[2]) for count in counts) == 16
    assert card.data.configs[0]["data_files"] == [{"split": "rows", "path": "rows.csv"}]


def test_staging_twice_gives_the_same_bytes(small_data: Path, plain_checkpoint: Path, tmp_path: Path) -> None:
    """Nothing of the moment is in the files, so publishing again changes nothing."""
    for name in ("one", "two"):
        stage_rows(str(small_data), tmp_path / name / "rows")
        stage_checkpoint(plain_checkpoint, tmp_path / name / "model", "a/b", "v1")
    for path in (tmp_path / "one").rglob("*.*"):
        assert path.read_bytes() == (tmp_path / "two" / path.relative_to(tmp_path / "one")).read_bytes()


def test_a_space_holds_only_what_the_page_needs(small_project: Path, tmp_path: Path) -> None:
    """No checkpoint, no test, no training, nothing hidden."""
    staged = stage_space(tmp_path / "staged", [f"a/b@{COMMIT}"])
    assert sorted(path.relative_to(staged).as_posix() for path in staged.rglob("*") if path.is_file()) == [
        "LICENSE", "README.md", "app.py", "bonexray/__init__.py", "bonexray/classifier.schema.json", "bonexray/hub.py",
        "examples/simulated.png", "page/layout.py", "requirements.txt",
    ]  # fmt: skip


def test_a_space_names_its_models_and_preloads_what_serves(small_project: Path, tmp_path: Path) -> None:
    """The front matter keeps what it had, and pins each model to its commit."""
    staged = stage_space(tmp_path / "staged", [f"a/b@{COMMIT}", f"a/c@{COMMIT}"], ["a/rows"])
    data = RepoCard((staged / "README.md").read_text()).data
    assert (data.title, data.sdk, data.models, data.datasets) == ("bonexray", "gradio", ["a/b", "a/c"], ["a/rows"])
    assert data.preload_from_hub == [
        f"a/b classifier.json,model.tflite {COMMIT}", f"a/c classifier.json,model.tflite {COMMIT}",
    ]  # fmt: skip
    assert (small_project / "README.md").read_text().startswith("---\ntitle: bonexray\nsdk: gradio\n---")


def test_a_space_is_not_published_from_half_a_project(small_project: Path, tmp_path: Path) -> None:
    """The missing file is named."""
    (small_project / "app.py").unlink()
    with pytest.raises(BonexrayError, match=r"app\.py is missing: the Space is published from a clone"):
        stage_space(tmp_path / "staged", [f"a/b@{COMMIT}"])
