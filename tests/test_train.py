"""Training end to end on drawn bones: to a checkpoint, after a kill, and with bad input."""

import json
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest
from core_fixtures import ROOT, draw_bone, write_folders

from bonexray import FractureClassifier
from bonexray.checkpoint import LAYOUT, read_checkpoint, verify_files
from training.__main__ import build_parser, main
from training.cross_validate import plans
from training.data.dataset import read_dataset
from training.data.roles import assign_roles, first_images
from training.data.split import split_sources
from training.learning import material
from training.making.calibration import fit_platt
from training.making.plan import make_plan
from training.making.provenance import describe_data, seen_before
from training.making.record import read_record, write_record

pytestmark = pytest.mark.usefixtures("few_others")

SMALL = ("--image-size", "32", "--stored-size", "40", "--batch-size", "8", "--images-per-epoch", "16",
         "--views", "2", "--head-views", "2", "--first-trained", "block_15", "--weights", "none")  # fmt: skip


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return 24 drawn bones in the Kaggle layout."""
    return write_folders(tmp_path_factory.mktemp("bones"), sources=40)


def command(data: Path, output: Path, *flags: str) -> list[str]:
    """A short training of the smaller network."""
    cache = str(data.parent / "cache")
    return ["train", "mobilenetv2", "--data", str(data), "--output", str(output), "--cache", cache, *SMALL, *flags]


def test_a_training_writes_a_whole_checkpoint_twice_into_one_place(data: Path, tmp_path: Path) -> None:
    """Head, fine-tuning, calibration, export; its provenance tells how; nothing else is left behind.

    The maps that are cached are those of every source: a network that holds another part out computes none.
    """
    output, made = tmp_path / "runs" / "net", []
    for epochs, held_out in (("1", "fold1"), ("2", "test")):
        assert main(command(data, output, "--epochs", epochs, "--seed", "2", "--hold-out", held_out)) == 0
        assert [path.name for path in output.parent.iterdir()] == ["net"]
        made.append({path: path.stat().st_mtime_ns for path in (data.parent / "cache").glob("maps-*.npy")})
    assert made[0]
    assert made[1] == made[0]
    checkpoint = read_checkpoint(output)
    verify_files(output, checkpoint, checkpoint.files)
    assert {*LAYOUT.keras, LAYOUT.network, "history.csv"} == set(checkpoint.files)
    recipe, about = checkpoint.provenance["recipe"], checkpoint.provenance["data"]
    assert (recipe["seed"], recipe["epochs"], recipe["name"]) == (2, 2, "default")
    assert about["images"] == 80
    assert {"tensorflow", "keras", "keras-cv"} <= checkpoint.provenance["libraries"].keys()
    history = pd.read_csv(output / "history.csv")
    assert history.groupby("phase").size().to_dict() == {"backbone": 2, "head": 1}
    answer = FractureClassifier.from_pretrained(output).predict(draw_bone(90, 70, seed=5))
    assert 0 < answer.probability < 1


def test_a_killed_training_is_taken_up_at_its_epoch(data: Path, tmp_path: Path) -> None:
    """After SIGKILL in the second phase the same command finishes, without an epoch missing or run twice."""
    output = tmp_path / "net"
    argv = [sys.executable, "-m", "training", *command(data, output, "--epochs", "12")]
    with subprocess.Popen(argv, cwd=Path(__file__).parents[1], stderr=subprocess.DEVNULL) as process:
        _wait_for_epochs(tmp_path, 2, process)
        process.send_signal(signal.SIGKILL)
    assert not output.exists()
    before = _epochs(tmp_path)
    assert main(argv[3:]) == 0
    after = pd.read_csv(output / "history.csv").query("phase == 'backbone'")
    assert after["epoch"].tolist() == list(range(12))
    np.testing.assert_allclose(after["loss"].to_numpy()[: len(before) - 1], before[: len(before) - 1])
    assert [path.name for path in tmp_path.iterdir()] == ["net"]


def test_a_training_killed_after_its_last_epoch_ends_as_if_it_had_not_been(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the very weights: nothing is left to fit, and the averaged weights of the last epoch are those kept."""
    backed_up = keras.callbacks.BackupAndRestore.on_epoch_end

    def die(self: keras.callbacks.BackupAndRestore, epoch: int, logs: dict | None = None) -> None:
        backed_up(self, epoch, logs)
        if epoch == 1:
            raise KeyboardInterrupt

    flags = ("--epochs", "2")
    assert main(command(data, tmp_path / "whole", *flags)) == 0
    with monkeypatch.context() as patched:
        patched.setattr(keras.callbacks.BackupAndRestore, "on_epoch_end", die)
        with pytest.raises(KeyboardInterrupt):
            main(command(data, tmp_path / "cut", *flags))
    assert main(command(data, tmp_path / "cut", *flags)) == 0
    whole, cut = (keras.saving.load_model(tmp_path / name).get_weights() for name in ("whole", "cut"))
    assert all(np.array_equal(one, other) for one, other in zip(whole, cut, strict=True))
    assert pd.read_csv(tmp_path / "cut/history.csv").equals(pd.read_csv(tmp_path / "whole/history.csv"))


