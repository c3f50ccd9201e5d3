"""What each repository on the Hub shall hold: a whole checkpoint, rows without images, a Space without ballast."""

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from core_fixtures import ROOT
from huggingface_hub import RepoCard

from bonexray.errors import BonexrayError
from training.making.record import read_record
from training.publishing.staging import stage_checkpoint, stage_rows, stage_space

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def test_a_checkpoint_is_staged_with_its_card_and_no_other_file(plain_checkpoint: Path, tmp_path: Path) -> None:
    """A stray file in the folder stays at home."""
    (plain_checkpoint / "notes.txt").write_text("private")
    staged = stage_checkpoint(plain_checkpoint, tmp_path / "staged", "a/b")
    assert sorted(path.name for path in staged.iterdir()) == [
        "README.md", "classifier.json", "config.json", "metadata.json", "model.tflite", "model.weights.h5",
    ]  # fmt: skip


def test_rows_are_staged_with_a_card_that_names_their_repository(small_rows: Path, tmp_path: Path) -> None:
    """The two files that an audit writes, and nothing else of the folder."""
    (small_rows / "x-ray.png").write_bytes(b"picture")
    staged = stage_rows(small_rows, tmp_path / "staged", "a/rows")
    assert sorted(path.name for path in staged.iterdir()) == ["README.md", "rows.parquet"]
    assert len(pd.read_parquet(staged / "rows.parquet")) == 2
    card = RepoCard((staged / "README.md").read_text())
    assert 'load_dataset("a/rows", split="rows")' in card.text
    assert card.data.configs[0]["data_files"] == [{"split": "rows", "path": "rows.parquet"}]


@pytest.mark.parametrize("picture", [b"\x89PNG", {"bytes": b"\x89PNG", "path": "a.png"}, [1, 2]])
def test_rows_with_pictures_are_not_published(small_rows: Path, tmp_path: Path, picture: object) -> None:
    """A column that could hold an image is named."""
    rows = pd.read_parquet(small_rows / "rows.parquet").assign(image=[picture, picture])
    rows.to_parquet(small_rows / "rows.parquet")
    with pytest.raises(BonexrayError, match=r"column 'image' is .*: expected text and numbers"):
        stage_rows(small_rows, tmp_path / "staged", "a/rows")


def test_rows_that_are_none_are_named(small_rows: Path, tmp_path: Path) -> None:
    """A damaged table, and a folder without one."""
    (small_rows / "rows.parquet").write_bytes(b"no table")
    with pytest.raises(BonexrayError, match=r"rows\.parquet is no Parquet file"):
        stage_rows(small_rows, tmp_path / "staged", "a/rows")
    with pytest.raises(BonexrayError, match=r"rows\.parquet is missing: expected the rows/ folder"):
        stage_rows(tmp_path, tmp_path / "staged", "a/rows")


def test_staging_twice_gives_the_same_bytes(small_rows: Path, plain_checkpoint: Path, tmp_path: Path) -> None:
    """Nothing of the moment is in the files, so publishing again changes nothing."""
    for name in ("one", "two"):
        stage_rows(small_rows, tmp_path / name / "rows", "a/rows")
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


def test_bundling_leaves_out_weights_and_tensorflow(plain_checkpoint: Path, tmp_path: Path) -> None:
    """A copy of files and a record: in a fresh process, no library of training is imported."""
    (plain_checkpoint / "notes.txt").write_text("private")
    code = (
        "import sys; from training.__main__ import main; "
        "assert main(['bundle', *sys.argv[1:]]) == 0; assert not {'tensorflow', 'keras'} & set(sys.modules)"
    )
    command = [sys.executable, "-c", code, str(plain_checkpoint), str(tmp_path / "small")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    kept = {path.name for path in plain_checkpoint.iterdir()} - {"notes.txt", "model.weights.h5", "README.md"}
    assert {path.name for path in (tmp_path / "small").iterdir()} == kept
    before, after = read_record(plain_checkpoint), read_record(tmp_path / "small")
    del before["files"]["model.weights.h5"]
    assert after == {**before, "bonexray_version": after["bonexray_version"]}
