"""The page's handlers, called as the functions they are."""

import copy
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest

from bonexray import FractureClassifier, Prediction
from bonexray.errors import Kind
from bonexray.gate import REASONS
from page.cards import joint_card, model_card
from page.comparison import Comparison, OperatingPoint, Share, compare, describe, exact, operating_point
from page.domain import distance
from page.examples import load_examples
from page.figures import ALONE, leak_drawing, leak_of, leak_table
from page.handlers import Handlers
from page.models import Models, load_models, network_hash, title
from page.networks import networks
from page.sentences import percents
from page.sharing import Shares
from page.texts import LANGUAGES, TEXTS, choose_language, direction, translate

POINTS = [
    {
        "threshold": t / 100,
        **{f"{kind}{end}": round(value + off, 3) for end, off in (("", 0), ("_low", -0.1), ("_high", 0.1))
           for kind, value in (("sensitivity", 1 - t / 200), ("specificity", t / 100))},
    }
    for t in range(101)
]  # fmt: skip


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
    assert operating_point(model, 0.302) == OperatingPoint(0.3, Share(0.85, 0.75, 0.95), Share(0.3, 0.2, 0.4))
    card = model_card(model, prediction, 0.302, "en")
    assert "85% <small>(75% to 95%)</small>" in card and "Threshold 30.2%" in card
    assert "Measured at 30%, the nearest measured threshold" in card
    assert "Measured at threshold 30% on" in model_card(model, prediction, 0.3, "en")
    assert "85\u00a0% <small>(75\u00a0% bis 95\u00a0%)</small>" in model_card(model, prediction, 0.3, "de")
    shares = {"sensitivity": {"value": 0.9, "low": 0.8, "high": 1.0}, "specificity": {"value": 0.6}}
    told = with_metrics(models[0], operating_points=POINTS, per_source=shares)
    own = models[0].threshold
    assert operating_point(told, own) == OperatingPoint(own, Share(0.9, 0.8, 1.0), Share(0.6))
    assert f"Measured at threshold {own:.1%} on" in model_card(told, prediction, own, "en")
    assert operating_point(told, 0.302) == operating_point(model, 0.302)
    bare = with_metrics(models[0])
    assert operating_point(bare, 0.3) is None
    assert "not measured" in model_card(bare, prediction, 0.3, "en")


def test_a_slider_at_a_networks_own_threshold_means_it_exactly(handlers: Handlers, compared: Comparison) -> None:
    """Its three decimals move no verdict: the page decides as the package does."""
    own, other = handlers.models[0].threshold, handlers.models[1].threshold
    between = gated(compared.predictions[0], probability=own + 0.4 * (round(own, 3) - own))
    close = replace(compared, predictions=(between, compared.predictions[1]))
    card = handlers.render_verdicts(close, round(own, 3), round(other, 3), False, "en")[1]
    assert round(own, 3) != own and ("> Fractured" in card) == (between.probability >= own)
    assert exact((round(own, 3), 0.9), handlers.models) == (own, 0.9)


def test_a_probability_in_the_uncertain_band_is_called_uncertain(models: Models, compared: Comparison) -> None:
    """Only where a band was measured, only inside it, and only at the threshold that it was measured for."""
    at, own = compared.predictions[0].probability, (models[0].threshold, models[1].threshold)
    inside = with_metrics(models[0], uncertain_band=[max(0, at - 0.1), at + 0.1])
    outside = with_metrics(models[0], uncertain_band=[at + 0.01, at + 0.1])
    assert describe(compared, (inside, models[1]), own)["models"][0]["uncertain"]
    assert not describe(compared, (outside, models[1]), own)["models"][0]["uncertain"]
    assert "Uncertain: MobileNetV2" in joint_card(compared, (inside, models[1]), own, "en")
    moved = (own[0] / 2, own[1])
    assert not describe(compared, (inside, models[1]), moved)["models"][0]["uncertain"]
    assert "Uncertain: MobileNetV2" not in joint_card(compared, (inside, models[1]), moved, "en")
    for threshold, said in ((own[0], True), (moved[0], False)):
        card = model_card(inside, compared.predictions[0], threshold, "en")
        assert ("(uncertain)" in card, "bx-zone" in card, TEXTS["en"]["band"] in card) == (said,) * 3


