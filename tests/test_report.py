"""The report's tables say what the figures say."""

from pathlib import Path
from typing import Any

import pytest

from bonexray.errors import BonexrayError
from training.data.known import KNOWN_FINGERPRINT
from training.judging.baselines import FROZEN
from training.judging.confounding import FACTS
from training.judging.summary import headline_set, leak_table
from training.reporting.own_split import MEMORY, own_split_leaks
from training.reporting.report import MARKERS, interval, main_table, title, write_results


def figure(value: float) -> dict[str, float]:
    """Make a figure whose interval is a tenth to each side."""
    return {"value": value, "low": value - 0.1, "high": value + 0.1}


def measured(value: float, milliseconds: float | None) -> dict[str, Any]:
    """Make one set's figures, all of them the same."""
    figures = {key: figure(value) for key in ("auroc_matched", "auroc_in_img", "auroc", "accuracy")}
    return {"sources": 65, "milliseconds": milliseconds, "per_source": figures, "per_image": figures}


def summary(**networks: list[str]) -> dict[str, Any]:
    """Make a summary of the facts baseline, judged on everything, and networks judged on some sets; the data leak."""
    values = {"official": 0.8, "out_of_fold": 0.7, "test": 0.6}
    models = {FACTS: {name: measured(value, None) for name, value in values.items()}}
    models |= {model: {name: measured(values[name] + 0.1, 5.0) for name in sets} for model, sets in networks.items()}
    return {"data": {"test_copies": 3}, "models": models, "method": {"votes": "votes", "intervals": "intervals"}}


def test_tables_stand_on_the_largest_leak_free_set_that_a_network_has() -> None:
    """Out of fold where one was cross-validated, else the test part; the official split is none."""
    assert headline_set(summary(a=["out_of_fold", "test"], b=["test"])["models"]) == "out_of_fold"
    assert headline_set(summary(a=["test"], predecessor=["official"])["models"]) == "test"
    assert headline_set(summary(predecessor=["official"])["models"]) == "out_of_fold"
    assert headline_set(summary()["models"]) == "out_of_fold"


def test_a_network_without_the_headline_set_says_where_it_was_measured() -> None:
    """Its figure is that of its test part, and its name says so, in the main table and in the card's."""
    models = summary(a=["out_of_fold", "test"], predecessor=["official", "test"])
    line = main_table(models).splitlines()[4]
    assert line.startswith("| predecessor (test part alone) | 0.900 (0.800 to 1.000) | 0.900 (0.800 to 1.000) | 0.700 ")
    assert leak_table(models)["predecessor (test part alone)"]["leak_free_auroc"]["value"] == pytest.approx(0.7)
    assert leak_table(models)["a"]["leak_free_auroc"]["value"] == pytest.approx(0.8)


def test_the_gain_over_the_frozen_backbone_stands_below_the_table() -> None:
    """Of each network over its own alone, with its interval; nothing where none was compared."""
    compared = {"differences": {"auroc_matched": figure(0.15)}}
    pairs = {"a - b": compared, "a - b - c": compared, f"a - {FROZEN['resnet50']}": compared}
    told = main_table(summary(a=["out_of_fold"]) | {"comparisons": {"out_of_fold": pairs}})
    assert told.endswith("its own frozen features: a 0.150 (0.050 to 0.250).")
    assert "frozen" not in main_table(summary(a=["out_of_fold"]))


def test_the_main_table_puts_the_leaky_figure_beside_the_honest_one() -> None:
    """Leaky, within an archive, inside it, and overall with what facts alone reach in its head."""
    lines = main_table(summary(a=["test", "official"], predecessor=["official"])).splitlines()
    assert "all archives together (image facts alone: 0.600)" in lines[0]
    assert lines[3] == (
        "| a | 0.900 (0.800 to 1.000) | 0.900 (0.800 to 1.000) | 0.700 (0.600 to 0.800) | 0.700 (0.600 to 0.800) "
        "| 0.700 (0.600 to 0.800) |"
    )
    assert lines[4] == "| predecessor | 0.900 (0.800 to 1.000) | 0.900 (0.800 to 1.000) | - | - | - |"


