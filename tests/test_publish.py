"""Publishing a checkpoint: one commit, the same content makes no second one, and what is refused."""

import argparse
from pathlib import Path

import pytest
from loopback_hub import LoopbackHub

from bonexray.errors import BonexrayError
from bonexray.hub import resolve
from training import publish

FILES = ["README.md", "classifier.json", "config.json", "metadata.json", "model.tflite", "model.weights.h5"]


def run(checkpoint: Path, *flags: str, repo: str = "tester/wrist") -> None:
    """Run the verb as the command line does."""
    parser = argparse.ArgumentParser()
    publish.add_arguments(parser)
    publish.run(parser.parse_args([str(checkpoint), repo, *flags]))


def test_a_checkpoint_arrives_in_one_commit_with_its_card_and_tag(hub: LoopbackHub, plain_checkpoint: Path) -> None:
    """The repository holds the six files, byte for byte, and the tag names the commit."""
    run(plain_checkpoint, "--tag", "v1")
    repo = hub.repo("tester/wrist")
    head, initial = repo.history()
    assert repo.tags == {"v1": head}
    assert sorted(repo.commits[head].tree) == FILES
    assert repo.commits[initial].tree == {}
    for name in FILES[1:]:
        assert hub.store.read("model", "tester/wrist", name) == (plain_checkpoint / name).read_bytes()
    assert b"0.812" in hub.store.read("model", "tester/wrist", "README.md")


def test_the_same_content_makes_no_second_commit(hub: LoopbackHub, plain_checkpoint: Path) -> None:
    """Publishing again changes nothing, with the tag or without."""
    for flags in (["--tag", "v1"], ["--tag", "v1"]):
        run(plain_checkpoint, *flags)
    assert len(hub.repo("tester/wrist").history()) == 2


def test_a_changed_file_is_one_more_commit_that_uploads_it_alone(hub: LoopbackHub, plain_checkpoint: Path) -> None:
    """Unchanged large files are not sent again."""
    run(plain_checkpoint)
    hub.calls.clear()
    record = plain_checkpoint / "classifier.json"
    record.write_text(record.read_text().replace("0.3125", "0.5"))
    run(plain_checkpoint)
    assert len(hub.repo("tester/wrist").history()) == 3
    assert not [call for call in hub.calls if call.startswith("PUT")]


def test_a_tag_never_moves(hub: LoopbackHub, plain_checkpoint: Path) -> None:
    """Other content under a tag that exists is refused before anything is uploaded."""
    run(plain_checkpoint, "--tag", "v1")
    record = plain_checkpoint / "classifier.json"
    record.write_text(record.read_text().replace("0.3125", "0.5"))
    with pytest.raises(BonexrayError, match="tag 'v1' of tester/wrist already names other content"):
        run(plain_checkpoint, "--tag", "v1")
    assert len(hub.repo("tester/wrist").history()) == 2


def test_a_dry_run_lists_each_file_with_its_size_and_asks_nothing_of_the_hub(
    hub: LoopbackHub, plain_checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The listing has the names and the bytes, and no request was made."""
    run(plain_checkpoint, "--dry-run")
    listed = dict(reversed(line.split()) for line in capsys.readouterr().out.splitlines()[:-1])
    assert sorted(listed) == FILES
    assert listed["model.weights.h5"] == f"{(plain_checkpoint / 'model.weights.h5').stat().st_size:,}"
    assert hub.calls == []


def test_a_private_repository_is_hidden_and_a_public_one_is_not_taken_for_private(
    hub: LoopbackHub, plain_checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """--private hides a new repository, and refuses one that everybody sees."""
    run(plain_checkpoint, "--private")
    assert hub.repo("tester/wrist").private
    run(plain_checkpoint, repo="tester/open")
    with pytest.raises(BonexrayError, match="tester/open exists and is public"):
        run(plain_checkpoint, "--private", repo="tester/open")
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(BonexrayError, match="called 'tester/wrist': check the name"):
        resolve("tester/wrist")


def test_what_was_published_comes_back_bit_for_bit(hub: LoopbackHub, plain_checkpoint: Path) -> None:
    """The tag is pulled: first what serves, then Keras' files when asked."""
    run(plain_checkpoint, "--tag", "release/1.0")
    source = resolve("tester/wrist", "release/1.0")
    assert (source.folder / "model.tflite").read_bytes() == (plain_checkpoint / "model.tflite").read_bytes()
    assert not (source.folder / "model.weights.h5").exists()
    folder = source.fetch(["config.json", "metadata.json", "model.weights.h5"])
    assert (folder / "model.weights.h5").read_bytes() == (plain_checkpoint / "model.weights.h5").read_bytes()
    assert hub.repo("tester/wrist").tags["release/1.0"] == source.revision


@pytest.mark.parametrize("name", ["wrist", "a/b/c", "owner/", "own er/name"])
def test_a_wrong_name_is_refused_in_one_line(hub: LoopbackHub, plain_checkpoint: Path, name: str) -> None:
    """Nothing is created under a name that cannot be one."""
    with pytest.raises(BonexrayError, match=r"is no name on the Hub: expected 'owner/name'") as raised:
        run(plain_checkpoint, repo=name)
    assert "\n" not in str(raised.value)
    assert hub.store.repos == {}


def test_a_damaged_checkpoint_is_not_published(hub: LoopbackHub, plain_checkpoint: Path) -> None:
    """Bytes that the hashes do not describe stay at home."""
    (plain_checkpoint / "model.weights.h5").write_bytes(b"other")
    with pytest.raises(BonexrayError, match=r"model\.weights\.h5"):
        run(plain_checkpoint)
    assert hub.store.repos == {}
