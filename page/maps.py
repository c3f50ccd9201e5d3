"""The evidence maps as HTML: over the radiograph, with a scale that says what they are."""

from html import escape
from weakref import WeakKeyDictionary

from numpy import float32
from numpy.typing import NDArray

from page.comparison import Comparison
from page.models import Models, title
from page.overlay import data_uri, layer_image, peak, scale_of, shown
from page.texts import direction, number, translate

_ENCODED: WeakKeyDictionary[Comparison, str] = WeakKeyDictionary()


def map_card(comparison: Comparison, index: int, models: Models, language: str) -> str:
    """Return one network's evidence map over the radiograph, with the scale that says what it is."""
    evidence = comparison.predictions[index].evidence
    label = translate(language, "map", name=title(models[index]))
    scale = number(language, scale_of(evidence), 1)
    notes = [translate(language, "map.scale", scale=scale)]
    if peak(evidence):
        notes.append(translate(language, "map.peak"))
    ends = translate(language, "map.against"), translate(language, "map.for")
    return _figure(comparison, evidence, label, " ".join(notes), ends, language)


def difference_card(comparison: Comparison, models: Models, language: str) -> str:
    """Return the difference of the two evidence maps over the radiograph."""
    names = _names(models)
    note = translate(language, "difference.more", **names)
    label, ends = translate(language, "difference.alt", **names), (names["second"], names["first"])
    return _figure(comparison, _difference(comparison), label, note, ends, language)


def difference_thumbnail(comparison: Comparison, models: Models, language: str) -> str:
    """Return the difference small, to stand in the joint verdict."""
    label = translate(language, "difference.alt", **_names(models))
    stack = _stack(comparison, _difference(comparison), label)
    return f'<figure class="bx-thumb">{stack}<figcaption>{translate(language, "difference")}</figcaption></figure>'


def _difference(comparison: Comparison) -> NDArray[float32]:
    first, second = (prediction.evidence for prediction in comparison.predictions)
    return first - second


def _names(models: Models) -> dict[str, str]:
    return {"first": title(models[0]), "second": title(models[1])}


def _figure(
    comparison: Comparison, evidence: NDArray[float32], label: str, note: str, ends: tuple[str, str], language: str
) -> str:
    spot, scale = peak(evidence), number(language, scale_of(evidence), 1)
    mark = f'<span class="bx-peak" style="--x:{spot[0]:.1%};--y:{spot[1]:.1%}">+</span>' if spot else ""
    return f"""
<figure class="bx-map" dir="{direction(language)}">
  {_stack(comparison, evidence, label, mark)}
  <div class="bx-scale" dir="ltr"><span>{escape(ends[0])} &minus;{scale}</span><i></i>
    <span>+{scale} {escape(ends[1])}</span></div>
  <figcaption>{escape(note)}</figcaption>
</figure>"""


def _stack(comparison: Comparison, evidence: NDArray[float32], label: str, mark: str = "") -> str:
    height, width = evidence.shape
    return f"""
  <div class="bx-stack" style="aspect-ratio:{width}/{height};--ratio:{width / height:.3f}">
    <img src="{_radiograph(comparison)}" alt="{escape(label)}">
    <img class="bx-layer" src="{data_uri(layer_image(evidence, scale_of(evidence)))}" alt="">{mark}
  </div>"""


def _radiograph(comparison: Comparison) -> str:
    """The radiograph as a `data:` address: encoded once for all its maps, and kept as long as the comparison is."""
    if comparison not in _ENCODED:
        _ENCODED[comparison] = data_uri(shown(comparison.pixels))
    return _ENCODED[comparison]
