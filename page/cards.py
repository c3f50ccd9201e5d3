"""The page's own HTML: the joint verdict, a network's numbers, and its evidence map."""

from collections.abc import Sequence
from html import escape

from numpy import float32
from numpy.typing import NDArray

from bonexray import FractureClassifier, Prediction
from page.comparison import Comparison, is_uncertain, operating_point, uncertain_band, verdicts
from page.models import Models, card_url, is_bundled, origin, title
from page.overlay import data_uri, layer_image, peak, scale_of, shown
from page.texts import direction, translate


def joint_card(comparison: Comparison, models: Models, thresholds: Sequence[float], language: str) -> str:
    """Return the joint verdict with the warning beside it; the gate's refusal comes before any verdict."""
    decided = verdicts(comparison, thresholds)
    names = [escape(title(model)) for model in models]
    if decided[0] == decided[1]:
        kind = "fractured" if decided[0] else "intact"
        sentence = translate(language, "joint.agree.more")
    else:
        kind = "disagree"
        yes, no = names if decided[0] else names[::-1]
        sentence = translate(language, "joint.disagree.more", yes=yes, no=no)
    notes = [sentence, *_notes(comparison, models, language)]
    return _banner(kind, translate(language, f"joint.{kind}"), notes, language)


def refusal_card(comparison: Comparison, models: Models, language: str) -> str:
    """Return the gate's refusal with its reason."""
    pairs = zip(models, comparison.predictions, strict=True)
    names = ", ".join(escape(title(model)) for model, prediction in pairs if prediction.in_domain is False)
    reason = translate(language, "refused.more", names=names)
    return _banner("refused", translate(language, "refused"), [reason], language)


def model_card(model: FractureClassifier, prediction: Prediction, threshold: float, language: str) -> str:
    """Return one network's verdict, probability bar with its threshold, measured point, time and origin."""
    fractured = prediction.probability >= threshold
    kind = "fractured" if fractured else "intact"
    verdict = translate(language, f"verdict.{kind}")
    doubt = f" <small>({translate(language, 'verdict.uncertain')})</small>" if is_uncertain(prediction, model) else ""
    probability, _ = percents(prediction.probability, threshold)
    point = operating_point(model, threshold)
    measured = translate(language, "point", **point.percents()) if point else translate(language, "point.none")
    return f"""
<article class="bx-model bx-{kind}" dir="{direction(language)}">
  <header><h3>{escape(title(model))}</h3><p>{_origin(model, language)}</p></header>
  <p class="bx-verdict"><span aria-hidden="true">{SIGNS[kind]}</span> {verdict}{doubt}</p>
  <p class="bx-number"><b>{probability}</b> {translate(language, "probability")}</p>
  {_bar(model, prediction.probability, threshold, language)}
  <p>{measured} · {_band(model, language)} ·
    {translate(language, "time", milliseconds=f"{prediction.milliseconds:.0f}")}</p>
</article>"""


def map_card(comparison: Comparison, index: int, models: Models, language: str) -> str:
    """Return one network's evidence map over the radiograph, with the scale that says what it is."""
    evidence = comparison.predictions[index].evidence
    label = translate(language, "map", name=title(models[index]))
    note = translate(language, "map.scale", scale=f"{scale_of(evidence):.1f}")
    ends = translate(language, "map.against"), translate(language, "map.for")
    return _map(comparison, evidence, label, note, ends, language)


def difference_card(comparison: Comparison, models: Models, language: str) -> str:
    """Return the difference of the two evidence maps over the radiograph."""
    first, second = (prediction.evidence for prediction in comparison.predictions)
    names = {"first": title(models[0]), "second": title(models[1])}
    note = translate(language, "difference.more", **names)
    label, ends = translate(language, "difference.alt", **names), (names["second"], names["first"])
    return _map(comparison, first - second, label, note, ends, language)


def head(language: str) -> str:
    """Return the page's title and what it is."""
    lines = f"<h1>{translate(language, 'title')}</h1><p>{translate(language, 'tagline')}</p>"
    return f'<div class="bx-head" dir="{direction(language)}">{lines}</div>'