def test_data_without_an_official_split_have_no_column_for_it() -> None:
    """Neither the two figures nor the warning that they measure memory."""
    external = {"a": {"external": measured(0.5, 5.0)}}
    shown = main_table({"data": {}, "models": external, "method": {"votes": "votes", "intervals": "intervals"}})
    assert shown.startswith(
        "| model | leak-free: **AUROC within an archive** | **inside `img`** | all archives together |"
    )
    assert "| a | 0.500 (0.400 to 0.600) | 0.500 (0.400 to 0.600) | 0.500 (0.400 to 0.600) |" in shown
    assert "official" not in shown


def test_only_a_split_that_copies_cross_is_called_leaky() -> None:
    """Without a copy of a test image in training, neither the head nor the text says that figures measure memory."""
    found = summary(a=["test", "official"])
    leaky, clean = main_table(found), main_table(found | {"data": {"test_copies": 0}})
    assert "| official split, leaky: accuracy | leaky: AUROC |" in leaky and MEMORY in leaky
    assert "| official split: accuracy | official split: AUROC |" in clean
    assert "memory" not in clean and "leaky" not in clean and "copies" not in clean
    assert "Figures on the official split are per image, at a threshold of .5. Leak-free:" in clean


def test_of_tables_without_a_count_the_known_data_leak() -> None:
    """As those that come with the project; of other data nothing is claimed."""
    assert own_split_leaks({"fingerprint": KNOWN_FINGERPRINT})
    assert not own_split_leaks({"fingerprint": "0123abcd"})
    assert not own_split_leaks({"fingerprint": KNOWN_FINGERPRINT, "test_copies": 0})


def test_the_leak_table_leaves_out_what_was_not_measured() -> None:
    """A network that was only trained on the official split has no honest figure there."""
    table = leak_table(summary(a=["test"], predecessor=["official"]))
    assert table["predecessor"] == {"official_accuracy": figure(0.9), "official_auroc": figure(0.9)}
    assert set(table["a"]) == {"leak_free_accuracy", "leak_free_auroc", "leak_free_auroc_matched"}


def test_numbers_and_names_are_readable() -> None:
    """What is not defined is a dash; a key is words."""
    assert interval({"value": None, "low": None, "high": None}) == "-"
    assert interval(None) == "-"
    assert title("ppv_at_0.2") == "PPV at 20 % prevalence"
    assert title("auroc_in_img") == "AUROC inside the archive img"
    assert title("sensitivity_in_web-2") == "sensitivity inside the archive web-2"
    assert title("calibration_in_the_large") == "mean probability minus share of fractured"
    assert interval({"value": -0.0004, "low": -0.02, "high": 0.02}) == "0.000 (-0.020 to 0.020)"


def test_only_what_stands_between_the_markers_changes(tmp_path: Path) -> None:
    """Twice is once, backslashes and all."""
    readme = tmp_path / "README.md"
    readme.write_text(f"# a\n{MARKERS[0]}\nx\n{MARKERS[1]}\n## b\n")
    for _ in range(2):
        write_results(readme, r"| \1 |")
    assert readme.read_text() == f"# a\n{MARKERS[0]}\n| \\1 |\n{MARKERS[1]}\n## b\n"


def test_a_readme_without_markers_is_refused(tmp_path: Path) -> None:
    """And stays as it is; so is one that does not exist."""
    readme = tmp_path / "README.md"
    with pytest.raises(BonexrayError, match="is no file"):
        write_results(readme, "x")
    readme.write_text("# a\n")
    with pytest.raises(BonexrayError, match="lacks the markers"):
        write_results(readme, "x")
    assert readme.read_text() == "# a\n"
