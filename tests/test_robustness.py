"""Perturbations do what they are called, and the peak of the evidence is found where it lies."""

import numpy as np
import pandas as pd
import pytest

from bonexray import Prediction
from training.judging.perturbations import LETTERS, PERTURBATIONS, letter_box
from training.judging.predictions import COLUMNS
from training.judging.robustness import FLAGS, describe_peak, summarise_robustness


@pytest.fixture
def grey() -> np.ndarray:
    """A smooth image with some noise, 140 high and 210 wide."""
    random = np.random.default_rng(0)
    ramp = np.linspace(20, 180, 210)[None] + np.linspace(0, 40, 140)[:, None]
    return (ramp + random.integers(0, 20, (140, 210))).astype(np.uint8)


@pytest.mark.parametrize("name", PERTURBATIONS)
def test_each_changes_the_image_and_not_its_input(name: str, grey: np.ndarray) -> None:
    """Grey bytes come out, something is different, and the original stays."""
    before = grey.copy()
    changed = PERTURBATIONS[name](grey)
    assert (changed.dtype, changed.ndim) == (np.uint8, 2)
    assert (grey == before).all()
    assert np.array_equal(changed, grey) == (name == "none")


def test_perturbations_are_what_they_say(grey: np.ndarray) -> None:
    """Sizes, means and edges move as the names promise."""
    changed = {name: change(grey) for name, change in PERTURBATIONS.items()}
    assert changed["rotation 90 degrees"].shape == (210, 140)
    assert np.array_equal(changed["rotation 180 degrees"], grey[::-1, ::-1])
    assert np.array_equal(changed["flip left to right"], np.fliplr(grey))
    assert changed["crop to 90 %"].shape == (126, 190)
    white = changed["white margin of 10 %"]
    assert np.array_equal(white[21:-21, 21:-21], grey)
    assert white.sum() - grey.sum() == 255 * (white.size - grey.size)
    assert max(changed["shrunk to 80 px"].shape) == 80
    assert changed["brightness +20 %"].mean() == pytest.approx(grey.mean() + 51, abs=3)
    assert changed["contrast x 0.6"].std() == pytest.approx(0.6 * grey.std(), rel=0.02)
    noise = [np.abs(np.diff(changed[name].astype(int))).mean() for name in ("none", "blur 1 px", "blur 2 px")]
    assert noise[0] > noise[1] > noise[2]


@pytest.mark.parametrize(("name", "corner"), LETTERS.items())
def test_the_letter_is_in_its_box(name: str, corner: int, grey: np.ndarray) -> None:
    """Only pixels inside the box change, some of them to white, and the box lies in its corner."""
    changed = PERTURBATIONS[name](grey) != grey
    left, top, right, bottom = letter_box((140, 210), corner)
    assert changed[top:bottom, left:right].sum() > 20
    changed[top:bottom, left:right] = False
    assert not changed.any()
    assert (left > 105, top > 70) == (corner in (1, 2), corner in (2, 3))


def answer(peak: tuple[int, int], shape: tuple[int, int]) -> Prediction:
    """Make an answer whose evidence peaks in one of 7 x 7 cells."""
    cells = np.zeros((7, 7), np.float32)
    cells[peak] = 1
    return Prediction(0.5, 0.5, 0.0, cells, shape, None, 0.0)


@pytest.mark.parametrize(("peak", "expected"), [
    ((3, 3), (False, False, False)),
    ((3, 0), (False, True, False)),
    ((0, 3), (False, True, True)),  # padding: 210 x 140 in a square of 210, cells of 30: one row and a bit above
    ((1, 3), (False, True, False)),  # rows 30..60 of the square hold the edge at 35
    ((1, 6), (True, True, False)),
])  # fmt: skip
def test_peaks_are_found(peak: tuple[int, int], expected: tuple[bool, ...], grey: np.ndarray) -> None:
    """On the letter in the top right corner, on the border, in the padding, and on the anatomy."""
    found = describe_peak(answer(peak, (140, 210)), grey, letter_box((140, 210), 1))
    assert tuple(found[flag] for flag in FLAGS) == expected


def test_a_peak_on_flat_ground_is_found(grey: np.ndarray) -> None:
    """The same cell on a part of the image without structure."""
    grey[40:110, 80:130] = 10
    assert describe_peak(answer((3, 3), (140, 210)), grey, None)["peak_on_flat"]


def test_flips_and_peaks_are_counted() -> None:
    """Of four sources one verdict flips under blur; two of three called fractured peak on the border."""
    base = {
        "file": list("wxyz"), "source_group": list("wxyz"), "archive": ["web"] * 4, "label": [1, 1, 0, 0],
        "rotated_copy": [False] * 4, "part": ["test"] * 4, "role": ["held_out"] * 4, "split": ["grouped"] * 4,
        "model": ["m"] * 4, "logit": [0.0] * 4, "threshold": [0.5] * 4, "milliseconds": [1.0] * 4,
    }  # fmt: skip
    clear = pd.DataFrame({**base, "probability": [0.9, 0.8, 0.2, 0.1]})
    blurred = pd.DataFrame({**base, "probability": [0.9, 0.8, 0.7, 0.1]})
    flags = {"peak_on_letter": False, "peak_on_border": [True, False, True, True], "peak_on_flat": False}
    table = pd.concat([
        clear.assign(perturbation="none", **flags), blurred.assign(perturbation="blur 1 px", **flags)
    ])  # fmt: skip
    summary = summarise_robustness(table[[*COLUMNS, "perturbation", *FLAGS]], resamples=50)
    assert summary["none"]["flipped"]["value"] == 0
    assert summary["blur 1 px"]["flipped"]["value"] == 0.25
    assert summary["blur 1 px"]["specificity"]["value"] == 0.5
    assert summary["blur 1 px"]["peak_on_border"]["value"] == pytest.approx(2 / 3)
    assert "peak_on_letter" not in summary["blur 1 px"]
