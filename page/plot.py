"""A plot of a few lines as SVG that a screen reader takes for one picture, told in words."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from page.texts import number, percent

WIDTH, HEIGHT = 340, 262
LEFT, RIGHT, TOP, BOTTOM = 46, 328, 28, 218  # of the area within the axes
REFERENCE = "reference"
KINDS = ("first", "second")  # told apart by dash and mark as well as by colour
Place = tuple[float, float]


@dataclass(frozen=True)
class Axis:
    """What an axis says, and its ticks, the first and last of which are its ends; shares are written in percent."""

    name: str
    ticks: Sequence[float]
    share: bool = True

    def at(self, value: float) -> float:
        """Return where a value lies, 0..1 between the ends."""
        return (value - self.ticks[0]) / (self.ticks[-1] - self.ticks[0])

    def write(self, value: float, language: str) -> str:
        """Write a value of this axis."""
        return percent(language, value) if self.share else number(language, value, 2)


@dataclass(frozen=True)
class Mark:
    """A point of a line that stands out, and its intervals along both axes, where they were measured."""

    at: Place
    across: Place | None = None
    up: Place | None = None


@dataclass(frozen=True)
class Line:
    """One line.

    Attributes:
        name: what the legend calls it, empty for one that the legend leaves out.
        kind: one of `KINDS`, or `REFERENCE`.
        points: (x, y) in order.
        band: (x, low), then (x, high) backwards: the outline of its interval.
        mark: the point that stands out.
    """

    name: str
    kind: str
    points: Sequence[Place]
    band: Sequence[Place] = ()
    mark: Mark | None = None


def plot(lines: Sequence[Line], across: Axis, up: Axis, told: str, language: str) -> str:
    """Return the lines with their axes and legend as HTML."""
    named = [line for line in lines if line.name]
    legend = "".join(f"<li>{_sample(line)}{escape(line.name)}</li>" for line in named)
    drawn = "".join(part for line in lines for part in _draw(line, across, up))
    above = 0 if up.name else TOP - 12  # no name, no room for it
    marks = "".join(part for line in lines if line.mark for part in _mark(line.kind, line.mark, across, up))
    return f"""
<ul class="bx-legend">{legend}</ul>
<svg class="bx-plot" viewBox="0 {above} {WIDTH} {HEIGHT - above}" role="img" aria-label="{escape(told)}">
  {"".join(_axes(across, up, language))}
  <svg x="{LEFT}" y="{TOP}" width="{RIGHT - LEFT}" height="{BOTTOM - TOP}" viewBox="{LEFT} {TOP} {RIGHT - LEFT} {BOTTOM - TOP}">{drawn}</svg>
  {marks}
</svg>"""  # noqa: E501 - the inner SVG clips what leaves the axes


def _axes(across: Axis, up: Axis, language: str) -> Iterator[str]:
    for tick in up.ticks:
        y = _place((across.ticks[0], tick), across, up)[1]
        yield f'<path class="bx-grid" d="M{LEFT} {y:.1f}H{RIGHT}"/>'
        yield f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{up.write(tick, language)}</text>'
    for tick in across.ticks:
        x = _place((tick, up.ticks[0]), across, up)[0]
        yield f'<path class="bx-grid" d="M{x:.1f} {BOTTOM}v4"/>'
        yield f'<text x="{x:.1f}" y="{BOTTOM + 17}" text-anchor="middle">{across.write(tick, language)}</text>'
    yield f'<text class="bx-name" x="{LEFT - 40}" y="13">{escape(up.name)}</text>'
    yield f'<text class="bx-name" x="{RIGHT}" y="{HEIGHT - 6}" text-anchor="end">{escape(across.name)}</text>'


def _draw(line: Line, across: Axis, up: Axis) -> Iterator[str]:
    if line.band:
        yield f'<path class="bx-band bx-{line.kind}" d="{_path(line.band, across, up)}Z"/>'
    yield f'<path class="bx-line bx-{line.kind}" d="{_path(line.points, across, up)}"/>'


def _mark(kind: str, mark: Mark, across: Axis, up: Axis) -> Iterator[str]:
    x, y = mark.at
    for ends in ([(end, y) for end in mark.across or ()], [(x, end) for end in mark.up or ()]):
        if ends:
            yield f'<path class="bx-ends bx-{kind}" d="{_path(ends, across, up)}"/>'
    yield _symbol(kind, *_place(mark.at, across, up))


def _symbol(kind: str, x: float, y: float) -> str:
    """Return a disc for the first line, a diamond for the second."""
    disc, diamond = "m-5 0a5 5 0 1 0 10 0a5 5 0 1 0 -10 0Z", "m0 -6.5l6.5 6.5l-6.5 6.5l-6.5 -6.5Z"
    return f'<path class="bx-dot bx-{kind}" d="M{x:.1f} {y:.1f}{disc if kind == KINDS[0] else diamond}"/>'


def _sample(line: Line) -> str:
    symbol = _symbol(line.kind, 17, 8) if line.mark else ""
    path = f'<path class="bx-line bx-{line.kind}" d="M1 8H33"/>'
    return f'<svg class="bx-plot bx-sample" viewBox="0 0 34 16" aria-hidden="true">{path}{symbol}</svg>'


def _path(points: Sequence[Place], across: Axis, up: Axis) -> str:
    places = (_place(point, across, up) for point in points)
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in places)


def _place(point: Place, across: Axis, up: Axis) -> Place:
    return LEFT + across.at(point[0]) * (RIGHT - LEFT), BOTTOM - up.at(point[1]) * (BOTTOM - TOP)
