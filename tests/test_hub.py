"""Pulling a checkpoint: which files, which commit, which cache, and what wins."""

from pathlib import Path

import pytest
from loopback_hub import LoopbackHub

from bonexray.checkpoint import LAYOUT
from bonexray.errors import HubError
from bonexray.hub import resolve

FILES = {
    "README.md": b"# card\n",
    "classifier.json": b'{"format_version": 1}\n',
    "model.tflite": b"network" * 1000,
    "model.weights.h5": b"weights" * 1000,
}
CACHED = ["classifier.json", "model.tflite"]


@pytest.fixture
def commit(hub: LoopbackHub) -> str:
    """Put a repository on the Hub, small files only, and return its commit."""
    return hub.put("tester/wrist", FILES)


def names(folder: Path) -> list[str]:
    """Return the sorted names of the files in a folder."""
    return sorted(path.name for path in folder.iterdir())


def test_only_the_files_for_serving_are_pulled(commit: str) -> None:
    """The card and Keras' weights stay on the Hub, and the commit is known."""
    source = resolve("tester/wrist")
    assert names(source.folder) == CACHED
    assert source.revision == commit
    assert (source.folder / "model.tflite").read_bytes() == FILES["model.tflite"]


def test_keras_files_are_fetched_later_from_the_same_commit(hub: LoopbackHub, commit: str) -> None:
    """Somebody publishing in between does not mix two versions."""
    source = resolve("tester/wrist")
    hub.put("tester/wrist", {"model.weights.h5": b"newer"})
    folder = source.fetch(["model.weights.h5"])
    assert folder.name == commit
    assert (folder / "model.weights.h5").read_bytes() == FILES["model.weights.h5"]


def test_a_folder_wins_over_a_repository(
    hub: LoopbackHub, commit: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder called owner/name is used, and the Hub is not asked."""
    (tmp_path / "tester/wrist").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    source = resolve("tester/wrist")
    assert (source.folder, source.revision) == (tmp_path / "tester/wrist", None)
    assert source.fetch(["model.weights.h5"]) == source.folder
    assert hub.calls == []


def test_a_revision_may_be_a_tag_a_branch_or_a_commit(hub: LoopbackHub, commit: str) -> None:
    """All three names lead to the same files, though the default branch has moved on."""
    repo = hub.repo("tester/wrist")
    repo.tags["v1"] = repo.branches["release/1"] = commit
    hub.put("tester/wrist", {"model.tflite": b"newer"})
    assert {resolve("tester/wrist", name).revision for name in ("v1", "release/1", commit)} == {commit}
    assert resolve("tester/wrist").revision != commit


def test_a_pinned_commit_in_the_cache_asks_nothing_of_the_hub(hub: LoopbackHub, commit: str) -> None:
    """A second start of the page needs no network."""
    resolve("tester/wrist", commit)
    hub.calls.clear()
    assert resolve("tester/wrist", commit).revision == commit
    assert hub.calls == []


def test_local_files_only_serves_the_warm_cache_and_nothing_else(hub: LoopbackHub, commit: str) -> None:
    """What was pulled is found again without a request; what was not is one line."""
    resolve("tester/wrist")
    hub.calls.clear()
    assert resolve("tester/wrist", local_files_only=True).revision == commit
    with pytest.raises(HubError, match="tester/elbow is not in the cache, and the network may not be used"):
        resolve("tester/elbow", local_files_only=True)
    assert hub.calls == []


def test_offline_mode_serves_the_warm_cache_and_nothing_else(
    hub: LoopbackHub, commit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """HF_HUB_OFFLINE=1, as the client reads it at import, asks nothing of the Hub."""
    resolve("tester/wrist", "main")
    hub.calls.clear()
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert resolve("tester/wrist", "main").revision == commit
    with pytest.raises(HubError, match="tester/elbow is not in the cache, and the network may not be used"):
        resolve("tester/elbow")
    assert hub.calls == []


def test_keras_files_missing_in_the_cache_are_said_to_be_missing(commit: str) -> None:
    """Offline, the part that was never pulled is named as such, and no half of it is returned."""
    resolve("tester/wrist")
    offline = resolve("tester/wrist", local_files_only=True)
    with pytest.raises(HubError, match="tester/wrist is not in the cache"):
        offline.fetch(["model.weights.h5"])


def test_downloads_go_where_the_caller_says(commit: str, tmp_path: Path) -> None:
    """cache_dir is the root of what is written."""
    source = resolve("tester/wrist", cache_dir=tmp_path / "mine")
    assert source.folder.is_relative_to(tmp_path / "mine")
    assert not (tmp_path / "hub-cache").exists()


@pytest.mark.parametrize("name", ["wrist", "a/b/c", "/no/such/folder", "owner/", "../wrist", "own er/x", ""])
def test_a_name_that_can_be_neither_is_refused_in_one_line(hub: LoopbackHub, name: str) -> None:
    """The line has the name and what was expected, and the Hub is not asked."""
    with pytest.raises(HubError, match="is neither an existing folder nor a name on the Hub") as raised:
        resolve(name)
    assert repr(name) in str(raised.value)
    assert "\n" not in str(raised.value)
    assert hub.calls == []


def test_a_file_is_no_folder(hub: LoopbackHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is called like a repository does not send its name to the Hub."""
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs/model.tflite").write_bytes(b"network")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(HubError, match="is neither an existing folder nor a name"):
        resolve("runs/model.tflite")


def test_a_folder_has_no_revision(tmp_path: Path) -> None:
    """A revision that would be ignored is refused instead."""
    with pytest.raises(HubError, match="revision 'v1' was given for the folder"):
        resolve(tmp_path, "v1")


def test_a_repository_that_is_no_checkpoint_is_named(hub: LoopbackHub) -> None:
    """The line names the file that was looked for."""
    hub.put("tester/poems", {"README.md": b"# poems\n", "classifier.json": b"{}"})
    with pytest.raises(HubError, match=r"tester/poems at \w+ holds no model.tflite: expected a bonexray checkpoint"):
        resolve("tester/poems")


def test_the_token_reaches_the_hub_and_no_message(hub: LoopbackHub, commit: str) -> None:
    """A private repository opens with the token; neither a representation nor an error shows one."""
    hub.repo("tester/wrist").private = True
    source = resolve("tester/wrist", token="hf_test")
    assert "hf_test" not in repr(source)
    with pytest.raises(HubError) as raised:
        resolve("tester/other", token="hf_wrong_secret")
    assert "secret" not in str(raised.value)


def test_a_folder_is_found_from_wherever_the_program_goes(
    plain_checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A relative name is of the folder that was the current one when it was given."""
    monkeypatch.chdir(plain_checkpoint.parent)
    source = resolve(plain_checkpoint.name)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert source.name == plain_checkpoint.name
    assert (source.fetch(LAYOUT.serving) / LAYOUT.classifier).is_file()