def test_a_folder_of_other_things_is_not_replaced(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nor a file, nor what has no name: said before the training, and nothing is lost."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.txt").write_text("years")
    (tmp_path / "seen").mkdir()
    (tmp_path / "seen/.DS_Store").touch()  # what a Mac leaves of a look at a folder
    assert main(["bundle", str(ROOT / "checkpoints/resnet50"), str(tmp_path / "seen")]) == 0
    for output, said in [(tmp_path / "mine", "holds thesis.txt"), (tmp_path / "mine/thesis.txt", "is a file"),
                         (Path("."), "no name of its own")]:  # fmt: skip
        assert main(command(data, output, "--epochs", "0")) == 2
        assert said in capsys.readouterr().err
    assert main(["bundle", str(ROOT / "checkpoints/resnet50"), str(tmp_path / "mine")]) == 2
    shutil.copytree(ROOT / "checkpoints/resnet50", tmp_path / "net")
    assert main(["bundle", str(tmp_path / "net"), str(tmp_path / "net")]) == 2
    assert "is the checkpoint itself" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.txt"]


def test_what_a_checkpoint_saw_stays_seen_when_it_is_trained_further(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A part that the first training saw can be neither held out nor calibrate; the record lists both trainings'."""
    first = shutil.copytree(ROOT / "checkpoints" / "mobilenetv2", tmp_path / "first")
    record, table = read_record(first), read_dataset(data)
    record["provenance"]["data"] = describe_data(table, assign_roles(table, "grouped"), "bones")
    write_record(first, record)
    further = ("--weights", str(first), "--validation", "none")
    assert main(command(data, tmp_path / "net", "--weights", str(first))) == 2
    assert main(command(data, tmp_path / "net", *further, "--hold-out", "fold1")) == 2
    said = capsys.readouterr().err
    for part in ("fold0", "fold1"):
        assert re.search(rf"checkpoint \S+first saw (\d+) of these \1 images of {part} in its training", said)
    argv = ["cross-validate", *command(data, tmp_path / "cv", "--weights", str(first))[1:]]
    assert main(argv) == 2
    assert "images of fold0 in its training" in capsys.readouterr().err
    grown = write_folders(tmp_path / "grown", sources=48)
    plan = make_plan(build_parser().parse_args(command(grown, tmp_path / "net", *further, "--hold-out", "none")))
    assert seen_before(read_dataset(data), record["provenance"]["data"]).sum() < 80
    assert seen_before(read_dataset(grown), plan.data).all()
    assert seen_before(read_dataset(data), plan.data).all()


def test_calibration_is_chosen_in_one_place(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A validation part and a cross-validation's answers are two."""
    assert main(command(data, tmp_path / "net", "--epochs", "0", "--calibration", str(tmp_path))) == 2
    assert "expected --validation none, or no --calibration" in capsys.readouterr().err


def test_the_official_split_shows_no_view_of_its_test_images(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though a source may have images on both sides."""
    leaky = shutil.copytree(data, tmp_path / "leaky")
    for path in sorted((leaky / "train").glob("*/*.png"))[:10]:
        shutil.copy(path, leaky / "test" / path.parent.name / f"{path.stem}-rotated1.png")
    drawn: list[pd.DataFrame] = []
    shown = material.show_maps

    def spy(*arguments: Any) -> material.Shown:  # noqa: ANN401 - passed on
        drawn.append(shown(*arguments).table)
        raise KeyboardInterrupt

    monkeypatch.setattr("training.learning.fitting.show_maps", spy)
    with pytest.raises(KeyboardInterrupt):
        main(command(leaky, tmp_path / "net", "--epochs", "1", "--views", "9", "--split", "official"))
    assert len(drawn[0])
    assert not drawn[0]["official_paths"].str.startswith("test/").any()


def _epochs(folder: Path) -> list[float]:
    files = list(folder.glob("net.state-*/history.csv"))
    return pd.read_csv(files[0]).query("phase == 'backbone'")["loss"].tolist() if files else []


def _wait_for_epochs(folder: Path, count: int, process: subprocess.Popen) -> None:
    deadline = time.monotonic() + 240
    while len(_epochs(folder)) < count:
        assert process.poll() is None, "the training ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_no_source_is_on_two_sides(data: Path) -> None:
    """Whatever part is held out; a fold that is held out leaves "test" unused."""
    table = read_dataset(data)
    for held_out, total in [("test", 80), ("fold2", 80)]:
        roles = assign_roles(table, "grouped", "fold1", held_out)
        sources = [set(rows["source_group"]) for rows in roles.values()]
        assert all(sources)
        assert not set.intersection(*sources[:2]) | set.intersection(*sources[1:]) | (sources[0] & sources[2])
        used = sum(len(rows) for rows in roles.values())
        assert used == total if held_out == "test" else used < total
        assert all(set(roles[role]["label"]) == {0, 1} for role in ("train", "validation"))
    assert len(first_images(table)) == table["source_group"].nunique()


def test_holding_out_nothing_trains_on_all_but_validation(data: Path) -> None:
    """The test part too; what is left is one fold, for calibration and threshold."""
    table = read_dataset(data)
    roles = assign_roles(table, "grouped", "fold1", "none")
    assert roles["test"].empty
    assert len(roles["train"]) + len(roles["validation"]) == len(table)
    about = describe_data(table, roles, "bones")
    assert about["split"].keys() == {"train", "validation"}
    assert seen_before(table, about).all()


def test_a_cross_validation_trains_what_is_missing_and_measures_all_five(
    data: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Four folds stand there as finished (the bundled network in their place), one is trained, all are measured.

    Each is calibrated on the others, and a network of the recipe on all five, with nothing spent on validation.
    """
    flags = command(data, tmp_path / "cv", "--epochs", "0")[1:]
    argv = ["cross-validate", *flags, "--no-robustness"]
    for plan in plans(build_parser().parse_args(argv), tmp_path / "cv"):
        if plan.output.name != "fold3":
            shutil.copytree(ROOT / "checkpoints" / "mobilenetv2", plan.output)
            record = json.loads((plan.output / LAYOUT.classifier).read_text())
            record["provenance"] |= plan.provenance
            (plan.output / LAYOUT.classifier).write_text(json.dumps(record))
    with caplog.at_level("INFO", "training"):
        assert main(argv) == 0
    assert sum("is finished already" in line for line in caplog.messages) == 4
    assert read_checkpoint(tmp_path / "cv" / "fold3").image_size == 32
    kept = pd.read_parquet(tmp_path / "cv" / "report" / "predictions.parquet").set_index("file")
    parts = split_sources(read_dataset(data)).set_index("file")["part"]
    assert kept["part"].to_dict() == parts[parts != "test"].to_dict()
    answers = pd.read_csv(tmp_path / "cv" / "out_of_fold.csv")
    assert set(answers["file"]) == set(kept.index)
    assert "out of the other folds" in read_checkpoint(tmp_path / "cv" / "fold0").calibration["fitted_on"]
    metrics = json.loads((tmp_path / "cv" / "report" / "metrics.json").read_text())
    assert set(metrics["models"]["MobileNetV2"]) == {"out_of_fold"}
    answers = pd.read_csv(tmp_path / "cv" / "out_of_fold.csv")
    others = answers[answers["fold"] != "fold3"]
    expected = fit_platt(others["logit"], others["label"])
    calibration = read_checkpoint(tmp_path / "cv" / "fold3").calibration
    assert (calibration["temperature"], calibration["shift"]) == pytest.approx(expected)
    assert main([*argv, "--split", "official"]) == 2
    final = command(data, tmp_path / "net", "--epochs", "0", "--validation", "none")
    assert main([*final, "--calibration", str(tmp_path / "cv")]) == 0
    made = read_checkpoint(tmp_path / "net")
    assert made.calibration["temperature"] == pytest.approx(fit_platt(answers["logit"], answers["label"])[0])
    assert "validation" not in made.provenance["data"]["split"]
    assert main([*final, "--calibration", str(tmp_path / "cv"), "--seed", "7"]) == 2
    assert not list(tmp_path.glob("net.state-*"))


def test_a_folder_without_out_of_fold_answers_is_refused_before_the_training(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With nothing begun: the answers are needed at its end, hours later."""
    argv = command(data, tmp_path / "net", "--epochs", "0", "--validation", "none", "--calibration", str(tmp_path))
    assert main(argv) == 2
    assert "out_of_fold.csv" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_without_validation_and_cross_validation_nothing_is_calibrated(data: Path, tmp_path: Path) -> None:
    """The record says so, and the threshold is .5."""
    assert main(command(data, tmp_path / "net", "--epochs", "0", "--validation", "none")) == 0
    made = read_checkpoint(tmp_path / "net")
    assert made.calibration["method"] == "none"
    assert made.threshold == 0.5


def test_the_official_split_is_taken_with_its_leaks(tmp_path: Path) -> None:
    """An image that lies in two folders has both roles, as for whoever trains on the folders."""
    write_folders(tmp_path, sources=12)
    (planted,) = (tmp_path / "train" / "fractured").glob("fra-0.png")
    shutil.copy(planted, tmp_path / "test" / "fractured" / "again.png")
    roles = assign_roles(read_dataset(tmp_path), "official")
    assert {role: len(rows) for role, rows in roles.items()} == {"train": 12, "validation": 6, "test": 7}
    assert roles["train"]["source_group"].isin(roles["test"]["source_group"]).sum() == 1


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (["--data", "nowhere"], "nowhere"),
        (["--weights", "nowhere.h5"], "nowhere.h5"),
        (["--dropout", "7"], "dropout=7.0"),
        (["--hold-out", "fold0"], "fold0"),
        (["--first-trained", "conv9"], "conv9"),
    ],
)
def test_bad_input_ends_with_one_line_and_status_two(
    data: Path, tmp_path: Path, change: list[str], named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """And no checkpoint, whole or half."""
    output = tmp_path / "net"
    assert main(command(data, output, "--epochs", "1", *change)) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert named in lines[-1]
    assert lines[-1].startswith("train: ")
    assert not output.exists()


def test_an_unknown_network_is_named(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the ones that there are."""
    assert main(["train", "vgg16", "--data", str(data)]) == 2
    assert "vgg16" in capsys.readouterr().err


def test_help_explains_every_flag(capsys: pytest.CaptureFixture[str]) -> None:
    """`python -m training train --help` is the reference."""
    with pytest.raises(SystemExit, match="0"):
        main(["train", "--help"])
    text = capsys.readouterr().out
    for flag in ("--data", "--weights", "--learning-rate", "--image-size", "pixels"):
        assert flag in text


def test_the_record_is_plain_json(data: Path, tmp_path: Path) -> None:
    """Head alone, official split, the predecessor's scaling: the recipe is still told whole."""
    flags = ("--recipe", "predecessor", "--epochs", "0")
    assert main(command(data, tmp_path / "net", *flags)) == 0
    record = json.loads((tmp_path / "net" / LAYOUT.classifier).read_text())
    assert record["provenance"]["recipe"]["scaling"] == "unit"
    assert record["provenance"]["data"]["split"].keys() == {"train", "validation", "test"}
