"""The curves of both networks, drawn: by threshold, ROC, precision and recall, decision curve."""

from collections.abc import Callable, Sequence
from functools import partial
from html import escape

from bonexray import FractureClassifier
from page import curves
from page.drawing import chapter
from page.models import Models, title
from page.plot import KINDS, REFERENCE, Axis, Line, Mark, Place, plot
from page.texts import threshold_percent, translate

QUARTERS = (0.0, 0.25, 0.5, 0.75, 1.0)
BENEFIT = (-0.2, 0.0, 0.2, 0.4, 0.6, 0.8)
Placed = Callable[[curves.Point], Place | None]
Axes = tuple[Axis, Axis]


def curve_drawings(models: Models, language: str) -> str:
    """Return all curves as HTML; empty where nothing was measured."""
    known = [model for model in models if curves.counts(model) and curves.points(model)]
    counted = curves.counts(known[0]) if known else None
    if not counted:
        return ""
    rows = (
        [_by_threshold(model, language) for model in known],
        [draw(known, counted.prevalence, language) for draw in (_roc, _precision, _benefit)],
    )
    figures = "".join(f'<div class="bx-plots">{"".join(row)}</div>' for row in rows)
    said = translate(
        language,
        "curves.more",
        split=escape(curves.measured_on(known[0], language)),
        fractured=counted.fractured,
        points=len(curves.points(known[0])),
    )
    return chapter(translate(language, "curves"), said, figures, language)


def _by_threshold(model: FractureClassifier, language: str) -> str:
    axes = _axis("threshold", language), Axis("", QUARTERS)
    lines, told = [], []
    for kind, share in zip(KINDS, ("sensitivity", "specificity"), strict=True):
        name = translate(language, share)
        line = _line(name, kind, model, partial(_share, share), ("", share))
        lines.append(line)
        told.append(_tell(line, title(model), model, (axes[0], Axis(name, QUARTERS)), language))
    return _figure("points", lines, axes, told, language, f"{title(model)} · ")


def _roc(known: Sequence[FractureClassifier], _: float, language: str) -> str:
    def place(one: curves.Point) -> Place:
        return 1 - one["specificity"], one["sensitivity"]

    axes = _axis("axis.alarms", language), _axis("sensitivity", language)
    chance = Line("", REFERENCE, [(0, 0), (1, 1)])
    return _compare("roc", known, place, ("specificity", "sensitivity"), axes, [chance], language)


def _precision(known: Sequence[FractureClassifier], prevalence: float, language: str) -> str:
    def place(one: curves.Point) -> Place | None:
        share = curves.precision(one, prevalence)
        return None if share is None else (one["sensitivity"], share)

    axes = _axis("sensitivity", language), _axis("axis.precision", language)
    everyone = Line("", REFERENCE, [(0, prevalence), (1, prevalence)])
    return _compare("pr", known, place, ("", "precision"), axes, [everyone], language)


def _benefit(known: Sequence[FractureClassifier], prevalence: float, language: str) -> str:
    def place(one: curves.Point) -> Place | None:
        benefit = curves.net_benefit(one, prevalence)
        return None if benefit is None else (one["threshold"], benefit)

    axes = _axis("threshold", language), Axis(translate(language, "axis.benefit"), BENEFIT, share=False)
    alarms = [{"threshold": step / 100, "sensitivity": 1.0, "specificity": 0.0} for step in range(100)]
    everyone = Line("", REFERENCE, _places(alarms, place))
    nobody = Line("", REFERENCE, [(0, 0), (1, 0)])
    return _compare("benefit", known, place, ("", "net_benefit"), axes, [everyone, nobody], language)


def _compare(
    name: str,
    known: Sequence[FractureClassifier],
    place: Placed,
    measured: tuple[str, str],
    axes: Axes,
    references: Sequence[Line],
    language: str,
) -> str:
    lines = [_line(title(model), kind, model, place, measured) for model, kind in zip(known, KINDS, strict=False)]
    told = [_tell(line, line.name, model, axes, language) for line, model in zip(lines, known, strict=True)]
    return _figure(name, [*references, *lines], axes, told, language)


def _line(name: str, kind: str, model: FractureClassifier, place: Placed, measured: tuple[str, str]) -> Line:
    """Draw a line through the operating points; `measured` names the share along each axis that has an interval."""
    points, chosen = curves.points(model), curves.chosen(model)
    at = place(chosen)
    ends = [_ends(chosen, share, place, axis) if share else None for axis, share in enumerate(measured)]
    band = _band(points, measured[1], place) if measured[1] and not measured[0] else []
    return Line(name, kind, _places(points, place), band, Mark(at, *ends) if at else None)


def _places(points: Sequence[curves.Point], place: Placed) -> list[Place]:
    return [at for at in map(place, points) if at]


def _band(points: Sequence[curves.Point], share: str, place: Placed) -> list[Place]:
    """Return the outline of the interval of a share: its lower ends, then the upper ones backwards."""
    low, high = ([{**one, share: one.get(f"{share}_{end}")} for one in points] for end in ("low", "high"))
    return _places([one for one in (*low, *reversed(high)) if one[share] is not None], place)


def _ends(point: curves.Point, share: str, place: Placed, axis: int) -> Place | None:
    """Return the ends along an axis of the interval of a share."""
    ends = [point.get(f"{share}_{end}") for end in ("low", "high")]
    values = [at[axis] for at in _places([{**point, share: end} for end in ends if end is not None], place)]
    return (values[0], values[1]) if len(values) == 2 else None


def _share(share: str, one: curves.Point) -> Place:
    return one["threshold"], one[share]


def _axis(key: str, language: str) -> Axis:
    return Axis(translate(language, key), QUARTERS)


def _tell(line: Line, name: str, model: FractureClassifier, axes: Axes, language: str) -> str:
    if line.mark is None:
        return name
    point = curves.chosen(model)["threshold"]
    written = [axis.write(value, language) for axis, value in zip(axes, line.mark.at, strict=True)]
    values = {"horizontal": axes[0].name, "x": written[0], "vertical": axes[1].name, "y": written[1]}
    return translate(language, "curve.told", name=name, threshold=threshold_percent(language, point), **values)


def _figure(name: str, lines: Sequence[Line], axes: Axes, told: Sequence[str], language: str, whose: str = "") -> str:
    heading, said = whose + translate(language, f"curve.{name}"), translate(language, f"curve.{name}.more")
    drawing = plot(lines, *axes, f"{heading}. {'; '.join(told)}", language)
    return f"<figure><h3>{heading}</h3>{drawing}<figcaption>{said}</figcaption></figure>"