def gated(prediction: Prediction, **answers: object) -> Prediction:
    """Return the prediction with a gate's answers."""
    copied = copy.copy(prediction)
    for name, value in answers.items():
        object.__setattr__(copied, name, value)
    return copied


def refused(compared: Comparison, **reasons: str | None) -> Comparison:
    """Return the comparison as if the gates had given these reasons, each at 1.84 times the limit."""
    answers = [
        gated(prediction, in_domain=why is None, domain_score=1.84 if why else 0.4, domain_reason=why)
        for prediction, why in zip(compared.predictions, (reasons.get("first"), reasons.get("second")), strict=True)
    ]
    return replace(compared, predictions=tuple(answers))


def test_a_refusal_comes_before_any_number(handlers: Handlers, compared: Comparison) -> None:
    """What the gate refuses shows its reason; the numbers only on demand."""
    strange = refused(compared, first="features")
    banner, anyway, results, _, *parts = handlers.render(strange, None, 0.5, 0.5, False, "en")
    assert "MobileNetV2 (1.8 times the limit): what this network sees" in banner and "%" not in banner
    assert anyway["visible"] and not results["visible"] and not any(parts)
    banner, anyway, results, _, *parts = handlers.render(strange, None, 0.5, 0.5, True, "en")
    assert banner.index("does not look like") < banner.index("bx-warning") and results["visible"] and all(parts)
    assert "guesses" in banner
    assert all("(a guess)" in card and "bx-guess" in card for card in parts[:2])
    assert "guess" not in "".join(handlers.render(compared, None, 0.5, 0.5, True, "en")[4:6])


def test_both_gates_with_one_reason_say_it_once(handlers: Handlers, compared: Comparison) -> None:
    """In every language, and for a reason that the page does not know."""
    for language in LANGUAGES:
        for code in (*REASONS, "unheard of"):
            banner = handlers.render(refused(compared, first=code, second=code), None, 0.5, 0.5, False, language)[0]
            said = TEXTS[language].get(f"refused.{code}", TEXTS[language]["refused.unlike"])
            assert banner.count(said) == 1 and "MobileNetV2" in banner and "ResNet50" in banner


def test_the_record_tells_of_the_gate(models: Models, compared: Comparison) -> None:
    """Refused, known, or without a gate: for each network, and for both."""
    record = describe(refused(compared, second="colour"), models, (0.5, 0.5))
    assert [one["in_domain"] for one in record["models"]] == [True, False] and record["in_domain"] is False
    assert [one["domain_score"] for one in record["models"]] == [0.4, 1.84]
    assert [one["domain_reason"] for one in record["models"]] == [None, "colour"]
    assert describe(refused(compared), models, (0.5, 0.5))["in_domain"] is True
    ungated = tuple(gated(one, in_domain=None, domain_score=None, domain_reason=None) for one in compared.predictions)
    assert describe(replace(compared, predictions=ungated), models, (0.5, 0.5))["in_domain"] is None


def test_an_unreadable_upload_is_one_line_for_the_visitor(handlers: Handlers, tmp_path: Path) -> None:
    """The line names the file and no folder of the server, and stays on the page; its kind is said in any language."""
    (tmp_path / "notes.txt").write_text("none")
    comparison, problem, *_ = handlers.judge_upload(str(tmp_path / "notes.txt"))
    assert comparison is None and problem[0] == "unreadable"
    assert problem[1].startswith("notes.txt") and str(tmp_path) not in problem[1]
    banner, _, results, *_ = handlers.render(comparison, problem, 0.5, 0.5, False, "es")
    assert problem[1] in banner and "no se puede leer" in banner and not results["visible"]
    assert translate("es", "problem.unreadable") in banner


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_kind_of_problem_is_told_in_every_language(language: str) -> None:
    """Those that reading a file ends with, and those of a batch alone."""
    for kind in (*get_args(Kind), "archive", "most"):
        assert translate(language, f"problem.{kind}", most=200)