def notice(language: str) -> str:
    """Return the warning and what happens to an image, for before there is one."""
    lines = translate(language, "warning"), translate(language, "input.privacy")
    paragraphs = f'<p><span aria-hidden="true">⚕</span> <b>{lines[0]}</b></p><p>{lines[1]}</p>'
    return f'<div class="bx-notice" dir="{direction(language)}">{paragraphs}</div>'


def percents(probability: float, threshold: float) -> tuple[str, str]:
    """Format both with as many decimals as it takes to see which one is larger."""
    decimals = 0
    while f"{probability:.{decimals}%}" == f"{threshold:.{decimals}%}" and decimals < 3:
        decimals += 1
    return f"{probability:.{decimals}%}", f"{threshold:.{decimals}%}"


SIGNS = {"fractured": "▲", "intact": "●", "disagree": "⚠", "refused": "⊘"}


def _banner(kind: str, heading: str, notes: Sequence[str], language: str) -> str:
    paragraphs = "".join(f"<p>{note}</p>" for note in notes)
    return f"""
<section class="bx-joint bx-{kind}" role="status" dir="{direction(language)}">
  <div><h2><span aria-hidden="true">{SIGNS[kind]}</span> {heading}</h2>{paragraphs}</div>
  <p class="bx-warning"><span aria-hidden="true">⚕</span> {translate(language, "warning")}</p>
</section>"""


def _notes(comparison: Comparison, models: Models, language: str) -> list[str]:
    pairs = zip(comparison.predictions, models, strict=True)
    doubtful = ", ".join(escape(title(model)) for prediction, model in pairs if is_uncertain(prediction, model))
    notes = [translate(language, "joint.uncertain", names=doubtful)] if doubtful else []
    if comparison.simulated:
        notes.append(translate(language, "joint.simulated"))
    return notes


def _origin(model: FractureClassifier, language: str) -> str:
    url = card_url(model)
    if url is None:
        return (
            f"{escape(origin(model))} · {translate(language, 'bundled')}"
            if is_bundled(model)
            else escape(origin(model))
        )
    revision = translate(language, "revision", revision=escape((model.revision or "")[:7]))
    card = translate(language, "card")
    return f'{escape(origin(model))} · {revision} · <a href="{escape(url)}" target="_blank" rel="noopener">{card}</a>'


def _bar(model: FractureClassifier, probability: float, threshold: float, language: str) -> str:
    shown_probability, shown_threshold = percents(probability, threshold)
    values = {"name": title(model), "probability": shown_probability, "threshold": shown_threshold}
    band = uncertain_band(model)
    zone = f'<span class="bx-zone" style="left:{band[0]:.1%};width:{band[1] - band[0]:.1%}"></span>' if band else ""
    return f"""
  <div class="bx-bar" dir="ltr" role="img" aria-label="{escape(translate(language, "bar", **values))}">
    <span class="bx-fill" style="width:{probability:.1%}"></span>{zone}
    <span class="bx-mark" style="left:{threshold:.1%}"><i>{shown_threshold}</i></span>
  </div>"""


def _band(model: FractureClassifier, language: str) -> str:
    band = uncertain_band(model)
    if band is None:
        return translate(language, "band.none")
    return translate(language, "band", low=f"{band[0]:.0%}", high=f"{band[1]:.0%}")


def _map(
    comparison: Comparison, evidence: NDArray[float32], label: str, note: str, ends: tuple[str, str], language: str
) -> str:
    height, width = evidence.shape
    scale = scale_of(evidence)
    spot = peak(evidence)
    mark = f'<span class="bx-peak" style="left:{spot[0]:.1%};top:{spot[1]:.1%}">+</span>' if spot else ""
    return f"""
<figure class="bx-map" dir="{direction(language)}">
  <div class="bx-stack" style="aspect-ratio:{width}/{height};--ratio:{width / height:.3f}">
    <img src="{data_uri(shown(comparison.grey))}" alt="{escape(label)}">
    <img class="bx-layer" src="{data_uri(layer_image(evidence, scale))}" alt="">{mark}
  </div>
  <div class="bx-scale" dir="ltr"><span>{escape(ends[0])} &minus;{scale:.1f}</span><i></i>
    <span>+{scale:.1f} {escape(ends[1])}</span></div>
  <figcaption>{escape(note)}</figcaption>
</figure>"""
