"""The page's own HTML: the title, the joint verdict, a refusal, and a network's numbers."""

from collections.abc import Sequence
from html import escape

from bonexray import FractureClassifier, Prediction
from page.comparison import Comparison, is_uncertain, operating_point, uncertain_band, verdicts
from page.domain import refusals
from page.maps import difference_thumbnail
from page.models import Models, card_url, network_hash, origin, title
from page.scripts import ABOUT
from page.sentences import doubts, interval, joint, measured, percents, worth
from page.texts import direction, percent, translate

SIGNS = {"fractured": "▲", "intact": "●", "disagree": "⚠", "refused": "⊘", "problem": "✕"}


def joint_card(comparison: Comparison, models: Models, thresholds: Sequence[float], language: str) -> str:
    """Return the joint verdict, where the two maps differ, and the warning."""
    kind = joint(verdicts(comparison, thresholds))
    notes = map(escape, doubts(comparison, models, thresholds, language))
    picture = difference_thumbnail(comparison.thumbnail, models, language)
    return _banner(kind, translate(language, f"joint.{kind}"), list(notes), language, picture)


def refusal_card(comparison: Comparison, models: Models, anyway: bool, language: str) -> str:
    """Return the gate's refusal: each network's reason, and that its numbers are hidden or what they are worth."""
    reasons = refusals(comparison.predictions, [escape(title(model)) for model in models], language)
    numbers = translate(language, "refused.shown" if anyway else "refused.hidden")
    return _banner("refused", translate(language, "refused"), [*reasons, numbers], language, warned=not anyway)


def problem_card(kind: str, reason: str, language: str) -> str:
    """Return why a file could not be compared: its kind in the visitor's language, the reason itself in English."""
    line = f'<small lang="en" dir="ltr">{escape(reason)}</small>'
    lines = [translate(language, f"problem.{kind}"), line, translate(language, "problem.more")]
    return _banner("problem", translate(language, "problem"), lines, language)


def model_card(
    model: FractureClassifier, prediction: Prediction, threshold: float, language: str, *, guess: bool = False
) -> str:
    """Return a network's verdict, a guess or not, its calibrated probability on its bar, and what was measured."""
    kind = "fractured" if prediction.probability >= threshold else "intact"
    verdict = translate(language, f"verdict.{kind}")
    doubt = worth(language, guess=guess, uncertain=is_uncertain(prediction, model, threshold))
    probability, _ = percents(prediction.probability, threshold, language)
    return f"""
<article class="bx-model bx-{"guess" if guess else kind}" dir="{direction(language)}">
  <header><h3>{escape(title(model))}</h3>
    <p class="bx-time">{translate(language, "time", milliseconds=f"{prediction.milliseconds:.0f}")}</p>
    <p class="bx-origin">{_origin(model, language)}</p></header>
  <div class="bx-answer">
    <p class="bx-verdict"><span aria-hidden="true">{SIGNS[kind]}</span> {verdict} <small>{doubt}</small></p>
    <p class="bx-number"><b>{probability}</b> {translate(language, "probability")}</p>
  </div>
  {_bar(model, prediction.probability, threshold, language)}
  {_facts(model, threshold, language)}
  <p class="bx-foot">{measured(model, threshold, language)}</p>
</article>"""


def head(language: str) -> str:
    """Return the page's title and what it is."""
    lines = f"<h1>{translate(language, 'title')}</h1><p>{translate(language, 'tagline')}</p>"
    return f'<div class="bx-head" dir="{direction(language)}">{lines}</div>'


def notice(language: str) -> str:
    """Return the warning, for before there is a verdict that it stands beside."""
    return f'<div class="bx-notice" dir="{direction(language)}"><p>{_warning(language)}</p></div>'


def promise(language: str) -> str:
    """Return what can be read, and what becomes of an image."""
    lines = "".join(f"<p>{translate(language, key)}</p>" for key in ("input.formats", "input.privacy"))
    return f'<div class="bx-small" dir="{direction(language)}">{lines}</div>'


def _banner(
    kind: str, heading: str, notes: Sequence[str], language: str, picture: str = "", *, warned: bool = True
) -> str:
    paragraphs = "".join(f"<p>{note}</p>" for note in notes)
    warning = f'<p class="bx-warning">{_warning(language)}</p>' if warned else ""
    return f"""
<section class="bx-joint bx-{kind}" role="status" dir="{direction(language)}">
  <div><h2><span aria-hidden="true">{SIGNS[kind]}</span> {heading}</h2>{paragraphs}{warning}</div>
  {picture}
</section>"""


def _warning(language: str) -> str:
    return f'<span aria-hidden="true">ⓘ</span> <b>{translate(language, "warning")}</b>'


def _origin(model: FractureClassifier, language: str) -> str:
    url, name, card = card_url(model), f"<bdi>{escape(origin(model))}</bdi>", translate(language, "card")
    if url is None:  # on no Hub: its content is its revision, and the page itself is its card
        url, revision = f"?tab={ABOUT}&lang={language}", f"<bdi>SHA-256 {network_hash(model)[:7]}</bdi>"
    else:
        revision = translate(language, "revision", revision=escape((model.revision or "")[:7]))
    return f'{name} · {revision} · <a href="{escape(url)}" target="_blank" rel="noopener">{card}</a>'


def _bar(model: FractureClassifier, probability: float, threshold: float, language: str) -> str:
    shown_probability, shown_threshold = percents(probability, threshold, language)
    values = {"name": title(model), "probability": shown_probability, "threshold": shown_threshold}
    band = uncertain_band(model, threshold)
    zone = f'<span class="bx-zone" style="left:{band[0]:.1%};width:{band[1] - band[0]:.1%}"></span>' if band else ""
    flag = f"{translate(language, 'threshold')} {shown_threshold}"
    return f"""
  <div class="bx-bar" dir="ltr" role="img" aria-label="{escape(translate(language, "bar", **values))}">
    <span class="bx-fill" style="width:{probability:.1%}"></span>{zone}
    <span class="bx-mark" style="left:{threshold:.1%}"></span>
    <span class="bx-flag" style="--at:{threshold:.1%}" dir="auto">{flag}</span>
  </div>"""


def _facts(model: FractureClassifier, threshold: float, language: str) -> str:
    point, band = operating_point(model, threshold), uncertain_band(model, threshold)
    shares = {"sensitivity": point and point.sensitivity, "specificity": point and point.specificity}
    facts = [(key, *interval(share, language)) for key, share in shares.items()]
    ends = {"low": percent(language, band[0]), "high": percent(language, band[1])} if band else {}
    if band or threshold == model.threshold:
        facts.append(("band", translate(language, "interval" if band else "unmeasured", **ends), ""))
    swatches = {"band": ' <i class="bx-hatch" aria-hidden="true"></i>'}  # as it is drawn below the bar
    rows = "".join(
        f"<div><dt>{translate(language, key)}{swatches.get(key, '')}"
        f"<small>{translate(language, f'{key}.more')}</small></dt><dd>{value} <small>{bracket}</small></dd></div>"
        for key, value, bracket in facts
    )
    return f'<dl class="bx-facts">{rows}</dl>'
