"""The page's handlers, called as the functions they are."""

from dataclasses import replace
from pathlib import Path

import gradio as gr
import pytest

from bonexray import FractureClassifier
from page.cards import joint_card, model_card, percents
from page.comparison import Comparison, compare, describe, operating_point
from page.examples import load_examples
from page.handlers import Handlers
from page.models import Models, load_models
from page.sharing import Shares
from page.texts import LANGUAGES, TEXTS, choose_language, direction

POINTS = [{"threshold": t / 100, "sensitivity": 1 - t / 200, "specificity": t / 100} for t in range(101)]


@pytest.fixture(scope="module")
def models() -> Models:
    """Load the bundled networks as the page does."""
    return load_models()


@pytest.fixture(scope="module")
def handlers(models: Models) -> Handlers:
    """Return the handlers with the simulated examples."""
    return Handlers(models, load_examples(), Shares())


@pytest.fixture(scope="module")
def compared(handlers: Handlers) -> Comparison:
    """Compare one example."""
    return compare(handlers.examples[0].path, handlers.models)


def with_metrics(model: FractureClassifier, **metrics: object) -> FractureClassifier:
    """Return the network as if an evaluation had measured this."""
    copied = FractureClassifier.from_pretrained(model.folder)
    copied.checkpoint = replace(copied.checkpoint, metrics=metrics)
    return copied


def test_thresholds_decide_verdict_and_agreement(models: Models, compared: Comparison) -> None:
    """The same probabilities agree or not, as the thresholds say."""
    low, high = describe(compared, models, (0, 0)), describe(compared, models, (0, 1))
    assert [one["fractured"] for one in low["models"]] == [True, True] and low["agreement"]
    assert [one["fractured"] for one in high["models"]] == [True, False] and not high["agreement"]
    assert "disagree" in joint_card(compared, models, (0, 1), "en")
    assert "Both networks say: fractured" in joint_card(compared, models, (0, 0), "en")


def test_the_evidence_cells_of_the_record_add_up_to_the_logit(models: Models, compared: Comparison) -> None:
    """Who reads the record can check the explanation."""
    for model, one in zip(models, describe(compared, models, (0.5, 0.5))["models"], strict=True):
        cells = [value for row in one["evidence_cells"] for value in row]
        assert sum(cells) / len(cells) + model.checkpoint.bias == pytest.approx(one["logit"], abs=1e-4)


def test_measured_points_are_shown_or_said_to_be_missing(models: Models, compared: Comparison) -> None:
    """Sensitivity and specificity come from the evaluation alone."""
    model, prediction = with_metrics(models[0], operating_points=POINTS), compared.predictions[0]
    point = operating_point(model, 0.302)
    assert point and (point.threshold, point.sensitivity, point.specificity) == (0.3, 0.85, 0.3)
    assert "finds 85% of fractures" in model_card(model, prediction, 0.3, "en")
    bare = with_metrics(models[0])
    assert operating_point(bare, 0.3) is None
    assert "not measured" in model_card(bare, prediction, 0.3, "en")


def test_a_probability_in_the_uncertain_band_is_called_uncertain(models: Models, compared: Comparison) -> None:
    """Only where a band was measured, and only inside it."""
    at = compared.predictions[0].probability
    inside = with_metrics(models[0], uncertain_band=[max(0, at - 0.1), at + 0.1])
    outside = with_metrics(models[0], uncertain_band=[at + 0.01, at + 0.1])
    assert describe(compared, (inside, models[1]), (0.5, 0.5))["models"][0]["uncertain"]
    assert not describe(compared, (outside, models[1]), (0.5, 0.5))["models"][0]["uncertain"]
    assert "Uncertain: MobileNetV2" in joint_card(compared, (inside, models[1]), (0.5, 0.5), "en")


def test_a_refusal_comes_before_any_number(handlers: Handlers, compared: Comparison) -> None:
    """What the gate refuses shows its reason; the numbers only on demand."""
    first, second = compared.predictions
    refused = replace(compared, predictions=(replace(first, in_domain=False), replace(second, in_domain=True)))
    banner, anyway, results, _, *parts = handlers.render(refused, 0.5, 0.5, False, "en")
    assert "MobileNetV2: its features are unlike" in banner and "%" not in banner
    assert anyway["visible"] and not results["visible"] and not any(parts)
    banner, anyway, results, _, *parts = handlers.render(refused, 0.5, 0.5, True, "en")
    assert banner.index("does not look like") < banner.index("bx-warning") and results["visible"] and all(parts)
    assert describe(refused, handlers.models, (0.5, 0.5))["in_domain"] is False


def test_an_unreadable_upload_is_one_line_for_the_visitor(handlers: Handlers, tmp_path: Path) -> None:
    """The line names the file and no folder of the server."""
    (tmp_path / "notes.txt").write_text("none")
    with pytest.raises(gr.Error) as error:
        handlers.judge_upload(str(tmp_path / "notes.txt"))
    assert str(error.value.message).startswith("notes.txt") and str(tmp_path) not in error.value.message


def test_nothing_of_a_file_name_is_taken_for_html(models: Models, compared: Comparison) -> None:
    """A model's source is a stranger's text."""
    strange = with_metrics(models[0])
    strange.source, strange.revision = "owner/<script>alert(1)</script>", "a" * 40
    assert "<script" not in model_card(strange, compared.predictions[0], 0.5, "en")


@pytest.mark.parametrize(
    ("probability", "threshold", "shown"),
    [(0.731, 0.536, ("73%", "54%")), (0.5361, 0.5364, ("53.61%", "53.64%")), (0.5, 0.5, ("50.000%", "50.000%"))],
)
def test_percents_show_which_is_larger(probability: float, threshold: float, shown: tuple[str, str]) -> None:
    """Rounding never makes two different numbers equal, as far as three decimals go."""
    assert percents(probability, threshold) == shown


def test_every_language_says_everything() -> None:
    """The same keys, none empty, and none left in English by oversight."""
    for language in LANGUAGES:
        assert TEXTS[language].keys() == TEXTS["en"].keys()
        assert all(TEXTS[language].values())
        same = [key for key in TEXTS["en"] if TEXTS[language][key] == TEXTS["en"][key]]
        assert language == "en" or len(same) < 8, same


@pytest.mark.parametrize(
    ("asked", "accepted", "chosen"),
    [("es", "de", "es"), (None, "pt-BR,fr;q=0.8", "fr"), ("xx", "", "en"), (None, "zh-TW", "zh"), (None, "*", "en")],
)
def test_the_language_is_chosen_from_what_is_spoken(asked: str | None, accepted: str, chosen: str) -> None:
    """The address comes first, then the browser, then English."""
    assert choose_language(asked, accepted) == chosen
    assert direction("ar") == "rtl" and direction(chosen) == "ltr"