def test_nothing_of_a_file_name_is_taken_for_html(models: Models, compared: Comparison) -> None:
    """A model's source is a stranger's text."""
    strange = with_metrics(models[0])
    strange.source, strange.revision = "owner/<script>alert(1)</script>", "a" * 40
    assert "<script" not in model_card(strange, compared.predictions[0], 0.5, "en")


@pytest.mark.parametrize(
    ("probability", "threshold", "shown"),
    [
        (0.731, 0.54, ("73%", "54%")),
        (0.731, 0.4747, ("73%", "47.5%")),
        (0.536, 0.537, ("53.6%", "53.7%")),
        (0.5361, 0.5364, ("53.61%", "53.64%")),
        (0.5, 0.5, ("50.000%", "50.000%")),
        (0.99966, 0.5, ("99.9%", "50%")),
        (0.996, 0.5, ("99.6%", "50%")),
        (0.0, 0.5, ("0.1%", "50%")),
        (0.9998, 0.9995, ("99.98%", "99.95%")),
    ],
)
def test_percents_show_which_is_larger(probability: float, threshold: float, shown: tuple[str, str]) -> None:
    """Rounding never makes two different numbers equal, as far as three decimals go; and no probability certain."""
    assert percents(probability, threshold, "en") == shown


def test_a_distance_beyond_all_measure_is_cut() -> None:
    """A black picture lies ten million limits away, which says no more than a hundred."""
    assert distance(1.84, "de") == TEXTS["de"]["refused.score"].format(score="1,8")
    assert distance(11_681_159.6, "en") == "100+ times the limit"
    assert distance(None, "en") == ""


def test_every_network_names_its_card(models: Models, compared: Comparison) -> None:
    """On the Hub at its revision, or this page's own About, which has the facts of both."""
    there = with_metrics(models[0])
    there.source, there.revision = "someone/bones", "a" * 40
    card = model_card(there, compared.predictions[0], 0.5, "en")
    assert f"/someone/bones/blob/{'a' * 40}/README.md" in card and "revision aaaaaaa " in card
    here = model_card(models[0], compared.predictions[0], 0.5, "fr")
    assert 'href="?tab=about&amp;lang=fr"' in here and network_hash(models[0])[:7] in here
    facts = networks((there, models[1]), "de")
    side = models[0].checkpoint.image_size
    assert network_hash(models[1])[:12] in facts and f"blob/{'a' * 40}" in facts
    assert f"{side} × {side}" in facts  # noqa: RUF001


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


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_row_beside_the_networks_has_a_name_in_every_language(models: Models, language: str) -> None:
    """The baselines and the predecessor's recipe, as the bundled checkpoints list them."""
    rows = {row.removesuffix(ALONE) for row in leak_of(models)} - {title(model) for model in models}
    assert len(rows) == 10
    assert {f"leak.{row}" for row in rows} <= TEXTS[language].keys()
    assert ("(" in leak_table(models, language)) and ("test part alone" in leak_table(models, language)) == (
        language == "en"
    )


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_split_without_copies_is_not_said_to_leak(models: Models, language: str) -> None:
    """Where an evaluation counted none; the bundled networks' own does leak."""
    clean = tuple(with_metrics(model, leak={"X": {"official_auroc": {"value": 0.9}}}, own_split_leaks=False)
                  for model in models)  # fmt: skip
    for told, shown in (("leak", models), ("leak.own", clean)):
        html, rows = leak_drawing(shown, language), leak_table(shown, language)
        assert f"<h2>{translate(language, told)}</h2><p>{translate(language, f'{told}.more')}</p>" in html
        assert f"({translate(language, f'{told}.official')})" in rows
