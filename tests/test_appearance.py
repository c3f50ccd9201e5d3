"""How a picture looks, held against NumPy's and SciPy's own statistics, and against pictures whose edges are known."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from bonexray.appearance import COUNT, PERCENTILES, describe, facts, thumbnail

LEVELS = {"mean": 7, "spread": 8, "skew": 9, "kurtosis": 10, "fullest": 11, "entropy": 12, "black": 13, "white": 14}
STEPS = {"median": 22, "flat": 25, "one_way": 26, "upright": 27, "coherence": 28}  # of the finest scale


def noise(seed: int = 0) -> NDArray[np.float32]:
    """Draw a thumbnail of all grey levels, some of them black or white."""
    values = np.random.default_rng(seed).normal(120, 90, (128, 90))
    return np.clip(np.round(values), 0, 255).astype(np.float32)


def test_grey_levels_are_those_of_numpy_and_scipy() -> None:
    """Percentiles, moments, histogram and the shares of black and white."""
    small = noise()
    found, values = facts(small), small.ravel().astype(np.float64)
    share = np.histogram(values, np.arange(0, 257, 8))[0] / values.size
    expected = {
        "mean": values.mean(), "spread": np.log(values.std() + 1e-3), "skew": stats.skew(values),
        "kurtosis": np.log(stats.kurtosis(values, fisher=False) + 1e-3), "fullest": share.max(),
        "entropy": stats.entropy(share), "black": (values <= 10).mean(), "white": (values >= 245).mean(),
    }  # fmt: skip
    np.testing.assert_allclose(found[:7], np.percentile(values, PERCENTILES), rtol=1e-6)
    for name, value in expected.items():
        assert found[LEVELS[name]] == pytest.approx(value, rel=1e-3), name


def test_the_frame_is_what_lies_outside_the_middle() -> None:
    """A sixteenth of the shorter side, here five pixels."""
    small = noise()
    framed = np.ones(small.shape, bool)
    framed[5:-5, 5:-5] = False
    np.testing.assert_allclose(facts(small)[16:18], [small[framed].mean(), small[framed].std()], rtol=1e-5)


@pytest.mark.parametrize("turn", [0, 1])
def test_stripes_run_one_way_and_noise_runs_all_ways(turn: int) -> None:
    """Of the stripes' steps none is slanted; the noise's cancel but for the pixel that a step down and across share."""
    stripes = np.rot90(np.tile(np.repeat([20, 200], 4), (96, 12)), turn).astype(np.float32)
    found, strewn = facts(stripes), facts(noise())
    assert found[STEPS["one_way"]] == pytest.approx(1, abs=1e-3)
    assert found[STEPS["upright"]] == pytest.approx(1, abs=1e-3)
    assert found[STEPS["coherence"]] == pytest.approx(1, abs=1e-3)
    assert found[STEPS["flat"]] == pytest.approx(0.75, abs=0.02)  # three of four pixels beside their like
    assert strewn[STEPS["one_way"]] < 0.5
    assert strewn[STEPS["coherence"]] < found[STEPS["coherence"]]


def test_the_tails_of_the_steps_are_percentiles() -> None:
    """In units of their mean."""
    small = noise()
    steps = np.hypot(np.diff(small, axis=1)[:-1], np.diff(small, axis=0)[:, :-1])
    expected = np.log((np.percentile(steps, (50, 90, 99)) + 0.1) / (steps.mean() + 0.01))
    np.testing.assert_allclose(facts(small)[STEPS["median"] : STEPS["median"] + 3], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("value", [0, 7, 255])
def test_facts_are_finite_for_a_blank_picture(value: int) -> None:
    """Whatever its shape, down to one pixel."""
    for shape in ((1, 1), (300, 20), (2000, 1500)):
        grey = np.full(shape, value, np.uint8)
        looks = describe(grey)
        assert looks.facts.shape == (COUNT,)
        assert np.isfinite(looks.facts).all()
        assert looks.spread == 0
        assert min(thumbnail(grey).shape) >= 16
