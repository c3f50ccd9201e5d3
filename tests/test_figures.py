"""The figures of training, drawn from the histories that trainings leave."""

import pandas as pd

from training.reporting.figures import draw_training


def lines(*histories: pd.DataFrame) -> list[int]:
    """Count the curves in each panel, without the rule between the phases."""
    figure = draw_training({f"network {number}": history for number, history in enumerate(histories)})
    return [sum(len(line.get_xdata()) > 2 for line in axes.lines) for axes in figure.axes]


def test_a_single_epoch_is_seen() -> None:
    """A head that was fitted at once has one point, drawn as one."""
    figure = draw_training({"head": pd.DataFrame({"phase": ["head"], "loss": [0.5], "auc": [0.7]})})
    assert [axes.lines[0].get_marker() for axes in figure.axes] == [".", "."]


def test_a_history_without_validation_has_a_curve_of_its_own() -> None:
    """A network that gave no source to validation has one curve a panel, one with validation has two."""
    history = pd.DataFrame(
        {"phase": ["head", *["backbone"] * 3], "loss": [0.5, 0.4, 0.3, 0.2], "auc": [0.7, 0.8, 0.9, 1]}
    )
    assert lines(history) == [1, 1]
    checked = history.assign(val_loss=history["loss"] + 0.1, val_auc=history["auc"] - 0.1)
    assert lines(checked) == [2, 2]
    assert lines(history, checked) == [3, 3]
