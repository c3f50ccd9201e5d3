"""The evaluation as a trainer runs it, on drawn bones and a bundled network."""

import argparse
import json
import shutil
from copy import deepcopy
from pathlib import Path

import pandas as pd
import pytest
from core_fixtures import ROOT, draw_bone
from huggingface_hub import HfApi
from loopback_hub import LoopbackHub
from PIL import Image

from bonexray import BonexrayError
from bonexray.checkpoint import read_checkpoint
from training.__main__ import main
from training.copying.sources import read_table
from training.data.dataset import read_dataset
from training.data.roles import assign_roles
from training.data.split import FOLDS, split_sources
from training.evaluate import add_arguments, run
from training.judging.measurement import Measurement, load_measurement
from training.judging.predictions import read_predictions
from training.making.held_out import evaluation_rows, model_name
from training.making.provenance import PREDICTIONS, SEEN_DIGITS, describe_data
from training.reporting.own_split import MEMORY, PER_IMAGE
from training.reporting.published import deviations
from training.reporting.report import MARKERS


@pytest.fixture(scope="session")
def bones(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eighty drawn bones in two archives with a manifest, each in the official test split, half of them in training."""
    folder = tmp_path_factory.mktemp("bones")
    (folder / "images").mkdir()
    rows = []
    for number in range(80):
        label = ("not fractured", "fractured")[number % 2]
        name = f"{number:02d}.png"
        pixels = draw_bone(80 + number, 60, seed=number, broken=number % 2 == 1)
        Image.fromarray(pixels).save(folder / "images" / name)
        places = [f"test/{label}/{name}", *([f"train/{label}/{name}"] if number % 4 < 2 else [])]
        rows.append({
            "file": name, "label": label, "source_group": f"s{number}", "archive": ("img", "web")[number // 2 % 2],
            "rotated_copy": "no", "official_paths": ";".join(places),
        })  # fmt: skip
    pd.DataFrame(rows).to_csv(folder / "manifest.csv", index=False)
    return folder


@pytest.fixture
def checkpoint(bones: Path, tmp_path: Path) -> Path:
    """Return a bundled network whose record says that it was trained on the drawn bones."""
    folder = tmp_path / "mobilenetv2"
    shutil.copytree(ROOT / "checkpoints" / "mobilenetv2", folder)
    write_origin(folder, bones, held_out="test", validation="fold0")
    return folder


def write_origin(folder: Path, data: Path, held_out: str, validation: str) -> None:
    """Let a checkpoint's record say that it was trained on these data with these parts left out, and not evaluated."""
    record = json.loads((folder / "classifier.json").read_text())
    table = read_table(str(data))
    roles = assign_roles(table, "grouped", validation, held_out)
    parts = {"held_out": held_out, "validation": validation}
    record["provenance"]["data"] = describe_data(table, roles, str(data)) | parts
    record["provenance"]["recipe"] |= {"name": "default", "split": "grouped"}
    record["metrics"] = {}
    record["files"].pop(PREDICTIONS, None)
    (folder / PREDICTIONS).unlink(missing_ok=True)
    (folder / "classifier.json").write_text(json.dumps(record))


@pytest.fixture
def folds(checkpoint: Path, bones: Path, tmp_path: Path) -> list[Path]:
    """Return five copies whose records say that each was trained with another fold left out."""
    copies = []
    for number, fold in enumerate(FOLDS):
        copies.append(tmp_path / "cv" / fold)
        shutil.copytree(checkpoint, copies[-1])
        write_origin(copies[-1], bones, held_out=fold, validation=FOLDS[(number + 1) % 5])
    return copies


def evaluate(*arguments: object) -> int:
    """Run the command line with few resamples."""
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return run(parser.parse_args(["--resamples", "50", *map(str, arguments)]))


def test_a_checkpoint_is_measured_and_written(checkpoint: Path, bones: Path, tmp_path: Path) -> None:
    """Report, figures, tables, README and the checkpoint's own record; a changed figure there would be noticed."""
    readme, output = tmp_path / "README.md", tmp_path / "report"
    readme.write_text(f"before\n{MARKERS[0]}\n(nothing yet)\n{MARKERS[1]}\nafter\n")
    marks = pd.DataFrame({"file": read_dataset(bones).query("label == 1")["file"], "left": 0, "top": 0, "right": 1})
    marks.assign(bottom=1).to_csv(tmp_path / "boxes.csv", index=False)
    arguments = (checkpoint, "--data", bones, "--cache", tmp_path / "cache", "--marks", tmp_path / "boxes.csv")
    assert evaluate(*arguments, "--output", output, "--write-metrics", "--readme", readme) == 0
    assert_report_is_whole(output, readme)
    metrics = read_checkpoint(checkpoint).metrics
    assert metrics["per_source"]["auroc_matched"]["low"] is not None
    assert len(metrics["operating_points"]) == 101
    assert metrics["robustness_on"].startswith("test (") and metrics["robustness_on"].endswith(" sources)")
    low, high = metrics["uncertain_band"]
    assert 0 <= low <= high <= 1
    changed = deepcopy(metrics)
    changed["per_source"]["auroc"]["value"] += 0.02
    changed["per_image"]["brier"]["value"] = None
    changed["per_image"]["ece"]["high"] += 0.02
    found = [line.split(":")[0] for line in deviations(changed, metrics)]
    assert found == ["test per_image brier, value", "test per_image ece, high", "test per_source auroc, value"]
    assert metrics["per_source"]["peak_on_mark"]["value"] == 1
    unmarked = deepcopy(metrics)
    del unmarked["per_source"]["peak_on_mark"], unmarked["per_image"]["peak_on_mark"]
    assert deviations(metrics, unmarked) == []
    unmarked["per_image"]["peak_on_mark"] = {"value": 0.5}
    assert deviations(metrics, unmarked)


def assert_report_is_whole(output: Path, readme: Path) -> None:
    """Everything that the evaluation promises lies in its folder, and agrees with itself."""
    metrics = json.loads((output / "metrics.json").read_text())
    report = (output / "report.md").read_text()
    value = metrics["models"]["MobileNetV2"]["test"]["per_source"]["auroc_matched"]["value"]
    assert f"| {value:.3f} (" in report
    assert f"| {value:.3f} (" in readme.read_text()
    assert readme.read_text().startswith(f"before\n{MARKERS[0]}\n| model |")
    assert "nothing yet" not in readme.read_text()
    assert metrics["data"]["test_copies"] >= 40
    assert MEMORY in readme.read_text() and MEMORY in report
    assert metrics["method"]["sets"]["official"].endswith("own test split, which leaks: it measures memory")
    for name in ("roc-test", "reliability-test", "confusion-test", "decision-test", "training", "samples-mobilenetv2"):
        assert Image.open(output / f"{name}.png").size[0] > 500
    assert "samples-" not in report
    assert set(metrics["models"]) > {
        "MobileNetV2",
        "seven plain image facts",
        "archive alone",
        "1 nearest neighbour, 64x64 pixels",
    }
    assert metrics["robustness"]["MobileNetV2"]["none"]["flipped"]["value"] == 0


def test_a_split_without_copies_is_not_said_to_measure_memory(
    checkpoint: Path, bones: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of the same bones, half the sources in the data set's own training and half in its test."""
    apart = tmp_path / "apart"
    shutil.copytree(bones, apart)
    rows = pd.read_csv(apart / "manifest.csv", dtype=str)
    source = read_table(str(bones)).set_index("file")["source_group"][rows["file"]]
    in_test = pd.Series(pd.factorize(source)[0] // 2 % 2 == 1)
    rows["official_paths"] = in_test.map({True: "test/", False: "train/"}) + rows["label"] + "/" + rows["file"]
    rows.to_csv(apart / "manifest.csv", index=False)
    output = tmp_path / "report"
    assert evaluate(checkpoint, "--data", apart, "--no-robustness", "--output", output) == 0
    said, report = capsys.readouterr().out, (output / "report.md").read_text()
    assert json.loads((output / "metrics.json").read_text())["data"]["test_copies"] == 0
    for text in (said, report):
        assert PER_IMAGE in text and "| official split: accuracy |" in text
        assert "memory" not in text and "leaky" not in text


def test_a_pair_of_copies_that_crosses_the_split_ends_the_evaluation(
    checkpoint: Path, bones: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Were copies not joined into one source, the status would be 2 and nothing measured."""
    parts = split_sources(read_dataset(bones)).set_index("file")["part"]
    first, second = parts[parts == "test"].index[0], parts[parts == "fold0"].index[0]
    planted = pd.DataFrame({"file_a": [first], "file_b": [second]})
    monkeypatch.setattr("training.copying.sources.find_copies", lambda *_: planted)
    monkeypatch.setattr("training.copying.sources.merge_sources", lambda table, _: table)
    flags = ["--data", str(bones), "--output", str(tmp_path / "no"), "--cache", str(tmp_path / "cache")]
    assert main(["evaluate", str(checkpoint), *flags]) == 2
    assert f"1 pairs of copies cross the split, the first of {first} (test)" in capsys.readouterr().err
    assert not (tmp_path / "no").exists()


def test_a_tag_on_the_hub_is_measured_again(
    hub: LoopbackHub, checkpoint: Path, bones: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The figures that were published with a tag are found again, and the verb says so; nothing is written there."""
    flags = ("--data", bones, "--no-baselines", "--no-robustness", "--output", tmp_path / "report")
    assert evaluate(checkpoint, *flags, "--write-metrics") == 0
    api = HfApi()
    api.create_repo("tester/wrist")
    api.upload_folder(repo_id="tester/wrist", folder_path=checkpoint)
    api.create_tag("tester/wrist", tag="v1")
    assert evaluate("tester/wrist@v1", *flags) == 0
    assert "MobileNetV2: the published figures match." in capsys.readouterr().out
    with pytest.raises(BonexrayError, match="--write-metrics with 'tester/wrist@v1': expected folders"):
        evaluate("tester/wrist@v1", *flags, "--write-metrics")


def test_figures_are_computed_again_from_predictions_alone(checkpoint: Path, bones: Path, tmp_path: Path) -> None:
    """Without models and data, the same figures to the last digit."""
    first, second = tmp_path / "first", tmp_path / "second"
    evaluate(checkpoint, "--data", bones, "--no-baselines", "--output", first)
    evaluate("--from-predictions", first / "predictions.parquet", "--output", second)
    before, after = (json.loads((folder / "metrics.json").read_text()) for folder in (first, second))
    assert after["models"] == before["models"]
    assert after["robustness"] == before["robustness"]
    assert after["data"] == before["data"]


def test_only_what_the_checkpoint_never_saw_is_used(checkpoint: Path, bones: Path) -> None:
    """Its test part as held out, its validation part apart, and nothing of its training."""
    table = read_table(str(bones))
    rows = evaluation_rows(table, read_checkpoint(checkpoint))
    roles = assign_roles(table, "grouped")
    assert set(rows.loc[rows["role"] == "held_out", "file"]) == set(roles["test"]["file"])
    assert set(rows.loc[rows["role"] == "validation", "file"]) == set(roles["validation"]["file"])


def test_a_network_of_the_official_split_is_judged_on_it_and_named(checkpoint: Path, bones: Path) -> None:
    """On every official test image, leaks and all, under a name of its own."""
    record = json.loads((checkpoint / "classifier.json").read_text())
    record["provenance"]["recipe"] |= {"name": "predecessor", "split": "official"}
    (checkpoint / "classifier.json").write_text(json.dumps(record))
    read = read_checkpoint(checkpoint)
    rows = evaluation_rows(read_table(str(bones)), read)
    assert len(rows) == 80
    assert set(rows["split"]) == {"official"}
    assert model_name(read) == "MobileNetV2, predecessor's recipe"


def test_other_data_are_refused_unless_they_are_meant(checkpoint: Path, bones: Path, tmp_path: Path) -> None:
    """Data without an image of the training are new to the network; its own never are, nor are all but one of them."""
    other = tmp_path / "other"
    shutil.copytree(bones, other)
    Image.fromarray(draw_bone(90, 60, seed=999)).save(other / "images" / "00.png")
    with pytest.raises(BonexrayError, match="or --part all for data that it never saw"):
        evaluate(checkpoint, "--data", other, "--output", tmp_path / "no")
    assert not (tmp_path / "no").exists()
    with pytest.raises(BonexrayError, match="was trained on these very data"):
        evaluate(checkpoint, "--data", bones, "--part", "all")
    with pytest.raises(BonexrayError, match=r"saw \d+ of these \d+ images in its training"):
        evaluate(checkpoint, "--data", other, "--part", "all")
    for number, path in enumerate(sorted((other / "images").iterdir())):
        Image.fromarray(draw_bone(90, 60, seed=1000 + number)).save(path)
    flags = ("--part", "all", "--no-robustness", "--output", tmp_path / "yes", "--write-metrics")
    assert evaluate(checkpoint, "--data", other, *flags) == 0
    assert read_checkpoint(checkpoint).metrics["data"]["name"] == "other"
    assert len(read_predictions([tmp_path / "yes" / "predictions.parquet"])) == len(read_dataset(other))


def test_a_split_that_is_not_the_checkpoints_own_is_refused(checkpoint: Path, bones: Path) -> None:
    """The same files under other sources are split otherwise: some held-out images may have been trained on."""
    record = json.loads((checkpoint / "classifier.json").read_text())
    record["provenance"]["data"]["split"]["test"]["sources"] += 1
    (checkpoint / "classifier.json").write_text(json.dumps(record))
    with pytest.raises(BonexrayError, match=r"test has .*: expected the split of its training"):
        evaluate(checkpoint, "--data", bones)
    record["provenance"]["data"]["held_out"] = "fold9"
    (checkpoint / "classifier.json").write_text(json.dumps(record))
    with pytest.raises(BonexrayError, match="records the held_out part 'fold9': expected one of this split"):
        evaluate(checkpoint, "--data", bones)


def test_an_image_of_the_training_is_recognised_elsewhere(checkpoint: Path, bones: Path, tmp_path: Path) -> None:
    """In another data set, and in the part that was held out; what the network never saw is asked about."""
    table = read_table(str(bones))
    roles = assign_roles(table, "grouped")
    record = read_checkpoint(checkpoint)
    strangers = table.drop(pd.concat([roles["train"], roles["validation"]]).index)
    assert len(evaluation_rows(strangers, record, whole=True)) == len(strangers)
    with_one = pd.concat([strangers, roles["train"].head(1)])
    with pytest.raises(BonexrayError, match=r"mobilenetv2 saw 1 of these \d+ images in its training"):
        evaluation_rows(with_one, record, whole=True)
    raw = json.loads((checkpoint / "classifier.json").read_text())
    raw["provenance"]["data"]["seen"] += roles["test"]["file_hash"].iloc[0][:SEEN_DIGITS]
    (checkpoint / "classifier.json").write_text(json.dumps(raw))
    with pytest.raises(BonexrayError, match=r"mobilenetv2 saw 1 of these \d+ images"):
        evaluate(checkpoint, "--data", bones, "--output", tmp_path / "no")


def test_a_network_of_every_part_is_measured_by_its_recipe(
    hub: LoopbackHub, checkpoint: Path, folds: list[Path], bones: Path, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """Alone it has no test; with the networks of its cross-validation it has figures, which the Hub keeps whole."""
    write_origin(checkpoint, bones, held_out="none", validation="none")
    flags = ("--data", bones, "--no-baselines", "--no-robustness", "--output", tmp_path / "report")
    with pytest.raises(BonexrayError, match="trained on every part of these data, and none of its answers is a test"):
        evaluate(checkpoint, *flags)
    assert evaluate(checkpoint, *folds, *flags, "--write-metrics") == 0
    metrics = read_checkpoint(checkpoint).metrics
    in_folds = {source for fold in folds for source in held_out_sources(fold, bones)}
    assert metrics["set"] == "out_of_fold"
    assert metrics["split"].startswith(f"out of fold ({len(in_folds)} sources)")
    assert metrics["split"].endswith("has no test of its own")
    assert "test" not in metrics
    assert (tmp_path / "report" / "samples-mobilenetv2.png").is_file()
    threshold = read_checkpoint(checkpoint).threshold
    assert metrics["uncertain_band"][0] <= threshold <= metrics["uncertain_band"][1]
    assert read_checkpoint(folds[0]).metrics == {}
    api = HfApi()
    api.create_repo("tester/every")
    api.upload_folder(repo_id="tester/every", folder_path=checkpoint)
    assert evaluate("tester/every", *flags) == 0
    said = (
        "MobileNetV2: the published figures match (out of fold from the published predictions, no network was asked)."
    )
    assert said in capsys.readouterr().out


def held_out_sources(folder: Path, data: Path) -> set[str]:
    """Name the sources that a checkpoint may be judged on."""
    rows = evaluation_rows(read_table(str(data)), read_checkpoint(folder))
    return set(rows.loc[rows["role"] == "held_out", "source_group"])


def test_kept_predictions_stand_for_the_networks_that_gave_them(
    checkpoint: Path, folds: list[Path], bones: Path, tmp_path: Path
) -> None:
    """A checkpoint with a test part has both figures, the larger set first; another recipe's table is refused."""
    cross = ("--data", bones, "--no-baselines", "--no-robustness", "--output", tmp_path / "cv-report")
    assert evaluate(*folds, *cross) == 0
    kept = ("--from-predictions", tmp_path / "cv-report" / "predictions.parquet")
    flags = ("--data", bones, "--no-baselines", "--no-robustness", "--output", tmp_path / "report", *kept)
    assert evaluate(checkpoint, *flags, "--write-metrics") == 0
    metrics = read_checkpoint(checkpoint).metrics
    assert metrics["set"] == "out_of_fold"
    assert metrics["test"]["per_source"]["auroc"]["value"] is not None
    report = json.loads((tmp_path / "report" / "metrics.json").read_text())
    assert set(report["models"]["MobileNetV2"]) == {"out_of_fold", "test"}
    assert report["data"]["split"]["crossing_pairs"] == 0
    record = json.loads((checkpoint / "classifier.json").read_text())
    epochs = record["provenance"]["recipe"]["epochs"]
    record["provenance"]["recipe"]["epochs"] = 99
    (checkpoint / "classifier.json").write_text(json.dumps(record))
    with pytest.raises(
        BonexrayError, match=f"MobileNetV2: one network has epochs={epochs} and another 99: expected one recipe"
    ):
        evaluate(checkpoint, *flags)
    table = pd.read_parquet(kept[1])
    assert table.attrs["recipes"].keys() == load_measurement([str(kept[1])]).recipes.keys() == {"MobileNetV2"}
    table.assign(model="another").to_parquet(tmp_path / "another.parquet")
    assert load_measurement([str(tmp_path / "another.parquet")]).recipes == {}  # no row says what it was


def test_one_recipe_may_be_shown_on_both_splits() -> None:
    """Its networks share a row, the leaky figure beside the other; all else must agree."""
    measurement = Measurement(pd.DataFrame(), pd.DataFrame(), {})
    measurement.add_recipe("X", {"split": "official", "epochs": 3})
    measurement.add_recipe("X", {"split": "grouped", "epochs": 3})
    with pytest.raises(BonexrayError, match="X: one network has epochs=3 and another 4"):
        measurement.add_recipe("X", {"split": "grouped", "epochs": 4})


@pytest.mark.parametrize(("arguments", "message"), [
    ((), "nothing to evaluate"),
    (("somewhere",), "--data is missing"),
    (("--from-predictions", "none.parquet"), "none.parquet is no table of predictions"),
    (("somewhere", "--data", "x", "--resamples", "0"), "resamples=0: expected 1..100000"),
    (("somewhere", "--data", "x", "--seed", "-1"), "seed=-1: expected 0..2147483647"),
])  # fmt: skip
def test_what_is_missing_or_out_of_range_is_named(arguments: tuple[str, ...], message: str) -> None:
    """One line says so."""
    with pytest.raises(BonexrayError, match=message):
        evaluate(*arguments)
