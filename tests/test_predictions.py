"""The table of predictions and the one vote a source."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bonexray.errors import BonexrayError
from training.judging.baselines import FROZEN
from training.judging.predictions import COLUMNS, check_predictions, evaluation_sets, read_predictions, votes
from training.judging.summary import summarise


def predictions(**columns: list) -> pd.DataFrame:
    """Make a table: source a has a copy and two upright images, b two rotated copies only."""
    rows = {
        "file": ["a-rotated1.jpg", "a2.jpg", "a1.jpg", "b-rotated1.jpg", "b-rotated2.jpg"],
        "source_group": list("aaabb"), "archive": ["web"] * 5, "label": [1, 1, 1, 0, 0],
        "rotated_copy": [True, False, False, True, True], "part": ["test"] * 5, "role": ["held_out"] * 5,
        "split": ["grouped"] * 5, "model": ["resnet50"] * 5, "logit": [5.0, -3.0, 2.0, -1.0, 3.0],
        "threshold": [0.8] * 3 + [0.7] * 2, "milliseconds": [1.0] * 5, **columns,
    }  # fmt: skip
    rows["probability"] = (1 / (1 + np.exp(-np.array(rows["logit"])))).tolist()
    return pd.DataFrame(rows)[list(COLUMNS)].astype(COLUMNS)


def test_the_upright_image_votes_else_the_mean_logit() -> None:
    """For a the first upright by name, logit 2; for b the mean of -1 and 3, which is 1."""
    chosen = votes(predictions()).set_index("source_group")
    assert chosen["logit"].tolist() == [2.0, 1.0]
    assert chosen["probability"].tolist() == pytest.approx([0.880797, 0.731059], abs=1e-6)
    assert chosen["fractured"].tolist() == [True, True]
    assert chosen["label"].tolist() == [1, 0]


def test_sets_tell_held_out_parts_from_leaky_ones() -> None:
    """Model and set name, with the verdict at each row's own threshold."""
    table = pd.concat([
        predictions(), predictions(part=["fold1"] * 5, model=["other"] * 5),
        predictions(split=["official"] * 5), predictions(role=["validation"] * 5, part=["fold0"] * 5),
        predictions(part=["all"] * 5),
    ])  # fmt: skip
    sets = evaluation_sets(table)
    assert set(sets) == {
        ("resnet50", "test"), ("other", "out_of_fold"), ("resnet50", "official"),
        ("resnet50", "validation"), ("resnet50", "external"),
    }  # fmt: skip
    assert sets["resnet50", "test"]["fractured"].tolist() == [True, False, True, False, True]


def test_the_table_survives_the_disk(tmp_path: Path) -> None:
    """Two files are joined, types and all."""
    first, second = predictions(), predictions(model=["mobilenetv2"] * 5)
    first.to_parquet(tmp_path / "a.parquet")
    second.to_parquet(tmp_path / "b.parquet")
    joined = read_predictions([tmp_path / "a.parquet", tmp_path / "b.parquet"])
    pd.testing.assert_frame_equal(joined, pd.concat([first, second], ignore_index=True))


def test_a_source_on_two_sides_is_refused() -> None:
    """The same source in two parts of the grouped split would be a leak; in the official split it is known."""
    table = predictions(part=["test", "fold0", "test", "fold0", "fold0"])
    with pytest.raises(BonexrayError, match="source 'a' is in 2 parts: expected none on two sides"):
        check_predictions(table)
    check_predictions(table.assign(split="official"))


def test_two_answers_for_an_image_are_refused() -> None:
    """Two checkpoints of one name on one part cannot be told apart."""
    with pytest.raises(BonexrayError, match=r"resnet50 answers twice for a-rotated1\.jpg"):
        check_predictions(pd.concat([predictions(), predictions()]))


def test_what_is_no_table_of_predictions_is_named(tmp_path: Path) -> None:
    """A text file, a missing file, and a table of something else."""
    (tmp_path / "text.parquet").write_text("hello")
    pd.DataFrame({"file": ["x"]}).to_parquet(tmp_path / "other.parquet")
    for name, message in [
        ("text", "is no table of predictions"), ("none", "is no table of predictions"),
        ("other", "lacks the column 'source_group'"),
    ]:  # fmt: skip
        with pytest.raises(BonexrayError, match=message):
            read_predictions([tmp_path / f"{name}.parquet"])


def test_networks_are_compared_in_pairs_and_each_with_its_own_frozen_backbone() -> None:
    """On the sources of one set; a recipe of another name, and baselines among themselves, are not."""
    own, other, facts = FROZEN["mobilenetv2"], FROZEN["resnet50"], "seven plain image facts"
    untimed = [predictions(model=[name] * 5, milliseconds=[np.nan] * 5) for name in (own, other, facts)]
    timed = [predictions(model=[name] * 5) for name in ("MobileNetV2", "MobileNetV2, predecessor's recipe")]
    pairs = summarise(pd.concat([*untimed, *timed]), resamples=10, seed=0)["comparisons"]["test"]
    assert set(pairs) == {"MobileNetV2 - MobileNetV2, predecessor's recipe", f"MobileNetV2 - {own}"}
    assert pairs[f"MobileNetV2 - {own}"]["differences"]["auroc_matched"]["value"] == 0
