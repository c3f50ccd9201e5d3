"""The curves of the About tab: numbers by hand, and drawings that say in words what they show."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest
from sklearn.metrics import precision_score
from test_page_handlers import POINTS, with_metrics

from page import curves
from page.curves import Counts, net_benefit, precision
from page.figures import table
from page.models import Models, load_models
from page.plots import curve_drawings
from page.texts import LANGUAGES, TEXTS

POINT = {"threshold": 0.2, "sensitivity": 0.9, "specificity": 0.6}


@pytest.fixture(scope="module")
def models() -> Models:
    """Load the bundled networks as the page does."""
    return load_models()


def test_precision_and_net_benefit_are_counted_right() -> None:
    """Of 100 sources, 50 of them fractured: 45 found, 20 false alarms."""
    truth = np.repeat([1, 0], 50)
    called = np.r_[np.ones(45), np.zeros(5), np.ones(20), np.zeros(30)]
    assert precision(POINT, 0.5) == pytest.approx(precision_score(truth, called))
    assert net_benefit(POINT, 0.5) == pytest.approx(45 / 100 - 20 / 100 * 0.2 / 0.8)
    assert precision(POINT | {"sensitivity": 0, "specificity": 1}, 0.5) is None
    assert net_benefit(POINT | {"threshold": 1.0}, 0.5) is None


def test_sources_are_counted_from_the_bins(models: Models) -> None:
    """All of them, and the fractured; none where nothing was measured."""
    bins = [{"count": 19.0, "fractured": 0.1053}, {"count": 81.0, "fractured": 0.9877}]
    assert curves.counts(with_metrics(models[0], reliability=bins)) == Counts(100, 82)
    assert curves.counts(with_metrics(models[0])) is None
    assert curve_drawings((with_metrics(models[0]), with_metrics(models[1])), "en") == ""


@pytest.mark.parametrize("language", LANGUAGES)
def test_five_drawings_tell_what_they_show(models: Models, language: str) -> None:
    """Each is one picture to a screen reader, with both values of each mark, and draws no undefined number."""
    html = curve_drawings(models, language)
    assert html.count("<figcaption>") == 5 and "nan" not in html and "None" not in html
    told = re.findall(r'role="img" aria-label="([^"]+)"', html)
    assert len(told) == 5 and all(TEXTS[language]["curve.roc"] not in one for one in told[:2])
    for one in told[2:]:
        assert "MobileNetV2" in one and "ResNet50" in one and one.count("%") >= 4
    counted = curves.counts(models[0])
    assert counted and str(counted.sources) in html and str(counted.fractured) in html
    for figure in re.findall(r"<figure>.*?</figure>", html, re.DOTALL):
        ElementTree.fromstring(figure)


def test_the_lines_differ_by_more_than_colour(models: Models) -> None:
    """The second is dashed, and its mark has another shape."""
    html = curve_drawings(models, "en")
    dots = {
        kind: set(re.findall(rf'bx-dot bx-{kind}" d="M[\d.]+ [\d.]+([^"]+)"', html)) for kind in ("first", "second")
    }
    assert len(dots["first"]) == len(dots["second"]) == 1 and dots["first"] != dots["second"]


def test_one_measured_network_is_drawn_alone(models: Models) -> None:
    """The other one has no line, and no place in the legend."""
    bins = [{"count": 10.0, "fractured": 0.5}]
    alone = (with_metrics(models[0], operating_points=POINTS, reliability=bins), with_metrics(models[1]))
    html = curve_drawings(alone, "de")
    assert html.count("<figure>") == 4 and "ResNet50" not in html


def test_what_was_measured_is_said_in_each_language(models: Models) -> None:
    """And in the evaluation's own English where the page does not know the set."""
    assert "vergleich" not in table(models, "de") and "Quellen, jede von einem Netz" in table(models, "de")
    strange = with_metrics(models[0], split="elsewhere", per_source={"auroc": {"value": 0.9}})
    assert "elsewhere" in table((strange, models[1]), "de")


def test_a_stranger_s_text_is_no_html(models: Models) -> None:
    """What a checkpoint says that it was measured on is shown as text."""
    bins, split = [{"count": 10.0, "fractured": 0.5}], "<img src=x onerror=alert(1)>"
    strange = with_metrics(models[0], operating_points=POINTS, reliability=bins, split=split)
    strange.checkpoint.metrics["per_source"] = {"auroc": {"value": 0.9}}
    for html in (curve_drawings((strange, models[1]), "en"), table((strange, models[1]), "en")):
        assert "<img" not in html and "&lt;img" in html
