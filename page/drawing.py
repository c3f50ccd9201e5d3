"""A drawing of measured values in rows: a hollow mark, a solid one, and the interval of the solid one."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from page.texts import direction, number

Axis = tuple[float, Sequence[float]]  # where it begins, and its ticks, the last of which is its end


@dataclass(frozen=True)
class Row:
    """What one row shows.

    Attributes:
        name: what stands before it.
        hollow: the value to compare with, if any.
        solid: the measured value as {"value", "low", "high"}, empty where nothing was measured.
        own: whether it is one of the page's own networks.
    """

    name: str
    hollow: float | None
    solid: dict[str, Any]
    own: bool = False


def draw(rows: Sequence[Row], axis: Axis, label: str, language: str) -> str:
    """Return the rows as HTML that a screen reader takes for one picture, told in numbers."""
    lines = "".join(
        f'<div class="bx-row{" bx-own" if row.own else ""}"><span>{escape(row.name)}</span>'
        f'<div dir="ltr">{"".join(_marks(row, axis))}</div></div>'
        for row in rows
    )
    ticks = "".join(f'<i style="left:{_at(tick, axis):.1f}%">{number(language, tick, 2)}</i>' for tick in axis[1])
    told = "; ".join(_tell(row, language) for row in rows)
    return f"""
<div class="bx-forest" role="img" aria-label="{escape(f"{label}. {told}")}">{lines}
  <div class="bx-row bx-axis"><span></span><div dir="ltr">{ticks}</div></div></div>"""


def chapter(heading: str, said: str, drawing: str, language: str) -> str:
    """Return a drawing with its heading and what it shows, as HTML."""
    return f'<div class="prose bx-prose" dir="{direction(language)}"><h2>{heading}</h2><p>{said}</p>{drawing}</div>'


def _marks(row: Row, axis: Axis) -> Iterator[str]:
    yield f'<i class="bx-middle" style="left:{_at(0.5, axis):.1f}%"></i>'
    if row.hollow is not None:
        yield f'<i class="bx-hollow" style="left:{_at(row.hollow, axis):.1f}%"></i>'
    if row.solid.get("low") is not None:
        low, high = _at(row.solid["low"], axis), _at(row.solid["high"], axis)
        yield f'<i class="bx-whisker" style="left:{low:.1f}%;width:{high - low:.1f}%"></i>'
    if row.solid.get("value") is not None:
        yield f'<i class="bx-solid" style="left:{_at(row.solid["value"], axis):.1f}%"></i>'


def _tell(row: Row, language: str) -> str:
    values = [row.hollow, row.solid.get("value")]
    return f"{row.name}: {', '.join(number(language, value, 2) for value in values if value is not None)}"


def _at(value: float, axis: Axis) -> float:
    low, high = axis[0], axis[1][-1]
    return 100 * min(1.0, max(0.0, (value - low) / (high - low)))
