"""The Space and the release: everything in order, and the page pinned to the models that went up with it."""

import argparse
import json
from pathlib import Path

import pytest
from huggingface_hub import RepoCard
from loopback_hub import Fault, LoopbackHub

from bonexray import hub_errors
from bonexray.errors import BonexrayError, HubError
from bonexray.hub import resolve
from training import publish, release

COMMIT = "0123456789abcdef0123456789abcdef01234567"
NAMES = ["tester/bones-mobilenetv2", "tester/bones-resnet50"]


@pytest.fixture
def pair(plain_checkpoint: Path) -> list[str]:
    """Return two checkpoint folders, one of each backbone."""
    other = plain_checkpoint.with_name("other")
    other.mkdir()
    for path in plain_checkpoint.iterdir():
        (other / path.name).write_bytes(path.read_bytes())
    record = json.loads((other / "classifier.json").read_text())
    (other / "classifier.json").write_text(json.dumps(record | {"backbone": "mobilenetv2"}))
    return [str(other), str(plain_checkpoint)]


def run_publish(*arguments: str) -> None:
    """Run `publish` as the command line does."""
    parser = argparse.ArgumentParser()
    publish.add_arguments(parser)
    publish.run(parser.parse_args(arguments))


def run_release(*arguments: str) -> None:
    """Run `release` as the command line does."""
    parser = argparse.ArgumentParser()
    release.add_arguments(parser)
    release.run(parser.parse_args(arguments))


def test_rows_go_into_a_data_set_repository(hub: LoopbackHub, small_rows: Path) -> None:
    """A folder of rows is told from a checkpoint, and no image goes with them."""
    run_publish(str(small_rows), "tester/rows")
    repo = hub.repo("tester/rows", "dataset")
    assert sorted(repo.commits[repo.branches["main"]].tree) == ["README.md", "rows.parquet"]


def test_a_space_is_published_and_told_its_models(hub: LoopbackHub, small_project: Path) -> None:
    """The variable has the pins, and doing it again neither commits nor restarts."""
    for _ in range(2):
        hub.calls.clear()
        run_publish("space", "tester/page", "--model", f"a/b@{COMMIT}", "--model", f"a/c@{COMMIT}")
    space = hub.repo("tester/page", "space")
    assert (space.sdk, len(space.history())) == ("gradio", 2)
    assert space.variables == {"BONEXRAY_MODELS": f"a/b@{COMMIT},a/c@{COMMIT}"}
    assert not [call for call in hub.calls if call.startswith("POST") and call.endswith("/variables")]


def test_a_module_that_is_gone_leaves_the_space(hub: LoopbackHub, small_project: Path) -> None:
    """What is not in the project any more would still be imported."""
    run_publish("space", "tester/page", "--model", f"a/b@{COMMIT}")
    (small_project / "page/layout.py").unlink()
    run_publish("space", "tester/page", "--model", f"a/b@{COMMIT}")
    space = hub.repo("tester/page", "space")
    assert "page/layout.py" not in space.commits[space.branches["main"]].tree


@pytest.mark.parametrize("models", [[], ["--model", "a/b"], ["--model", "a/b@v1"]])
def test_a_space_needs_its_models_pinned(hub: LoopbackHub, small_project: Path, models: list[str]) -> None:
    """A name or a tag may come to mean something else: only a commit will do."""
    with pytest.raises(BonexrayError, match="the Space needs its models as owner/name@commit"):
        run_publish("space", "tester/page", *models)
    assert hub.store.repos == {}


def test_what_is_neither_is_named(hub: LoopbackHub, tmp_path: Path) -> None:
    """A folder that does not exist is no data set on the Hub."""
    with pytest.raises(BonexrayError, match=r"nowhere is no folder with classifier\.json or rows\.parquet"):
        run_publish(str(tmp_path / "nowhere"), "tester/wrist")


def test_a_release_pins_the_page_to_its_models(
    hub: LoopbackHub, pair: list[str], small_rows: Path, small_project: Path
) -> None:
    """Models, rows, Space: each is there, and the Space names the exact commits."""
    run_release("tester/bones", *pair, "--rows", str(small_rows), "--tag", "v1")
    commits = [hub.repo(name).branches["main"] for name in NAMES]
    space = hub.repo("tester/bones", "space")
    assert space.variables["BONEXRAY_MODELS"] == ",".join(f"{n}@{c}" for n, c in zip(NAMES, commits, strict=True))
    card = RepoCard(hub.store.read("space", "tester/bones", "README.md").decode())
    assert (card.data.models, card.data.datasets) == (NAMES, ["tester/bones-split"])
    assert [pin.split()[-1] for pin in card.data.preload_from_hub] == commits
    for name in NAMES:
        assert resolve(name, "v1").revision == resolve(name).revision
        assert b"- tester/bones-split" in hub.store.read("model", name, "README.md")


def test_a_release_again_changes_nothing(hub: LoopbackHub, pair: list[str], small_project: Path) -> None:
    """No second commit anywhere."""
    for _ in range(2):
        run_release("tester/bones", *pair, "--tag", "v1")
    assert [len(repo.history()) for repo in hub.store.repos.values()] == [2, 2, 2]


def test_a_release_that_fails_halfway_leaves_the_page_as_it_was_and_is_completed(
    hub: LoopbackHub, pair: list[str], small_project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever upload fails, the Space's pins stay those of before, until the same command is run again."""
    monkeypatch.setattr(hub_errors, "TRIES", 1)
    run_release("tester/bones", *pair)
    before = dict(hub.repo("tester/bones", "space").variables)
    for folder in pair:
        record = Path(folder) / "classifier.json"
        record.write_text(record.read_text().replace("0.3125", "0.5"))
    for address in (f"{NAMES[1]}/commit/main$", "spaces/tester/bones/commit/main$"):
        hub.faults.append(Fault(address, status=500))
        with pytest.raises(HubError, match="answered 500"):
            run_release("tester/bones", *pair)
        assert hub.repo("tester/bones", "space").variables == before
    run_release("tester/bones", *pair)
    assert hub.repo("tester/bones", "space").variables != before
    assert [len(repo.history()) for repo in hub.store.repos.values()] == [3, 3, 3]


def test_nothing_is_uploaded_when_one_part_is_bad(hub: LoopbackHub, pair: list[str], small_project: Path) -> None:
    """The second checkpoint is damaged: the first one stays at home too."""
    (Path(pair[1]) / "model.tflite").write_bytes(b"damaged")
    with pytest.raises(BonexrayError, match=r"model\.tflite"):
        run_release("tester/bones", *pair)
    assert hub.store.repos == {}


def test_two_checkpoints_of_one_backbone_cannot_have_one_name(
    hub: LoopbackHub, plain_checkpoint: Path, small_project: Path
) -> None:
    """Their repositories would be the same."""
    with pytest.raises(BonexrayError, match="expected one of each backbone"):
        run_release("tester/bones", str(plain_checkpoint), str(plain_checkpoint))


def test_a_dry_release_lists_all_and_asks_nothing(
    hub: LoopbackHub, pair: list[str], small_project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Three repositories, their files and the variable are shown, and no request is made."""
    run_release("tester/bones", *pair, "--dry-run")
    shown = capsys.readouterr().out
    for line in (f"for the model {NAMES[0]}", f"for the model {NAMES[1]}", "for the space tester/bones"):
        assert line in shown
    assert f"BONEXRAY_MODELS={NAMES[0]}@COMMIT,{NAMES[1]}@COMMIT" in shown
    assert hub.calls == []
