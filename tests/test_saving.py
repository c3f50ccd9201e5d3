"""Copies of a loaded checkpoint, in a folder and on the Hub."""

from pathlib import Path

import pytest
from loopback_hub import LoopbackHub
from numpy.typing import NDArray

from bonexray import BonexrayError, FractureClassifier


def test_a_saved_copy_answers_the_same(clf: FractureClassifier, radiograph: NDArray, tmp_path: Path) -> None:
    """Every file of the checkpoint is in the folder; saving again, or onto itself, changes nothing."""
    for _ in range(2):
        clf.save_pretrained(tmp_path / "copy")
    copy = FractureClassifier.from_pretrained(tmp_path / "copy")
    copy.save_pretrained(tmp_path / "copy")
    assert {path.name for path in (tmp_path / "copy").iterdir()} == {"classifier.json", *clf.checkpoint.files}
    assert copy.predict(radiograph).logit == clf.predict(radiograph).logit


def test_a_pushed_copy_answers_the_same(hub: LoopbackHub, clf: FractureClassifier, radiograph: NDArray) -> None:
    """One commit, whose hash is returned and can be pinned; a pulled checkpoint can be saved and pushed too."""
    commit = clf.push_to_hub("tester/copy", private=True)
    pulled = FractureClassifier.from_pretrained("tester/copy", revision=commit)
    assert pulled.predict(radiograph).logit == clf.predict(radiograph).logit
    assert hub.repo("tester/copy").private
    second = pulled.push_to_hub("tester/second")
    assert FractureClassifier.from_pretrained("tester/second").revision == second


def test_places_that_cannot_be_written_are_named(clf: FractureClassifier, tmp_path: Path) -> None:
    """A file instead of a folder, and a name that is none."""
    (tmp_path / "file").touch()
    with pytest.raises(BonexrayError, match="file is a file"):
        clf.save_pretrained(tmp_path / "file")
    with pytest.raises(BonexrayError, match=r"'nonsense'.*owner/name"):
        clf.push_to_hub("nonsense")


def test_what_shall_be_private_is_not_put_into_the_open(hub: LoopbackHub, clf: FractureClassifier) -> None:
    """A repository that exists keeps its visibility: nothing is uploaded to a public one."""
    clf.push_to_hub("tester/open")
    before = list(hub.repo("tester/open").commits)
    with pytest.raises(BonexrayError, match="tester/open exists and is public"):
        clf.push_to_hub("tester/open", private=True)
    assert list(hub.repo("tester/open").commits) == before
